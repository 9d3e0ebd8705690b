"""A business date is booked whole, once, and to the minor unit, whatever happens in between."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg
import pytest

from ledger_service.ledger.books import close_business_date
from ledger_service.payments import booking, records
from ledger_service.payments.account_directory import DIRECTORY_SCHEMA, AccountConflict
from ledger_service.payments.booking import book_day
from ledger_service.payments.import_folder import ImportFolder
from ledger_service.payments.posting import with_account_ids
from ledger_service.payments.sources.berka import Berka
from ledger_service.runtime.database import Database, Role, Server
from tests.ledger_service.payments.small_day import ACCOUNTS, DAY, balances, deliver, payment


@pytest.fixture
def connection(ledger_database: Server) -> Iterator[psycopg.Connection]:
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as opened:
        yield opened


def column(connection: psycopg.Connection, statement: str) -> list[object]:
    return [row[0] for row in connection.execute(statement.encode()).fetchall()]


def everything(connection: psycopg.Connection) -> list[list[object]]:
    """Every row that booking writes, as text."""
    tables = ("ledger.account", "ledger.transfer", "ledger.entry", "payments.payment")
    tables += ("payments.stated_balance", "payments.quarantine", "payments.received_file")
    return [column(connection, f"SELECT t::text FROM {table} t ORDER BY 1") for table in tables]


MIXED = [
    payment(1, "opening_balance", "1000", creditor="KE1", event_at="2025-11-05T09:00:00Z"),
    payment(2, "opening_balance", "5000", creditor="nostro:GB-P01:KES"),
    payment(3, "cash_deposit", "50.25", creditor="KE2", stated_balance="50.25"),
    payment(4, "credit_transfer", "100", debtor="KE1", creditor="UG2"),
    payment(
        5,
        "remittance",
        "10",
        debtor="KE1",
        creditor="UG1",
        counter_currency="UGX",
        counter_amount="283",
        stated_balance="889.99",
    ),
    payment(6, "payout", "200", debtor="KE1", creditor="GB1"),
    payment(7, "fee", "1.50", debtor="KE1"),
    payment(8, "cash_withdrawal", "99999", debtor="KE2", stated_balance="1"),
    payment(9, "credit_transfer", "1.005", debtor="KE1", creditor="KE2"),
]


def test_a_day_is_booked_in_all_books(connection: psycopg.Connection, tmp_path: Path) -> None:
    summary = book_day(connection, source=deliver(tmp_path, *MIXED), business_date=DAY)
    assert (summary.received, summary.booked, summary.refused, summary.quarantined) == (9, 7, 1, 2)
    assert summary.transfers == 10
    assert balances(connection) == {
        "1/KE1": 100_000 - 10_000 - 1_000 - 20_000 - 150,
        "1/KE2": 5_025,
        "1/cash:KES": -5_025,
        "1/clearing:UG-B01:KES": 10_000,
        "1/clearing:UG-B01:UGX": 283,
        "1/fee_income:KES": 150,
        "1/fx_position:KES": 1_000,
        "1/fx_position:UGX": -283,
        "1/nostro:GB-P01:KES": -500_000 + 20_000,
        "1/opening_balances:KES": -100_000 + 500_000,
        "2/UG1": 283,
        "2/UG2": 10_000,
        "2/clearing:KE-B01:KES": -10_000,
        "2/clearing:KE-B01:UGX": -283,
    }
    assert connection.execute("SELECT row, code FROM payments.quarantine ORDER BY row").fetchall() == [
        (9, "ledger_exceeds_credits"),
        (10, "too_many_decimals"),
    ]
    assert connection.execute(
        "SELECT status, code, count(*), count(uetr) FROM payments.payment GROUP BY 1, 2 ORDER BY 1"
    ).fetchall() == [("booked", None, 7, 3), ("refused", "exceeds_credits", 1, 0)]
    stated = "SELECT stated_balance_minor FROM payments.stated_balance ORDER BY 1"
    assert column(connection, stated) == [5_025, 88_999]
    codes = "SELECT DISTINCT account_id / 1000000000 - chart_code FROM ledger.account"
    assert column(connection, codes) == [0]


def test_a_second_run_changes_nothing_and_says_so(
    connection: psycopg.Connection, tmp_path: Path
) -> None:
    source = deliver(tmp_path, *MIXED)
    book_day(connection, source=source, business_date=DAY)
    before = everything(connection)
    again = book_day(connection, source=ImportFolder(source.path), business_date=DAY)
    assert everything(connection) == before
    assert not again.changed
    assert again.already_booked == 8
    assert "nothing changed" in str(again)


def test_booking_times_follow_event_times_and_never_run_back(
    connection: psycopg.Connection, tmp_path: Path
) -> None:
    book_day(connection, source=deliver(tmp_path, *MIXED), business_date=DAY)
    booked = connection.execute(
        "SELECT min(booked_at), bool_and(booked_at >= event_at), max(booked_at) FROM ledger.transfer"
    ).fetchone()
    start = datetime(2026, 1, 5, tzinfo=UTC)
    assert booked == (start, True, start + timedelta(hours=9, minutes=7))
    regressing = """
        SELECT count(*) FROM ledger.entry e JOIN ledger.entry f USING (book_id, account_id)
        WHERE f.version = e.version + 1 AND f.booked_at < e.booked_at
    """
    assert column(connection, regressing) == [0]


def test_a_run_that_broke_off_goes_on_where_it_stopped(
    connection: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(booking, "INSTRUCTIONS_LIMIT", 3)
    source = deliver(tmp_path, *MIXED)
    parts = 0
    write = records.write_stated_balances

    def breaks_in_the_second_part(*args: object, **named: object) -> None:
        nonlocal parts
        parts += 1
        if parts == 2:
            raise ConnectionError("the server went away")
        write(*args, **named)  # type: ignore[arg-type]  # passed on as it came

    with monkeypatch.context() as broken:
        broken.setattr(records, "write_stated_balances", breaks_in_the_second_part)
        with pytest.raises(ConnectionError):
            book_day(connection, source=source, business_date=DAY)
    assert column(connection, "SELECT count(*) FROM payments.payment") == [3]
    summary = book_day(connection, source=source, business_date=DAY)
    assert (summary.booked, summary.refused, summary.already_booked) == (4, 1, 3)
    assert balances(connection)["1/KE1"] == 68_850
    assert column(connection, "SELECT count(*) FROM ledger.transfer") == [10]


def test_two_runs_at_once_book_everything_once(
    ledger_database: Server, connection: psycopg.Connection, tmp_path: Path
) -> None:
    source = deliver(tmp_path, *MIXED)

    def run(_: int) -> int:
        with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as own:
            return book_day(own, source=ImportFolder(source.path), business_date=DAY).booked

    with ThreadPoolExecutor(3) as threads:
        booked = list(threads.map(run, range(3)))
    assert sum(booked) == 7
    assert balances(connection)["1/KE1"] == 68_850
    assert column(connection, "SELECT count(*) FROM ledger.transfer") == [10]
    assert column(connection, "SELECT count(*) FROM payments.quarantine") == [2]


def test_a_credit_that_cannot_arrive_waits_on_unapplied_receipts(
    ledger_database: Server, connection: psycopg.Connection, tmp_path: Path
) -> None:
    opening = payment(1, "opening_balance", "1000", creditor="KE1")
    book_day(connection, source=deliver(tmp_path, opening), business_date=DAY)
    with ledger_database.connect(Database.LEDGER, Role.OWNER) as owner:
        owner.execute("UPDATE ledger.account SET closed = true WHERE external_ref = 'UG2'")
    transfer = payment(2, "credit_transfer", "100", debtor="KE1", creditor="UG2")
    from_outside = payment(3, "collection", "7", debtor="GB1", creditor="UG2")
    source = deliver(tmp_path, transfer, from_outside)
    summary = book_day(connection, source=source, business_date=DAY)
    assert (summary.booked, summary.quarantined) == (2, 2)
    found = balances(connection)
    assert found["2/unapplied_receipts:KES"] == 10_700
    assert found["2/nostro:GB-P01:KES"] == -700
    assert found["2/clearing:KE-B01:KES"] == -found["1/clearing:UG-B01:KES"] == -10_000
    outcome = connection.execute("SELECT status, code FROM payments.payment WHERE code <> ''")
    assert outcome.fetchall() == [("booked", "credit_account_closed")] * 2
    codes = column(connection, "SELECT code FROM payments.quarantine")
    assert codes == ["ledger_credit_account_closed"] * 2


def test_a_refused_debit_leaves_no_credit(connection: psycopg.Connection, tmp_path: Path) -> None:
    transfer = payment(1, "credit_transfer", "100", debtor="KE1", creditor="UG2")
    converted = payment(
        2, "remittance", "9", debtor="KE1", creditor="UG1", counter_currency="UGX", counter_amount="9"
    )
    summary = book_day(connection, source=deliver(tmp_path, transfer, converted), business_date=DAY)
    assert (summary.booked, summary.refused, summary.transfers) == (0, 2, 0)
    assert column(connection, "SELECT DISTINCT code FROM payments.payment") == ["exceeds_credits"]
    assert balances(connection) == {}


def test_money_from_another_book_can_be_spent_the_same_day(
    connection: psycopg.Connection, tmp_path: Path
) -> None:
    lines = [
        payment(1, "opening_balance", "100", creditor="KE1"),
        payment(2, "credit_transfer", "100", debtor="KE1", creditor="UG2"),
        payment(3, "credit_transfer", "90", debtor="UG2", creditor="KE2"),
        payment(4, "cash_withdrawal", "80", debtor="KE2"),
        payment(5, "cash_withdrawal", "80", debtor="KE2"),
    ]
    summary = book_day(connection, source=deliver(tmp_path, *lines), business_date=DAY)
    assert (summary.booked, summary.refused) == (4, 1)
    assert balances(connection)["1/KE2"] == 1_000


def close_day(server: Server) -> None:
    with server.connect(Database.LEDGER, Role.CLOSE) as closing:
        for book_id in (1, 2):
            end = datetime(2026, 1, 6, tzinfo=UTC)
            close_business_date(closing, book_id=book_id, business_date=DAY, closed_at=end)


def test_a_run_after_the_close_refuses_no_row_again(
    ledger_database: Server, connection: psycopg.Connection, tmp_path: Path
) -> None:
    source = deliver(tmp_path, *MIXED)
    book_day(connection, source=source, business_date=DAY)
    before = everything(connection)
    close_day(ledger_database)
    assert not book_day(connection, source=source, business_date=DAY).changed
    assert everything(connection) == before


def test_a_late_file_books_to_the_next_open_date(
    ledger_database: Server, connection: psycopg.Connection, tmp_path: Path
) -> None:
    opening = payment(1, "opening_balance", "1000", creditor="KE1", stated_balance="1000")
    book_day(connection, source=deliver(tmp_path, opening), business_date=DAY)
    close_day(ledger_database)
    late = deliver(
        tmp_path,
        opening,
        payment(2, "fee", "1", debtor="KE1", stated_balance="999"),
        payment(3, "fee", "x", debtor="KE1"),
    )
    summary = book_day(connection, source=late, business_date=DAY)
    assert (summary.booked, summary.already_booked) == (1, 1)
    dates = "SELECT business_date::text FROM {} ORDER BY 1"
    for table in ("ledger.transfer", "payments.payment", "payments.stated_balance"):
        assert column(connection, dates.format(table)) == ["2026-01-05", "2026-01-06"]
    assert column(connection, dates.format("payments.quarantine")) == ["2026-01-06"]
    assert column(connection, "SELECT max(value_date)::text FROM ledger.transfer") == ["2026-01-05"]
    before = everything(connection)
    assert not book_day(connection, source=late, business_date=DAY).changed
    assert everything(connection) == before


def test_an_id_used_before_is_noted_or_refused(connection: psycopg.Connection, tmp_path: Path) -> None:
    opening = payment(1, "opening_balance", "1000", creditor="KE1")
    fee = payment(2, "fee", "1", debtor="KE1")
    book_day(connection, source=deliver(tmp_path, opening, fee), business_date=DAY)
    tomorrow = DAY + timedelta(days=1)
    other = payment(2, "fee", "2", debtor="KE1")
    again = deliver(tmp_path, payment(9, "fee", "3", debtor="KE1"), opening, other, day=tomorrow)
    summary = book_day(connection, source=again, business_date=tomorrow)
    assert (summary.booked, summary.already_booked, summary.quarantined) == (1, 2, 2)
    assert connection.execute("SELECT row, code FROM payments.quarantine ORDER BY row").fetchall() == [
        (3, "duplicate_id"),
        (4, "duplicate_id_different_content"),
    ]
    assert balances(connection)["1/KE1"] == 99_600


def test_a_row_is_booked_once_its_account_is_delivered(
    connection: psycopg.Connection, tmp_path: Path
) -> None:
    lines = [
        payment(1, "opening_balance", "5", creditor="KE1"),
        payment(2, "cash_deposit", "5", creditor="KE7"),
    ]
    first = book_day(connection, source=deliver(tmp_path, *lines), business_date=DAY)
    assert (first.booked, first.quarantined) == (1, 1)
    added = [*ACCOUNTS, "KE-B01,KE7,deposit,KES,P7,person,Wanjiru,2024-01-01,0"]
    source = deliver(tmp_path, *lines, accounts=added)
    second = book_day(connection, source=source, business_date=DAY)
    assert (second.booked, second.already_booked) == (1, 1)
    received = connection.execute("SELECT accepted, rejected FROM payments.received_file")
    assert received.fetchall() == [(2, 0)]


def test_an_account_in_another_currency_is_a_conflict(
    connection: psycopg.Connection, tmp_path: Path
) -> None:
    line = payment(1, "opening_balance", "5", creditor="KE1")
    book_day(connection, source=deliver(tmp_path, line), business_date=DAY)
    changed = [ACCOUNTS[0].replace("KES", "USD"), *ACCOUNTS[1:]]
    with pytest.raises(AccountConflict, match="KE1 of book 1: exists with different currency"):
        book_day(connection, source=deliver(tmp_path, line, accounts=changed), business_date=DAY)


def test_an_instruction_cannot_reach_the_banks_own_accounts(
    connection: psycopg.Connection, tmp_path: Path
) -> None:
    lines = [
        payment(1, "cash_deposit", "5", creditor="KE1"),
        payment(2, "cash_withdrawal", "5", debtor="cash:KES"),
    ]
    summary = book_day(connection, source=deliver(tmp_path, *lines), business_date=DAY)
    assert (summary.booked, summary.quarantined) == (1, 1)


def test_a_customers_reference_never_finds_an_account_of_the_bank() -> None:
    directory = pl.DataFrame(
        {
            "book_id": [1, 1],
            "external_ref": ["cash:KES", "KE1"],
            "account_id": [10, 20],
            "chart_code": [1010, 2010],
            "currency": ["KES", "KES"],
        },
        schema=DIRECTORY_SCHEMA,
    )
    legs = pl.DataFrame(
        {
            "book_id": [1, 1],
            "debit_chart_code": [1010, None],
            "debit_ref": ["cash:KES", "cash:KES"],
            "credit_chart_code": [None, None],
            "credit_ref": ["KE1", "KE1"],
        },
        schema_overrides={"book_id": pl.Int32, "credit_chart_code": pl.Int32},
    )
    found = with_account_ids(legs, directory).select("debit_account_id", "credit_account_id")
    assert found.rows() == [(10, 20), (None, 20)]


def test_a_folder_without_participants_books_nothing_and_says_why(
    connection: psycopg.Connection, tmp_path: Path
) -> None:
    source = deliver(tmp_path, payment(1, "fee", "1", debtor="KE1"))
    (tmp_path / "participants.csv").unlink()
    summary = book_day(connection, source=source, business_date=DAY)
    assert summary.booked == 0
    codes = set(column(connection, "SELECT code FROM payments.quarantine"))
    assert codes == {"file_missing", "unknown_participant"}


def test_a_date_without_a_file_books_nothing(connection: psycopg.Connection, tmp_path: Path) -> None:
    source = deliver(tmp_path)
    summary = book_day(connection, source=source, business_date=DAY + timedelta(days=1))
    assert (summary.source_file, summary.changed) == (None, False)


def test_the_real_bank_is_booked_to_its_stated_balances(
    connection: psycopg.Connection, shared_data: Path
) -> None:
    source = Berka(shared_data / "berka")
    days = source.business_dates()[:31]
    booked = sum(book_day(connection, source=source, business_date=day).booked for day in days)
    expected = pl.concat(source.parsed(day).instructions for day in days)
    assert booked == expected.height
    disagreements = connection.execute(
        """
        SELECT count(*), max(abs(credits_posted_after - debits_posted_after - stated_balance_minor))
        FROM payments.stated_balance
        JOIN ledger.transfer USING (book_id, payment_id)
        JOIN ledger.entry USING (book_id, transfer_id, account_id)
        """
    ).fetchone()
    assert disagreements is not None
    assert disagreements[0] == expected.height
    assert disagreements[1] <= 20
    assert column(connection, "SELECT count(*) FROM payments.loan") == [682]
    opened = "SELECT count(*) FROM ledger.account WHERE chart_code = 2010"
    due = source.accounts().filter(pl.col("opened_on") <= days[-1]).height
    assert column(connection, opened) == [due]
