"""A simulated bank through real clients: asyncssh and aiohttp on loopback, and what they are refused."""

import asyncio
import base64
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp
import asyncssh
import pytest

from pipelines.simulation.bank.behaviour import Misbehaviour, Rule
from pipelines.simulation.bank.server import BankNotStarted, RunningBank, running_banks, start_bank
from tests.pipelines.simulation.bank.client_files import camt056, pacs008
from tests.pipelines.simulation.bank.conftest import SECRET, Clock, config

Test = Callable[[RunningBank], Coroutine[Any, Any, None]]
OpenBank = Callable[..., None]
CONTENT = pacs008("M1", ["10.50"] * 400)


@pytest.fixture
def open_bank(tmp_path: Path, clock: Clock) -> OpenBank:
    """Runs a coroutine against a bank that is open meanwhile."""

    def run(test: Test, *rules: Rule, **changes: object) -> None:
        async def opened() -> None:
            settings = config(*rules, **changes)
            async with start_bank(
                settings, folder=tmp_path / "bank", clock=clock, secret=SECRET
            ) as bank:
                await test(bank)

        asyncio.run(opened())

    return run


@asynccontextmanager
async def sftp_client(bank: RunningBank, **options: Any) -> AsyncIterator[asyncssh.SFTPClient]:
    host_key = asyncssh.read_public_key(bank.credentials.host_key.with_suffix(".pub"))
    settings: dict[str, Any] = {
        "known_hosts": ([host_key], [], []),
        "username": "client",
        "client_keys": [str(bank.credentials.client_key)],
        "config": None,
    }
    async with (
        asyncssh.connect("127.0.0.1", bank.sftp_port or 0, **(settings | options)) as connection,
        connection.start_sftp_client() as client,
    ):
        yield client


async def put(client: asyncssh.SFTPClient, name: str, content: bytes) -> None:
    async with client.open(f"/inbox/{name}.part", "wb") as file:
        await file.write(content)
    await client.rename(f"/inbox/{name}.part", f"/inbox/{name}")


def tls(bank: RunningBank, *, certificate: bool = True) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=bank.credentials.authority)
    if certificate:
        context.load_cert_chain(bank.credentials.client)
    return context


@asynccontextmanager
async def https_client(bank: RunningBank) -> AsyncIterator[aiohttp.ClientSession]:
    base = f"https://127.0.0.1:{bank.https_port}"
    connector = aiohttp.TCPConnector(ssl=tls(bank))
    async with aiohttp.ClientSession(base, connector=connector) as session:
        token = await (await ask_token(session)).json()
        session.headers["Authorization"] = f"Bearer {token['access_token']}"
        yield session


def ask_token(session: aiohttp.ClientSession, secret: str = SECRET) -> Awaitable[aiohttp.ClientResponse]:
    basic = aiohttp.encode_basic_auth("client", secret)
    return session.post(
        "/oauth2/token", data={"grant_type": "client_credentials"}, headers={"Authorization": basic}
    )


def digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


async def patch(
    session: aiohttp.ClientSession,
    content: bytes,
    *,
    offset: int = 0,
    end: int | None = None,
    file_id: str = "F1",
) -> tuple[int, dict[str, str], Any]:
    last = end is None or end == len(content)
    headers = {
        "Upload-Offset": str(offset),
        "Upload-Complete": "?1" if last else "?0",
        "Repr-Digest": digest(content),
    }
    url = f"/v1/files/{file_id}?name={file_id}.xml"
    async with session.patch(url, data=content[offset:end], headers=headers) as response:
        body = None if response.status == 204 else await response.json(content_type=None)
        return response.status, dict(response.headers), body


def test_a_file_sent_by_sftp_is_answered_in_the_outbox(open_bank: OpenBank) -> None:
    async def test(bank: RunningBank) -> None:
        async with sftp_client(bank) as client:
            await put(client, "a.xml", CONTENT)
            names = sorted(str(name) for name in await client.listdir("/outbox") if name[0] != ".")
            names.remove("taken")
            assert [name.split("-")[2] for name in names] == [
                "pacs.002.001.10",
                "pacs.002.001.10",
                "camt.054.001.08",
            ]
            first = names[0]
            async with client.open(f"/outbox/{first}", "rb") as file:
                assert await file.read() == bank.bank.content(bank.bank.answers()[0])
            await client.rename(f"/outbox/{first}", f"/outbox/taken/{first}")
            assert first not in await client.listdir("/outbox")
            bank.bank.close_day(date(2024, 3, 11))
            assert len(await client.listdir("/statements")) == 2 + 4
        (received,) = bank.bank.received()
        assert (received.name, received.transport, received.status) == ("a.xml", "sftp", "accepted")

    open_bank(test)


