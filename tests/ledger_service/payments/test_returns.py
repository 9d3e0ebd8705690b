"""A payment that a bank sends back goes the way it came: whole, once, and never into a closed date."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg
import pytest

from ledger_service.ledger.books import close_business_date
from ledger_service.ledger.verification import verify
from ledger_service.payments.booking import book_day
from ledger_service.payments.returns import KIND, RETURNS_SCHEMA, Outcome, book_returns
from ledger_service.runtime.database import Database, Role, Server
from tests.ledger_service.payments.small_day import DAY, balances, deliver, payment

BOOKS = {"KE-B01": 1, "UG-B01": 2}
LATER = datetime(2026, 1, 5, 18, tzinfo=UTC)


@pytest.fixture
def connection(ledger_database: Server) -> Iterator[psycopg.Connection]:
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as opened:
        yield opened


def payment_id(number: int) -> str:
    return f"019b8a3c-0000-7000-8000-{number:012d}"


def returns(*numbers: int) -> pl.DataFrame:
    rows = [(payment_id(number), DAY, LATER) for number in numbers]
    return pl.DataFrame(rows, schema=RETURNS_SCHEMA, orient="row")


def book(path: Path, connection: psycopg.Connection, *lines: str) -> None:
    source = deliver(path, payment(1, "cash_deposit", "100.00", creditor="KE1"), *lines)
    book_day(connection, source=source, business_date=DAY)


def close(database: Server) -> None:
    with database.connect(Database.LEDGER, Role.CLOSE) as closing:
        for book_id in BOOKS.values():
            close_business_date(closing, book_id=book_id, business_date=DAY, closed_at=LATER)


def test_a_payment_out_of_the_platform_comes_back(
    tmp_path: Path, connection: psycopg.Connection
) -> None:
    book(tmp_path, connection, payment(2, "credit_transfer", "40.00", debtor="KE1", creditor="GB1"))
    assert balances(connection)["1/KE1"] == 6_000
    outcome = book_returns(connection, returns=returns(2), books=BOOKS)
    assert outcome.rows() == [(payment_id(2), Outcome.RETURNED, None, DAY)]
    assert balances(connection)["1/KE1"] == 10_000
    assert not [found for book in verify(connection) for found in book.differences]


def test_a_payment_between_books_comes_back_in_both(
    tmp_path: Path, connection: psycopg.Connection
) -> None:
    book(tmp_path, connection, payment(2, "credit_transfer", "40.00", debtor="KE1", creditor="UG2"))
    before = balances(connection)
    assert (before["1/KE1"], before["2/UG2"]) == (6_000, 4_000)
    book_returns(connection, returns=returns(2), books=BOOKS)
    after = balances(connection)
    assert after["1/KE1"] == 10_000
    assert "2/UG2" not in after
    rows = connection.execute(
        "SELECT payment_id::text, reverses_id IS NOT NULL FROM ledger.transfer WHERE kind = %s", [KIND]
    ).fetchall()
    assert rows == [(payment_id(2), True)] * 2


def test_a_return_that_is_told_twice_is_booked_once(
    tmp_path: Path, connection: psycopg.Connection, ledger_database: Server
) -> None:
    book(tmp_path, connection, payment(2, "credit_transfer", "40.00", debtor="KE1", creditor="UG2"))
    first = book_returns(connection, returns=returns(2), books=BOOKS)
    after = balances(connection)
    close(ledger_database)
    again = book_returns(connection, returns=returns(2), books=BOOKS)
    assert again.equals(first)
    assert again["outcome"].to_list() == [Outcome.RETURNED]
    assert balances(connection) == after


def test_money_that_was_spent_is_not_taken_back_in_one_book_alone(
    tmp_path: Path, connection: psycopg.Connection
) -> None:
    book(
        tmp_path,
        connection,
        payment(2, "credit_transfer", "40.00", debtor="KE1", creditor="UG2"),
        payment(3, "cash_withdrawal", "30.00", debtor="UG2"),
    )
    before = balances(connection)
    outcome = book_returns(connection, returns=returns(2), books=BOOKS)
    assert outcome.rows() == [(payment_id(2), Outcome.REFUSED, "exceeds_credits", None)]
    assert balances(connection) == before


def test_a_return_of_a_closed_date_is_booked_to_the_next(
    tmp_path: Path, connection: psycopg.Connection, ledger_database: Server
) -> None:
    book(tmp_path, connection, payment(2, "credit_transfer", "40.00", debtor="KE1", creditor="GB1"))
    close(ledger_database)
    outcome = book_returns(connection, returns=returns(2), books=BOOKS)
    assert outcome["booked_on"].to_list() == [DAY + timedelta(days=1)]


def test_what_was_never_booked_cannot_come_back(tmp_path: Path, connection: psycopg.Connection) -> None:
    book(tmp_path, connection)
    outcome = book_returns(connection, returns=returns(7), books=BOOKS)
    assert outcome.rows() == [(payment_id(7), Outcome.NOT_BOOKED, None, None)]
