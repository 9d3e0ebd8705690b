"""Books are locked in ascending order, once and for all a transaction: so no two can wait in a ring."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from ledger_service.ledger.books import lock_books
from ledger_service.runtime.database import Database, Role, Server
from tests.ledger_service.payments.test_posting_in_event_order import Bench, Payment

PATIENCE_S = 20
FUNDED = [Payment(None, "A/KES/0", 10, 1)]
IN_TWO_BOOKS = [*FUNDED, Payment(None, "C/KES/0", 10, 1)]
"""What the second needs in its book is still to be opened, before the first is posted."""


@pytest.fixture
def bench(ledger_database: Server) -> Iterator[Bench]:
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        yield Bench(connection)


@pytest.fixture
def other(ledger_database: Server) -> Iterator[psycopg.Connection]:
    with ledger_database.connect(Database.LEDGER, Role.OWNER, autocommit=True) as connection:
        yield connection


def until_blocked(watcher: psycopg.Connection, pid: int) -> None:
    for _ in range(PATIENCE_S * 100):
        if watcher.execute("SELECT cardinality(pg_blocking_pids(%s))", [pid]).fetchone() != (0,):
            return
        time.sleep(0.01)
    pytest.fail("nothing waits for a lock")


def free(connection: psycopg.Connection, books: dict[str, int]) -> list[str]:
    """The books that nobody has locked."""
    found = connection.execute(
        "SELECT book_id FROM ledger.book_state ORDER BY book_id FOR NO KEY UPDATE SKIP LOCKED"
    ).fetchall()
    names = {book_id: name for name, book_id in books.items()}
    return [names[book_id] for (book_id,) in found]


@pytest.mark.parametrize(
    ("held", "free_meanwhile"),
    [("BANK-A", ["BANK-B", "BANK-C"]), ("BANK-C", ["BANK-B"])],
)
def test_a_transaction_that_waits_for_a_book_has_those_below_it_and_none_above(
    bench: Bench, other: psycopg.Connection, held: str, free_meanwhile: list[str]
) -> None:
    with bench.connection.transaction():
        bench.directory = bench.post(FUNDED).directory
    backend = bench.connection.info.backend_pid
    with ThreadPoolExecutor(1) as pool:
        with other.transaction():
            other.execute(
                "SELECT FROM ledger.book_state WHERE book_id = %s FOR UPDATE", [bench.books[held]]
            )
            waiting = pool.submit(posted, bench)
            until_blocked(other, backend)
            assert free(other, bench.books) == sorted([*free_meanwhile, held])
        assert waiting.result(PATIENCE_S) == 1  # the other one was there


def posted(bench: Bench) -> int:
    with bench.connection.transaction():
        return bench.post(IN_TWO_BOOKS).transfers


def test_books_are_locked_in_ascending_order_however_they_are_named(
    bench: Bench, other: psycopg.Connection
) -> None:
    first, second, third = sorted(bench.books.values())
    backend = bench.connection.info.backend_pid

    def lock() -> None:
        with bench.connection.transaction():
            lock_books(bench.connection, [third, first, second, first])

    with ThreadPoolExecutor(1) as pool:
        with other.transaction():
            other.execute("SELECT FROM ledger.book_state WHERE book_id = %s FOR UPDATE", [second])
            waiting = pool.submit(lock)
            until_blocked(other, backend)
            names = {book_id: name for name, book_id in bench.books.items()}
            assert free(other, bench.books) == [names[second], names[third]]
        waiting.result(PATIENCE_S)
