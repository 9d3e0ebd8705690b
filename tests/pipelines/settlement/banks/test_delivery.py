"""A file reaches its bank once, in order and in time, whatever happens on the way."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pysequoia
import pytest

from ledger_service.payments.bank_files import BankFileLog
from ledger_service.runtime.database import Database, Role, Server
from orchestration.bank_log import PostgresDeliveryLog
from pipelines.settlement.banks.bank import CredentialsRefused, OutgoingFile
from pipelines.settlement.banks.connection import Connection, read_connections
from pipelines.settlement.banks.delivery import (
    Deliverer,
    DeliveryLog,
    Exchange,
    FileConflict,
    Inbox,
    State,
    mark_answered,
    mark_overdue,
)
from pipelines.settlement.banks.opening import open_bank
from pipelines.settlement.problems import FileRefused
from pipelines.simulation.bank.behaviour import Misbehaviour, Rule
from pipelines.simulation.bank.server import RunningBank, running_banks
from tests.pipelines.simulation.bank.client_files import pacs008
from tests.pipelines.simulation.bank.conftest import SECRET, Clock, config

DAY = date(2024, 3, 11)
WIRES = ("sftp", "https")


def connection_to(bank: RunningBank, wire: str, **changes: Any) -> Connection:
    keys = bank.credentials
    transports = {
        "sftp": {
            "wire": "sftp",
            "host": "127.0.0.1",
            "port": bank.sftp_port,
            "user": "client",
            "host_key": keys.host_key.with_suffix(".pub"),
            "client_key": keys.client_key,
        },
        "https": {
            "wire": "https",
            "url": f"https://localhost:{bank.https_port}",
            "authority": keys.authority,
            "client_certificate": keys.client,
            "client_id": "client",
            "client_secret": "equator",
        },
    }
    said = {
        "bank_id": "equator",
        "title": "Equator",
        "country": "KE",
        "transport": transports[wire] | changes.pop("transport", {}),
        "first_wait_s": 0.01,
    }
    return Connection.model_validate(said | changes)


def outgoing(folder: Path, message_id: str = "M1", *, payments: int = 3) -> OutgoingFile:
    content = pacs008(message_id, ["10.00"] * payments)
    path = folder / f"{message_id}.xml"
    path.write_bytes(content)
    return OutgoingFile(
        bank_id="equator",
        file_id=message_id,
        business_date=DAY,
        name=path.name,
        format="pacs.008.001.08",
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        payments=payments,
        currency="KES",
        total_minor=1_000 * payments,
    )


@pytest.fixture
def bank_files(ledger_database: Server) -> Iterator[BankFileLog]:
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        yield BankFileLog(connection, exchange_date=DAY)


@pytest.fixture
def log(bank_files: BankFileLog) -> DeliveryLog:
    return PostgresDeliveryLog(bank_files)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def running(tmp_path: Path, clock: Clock) -> Callable[..., Any]:
    def start(*rules: Rule, **changes: Any) -> Any:
        settings = config(*rules, **changes)
        return running_banks([settings], folder=tmp_path / "banks", clock=clock, secret=SECRET)

    return start


def exchange(
    connection: Connection, files: list[OutgoingFile], log: DeliveryLog, clock: Clock, tmp_path: Path
) -> Exchange:
    deliverer = Deliverer(
        connection=connection,
        open_bank=lambda: open_bank(connection, secrets={"equator": SECRET}),
        log=log,
        inbox=Inbox(tmp_path / "inbox"),
        clock=clock,
    )
    return asyncio.run(deliverer.exchange(files))


def states(log: DeliveryLog, file: OutgoingFile) -> list[State]:
    return [event.state for event in log.events(file.bank_id, file.file_id)]


@pytest.mark.parametrize("wire", WIRES)
def test_files_arrive_once_in_order_and_their_answers_come_home(
    wire: str, running: Callable[..., Any], log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    files = [outgoing(tmp_path, f"M{number}") for number in (1, 2)]
    with running() as banks:
        bank = banks["equator"]
        connection = connection_to(bank, wire)
        first = exchange(connection, files, log, clock, tmp_path)
        second = exchange(connection, files, log, clock, tmp_path)
        received = bank.bank.received()
    assert [file.message_id for file in received] == ["M1", "M2"]
    assert [file.sha256 for file in received] == [file.sha256 for file in files]
    assert (first.sent, first.answers) == (2, 6)
    assert (second.sent, second.answers, second.repeated_answers) == (0, 0, 0)
    assert not first.alarms
    assert states(log, files[0]) == [State.QUEUED, State.SENDING, State.UPLOADED, State.DELIVERED]
    kept = list((tmp_path / "inbox" / "equator").iterdir())
    assert len(kept) == 6
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in kept)


@pytest.mark.parametrize("wire", WIRES)
def test_a_connection_that_drops_is_taken_up_where_it_ended(
    wire: str, running: Callable[..., Any], log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file = outgoing(tmp_path, payments=2_000)
    dropped = Rule(misbehaviour=Misbehaviour.DROPPED, byte=300_000, times=2)
    with running(dropped) as banks:
        bank = banks["equator"]
        done = exchange(connection_to(bank, wire), [file], log, clock, tmp_path)
        assert [found.sha256 for found in bank.bank.received()] == [file.sha256]
    assert (done.sent, done.resumed) == (1, 1)
    assert states(log, file).count(State.SENDING) == 3


@pytest.mark.parametrize(
    ("wire", "moment"),
    [(wire, moment) for wire in WIRES for moment in (State.SENDING, State.UPLOADED, State.DELIVERED)],
)
def test_a_delivery_that_dies_at_any_step_goes_on_and_the_bank_sees_one_file(  # noqa: PLR0917 (fixtures)
    wire: str,
    moment: State,
    running: Callable[..., Any],
    log: DeliveryLog,
    clock: Clock,
    tmp_path: Path,
) -> None:
    class Died(BaseException):
        """Nobody handles it."""

    class Dying(PostgresDeliveryLog):
        def add(self, file: Any, state: State, **what: Any) -> None:
            if state is not State.DELIVERED:
                super().add(file, state, **what)
            if state is moment:
                raise Died

    file = outgoing(tmp_path)
    with running() as banks:
        bank = banks["equator"]
        connection = connection_to(bank, wire)
        with pytest.raises(Died):
            exchange(connection, [file], Dying(log._log), clock, tmp_path)  # type: ignore[attr-defined]
        exchange(connection, [file], log, clock, tmp_path)
        received = bank.bank.received()
    assert [found.sha256 for found in received] == [file.sha256]
    assert states(log, file)[-1] is State.DELIVERED


def test_a_part_that_is_gone_after_the_upload_was_renamed_and_moved_on(
    running: Callable[..., Any], log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file = outgoing(tmp_path)
    log.queue(file, at=clock())
    log.add(file, State.SENDING, at=clock())
    log.add(file, State.UPLOADED, at=clock())
    with running() as banks:
        done = exchange(connection_to(banks["equator"], "sftp"), [file], log, clock, tmp_path)
        assert banks["equator"].bank.received() == []
    assert (done.sent, done.found_there) == (0, 1)
    assert states(log, file)[-1] is State.DELIVERED


def test_kill_9_in_the_middle_of_an_upload_leaves_the_bank_with_one_file(
    running: Callable[..., Any],
    log: DeliveryLog,
    clock: Clock,
    tmp_path: Path,
    ledger_database: Server,
) -> None:
    file = outgoing(tmp_path, payments=12_000)
    with running() as banks:
        bank = banks["equator"]
        connection = connection_to(bank, "sftp")
        job = tmp_path / "job.py"
        job.write_text(_JOB)
        described = (tmp_path / "connection.json", tmp_path / "file.txt")
        described[0].write_text(connection.model_dump_json())
        described[1].write_text(f"{file.path}")
        conninfo = ledger_database.url(Database.LEDGER, Role.APP)
        child = subprocess.Popen(
            [sys.executable, job, *described, conninfo, str(tmp_path / "inbox")],
            env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        )
        part = bank.bank.folder / "sftp" / "inbox" / f"{file.name}.part"
        deadline = time.monotonic() + 60
        while not (part.exists() and part.stat().st_size > 0) and time.monotonic() < deadline:
            if child.poll() is not None:
                break
            time.sleep(0.001)
        child.send_signal(signal.SIGKILL)
        child.wait()
        exchange(connection, [file], log, clock, tmp_path)
        assert [found.sha256 for found in bank.bank.received()] == [file.sha256]
    assert states(log, file)[-1] is State.DELIVERED


_JOB = """
import asyncio, sys
from datetime import UTC, date, datetime
from pathlib import Path
import psycopg
from ledger_service.payments.bank_files import BankFileLog
from orchestration.bank_log import PostgresDeliveryLog
from pipelines.settlement.banks.connection import Connection
from pipelines.settlement.banks.delivery import Deliverer, Inbox
from pipelines.settlement.banks.opening import open_bank
from tests.pipelines.settlement.banks.test_delivery import outgoing

