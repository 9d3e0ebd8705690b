"""What awkward banks, torn answers and changed files do to a delivery: nothing twice, nothing lost."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pysequoia
import pytest
from aiohttp import web

from ledger_service.payments.bank_files import BankFileLog
from ledger_service.runtime.database import Database, Role, Server
from orchestration.bank_log import PostgresDeliveryLog
from pipelines.settlement.banks import https, sftp
from pipelines.settlement.banks.bank import BankError, CredentialsRefused, OutgoingFile
from pipelines.settlement.banks.connection import Connection
from pipelines.settlement.banks.delivery import (
    Deliverer,
    DeliveryLog,
    Exchange,
    Inbox,
    State,
    mark_answered,
)
from pipelines.settlement.banks.opening import open_bank
from pipelines.simulation.bank.credentials import Credentials, credentials
from tests.pipelines.settlement.banks.awkward_banks import Serve, SftpShare, https_bank, sftp_share
from tests.pipelines.simulation.bank.conftest import Clock


@pytest.fixture
def keys(tmp_path: Path) -> Credentials:
    return credentials(tmp_path / "keys")


@pytest.fixture
def log(ledger_database: Server) -> Iterator[DeliveryLog]:
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        yield PostgresDeliveryLog(BankFileLog(connection, exchange_date=date(2024, 3, 11)))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def outgoing(folder: Path, *, content: bytes = b"<payments/>" * 1_000) -> OutgoingFile:
    path = folder / "M1.xml"
    path.write_bytes(content)
    return OutgoingFile(
        bank_id="equator",
        file_id="M1",
        business_date=date(2024, 3, 11),
        name=path.name,
        format="pacs.008.001.08",
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        payments=1,
        currency="KES",
        total_minor=100,
    )


def over_sftp(keys: Credentials, port: int, **changes: Any) -> Connection:
    transport = {
        "wire": "sftp",
        "host": "127.0.0.1",
        "port": port,
        "user": "client",
        "host_key": keys.host_key.with_suffix(".pub"),
        "client_key": keys.client_key,
    }
    return connection(transport | changes.pop("transport", {}), **changes)


def over_https(keys: Credentials, port: int, **changes: Any) -> Connection:
    transport = {
        "wire": "https",
        "url": f"https://localhost:{port}",
        "authority": keys.authority,
        "client_certificate": keys.client,
        "client_id": "client",
        "client_secret": "equator",
    }
    return connection(transport, **changes)


def connection(transport: dict[str, Any], **changes: Any) -> Connection:
    said = {"bank_id": "equator", "title": "Equator", "country": "KE", "first_wait_s": 0.01, "tries": 2}
    return Connection.model_validate(said | {"transport": transport} | changes)


async def exchange(
    to: Connection, files: list[OutgoingFile], log: DeliveryLog, clock: Clock, folder: Path
) -> Exchange:
    deliverer = Deliverer(
        connection=to,
        open_bank=lambda: open_bank(to, secrets={"equator": "s"}),
        log=log,
        inbox=Inbox(folder / "answers"),
        clock=clock,
    )
    return await deliverer.exchange(files)


def states(log: DeliveryLog) -> list[State]:
    return [event.state for event in log.events("equator", "M1")]


def kept(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in (folder / "answers").rglob("*") if path.is_file()}


def during(served: AbstractAsyncContextManager[int], then: Any) -> Any:
    """What `then` gives of the port while the server is open."""

    async def run() -> Any:
        async with served as port:
            return await then(port)

    return asyncio.run(run())


def test_a_file_that_is_queued_again_from_the_dead_letters_is_not_sent_twice(
    keys: Credentials, log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file, share = outgoing(tmp_path), SftpShare(tmp_path / "share", breaks=True, collects=True)

    async def then(port: int) -> None:
        to = over_sftp(keys, port, tries=1)
        await exchange(to, [file], log, clock, tmp_path)
        await exchange(to, [file], log, clock, tmp_path)
        if states(log)[-1] is State.DEAD_LETTER:
            log.add(file, State.QUEUED, at=clock())
        share.breaks = False
        await exchange(to, [file], log, clock, tmp_path)

    during(sftp_share(share, keys), then)
    assert len(share.received) == 1
    assert states(log)[-1] is State.DELIVERED


def test_a_file_that_the_bank_has_is_never_given_up(
    keys: Credentials, log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file, share = outgoing(tmp_path), SftpShare(tmp_path / "share", breaks=True)

    async def then(port: int) -> Exchange:
        to = over_sftp(keys, port, tries=1)
        await exchange(to, [file], log, clock, tmp_path)
        return await exchange(to, [file], log, clock, tmp_path)

    done = during(sftp_share(share, keys), then)
    assert (done.found_there, done.dead) == (1, 0)
    assert states(log)[-1] is State.DELIVERED


def test_the_pinned_host_key_is_found_at_the_port_of_ssh(keys: Credentials, tmp_path: Path) -> None:
    async def then(port: int) -> bool:
        to = over_sftp(keys, port, transport={"host": "127.0.0.22"})
        async with open_bank(to, secrets={}):
            return True

    try:
        assert during(sftp_share(SftpShare(tmp_path), keys, host="127.0.0.22", port=22), then)
    except PermissionError:
        pytest.skip("port 22 of 127.0.0.22 may not be listened on here")


@pytest.mark.parametrize("name", ["host_key", "client_key"])
def test_keys_that_are_no_keys_are_told_as_credentials(
    name: str, keys: Credentials, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("no key\n")

    async def then(port: int) -> None:
        async with open_bank(over_sftp(keys, port, transport={name: broken}), secrets={}):
            pass

    with pytest.raises(CredentialsRefused):
        during(sftp_share(SftpShare(tmp_path / "share"), keys), then)


def test_a_file_that_changed_after_it_was_queued_is_not_sent(
    keys: Credentials, log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file, share = outgoing(tmp_path), SftpShare(tmp_path / "share")
    file.path.write_bytes(b"<another/>")
    done = during(
        sftp_share(share, keys),
        lambda port: exchange(over_sftp(keys, port), [file], log, clock, tmp_path),
    )
    assert share.received == []
    assert states(log)[-1] is State.DEAD_LETTER
    assert "not the content that was queued" in done.alarms[0]


def test_a_file_that_is_gone_is_given_up_without_asking_the_bank_again(
    keys: Credentials, log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file = outgoing(tmp_path)
    file.path.unlink()
    during(
        sftp_share(SftpShare(tmp_path / "share"), keys),
        lambda port: exchange(over_sftp(keys, port), [file], log, clock, tmp_path),
    )
    assert states(log)[-1] is State.DEAD_LETTER


def test_a_file_of_a_name_that_was_sealed_before_goes_out_with_its_own_content(
    log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    share = tmp_path / "share"
    (share / "inbox").mkdir(parents=True)
    ours, bank = (pysequoia.Tsk.generate(user_id=f"<{name}@example.org>") for name in ("ours", "bank"))
    (tmp_path / "ours.asc").write_text(str(ours))
    (tmp_path / "bank.asc").write_text(str(bank.extract_certificate()))
    keys = {"bank_certificate": tmp_path / "bank.asc", "own_key": tmp_path / "ours.asc"}
    to = connection({"wire": "folder", "path": share, "open_pgp": keys})
    asyncio.run(exchange(to, [outgoing(tmp_path)], log, clock, tmp_path))
    (sent,) = (share / "inbox").iterdir()
    sent.unlink()
    second = replace(outgoing(tmp_path, content=b"<second/>"), file_id="M2")
    asyncio.run(exchange(to, [second], log, clock, tmp_path))
    (sent,) = (share / "inbox").iterdir()
    store = [ours.extract_certificate()]
    opened = pysequoia.decrypt(sent.read_bytes(), bank.decryptor(), store=lambda _: store)
    assert opened.bytes == b"<second/>"


def test_a_try_that_was_cut_short_waits_for_the_next_window_like_any_other(
    keys: Credentials, log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file, share = outgoing(tmp_path), SftpShare(tmp_path / "share")
    log.queue(file, at=clock())
    log.add(file, State.SENDING, at=clock())
    clock.time = datetime(2024, 3, 11, 14, tzinfo=UTC)  # Monday, 17:00 in Nairobi

    async def then(port: int) -> list[Exchange]:
        to = over_sftp(keys, port, cut_offs={"*": "16:00"})
        late = await exchange(to, [file], log, clock, tmp_path)
        assert share.received == []
        clock.time = datetime(2024, 3, 12, 6, tzinfo=UTC)
        return [late, await exchange(to, [file], log, clock, tmp_path)]

    late, next_day = during(sftp_share(share, keys), then)
    assert (late.sent, late.waiting, next_day.sent) == (0, 1, 1)


@pytest.mark.parametrize("spoiled", ["too large", "name is taken"])
def test_an_answer_that_cannot_be_taken_does_not_keep_the_others_away(  # noqa: PLR0917 (fixtures)
    spoiled: str,
    keys: Credentials,
    log: DeliveryLog,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sftp, "_ANSWER_BYTES", 100)
    share = SftpShare(tmp_path / "share")
    outbox = share.root / "outbox"
    (outbox / "1.xml").write_bytes(b"x" * 101 if spoiled == "too large" else b"<first/>")
    (outbox / "2.xml").write_bytes(b"<second/>")
    if spoiled == "name is taken":
        (outbox / "taken" / "1.xml").write_bytes(b"<another first/>")

    async def then(port: int) -> Exchange:
        return await exchange(over_sftp(keys, port), [], log, clock, tmp_path)

    done = during(sftp_share(share, keys), then)
    assert b"<second/>" in kept(tmp_path)
    if spoiled == "too large":
        assert (done.answers, len(done.alarms)) == (1, 1)
    else:
        assert (done.answers, done.alarms) == (2, [])
        assert [path.name for path in outbox.iterdir()] == ["taken"]
        assert (outbox / "taken" / "1.xml").read_bytes() == b"<another first/>"


def test_an_answer_that_the_bank_still_writes_is_left_there(
    keys: Credentials, log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    share = SftpShare(tmp_path / "share")
    for name in ("1.xml.part", "2.xml.tmp", "3.xml.filepart", ".4.xml"):
        (share.root / "outbox" / name).write_bytes(b"<half")
    done = during(
        sftp_share(share, keys),
        lambda port: exchange(over_sftp(keys, port), [], log, clock, tmp_path),
    )
    assert done.answers == 0
    assert kept(tmp_path) == set()


def answers_of(contents: dict[str, bytes], *, served: dict[str, bytes]) -> dict[tuple[str, str], Serve]:
    listed = [
        {
            "id": name,
            "name": name,
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "cursor": name,
        }
        for name, content in contents.items()
    ]
    return {
        ("GET", "/v1/answers"): lambda request: web.json_response(
            {"answers": listed, "cursor": listed[-1]["cursor"]}
        ),
        ("GET", "/v1/answers/{id}"): lambda request: web.Response(body=served[request.match_info["id"]]),
    }


def test_an_answer_that_is_not_the_one_that_was_listed_is_not_kept(
    keys: Credentials, log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    listed = {"1": b"<whole>1</whole>", "2": b"<whole>2</whole>"}
    routes = answers_of(listed, served=listed | {"2": b"<whole>"})
    done = during(
        https_bank(keys, routes),
        lambda port: exchange(over_https(keys, port), [], log, clock, tmp_path),
    )
    assert kept(tmp_path) == {b"<whole>1</whole>"}
    assert done.alarms
    assert log.cursor("equator") == "1"


def receipts(sha256: str) -> dict[tuple[str, str], Serve]:
    receipt = {"file_id": "M1", "received_at": "2024-03-11T09:00:00+00:00", "sha256": sha256}
    return {
        ("HEAD", "/v1/files/M1"): lambda request: web.Response(status=404),
        ("PATCH", "/v1/files/M1"): lambda request: web.json_response(receipt, status=201),
        ("GET", "/v1/answers"): lambda request: web.json_response({"answers": [], "cursor": "0"}),
    }


def test_a_receipt_for_another_content_is_no_delivery(
    keys: Credentials, log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file = outgoing(tmp_path)
    done = during(
        https_bank(keys, receipts("0" * 64)),
        lambda port: exchange(over_https(keys, port), [file], log, clock, tmp_path),
    )
    assert State.DELIVERED not in states(log)
    assert done.alarms


NONSENSE: tuple[Serve, ...] = (
    lambda request: web.Response(body=b"{", content_type="application/json"),
    lambda request: web.Response(text="hello"),
    lambda request: web.json_response([]),
    lambda request: web.json_response({"answers": [{"id": "1"}]}),
    lambda request: web.json_response(
        {"answers": [{"id": 1, "name": None, "size": "x", "sha256": 3, "cursor": []}]}
    ),
    lambda request: web.Response(body=b"[" * 100_000, content_type="application/json"),
    lambda request: web.Response(status=307, headers={"Location": "https://localhost:1/v1/answers"}),
)


def test_a_bank_that_talks_nonsense_is_an_error_of_the_bank(
    keys: Credentials, log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file = outgoing(tmp_path)

    async def asked(port: int) -> Exchange:
        to = over_https(keys, port)
        async with open_bank(to, secrets={"equator": "s"}) as bank:
            questions: list[Callable[[], Coroutine[Any, Any, Any]]] = [
                lambda: bank.status(file),
                lambda: bank.balance("A"),
                lambda: bank.recall("r.xml", b"<recall/>"),
                lambda: bank.submit(file, uploaded=False, on_uploaded=lambda: None),
            ]
            for question in questions:
                with pytest.raises(BankError):
                    await question()
        return await exchange(to, [], log, clock, tmp_path)

    for serve in NONSENSE:
        routes: dict[tuple[str, str], Serve] = {
            ("GET", "/v1/answers"): serve,
            ("GET", "/v1/files/M1/status"): serve,
            ("GET", "/v1/accounts/A/balance"): serve,
            ("POST", "/v1/recalls"): serve,
            ("HEAD", "/v1/files/M1"): lambda request: web.Response(headers={"Upload-Offset": "many"}),
        }
        assert during(https_bank(keys, routes), asked).alarms


def test_a_token_that_is_nonsense_is_an_error_of_the_bank(
    keys: Credentials, log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    routes: dict[tuple[str, str], Serve] = {
        ("POST", "/oauth2/token"): lambda request: web.json_response({})
    }
    done = during(
        https_bank(keys, routes),
        lambda port: exchange(over_https(keys, port), [], log, clock, tmp_path),
    )
    assert done.alarms


def test_a_bank_that_stops_reading_is_left_after_a_time(
    keys: Credentials, log: DeliveryLog, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(https, "_STALLED_SECONDS", 0.3)
    file = outgoing(tmp_path, content=b"x" * 30_000_000)

    async def run() -> Exchange:
        over = asyncio.Event()

        async def never(request: web.Request) -> web.StreamResponse:
            await over.wait()
            return web.Response(status=500)

        app_routes = receipts(file.sha256)
        del app_routes["PATCH", "/v1/files/M1"]
        async with https_bank(keys, app_routes, raw={("PATCH", "/v1/files/M1"): never}) as port:
            done = await exchange(over_https(keys, port, tries=1), [file], log, clock, tmp_path)
            over.set()
            return done

    done = asyncio.run(asyncio.wait_for(run(), 20))
    assert done.alarms
    assert State.DELIVERED not in states(log)


@pytest.mark.parametrize("known", [State.SENDING, State.UPLOADED, State.DEAD_LETTER])
def test_a_status_from_the_bank_counts_even_where_the_delivery_was_not_noted(
    known: State, keys: Credentials, log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file, share = outgoing(tmp_path), SftpShare(tmp_path / "share")
    log.queue(file, at=clock())
    log.add(file, State.SENDING, at=clock())
    log.add(file, known, at=clock())
    assert mark_answered(log, file, State.ACCEPTED, at=clock())
    during(
        sftp_share(share, keys),
        lambda port: exchange(over_sftp(keys, port), [file], log, clock, tmp_path),
    )
    assert share.received == []
    assert states(log)[-1] is State.ACCEPTED


def test_a_status_of_a_file_that_was_never_sent_is_not_believed(
    log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file = outgoing(tmp_path)
    log.queue(file, at=clock())
    assert not mark_answered(log, file, State.ACCEPTED, at=clock())
    log.add(file, State.DEAD_LETTER, at=clock())
    log.add(file, State.QUEUED, at=clock())
    assert not mark_answered(log, file, State.ACCEPTED, at=clock())
