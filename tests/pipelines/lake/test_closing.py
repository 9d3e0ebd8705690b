"""The close of a business date, on a real ledger."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest

from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.books import register_participants
from ledger_service.ledger.transfers import TRANSFER_COLUMNS, create_transfers
from ledger_service.runtime.database import Database, Role, Server
from pipelines.lake.closing import close_books, control_differences, write_lake
from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, TRANSFERS
from pipelines.lake.store import Lake

FIRST, SECOND, THIRD = (date(2025, 6, day) for day in (27, 28, 29))
PARTICIPANT_COLUMNS = {
    **dict.fromkeys(("participant_id", "name", "kind", "country", "bic", "home_currency"), pl.String),
    "has_book": pl.Boolean,
}


def _open_book(server: Server) -> None:
    participant = ("KE-B01", "Nairobi Test Bank", "bank", "KE", None, "KES", True)
    accounts = [
        (1, "cash:KES", 1010, "KES", None, None, None, None, FIRST, None, None),
        (2, "A-1", 2010, "KES", None, "P-1", "person", None, FIRST, None, None),
        (3, "A-2", 2010, "KES", None, "P-2", "sme", None, SECOND, None, None),
    ]
    with server.connect(Database.LEDGER, Role.APP) as connection:
        register_participants(
            connection, pl.DataFrame([participant], schema=PARTICIPANT_COLUMNS, orient="row")
        )
        frame = pl.DataFrame(accounts, schema=ACCOUNT_COLUMNS, orient="row")
        create_accounts(connection, book_id=1, accounts=frame)


def _book(server: Server, day: date, *amounts: int, account: int = 2, first_id: int = 0) -> list[str]:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    rows = [
        (
            str(UUID(int=day.toordinal() * 1000 + first_id + number)),
            1,
            account,
            amount,
            "single",
            None,
            False,
            "cash_deposit",
            None,
            noon + timedelta(seconds=number),
            noon + timedelta(seconds=number),
            day,
        )
        for number, amount in enumerate(amounts)
    ]
    with server.connect(Database.LEDGER, Role.APP) as connection:
        results = create_transfers(
            connection,
            book_id=1,
            business_date=day,
            transfers=pl.DataFrame(rows, schema=TRANSFER_COLUMNS, orient="row"),
        )
    return results.to_list()


@pytest.fixture
def closed(ledger_database: Server, tmp_path: Path) -> tuple[Server, Lake]:
    """Three dates, the second with transfers on two accounts and the third without any, all closed."""
    _open_book(ledger_database)
    _book(ledger_database, FIRST, 100, 200)
    _book(ledger_database, SECOND, 5)
    _book(ledger_database, SECOND, 7, account=3, first_id=500)
    lake = Lake(tmp_path)
    _close(ledger_database, lake)
    return ledger_database, lake


def _close(server: Server, lake: Lake) -> int:
    dates = [FIRST, SECOND, THIRD]
    close_books(server, book_ids=(1,), business_dates=dates, now=datetime.now(UTC))
    written = write_lake(server, lake=lake, book_ids=(1,), business_dates=dates)
    return sum(len(day.changed_tables) for day in written)


def test_each_date_holds_its_own_transfers_and_closing_totals(closed: tuple[Server, Lake]) -> None:
    _, lake = closed
    assert [lake.read(TRANSFERS, day).height for day in (FIRST, SECOND, THIRD)] == [2, 2, 0]
    assert [lake.read(ENTRIES, day).height for day in (FIRST, SECOND, THIRD)] == [4, 4, 0]
    closing = {
        day: dict(lake.read(ACCOUNTS, day).select("external_ref", "credits_posted").iter_rows())
        for day in (FIRST, SECOND, THIRD)
    }
    assert closing == {
        FIRST: {"cash:KES": 0, "A-1": 300},
        SECOND: {"cash:KES": 0, "A-1": 305, "A-2": 7},
        THIRD: {"cash:KES": 0, "A-1": 305, "A-2": 7},
    }


def test_totals_come_from_the_last_entry_before_a_range(
    closed: tuple[Server, Lake], tmp_path: Path
) -> None:
    server, lake = closed
    alone = Lake(tmp_path / "alone")
    list(write_lake(server, lake=alone, book_ids=(1,), business_dates=[SECOND]))
    assert alone.read(ACCOUNTS, SECOND).equals(lake.read(ACCOUNTS, SECOND))


def test_the_lake_is_proven_equal_to_the_ledger(closed: tuple[Server, Lake]) -> None:
    server, lake = closed
    dates = [FIRST, SECOND, THIRD]
    assert control_differences(server, lake=lake, book_ids=(1,), business_dates=dates).is_empty()


@pytest.mark.parametrize("change", ["amount", "kind", "missing"])
def test_a_lake_that_differs_in_one_row_is_found(closed: tuple[Server, Lake], change: str) -> None:
    server, lake = closed
    frame = lake.read(TRANSFERS, FIRST)
    first = pl.int_range(pl.len()) == 0
    wrong = {
        "amount": frame.with_columns(pl.col("amount_minor") + first.cast(pl.Int64)),
        "kind": frame.with_columns(kind=pl.when(first).then(pl.lit("fee")).otherwise(pl.col("kind"))),
        "missing": frame.tail(1),
    }[change]
    lake.write(TRANSFERS, FIRST, wrong)
    found = control_differences(server, lake=lake, book_ids=(1,), business_dates=[FIRST, SECOND])
    assert found["business_date"].to_list() == [FIRST]


def test_the_close_releases_holds_that_have_expired(ledger_database: Server) -> None:
    _open_book(ledger_database)
    day = datetime(FIRST.year, FIRST.month, FIRST.day, 12, tzinfo=UTC)
    hold = (str(UUID(int=1)), 1, 2, 100, "pending", None, False, "card_spend", None, day, None, FIRST, 1)
    frame = pl.DataFrame([hold], schema=TRANSFER_COLUMNS | {"timeout_s": pl.Int64}, orient="row")
    with ledger_database.connect(Database.LEDGER, Role.APP) as connection:
        create_transfers(connection, book_id=1, business_date=FIRST, transfers=frame)
    held = "SELECT debits_pending FROM ledger.account WHERE account_id = 1"
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        assert connection.execute(held).fetchone() == (100,)
        connection.execute("SELECT pg_sleep(1.1)")  # the ledger's own clock judges
        later = datetime.now(UTC)
        close_books(ledger_database, book_ids=(1,), business_dates=[FIRST], now=later)
        assert connection.execute(held).fetchone() == (0,)


def test_a_closed_date_accepts_no_more_transfers(closed: tuple[Server, Lake]) -> None:
    server, _ = closed
    assert _book(server, SECOND, 9, first_id=900) == ["business_date_closed"]
    assert _book(server, THIRD + timedelta(days=1), 9) == ["created"]


def test_closing_again_changes_nothing(closed: tuple[Server, Lake]) -> None:
    server, lake = closed
    assert _close(server, lake) == 0


def test_a_lost_lake_is_written_again_byte_for_byte(closed: tuple[Server, Lake], tmp_path: Path) -> None:
    server, lake = closed
    again = Lake(tmp_path / "again")
    _close(server, again)
    first = {
        path.relative_to(lake.root): path.read_bytes()
        for path in lake.written()
        if again.root not in path.parents
    }
    second = {path.relative_to(again.root): path.read_bytes() for path in again.written()}
    assert first == second
    assert len(first) == 7 * 3
