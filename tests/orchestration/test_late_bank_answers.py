"""Answers come when they come: what a bank says a day later finds its file, and the day before stays."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from ledger_service.payments.bank_files import BankFileLog
from ledger_service.runtime.database import Database, Role, Server
from ledger_service.runtime.settings import Settings
from orchestration.defs.settlement.assets import bank_files
from orchestration.resources import Platform
from pipelines.lake.table import Table
from pipelines.settlement.tables import (
    BANK_ANSWERS,
    BANK_FILES,
    SETTLEMENT_FILES,
    SETTLEMENT_TRANSACTIONS,
)
from pipelines.simulation.bank.bank import SimulatedBank
from tests.pipelines.simulation.bank.client_files import pacs008
from tests.pipelines.simulation.bank.conftest import config

MONDAY, TUESDAY = date(2024, 3, 11), date(2024, 3, 12)
_CONNECTION = """\
bank_id: equator
title: Equator
country: KE
transport: {{wire: folder, path: {path}}}
answer_within: PT0S
first_wait_s: 0
"""


@dataclass(frozen=True)
class Exchanged:
    """An installation with one bank behind a folder, which answers when the test says so."""

    platform: Platform
    share: Path
    bank: SimulatedBank

    def write_file(self, day: date, message_id: str, payments: int) -> None:
        content = pacs008(message_id, ["10.00"] * payments)
        path = self.platform.settings.files / "settlement" / str(day) / f"{message_id}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        file = {
            "business_date": day,
            "ref": f"file:{message_id}",
            "message_id": message_id,
            "message_type": "pacs.008.001.08",
            "currency": "KES",
            "receiver_id": "EQUATOR",
            "path": f"{day}/{message_id}.xml",
            "transactions": payments,
            "total_minor": 1_000 * payments,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        transactions = [
            {
                "business_date": day,
                "ref": f"tx:{message_id}:{number}",
                "message_id": message_id,
                "end_to_end_id": f"{message_id}-E{number}",
                "transaction_id": f"{message_id}-T{number}",
                "currency": "KES",
                "amount_minor": 1_000,
            }
            for number in range(1, payments + 1)
        ]
        self._write(SETTLEMENT_FILES, day, [file])
        self._write(SETTLEMENT_TRANSACTIONS, day, transactions)

    def no_files(self, day: date) -> None:
        self._write(SETTLEMENT_FILES, day, [])
        self._write(SETTLEMENT_TRANSACTIONS, day, [])

    def _write(self, table: Table, day: date, rows: list[dict[str, object]]) -> None:
        self.platform.lake.write(table, day, pl.DataFrame(rows, schema=dict(table.schema)))

    def answer(self) -> None:
        """The bank takes what lies in its inbox and leaves its answers."""
        for path in sorted((self.share / "inbox").glob("*.xml")):
            self.bank.receive(path.read_bytes(), name=path.name, file_id=path.name, transport="folder")
        for answer in self.bank.answers():
            (self.share / "outbox" / answer.name).write_bytes(self.bank.content(answer))

    def close(self, day: date) -> tuple[pl.DataFrame, pl.DataFrame]:
        result = dg.materialize(
            [bank_files], partition_key=str(day), resources={"platform": self.platform}
        )
        assert result.success
        return self.platform.lake.read(BANK_FILES, day), self.platform.lake.read(BANK_ANSWERS, day)


@pytest.fixture
def exchanged(ledger_database: Server, tmp_path: Path) -> Exchanged:
    share = tmp_path / "share"
    for name in ("inbox", "outbox/taken", "statements"):
        (share / name).mkdir(parents=True)
    connections, data = tmp_path / "banks", tmp_path / "data"
    connections.mkdir()
    (connections / "equator.yaml").write_text(_CONNECTION.format(path=share))
    data.mkdir()
    (data / "participants.csv").write_text(
        "participant_id,name,kind,country,bic\nEQUATOR,Equator,bank,KE,EQTRKENAXXX\n"
    )
    settings = Settings(home=tmp_path / "home", data=data, banks=connections)
    clock: Callable[[], datetime] = lambda: datetime(2024, 3, 11, 9, tzinfo=UTC)  # noqa: E731 (a clock)
    bank = SimulatedBank(config(), folder=tmp_path / "bank", clock=clock)
    return Exchanged(Platform(settings, ledger_database), share, bank)


def test_an_answer_that_comes_a_day_later_finds_its_file_and_changes_no_day_before(
    exchanged: Exchanged,
) -> None:
    exchanged.write_file(MONDAY, "M1", payments=3)
    exchanged.no_files(TUESDAY)
    monday, nothing = exchanged.close(MONDAY)
    assert monday["state"].to_list() == ["overdue"]  # the connection allows no time at all
    assert nothing.is_empty()
    exchanged.answer()
    tuesday, answers = exchanged.close(TUESDAY)
    assert tuesday.select("message_id", "sent_on", "state").rows() == [("M1", MONDAY, "accepted")]
    assert answers.select("sent_on", "transaction_id", "status").rows() == [
        (MONDAY, f"M1-T{number}", "ACSC") for number in (1, 2, 3)
    ]
    again, _ = exchanged.close(MONDAY)
    assert again.equals(monday)
    wednesday = TUESDAY + timedelta(days=1)
    exchanged.no_files(wednesday)
    assert all(frame.is_empty() for frame in exchanged.close(wednesday))


def test_a_file_that_its_bank_could_not_get_goes_with_the_next_exchange(exchanged: Exchanged) -> None:
    exchanged.write_file(MONDAY, "M1", payments=1)
    exchanged.write_file(TUESDAY, "M2", payments=1)
    inbox = exchanged.share / "inbox"
    inbox.rename(exchanged.share / "not mounted")
    monday, _ = exchanged.close(MONDAY)
    assert monday["state"].to_list() == ["queued"]
    (exchanged.share / "not mounted").rename(inbox)
    tuesday, _ = exchanged.close(TUESDAY)
    assert sorted(path.name for path in inbox.glob("*.xml")) == ["M1.xml", "M2.xml"]
    assert tuesday.sort("message_id")["delivered_at"].null_count() == 0


def test_the_log_tells_of_an_exchange_what_was_known_in_it(ledger_database: Server) -> None:
    at = datetime(2024, 3, 11, 16, tzinfo=UTC)
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO payments.bank_file VALUES ('b', 'M1', %s, 1, 'M1', 'f', %s, 1, 1, 'KES', 1)",
            [MONDAY, "a" * 64],
        )
        monday, tuesday, wednesday = (
            BankFileLog(connection, exchange_date=MONDAY + timedelta(days=days)) for days in range(3)
        )
        monday.add("b", "M1", number=1, state="queued", at=at, detail=None)
        assert [life.state for life in tuesday.in_exchange(ended=["accepted"])] == ["queued"]
        tuesday.add("b", "M1", number=2, state="accepted", at=at, detail=None)
        assert [life.state for life in monday.in_exchange(ended=["accepted"])] == ["queued"]
        assert len(tuesday.in_exchange(ended=["accepted"])) == 2
        assert wednesday.in_exchange(ended=["accepted"]) == []