def test_sftp_lets_in_by_key_or_password_alone(open_bank: OpenBank) -> None:
    async def test(bank: RunningBank) -> None:
        async with sftp_client(bank, client_keys=[], password=SECRET) as client:
            assert "inbox" in await client.listdir("/")
        for wrong in ({"client_keys": [], "password": "no"}, {"username": "other", "password": SECRET}):
            with pytest.raises(asyncssh.PermissionDenied):
                async with sftp_client(bank, **({"client_keys": []} | wrong)):
                    pass
        stranger = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
        with pytest.raises(asyncssh.HostKeyNotVerifiable):
            async with sftp_client(bank, known_hosts=([stranger], [], [])):
                pass

    open_bank(test)


def test_a_client_of_sftp_stays_in_its_folders(open_bank: OpenBank, tmp_path: Path) -> None:
    async def test(bank: RunningBank) -> None:
        async with sftp_client(bank) as client:
            await put(client, "a.xml", CONTENT)
            refused: list[Callable[[], Awaitable[object]]] = [
                lambda: client.open("/inbox/b.xml", "wb"),
                lambda: client.open("/outbox/b.xml.part", "wb"),
                lambda: client.open("/../../journal.jsonl", "rb"),
                lambda: client.symlink("/../../..", "/inbox/way-out"),
                lambda: client.mkdir("/inbox/more"),
                lambda: client.rename("/inbox/a.xml", "/inbox/b.xml"),
                lambda: client.rename("/inbox/a.xml", "/outbox/a.xml"),
                lambda: client.rename("/outbox/taken", "/outbox/elsewhere"),
                lambda: client.posix_rename("/outbox/taken", "/inbox/a.xml"),
                lambda: client.remove("/inbox/a.xml"),
                lambda: client.rmdir("/outbox/taken"),
            ]
            for attempt in refused:
                with pytest.raises(asyncssh.SFTPError):
                    await attempt()
        assert len(bank.bank.received()) == 1

    open_bank(test)


def test_an_upload_that_is_dropped_at_a_byte_resumes_there_over_sftp(open_bank: OpenBank) -> None:
    async def test(bank: RunningBank) -> None:
        with pytest.raises((asyncssh.SFTPError, ConnectionError, asyncssh.Error)):
            async with sftp_client(bank) as client:
                await put(client, "a.xml", CONTENT)
        assert bank.bank.received() == []
        async with sftp_client(bank) as client:
            assert (await client.stat("/inbox/a.xml.part")).size == 70_001
            async with client.open("/inbox/a.xml.part", "r+b") as file:
                await file.write(CONTENT[70_001:], 70_001)
            await client.rename("/inbox/a.xml.part", "/inbox/a.xml")
        (received,) = bank.bank.received()
        assert received.sha256 == hashlib.sha256(CONTENT).hexdigest()
        assert bank.bank.misbehaved() == [("dropped", "a.xml")]

    open_bank(test, Rule(misbehaviour=Misbehaviour.DROPPED, files="a.*", byte=70_001))


def test_an_upload_that_is_dropped_at_a_byte_resumes_there_over_https(open_bank: OpenBank) -> None:
    async def test(bank: RunningBank) -> None:
        async with https_client(bank) as session:
            with pytest.raises(aiohttp.ClientError):
                await patch(session, CONTENT)
            async with session.head("/v1/files/F1") as state:
                assert state.headers["Upload-Offset"] == "70001"
                assert state.headers["Upload-Complete"] == "?0"
            status, _, receipt = await patch(session, CONTENT, offset=70_001)
            assert status == 201
            assert receipt["sha256"] == hashlib.sha256(CONTENT).hexdigest()
        assert len(bank.bank.received()) == 1

    open_bank(test, Rule(misbehaviour=Misbehaviour.DROPPED, byte=70_001))