connection = Connection.model_validate_json(Path(sys.argv[1]).read_text())
file = outgoing(Path(Path(sys.argv[2]).read_text()).parent, payments=12_000)
with psycopg.connect(sys.argv[3], autocommit=True) as database:
    deliverer = Deliverer(
        connection, lambda: open_bank(connection, secrets={}),
        PostgresDeliveryLog(BankFileLog(database, exchange_date=date(2024, 3, 8))),
        Inbox(Path(sys.argv[4])), lambda: datetime.now(UTC))
    asyncio.run(deliverer.exchange([file]))
"""


def test_another_content_under_a_known_id_is_refused_before_anything_is_sent(
    running: Callable[..., Any], log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file = outgoing(tmp_path)
    (tmp_path / "other").mkdir()
    other = outgoing(tmp_path / "other", payments=4)
    with running() as banks:
        connection = connection_to(banks["equator"], "https")
        exchange(connection, [file], log, clock, tmp_path)
        with pytest.raises(FileConflict, match="taken by another content"):
            exchange(connection, [other], log, clock, tmp_path)
        assert len(banks["equator"].bank.received()) == 1


@pytest.mark.parametrize("wire", WIRES)
def test_a_bank_that_has_another_file_of_that_name_gets_nothing_and_somebody_is_told(
    wire: str, running: Callable[..., Any], log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file = outgoing(tmp_path)
    with running() as banks:
        bank = banks["equator"].bank
        other = pacs008("M1", ["99.00"])
        inbox = bank.folder / "sftp" / "inbox"
        inbox.mkdir(parents=True, exist_ok=True)
        (inbox / file.name).write_bytes(other)
        bank.receive(other, name=file.name, file_id="M1", transport=wire)
        done = exchange(connection_to(banks["equator"], wire), [file], log, clock, tmp_path)
        assert len(bank.received()) == 1
    assert states(log, file)[-1] is State.DEAD_LETTER
    assert done.dead == len(done.alarms) == 1


@pytest.mark.parametrize("wire", WIRES)
def test_answers_that_come_twice_are_kept_once_and_not_asked_for_again(
    wire: str, running: Callable[..., Any], log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    with running(Rule(misbehaviour=Misbehaviour.DUPLICATE)) as banks:
        connection = connection_to(banks["equator"], wire)
        done = exchange(connection, [outgoing(tmp_path)], log, clock, tmp_path)
        again = exchange(connection, [], log, clock, tmp_path)
    assert done.answers == done.repeated_answers == 3
    assert (again.answers, again.repeated_answers) == (0, 0)


def test_a_bank_that_is_down_is_tried_again_after_the_time_it_asks_for(
    running: Callable[..., Any], log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    down = Rule(misbehaviour=Misbehaviour.UNAVAILABLE, files="M1*", times=2, retry_after_seconds=7)
    file = outgoing(tmp_path)
    with running(down) as banks:
        connection = connection_to(banks["equator"], "https")
        deliverer = Deliverer(
            connection=connection,
            open_bank=lambda: open_bank(connection, secrets={"equator": SECRET}),
            log=log,
            inbox=Inbox(tmp_path / "inbox"),
            clock=clock,
            sleep=sleep,
        )
        done = asyncio.run(deliverer.exchange([file]))
    assert waits == [7, 7]
    assert done.sent == 1


@pytest.mark.parametrize("wire", WIRES)
def test_a_file_that_never_gets_through_is_given_up_with_an_alarm(
    wire: str, running: Callable[..., Any], log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file = outgoing(tmp_path)
    with running(Rule(misbehaviour=Misbehaviour.DROPPED, byte=10, times=99)) as banks:
        connection = connection_to(banks["equator"], wire, tries=3)
        exchange(connection, [file], log, clock, tmp_path)
        done = exchange(connection, [file], log, clock, tmp_path)
        assert banks["equator"].bank.received() == []
    assert states(log, file)[-1] is State.DEAD_LETTER
    assert done.alarms == ["file M1 for equator is given up: 3 tries failed"]


def test_only_the_pinned_host_key_is_spoken_to(
    running: Callable[..., Any], log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file = outgoing(tmp_path)
    with running() as banks:
        other = banks["equator"].credentials.client_key.with_suffix(".pub")
        connection = connection_to(banks["equator"], "sftp", transport={"host_key": other})
        done = exchange(connection, [file], log, clock, tmp_path)
        assert banks["equator"].bank.received() == []
    assert "host key is not the pinned one" in done.alarms[0]
    assert states(log, file) == [State.QUEUED]


def test_only_a_certificate_of_the_agreed_authority_is_spoken_to(
    running: Callable[..., Any], log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file = outgoing(tmp_path)
    with (
        running() as banks,
        running_banks([config()], folder=tmp_path / "x", clock=clock, secret=SECRET) as others,
    ):
        other = others["equator"].credentials
        connection = connection_to(banks["equator"], "https", transport={"authority": other.authority})
        done = exchange(connection, [file], log, clock, tmp_path)
        assert "certificate is not trusted" in done.alarms[0]
        stranger = connection_to(
            banks["equator"], "https", transport={"client_certificate": other.client}
        )
        refused = exchange(stranger, [file], log, clock, tmp_path)
        assert refused.alarms
        assert banks["equator"].bank.received() == []


def test_a_wrong_secret_is_an_alarm_and_a_token_that_ran_out_is_not(
    running: Callable[..., Any], log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    with running(token_seconds=1) as banks:
        connection = connection_to(banks["equator"], "https")

        async def refused() -> None:
            async with open_bank(connection, secrets={"equator": "wrong"}):
                pass

        with pytest.raises(CredentialsRefused, match="client credentials"):
            asyncio.run(refused())

        async def used() -> int:
            async with open_bank(connection, secrets={"equator": SECRET}) as bank:
                clock.pass_by(seconds=2)
                return (await bank.balance("CUST-1")).amount_minor

        assert asyncio.run(used()) == 1_000


def test_a_file_after_the_cut_off_waits_for_the_next_business_day(
    running: Callable[..., Any], log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file = outgoing(tmp_path)
    clock.time = datetime(2024, 3, 8, 13, 30, tzinfo=UTC)  # Friday, 16:30 in Nairobi
    with running() as banks:
        connection = connection_to(banks["equator"], "https", cut_offs={"*": "16:00"})
        done = exchange(connection, [file], log, clock, tmp_path)
        assert (done.waiting, done.sent) == (1, 0)
        clock.time = datetime(2024, 3, 10, 9, tzinfo=UTC)  # Sunday
        assert exchange(connection, [file], log, clock, tmp_path).sent == 0
        clock.time = datetime(2024, 3, 11, 6, tzinfo=UTC)
        assert exchange(connection, [file], log, clock, tmp_path).sent == 1
    assert states(log, file)[:2] == [State.QUEUED, State.WAITING]
    assert log.events("equator", "M1")[1].detail == "until 2024-03-11T00:00:00+03:00"


def test_a_state_never_goes_back_and_silence_is_told_once(
    log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    file = outgoing(tmp_path)
    log.queue(file, at=clock())
    for state in (State.SENDING, State.DELIVERED):
        log.add(file, state, at=clock())
    hours = timedelta(hours=4)
    assert mark_overdue(log, [file], within=hours, now=clock()) == []
    clock.pass_by(hours=5)
    assert mark_overdue(log, [file], within=hours, now=clock()) == [file]
    assert mark_overdue(log, [file], within=hours, now=clock()) == []
    assert mark_answered(log, file, State.ACCEPTED, at=clock())
    assert not mark_answered(log, file, State.ACKNOWLEDGED, at=clock())
    assert states(log, file)[-1] is State.ACCEPTED


def test_two_processes_cannot_both_go_on_from_one_event(
    bank_files: BankFileLog, log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    log.queue(outgoing(tmp_path), at=clock())
    event: dict[str, Any] = {"number": 2, "state": "sending", "at": clock(), "detail": None}
    bank_files.add("equator", "M1", **event)
    with pytest.raises(psycopg.errors.UniqueViolation):
        bank_files.add("equator", "M1", **event)


def test_numbers_of_a_bank_and_date_have_no_gaps_and_nothing_is_taken_back(
    bank_files: BankFileLog,
    log: DeliveryLog,
    clock: Clock,
    tmp_path: Path,
    ledger_database: Server,
) -> None:
    for number in (1, 2, 3):
        log.queue(outgoing(tmp_path, f"M{number}"), at=clock())
    log.queue(outgoing(tmp_path, "M2"), at=clock())
    assert [life.sequence for life in bank_files.lives()] == [1, 2, 3]
    with (
        ledger_database.connect(Database.LEDGER, Role.OWNER, autocommit=True) as owner,
        pytest.raises(psycopg.Error),
    ):
        owner.execute("DELETE FROM payments.bank_file_event")


def test_open_pgp_files_go_out_sealed_and_only_signed_answers_come_in(
    log: DeliveryLog, clock: Clock, tmp_path: Path
) -> None:
    share = tmp_path / "share"
    for name in ("inbox", "outbox"):
        (share / name).mkdir(parents=True)
    ours, bank = (pysequoia.Tsk.generate(user_id=f"<{name}@example.org>") for name in ("ours", "bank"))
    (tmp_path / "ours.asc").write_text(str(ours))
    (tmp_path / "bank.asc").write_text(str(bank.extract_certificate()))
    keys = {"bank_certificate": tmp_path / "bank.asc", "own_key": tmp_path / "ours.asc"}
    connection = Connection.model_validate(
        {
            "bank_id": "equator",
            "title": "Equator",
            "country": "KE",
            "transport": {"wire": "folder", "path": share, "open_pgp": keys},
        }
    )
    file = outgoing(tmp_path)
    signed = pysequoia.encrypt(
        b"<answer/>", [ours.extract_certificate()], signer=bank.signer(), armor=False
    )
    (share / "outbox" / "1.xml.pgp").write_bytes(signed)
    done = exchange(connection, [file], log, clock, tmp_path)
    assert (done.sent, done.answers, done.alarms) == (1, 1, [])
    sealed = (share / "inbox" / "M1.xml.pgp").read_bytes()
    opened = pysequoia.decrypt(sealed, bank.decryptor(), store=lambda _: [ours.extract_certificate()])
    assert opened.bytes == file.path.read_bytes()
    assert opened.valid_sigs
    unsigned = pysequoia.encrypt(b"<forged/>", [ours.extract_certificate()], armor=False)
    (share / "outbox" / "2.xml.pgp").write_bytes(unsigned)
    forged = exchange(connection, [file], log, clock, tmp_path)
    assert forged.answers == 0
    assert "signed by the bank" in forged.alarms[0]


def test_connections_are_read_from_files_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    good = """
bank_id: KE-B01
title: Nairobi Bank
country: KE
transport: {wire: folder, path: /srv/ke-b01}
cut_offs: {KES: "15:30", "*": "14:00"}
"""
    (tmp_path / "ke.yaml").write_text(good)
    assert read_connections(tmp_path)["KE-B01"].cut_offs["KES"].isoformat() == "15:30:00"
    (tmp_path / "ug.yaml").write_text(good.replace("folder", "pigeon").replace("KE-B01", "UG-B01"))
    with pytest.raises(FileRefused, match=r"ug\.yaml"):
        read_connections(tmp_path)
