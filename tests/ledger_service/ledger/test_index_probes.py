"""Posting and looking up read the rows that they need, however long the journal is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ledger_service.ledger.balances import balance_at
from ledger_service.ledger.expiry import sweep_books
from ledger_service.runtime.database import Database, Role, Server
from tests.ledger_service.ledger.bookkeeping import DAY, Book, account, name, new_book, transfer

JOURNAL = 4_000
FEW = 200
"""Far below the journal, far above what a handful of items needs."""

_READ = """SELECT coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::int
FROM pg_stat_xact_user_tables WHERE schemaname = 'ledger' AND relname NOT LIKE 'account%'"""


@pytest.fixture(scope="module")
def long_book(ledger: Server) -> Iterator[Book]:
    """A book whose journal is long: transfers 1 to 4,000, every second one a hold."""
    with ledger.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        accounts = [account(number) for number in range(1, 101)]
        book = new_book(connection, *accounts)
        items = [
            transfer(
                number,
                number % 100 + 1,
                (number + 1) % 100 + 1,
                10,
                phase="single" if number % 2 else "pending",
                timeout_s=None if number % 2 else 1 if number <= 20 else 100_000,
            )
            for number in range(1, JOURNAL + 1)
        ]
        assert set(book.post(*items)) == {"created"}
        yield book


@contextmanager
def rows_read(connection: psycopg.Connection) -> Iterator[Callable[[], int]]:
    """How many rows of the journal were read within a transaction."""

    def read() -> int:
        row = connection.execute(_READ).fetchone()
        return int(row[0]) if row else 0

    with connection.transaction():
        before = read()
        yield lambda: read() - before


def _hold(number: int, **other: Any) -> dict[str, Any]:
    return transfer(number, None, None, None, pending_id=name(number - JOURNAL), **other)


@pytest.mark.parametrize(
    ("items", "results"),
    [
        ([transfer(9_001, 1, 2, 5), transfer(9_002, 2, 3, 5)], ["created", "created"]),
        ([transfer(9_003, 1, 2, 5, phase="pending", timeout_s=60)], ["created"]),
        ([_hold(4_100, phase="post"), _hold(4_102, phase="void")], ["created", "created"]),
        (
            [_hold(4_104, phase="post"), transfer(9_004, 1, 1, 5)],
            ["created", "accounts_must_be_different"],
        ),
        ([transfer(9_005, None, None, None, reverses_id=name(101))], ["created"]),
        ([transfer(9_011, 3, 1, 90_000), transfer(9_006, 1, 2, 5, balancing="debit")], ["created"] * 2),
        ([transfer(103, 4, 5, 10), transfer(9_007, 4, 5, 1)], ["exists", "created"]),
        ([transfer(9_008, 1, 2, 5, linked=True), transfer(9_009, 2, 1, 5)], ["created", "created"]),
        ([transfer(9_010, 1, 999, 5)], ["credit_account_not_found"]),
    ],
)
def test_posting_probes_and_does_not_scan(
    long_book: Book, items: list[dict[str, Any]], results: list[str]
) -> None:
    with rows_read(long_book.connection) as read:
        assert long_book.post(*items) == results
        assert read() < FEW


def test_a_balance_at_a_time_probes_and_does_not_scan(long_book: Book) -> None:
    for at in (datetime.now(UTC), datetime.now(UTC) - timedelta(days=400)):
        with rows_read(long_book.connection) as read:
            balance_at(long_book.connection, book_id=long_book.book_id, account_id=1, at=at)
            assert read() < FEW


def test_a_sweep_reads_the_expired_holds_and_not_the_journal(long_book: Book) -> None:
    later = datetime.now(UTC) + timedelta(seconds=2)
    connection = long_book.connection
    connection.execute("SELECT pg_sleep(1.1)")
    with rows_read(connection) as read:
        swept = sweep_books(connection, book_ids=[long_book.book_id], business_date=DAY, now=later)
        assert swept == 10
        assert read() < 2 * FEW