def test_pieces_of_an_upload_make_one_file(open_bank: OpenBank) -> None:
    async def test(bank: RunningBank) -> None:
        async with https_client(bank) as session:
            async with session.head("/v1/files/F1") as state:
                assert state.status == 404
            assert (await patch(session, CONTENT, end=1000))[0] == 204
            async with session.get("/v1/files/F1/status") as response:
                assert (await response.json())["status"] == "receiving"
            status, headers, problem = await patch(session, CONTENT, offset=900)
            assert (status, headers["Upload-Offset"]) == (409, "1000")
            assert problem["type"] == "urn:problem:offset-differs"
            assert (await patch(session, CONTENT + b" ", offset=1000))[0] == 409
            assert (await patch(session, CONTENT, offset=1000))[0] == 201
            async with session.head("/v1/files/F1") as state:
                assert state.headers["Upload-Complete"] == "?1"
                assert state.headers["Repr-Digest"] == digest(CONTENT)
            assert (await patch(session, CONTENT))[0] == 201
            assert (await patch(session, CONTENT + b" "))[0] == 409
            async with session.get("/v1/files/F1/status") as response:
                assert await response.json() == {"file_id": "F1", "status": "accepted", "reason": None}
        assert len(bank.bank.received()) == 1
        assert bank.bank.duplicates() == 0

    open_bank(test)


def test_a_content_that_is_not_what_was_announced_is_forgotten(open_bank: OpenBank) -> None:
    async def test(bank: RunningBank) -> None:
        async with https_client(bank) as session:
            headers = {"Upload-Offset": "0", "Upload-Complete": "?1", "Repr-Digest": digest(b"other")}
            url = "/v1/files/F1?name=F1.xml"
            async with session.patch(url, data=CONTENT, headers=headers) as response:
                assert response.status == 409
            async with session.head("/v1/files/F1") as state:
                assert state.status == 404
        assert bank.bank.received() == []

    open_bank(test)


def test_answers_statements_and_balances_over_https(open_bank: OpenBank) -> None:
    async def test(bank: RunningBank) -> None:
        async with https_client(bank) as session:
            await patch(session, CONTENT)
            async with session.get("/v1/answers?after=") as response:
                listed = await response.json()
            assert [answer["id"] for answer in listed["answers"]] == ["1", "2", "3"]
            for answer in listed["answers"]:
                async with session.get(f"/v1/answers/{answer['id']}") as response:
                    assert hashlib.sha256(await response.read()).hexdigest() == answer["sha256"]
            async with session.get(f"/v1/answers?after={listed['cursor']}") as response:
                assert await response.json() == {"answers": [], "cursor": "3"}
            async with session.get("/v1/accounts/SETTLE-KES/balance") as response:
                balance = await response.json()
            assert balance["amount_minor"] == 50_000_000 - 400 * 1050
            assert balance["as_of"] == "2024-03-11T09:00:00+00:00"
            async with session.get("/v1/accounts/SETTLE-KES/statement?date=2024-03-11") as response:
                assert b"<Cd>CLBD</Cd>" in await response.read()
            async with session.post("/v1/recalls", data=camt056("C1", "M1", ["M1-T1"])) as response:
                assert response.status == 202
            async with session.get("/v1/answers?after=3") as response:
                assert "camt.029.001.09" in (await response.json())["answers"][0]["name"]
            for missing in ("accounts/X/balance", "accounts/X/statement?date=2024-03-11", "answers/99"):
                async with session.get(f"/v1/{missing}") as response:
                    assert response.status == 404
            for wrong in (
                "accounts/SETTLE-KES/statement?date=soon",
                "answers?after=-1",
                "answers?after=²",
            ):
                async with session.get(f"/v1/{wrong}") as response:
                    assert response.status == 400

    open_bank(test)


