"""Three simulated days of a thousand customers are booked as they were meant to be."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import psycopg
import pytest

from ledger_service.ledger.verification import verify
from ledger_service.payments import records
from ledger_service.payments.booking import book_day
from ledger_service.payments.import_folder import ImportFolder
from ledger_service.runtime.database import Database, Role, Server
from pipelines.simulation.simulate import simulate

FIRST_DATE = date(2026, 1, 5)
TABLES = ("ledger.account", "ledger.transfer", "ledger.entry", "payments.payment", "payments.quarantine")


@dataclass(frozen=True)
class Simulated:
    source: ImportFolder
    truth: Path

    def planted(self, name: str) -> pl.DataFrame:
        return pl.read_csv(self.truth / f"{name}.csv", infer_schema=False)

    def book(self, connection: psycopg.Connection) -> int:
        return sum(
            book_day(connection, source=self.source, business_date=day).booked
            for day in self.source.business_dates()
        )


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    root = tmp_path_factory.mktemp("simulated")
    simulate(
        out=root / "out", truth=root / "truth", seed=7, first_date=FIRST_DATE, days=3, customers=1000
    )
    return Simulated(ImportFolder(root / "out"), root / "truth")


@pytest.fixture
def connection(ledger_database: Server) -> Iterator[psycopg.Connection]:
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as opened:
        yield opened


def rows(connection: psycopg.Connection, statement: str) -> list[tuple[object, ...]]:
    return connection.execute(statement.encode()).fetchall()


def everything(connection: psycopg.Connection) -> list[list[tuple[object, ...]]]:
    """All that booking writes, but for the number of the transaction that wrote it."""
    return [
        rows(connection, f"SELECT (to_jsonb(t) - 'xid' - 'account_id')::text FROM {table} t ORDER BY 1")
        for table in TABLES
    ]


def test_simulated_days_are_booked_as_planned(
    connection: psycopg.Connection, simulated: Simulated
) -> None:
    booked = simulated.book(connection)

    refused = rows(connection, "SELECT payment_id::text FROM payments.payment WHERE status = 'refused'")
    shortfalls = set(simulated.planted("insufficient_funds")["instruction_id"])
    assert {payment_id for (payment_id,) in refused} == shortfalls
    codes = rows(connection, "SELECT DISTINCT code FROM payments.payment WHERE code <> ''")
    assert codes == [("exceeds_credits",)]
    assert booked + len(shortfalls) == sum(
        simulated.source.parsed(day).instructions.height for day in simulated.source.business_dates()
    )
    typologies = simulated.planted("aml_typologies")
    assert "rapid_movement" in typologies["typology"].to_list()
    suspicious = set(typologies["instruction_ids"].str.split(" ").explode())
    found = rows(connection, "SELECT payment_id::text FROM payments.payment WHERE status = 'booked'")
    assert suspicious <= {payment_id for (payment_id,) in found}

    late = """
        SELECT count(*) FROM ledger.transfer
        WHERE booked_at <> greatest(event_at, business_date::timestamp AT TIME ZONE 'UTC')
    """
    assert rows(connection, late) == [(0,)]
    hours = """
        SELECT count(DISTINCT extract(hour FROM booked_at)) FROM ledger.transfer
        WHERE kind <> 'opening_balance' GROUP BY book_id ORDER BY 1 LIMIT 1
    """
    assert rows(connection, hours)[0][0] >= 6  # type: ignore[operator]  # a count

    books = list(verify(connection))
    assert len(books) > 20
    assert all(not book.differences for book in books)
    before = everything(connection)
    assert simulated.book(connection) == 0
    assert everything(connection) == before


def test_a_simulated_day_that_broke_off_between_parts_ends_like_one_that_did_not(
    connection: psycopg.Connection, simulated: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = simulated.source.parsed(FIRST_DATE).instructions
    monkeypatch.setattr("ledger_service.payments.booking.INSTRUCTIONS_LIMIT", whole.height // 3)
    write = records.write_payments
    parts: list[int] = []

    def breaks_in_the_second_part(connection: psycopg.Connection, outcomes: pl.DataFrame) -> None:
        parts.append(outcomes.height)
        if len(parts) == 2:
            raise ConnectionError("the server went away")
        write(connection, outcomes)

    with monkeypatch.context() as broken:
        broken.setattr(records, "write_payments", breaks_in_the_second_part)
        with pytest.raises(ConnectionError):
            book_day(connection, source=simulated.source, business_date=FIRST_DATE)
    assert rows(connection, "SELECT count(*) FROM payments.payment") == [(parts[0],)]
    resumed = book_day(connection, source=simulated.source, business_date=FIRST_DATE)
    assert resumed.already_booked == parts[0]
    assert resumed.booked + resumed.refused + parts[0] == whole.height
    planted = simulated.planted("insufficient_funds").filter(business_date=str(FIRST_DATE))
    assert resumed.refused <= planted.height
    refused = rows(connection, "SELECT count(*) FROM payments.payment WHERE status = 'refused'")
    assert refused == [(planted.height,)]
    assert all(not book.differences for book in verify(connection))
