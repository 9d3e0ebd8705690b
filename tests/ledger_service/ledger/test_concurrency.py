"""Many connections at once: no deadlock, nothing lost, nothing twice, nothing behind a close."""

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import psycopg

from tests.ledger_service.ledger.bookkeeping import DAY, Book, account, name, new_book, transfer
from tests.ledger_service.ledger.model import Account, Model

CONNECTIONS = 4
PATIENCE_S = 60


def until_blocked(watcher: psycopg.Connection, blocked: psycopg.Connection) -> None:
    """Wait until `blocked` waits for a lock."""
    statement = "SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted"
    for _ in range(PATIENCE_S * 100):
        if watcher.execute(statement, [blocked.info.backend_pid]).fetchone() != (0,):
            return
        time.sleep(0.01)
    raise AssertionError("nothing waits for a lock")


def random_batch(rng: random.Random, number: int) -> list[dict[str, Any]]:
    """Over six accounts; ids from a small range, so that connections meet on them too."""
    items = []
    for _ in range(rng.randrange(1, 60)):
        debit, credit = rng.sample(range(1, 7), 2)
        phase = rng.choice(["single", "single", "pending", "post", "void"])
        item = transfer(rng.randrange(1_000), debit, credit, rng.randrange(1, 50), phase=phase)
        of_named = {"debit_account_id": None, "credit_account_id": None, "amount_minor": None}
        if phase in {"post", "void"}:
            item |= {"pending_id": name(rng.randrange(1_000)), **of_named}
        elif phase == "single" and rng.random() < 0.2:
            item |= {"reverses_id": name(rng.randrange(1_000)), **of_named}
        elif rng.random() < 0.2:
            item |= {"balancing": rng.choice(["debit", "credit", "both"])}
        item["linked"] = rng.random() < 0.1
        items.append(item)
    items[-1]["linked"] = False
    return [*items, transfer(10_000 + number, 1, 2, 1)]


def test_any_interleaving_is_what_the_model_makes_of_the_batches_in_their_order(
    connection: psycopg.Connection, connect: Callable[[], psycopg.Connection]
) -> None:
    """Each batch creates something, so that its place in the order of events is known."""
    accounts = [account(number) for number in range(1, 5)]
    accounts += [account(number, debit_limit=300, credit_limit=300) for number in (5, 6)]
    book = new_book(connection, *accounts)

    def post_many(seed: int) -> list[tuple[list[dict[str, Any]], list[str]]]:
        rng = random.Random(seed)
        with connect() as own:
            batches = [random_batch(rng, seed * 100 + number) for number in range(40)]
            return [(batch, replace(book, connection=own).post(*batch)) for batch in batches]

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        posted = [batch for batches in pool.map(post_many, range(CONNECTIONS)) for batch in batches]
    numbers = dict(
        book.rows("SELECT transfer_id::text, sequence FROM ledger.transfer WHERE book_id = %(book_id)s")
    )
    posted.sort(key=lambda answered: numbers[answered[0][-1]["transfer_id"]])
    limits = {row["account_id"]: (row["debit_limit"], row["credit_limit"]) for row in accounts}
    model = Model({number: Account("KES", *limits[number]) for number in limits})
    for batch, codes in posted:
        assert codes == model.post(DAY, batch)
    assert {number: book.totals(number) for number in limits} == {
        number: tuple(own.totals.values()) for number, own in model.accounts.items()
    }
    assert numbers.keys() == model.transfers.keys()
    assert book.faults() == []
    assert book.verified().differences == ()


def test_two_refunds_of_60_on_100_at_once_return_60(
    connection: psycopg.Connection, connect: Callable[[], psycopg.Connection]
) -> None:
    book, rounds = new_book(connection, account(1), account(2)), range(1, 41)
    assert set(book.post(*(transfer(number, 1, 2, 100) for number in rounds))) == {"created"}
    together = Barrier(2)

    def refund(second: int) -> list[str]:
        with connect() as own:
            codes = []
            for number in rounds:
                item = transfer(1_000 * second + number, 2, 1, 60, reverses_id=name(number))
                together.wait(PATIENCE_S)
                codes += replace(book, connection=own).post(item)
            return codes

    with ThreadPoolExecutor(2) as pool:
        answers = [sorted(both) for both in zip(*pool.map(refund, (1, 2)), strict=True)]
    assert answers == [["created", "exceeds_reversed_transfer_amount"]] * len(rounds)
    assert book.totals(1) == (100 * len(rounds), 60 * len(rounds), 0, 0)
    assert book.faults() == []


def test_transactions_over_several_books_in_ascending_order_never_deadlock(
    connection: psycopg.Connection, connect: Callable[[], psycopg.Connection]
) -> None:
    books = [new_book(connection, account(1), account(2)) for _ in range(4)]
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"

    def cross(seed: int) -> int:
        rng = random.Random(seed)
        with connect() as own:
            for number in range(60):
                with own.transaction():
                    for index in sorted(rng.sample(range(4), rng.randrange(2, 5))):
                        debit, credit = rng.sample((1, 2), 2)
                        item = transfer(seed * 1_000 + number + 1, debit, credit, 1)
                        assert replace(books[index], connection=own).post(item) == ["created"]
        return 60

    before = connection.execute(deadlocks).fetchone()
    with ThreadPoolExecutor(2 * CONNECTIONS) as pool:
        assert sum(pool.map(cross, range(2 * CONNECTIONS))) == 120 * CONNECTIONS
    connection.execute("SELECT pg_stat_force_next_flush()")
    assert connection.execute(deadlocks).fetchone() == before
    assert [book.faults() for book in books] == [[]] * 4