def test_https_asks_for_certificate_secret_and_a_fresh_token(open_bank: OpenBank, clock: Clock) -> None:
    async def test(bank: RunningBank) -> None:
        base = f"https://127.0.0.1:{bank.https_port}"
        bare = aiohttp.TCPConnector(ssl=tls(bank, certificate=False))
        async with aiohttp.ClientSession(base, connector=bare) as session:
            with pytest.raises((aiohttp.ClientError, ssl.SSLError, ConnectionError)):
                await ask_token(session)
        old = tls(bank)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        async with aiohttp.ClientSession(base, connector=aiohttp.TCPConnector(ssl=old)) as session:
            with pytest.raises((aiohttp.ClientError, ssl.SSLError, ConnectionError)):
                await ask_token(session)
        async with https_client(bank) as session:
            assert (await ask_token(session, "wrong")).status == 401
            async with session.get("/v1/answers") as response:
                assert response.status == 200
            clock.pass_by(seconds=300)
            async with session.get("/v1/answers") as response:
                assert response.status == 401

    open_bank(test)


def test_a_bank_is_unavailable_as_often_as_asked(open_bank: OpenBank) -> None:
    async def test(bank: RunningBank) -> None:
        async with https_client(bank) as session:
            for _ in range(2):
                status, headers, _ = await patch(session, CONTENT)
                assert (status, headers["Retry-After"]) == (503, "7")
            assert (await patch(session, CONTENT))[0] == 201
        async with sftp_client(bank) as client:
            with pytest.raises(asyncssh.SFTPFailure):
                await put(client, "s.xml", pacs008("M2", ["1.00"]))
            await put(client, "s.xml", pacs008("M2", ["1.00"]))

    open_bank(
        test,
        Rule(misbehaviour=Misbehaviour.UNAVAILABLE, files="F1", times=2, retry_after_seconds=7),
        Rule(misbehaviour=Misbehaviour.UNAVAILABLE, files="s.xml"),
    )


def test_a_slow_bank_still_takes_one_file(open_bank: OpenBank) -> None:
    async def test(bank: RunningBank) -> None:
        async with https_client(bank) as session:
            assert (await patch(session, CONTENT))[0] == 201
        assert bank.bank.misbehaved() == [("slow", "F1.xml")]

    open_bank(test, Rule(misbehaviour=Misbehaviour.SLOW, files="F1*", seconds=0.01, times=1))


def test_a_bank_opened_again_has_its_keys_its_files_and_begun_uploads(open_bank: OpenBank) -> None:
    seen: list[bytes] = []

    async def first(bank: RunningBank) -> None:
        seen.append(bank.credentials.host_key.read_bytes() + bank.credentials.server.read_bytes())
        async with https_client(bank) as session:
            await patch(session, CONTENT, end=1000)
        # Uploaded whole, and then the bank stops before it has noted it.
        (bank.bank.folder / "sftp" / "inbox" / "left.xml").write_bytes(pacs008("M5", ["1.00"]))

    async def second(bank: RunningBank) -> None:
        seen.append(bank.credentials.host_key.read_bytes() + bank.credentials.server.read_bytes())
        async with https_client(bank) as session:
            assert (await patch(session, CONTENT, offset=1000))[0] == 201
        assert [file.name for file in bank.bank.received()] == ["left.xml", "F1.xml"]

    open_bank(first)
    open_bank(second)
    assert seen[0] == seen[1]


def test_banks_in_a_thread_open_and_close(tmp_path: Path, clock: Clock) -> None:
    configs = [config(), config(name="atlas", https=False)]
    with running_banks(configs, folder=tmp_path, clock=clock, secret=SECRET) as banks:
        assert sorted(banks) == ["atlas", "equator"]
        assert banks["atlas"].https_port is None

        async def send() -> None:
            for bank in banks.values():
                async with sftp_client(bank) as client:
                    await put(client, "a.xml", CONTENT)

        asyncio.run(send())
        assert [len(bank.bank.received()) for bank in banks.values()] == [1, 1]
        ports = [bank.sftp_port for bank in banks.values()]
    for port in ports:
        with pytest.raises(OSError, match=r"refused|failed"):
            socket.create_connection(("127.0.0.1", port or 0)).close()


def test_a_bank_that_cannot_start_says_so(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "equator").write_text("a file where the folder should be")
    with (
        pytest.raises(BankNotStarted),
        running_banks([config()], folder=tmp_path, clock=clock, secret=SECRET),
    ):
        pass
