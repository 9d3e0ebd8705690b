"""The connection is lost while the posting function stands at one of its statements: nothing is written.

A superuser holds a lock that just this statement needs, so that the function waits in it; there its
session is ended.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from tests.ledger_service.ledger.bookkeeping import Book, account, name, new_book, transfer
from tests.ledger_service.ledger.test_concurrency import PATIENCE_S, until_blocked

EARLIER = [
    transfer(1, 1, 2, 9, phase="pending"),
    transfer(2, 1, 2, 5, phase="pending"),
    transfer(3, 1, 2, 7),
]
CLEAN = [transfer(10, 1, 2, 4), transfer(11, None, None, None, phase="post", pending_id=name(1))]
WALKED = [
    transfer(20, 1, 3, None, balancing="credit"),
    transfer(21, None, None, 3, reverses_id=name(3)),
    transfer(22, 1, 2, 1, linked=True),
    transfer(23, None, None, None, phase="void", pending_id=name(2)),
]
BATCHES = {
    "clean": CLEAN,
    "walked": WALKED,
    "clean, then walked": CLEAN + WALKED,
}
STATEMENTS = {
    "lock the book": "SELECT FROM ledger.book_state WHERE book_id = {book} FOR UPDATE",
    "insert into the journal": "LOCK TABLE ledger.transfer IN SHARE MODE",
    "resolve holds": "LOCK TABLE ledger.resolution IN SHARE MODE",
    "note reversals": "LOCK TABLE ledger.reversal IN SHARE MODE",
    "update accounts": "LOCK TABLE ledger.account IN SHARE MODE",
    "update the debit account": """
        SELECT FROM ledger.account WHERE book_id = {book} AND account_id = 1 FOR UPDATE""",
    "update the credit account": """
        SELECT FROM ledger.account WHERE book_id = {book} AND account_id = 2 FOR UPDATE""",
    "number the events": "LOCK TABLE ledger.book_state IN SHARE MODE",
}
"""What each needs that a reader, and the statements before it, do not."""

REACHED = [
    (batch, statement)
    for batch in BATCHES
    for statement in STATEMENTS
    if (batch, statement) != ("clean", "note reversals")
]


@pytest.mark.parametrize(("batch", "statement"), REACHED)
def test_a_connection_lost_at_a_statement_leaves_nothing_and_the_retry_books_all(
    connection: psycopg.Connection,
    superuser: psycopg.Connection,
    connect: Callable[[], psycopg.Connection],
    batch: str,
    statement: str,
) -> None:
    book = new_book(connection, account(1), account(2), account(3, credit_limit=6))
    assert book.post(*EARLIER) == ["created"] * 3
    before = book.entries(), state(book)
    with connect() as lost, superuser.transaction(force_rollback=True), ThreadPoolExecutor(1) as pool:
        superuser.execute(sql.SQL(STATEMENTS[statement]).format(book=sql.Literal(book.book_id)))
        waiting = pool.submit(replace(book, connection=lost).post, *BATCHES[batch])
        until_blocked(connection, lost)
        blocking = connection.execute("SELECT pg_blocking_pids(%s)", [lost.info.backend_pid])
        assert blocking.fetchone() == ([superuser.info.backend_pid],)
        superuser.execute("SELECT pg_terminate_backend(%s, 10000)", [lost.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            waiting.result(PATIENCE_S)
    assert (book.entries(), state(book)) == before
    assert book.faults() == []
    assert book.post(*BATCHES[batch]) == ["created"] * len(BATCHES[batch])
    assert book.post(*BATCHES[batch]) == ["exists"] * len(BATCHES[batch])
    assert book.faults() == []


def state(book: Book) -> list[tuple[object, ...]]:
    return book.rows("SELECT * FROM ledger.book_state WHERE book_id = %(book_id)s")


def test_a_batch_whose_answer_was_lost_is_answered_again(
    connection: psycopg.Connection, book: Book, connect: Callable[[], psycopg.Connection]
) -> None:
    """The commit happened, the client never heard: the retry says what is so, and books nothing."""
    items = [transfer(number, 1, 2, 1) for number in range(1, 101)]
    with connect() as own:
        assert set(replace(book, connection=own).post(*items)) == {"created"}
    before = book.entries()
    assert set(book.post(*items, transfer(101, 1, 2, 1))[:-1]) == {"exists"}
    assert book.entries()[: len(before) // 2] == before[: len(before) // 2]
    assert book.totals(1)[0] == 101


def test_a_snapshot_from_before_another_commit_must_be_retried_and_the_retry_works(
    book: Book, connect: Callable[[], psycopg.Connection]
) -> None:
    with connect() as own:
        in_snapshot = replace(book, connection=own)
        with own.transaction(force_rollback=True):
            own.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            own.execute("SELECT count(*) FROM ledger.transfer")
            assert book.post(transfer(1, 1, 2, 1)) == ["created"]
            with pytest.raises(psycopg.errors.SerializationFailure):
                in_snapshot.post(transfer(2, 1, 2, 1))
        assert book.written() == (1, 2)
        with own.transaction():
            own.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            assert in_snapshot.post(transfer(1, 1, 2, 1), transfer(2, 1, 2, 1)) == ["exists", "created"]
    assert book.faults() == []