def test_a_batch_that_waits_for_its_book_holds_nothing_that_others_wait_for(
    connection: psycopg.Connection, connect: Callable[[], psycopg.Connection]
) -> None:
    """The book is the first lock of every writer, so within a book no order of locks can be crossed."""
    book = new_book(connection, account(1), account(2), account(3))
    writers: list[Callable[[Book], object]] = [
        lambda own: own.post(transfer(9, 1, 2, 1)),
        lambda own: own.open(account(9)),
        lambda own: own.change(3, debits_frozen=True),
        lambda own: own.close(),
    ]
    held = """
        SELECT DISTINCT mode FROM pg_locks WHERE pid = %s AND granted AND locktype = 'relation'
            AND relation IN (SELECT oid FROM pg_class WHERE relnamespace = 'ledger'::regnamespace
                AND relname <> 'book_state' AND relname NOT LIKE 'book_state%%')"""
    for writer in writers:
        with connect() as first, connect() as second, ThreadPoolExecutor(1) as pool:
            with first.transaction(force_rollback=True):
                assert replace(book, connection=first).post(transfer(8, 1, 2, 1)) == ["created"]
                waiting = pool.submit(writer, replace(book, connection=second))
                until_blocked(connection, second)
                modes = {mode for (mode,) in connection.execute(held, [second.info.backend_pid])}
                assert modes <= {"AccessShareLock", "RowShareLock"}
            waiting.result(PATIENCE_S)


def test_batches_of_the_same_ids_are_booked_once(
    connection: psycopg.Connection, connect: Callable[[], psycopg.Connection]
) -> None:
    """Each connection posts the same ids on accounts of its own: no account is shared."""
    book = new_book(connection, *(account(number) for number in range(1, 2 * CONNECTIONS + 1)))

    def post(seed: int) -> list[str]:
        items = [transfer(n, 2 * seed + 1, 2 * seed + 2, 1) for n in range(1, 501)]
        with connect() as own:
            return replace(book, connection=own).post(*items)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        answers = [Counter(codes) for codes in pool.map(post, range(CONNECTIONS))]
    other = {"exists_with_different_debit_account_id": 500}
    assert sorted(answers, key=str) == [{"created": 500}, *[other] * (CONNECTIONS - 1)]
    assert book.faults() == []


def test_what_was_committed_while_waiting_for_a_lock_is_seen(
    connection: psycopg.Connection, connect: Callable[[], psycopg.Connection]
) -> None:
    """The waiting batch repeats an id and spends money that the batch before it brings in."""
    book = new_book(connection, account(1), account(2, debit_limit=0), account(3))
    with connect() as first, connect() as second, ThreadPoolExecutor(1) as pool:
        with first.transaction():
            replace(book, connection=first).post(
                transfer(1, 1, 2, 10), transfer(2, 1, 2, 7, phase="pending")
            )
            waiting: Future[list[str]] = pool.submit(
                replace(book, connection=second).post,
                transfer(1, 1, 2, 10),
                transfer(3, 2, 3, 10),
                transfer(4, 2, 3, 1),
                transfer(5, 1, 2, None, phase="post", pending_id=name(2)),
                transfer(6, 2, 3, 7),
            )
            until_blocked(connection, second)
        expected = ["exists", "created", "exceeds_credits", "created", "created"]
        assert waiting.result(PATIENCE_S) == expected
    assert [row[:2] for row in book.entries() if row[0] == 2] == [(2, n) for n in range(1, 6)]
    assert book.faults() == []


def test_a_hold_that_appears_while_waiting_is_resolved(
    connection: psycopg.Connection, connect: Callable[[], psycopg.Connection]
) -> None:
    """The resolution leaves its accounts to the hold; the book's lock covers them whichever they are."""
    book = new_book(connection, account(1), account(2), account(3), account(4))
    resolution = transfer(3, None, None, None, phase="post", pending_id=name(1))
    with connect() as first, connect() as second, ThreadPoolExecutor(1) as pool:
        with first.transaction():
            own = replace(book, connection=first)
            assert (
                own.post(transfer(1, 1, 2, 7, phase="pending"), transfer(2, 3, 4, 1)) == ["created"] * 2
            )
            waiting = pool.submit(
                replace(book, connection=second).post, transfer(4, 3, 4, 1), resolution
            )
            until_blocked(connection, second)
        assert waiting.result(PATIENCE_S) == ["created", "created"]
    assert book.post(resolution) == ["exists"]
    assert book.faults() == []


def test_a_close_waits_for_postings_in_flight_and_nothing_slips_behind_it(
    connection: psycopg.Connection, connect: Callable[[], psycopg.Connection]
) -> None:
    """A posting that comes while the close waits is refused, or has its number before the close's."""
    book = new_book(connection, account(1), account(2))
    with connect() as first, connect() as closing, connect() as late, ThreadPoolExecutor(2) as pool:
        with first.transaction():
            assert replace(book, connection=first).post(transfer(1, 1, 2, 1)) == ["created"]
            close = pool.submit(replace(book, connection=closing).close)
            until_blocked(connection, closing)
            posting = pool.submit(replace(book, connection=late).post, transfer(2, 1, 2, 1))
            until_blocked(connection, late)
            assert not close.done()
        assert close.result(PATIENCE_S)
        assert posting.result(PATIENCE_S) in (["business_date_closed"], ["created"])
    assert book.post(transfer(3, 1, 2, 1)) == ["business_date_closed"]
    assert book.rows(
        """SELECT count(*) FROM ledger.transfer t JOIN ledger.business_day d USING (book_id)
        WHERE book_id = %(book_id)s AND t.sequence > d.sequence"""
    ) == [(0,)]
    assert book.faults() == []
