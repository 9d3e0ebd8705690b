"""Many connections at once: no deadlock, nothing lost, nothing twice, nothing behind a close."""

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from bookkeeping import account, name, new_book, transfer

from ledger_service.runtime.database import Database, Role, Server

CONNECTIONS = 4
PATIENCE_S = 60


@pytest.fixture
def connect(ledger: Server) -> Callable[[], psycopg.Connection]:
    return lambda: ledger.connect(Database.LEDGER, Role.APP, autocommit=True)


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
        if phase in {"post", "void"}:
            of_hold = {"debit_account_id": None, "credit_account_id": None, "amount_minor": None}
            item |= {"pending_id": name(rng.randrange(1_000)), **of_hold}
        item["linked"] = rng.random() < 0.1
        items.append(item)
    items[-1]["linked"] = False
    return [*items, transfer(1000 + number, 1, 2, 1)]


def test_overlapping_batches_neither_deadlock_nor_lose_nor_double(
    connection: psycopg.Connection, connect: Callable[[], psycopg.Connection]
) -> None:
    limited = [account(number, debit_limit=300, credit_limit=300) for number in (5, 6)]
    book = new_book(connection, *(account(number) for number in range(1, 5)), *limited)

    def post_many(seed: int) -> Counter[str]:
        rng, created = random.Random(seed), Counter[str]()
        with connect() as own:
            for number in range(40):
                batch = random_batch(rng, seed * 100 + number)
                codes = replace(book, connection=own).post(*batch)
                booked = (i["transfer_id"] for i, c in zip(batch, codes, strict=True) if c == "created")
                created.update(booked)
        return created

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        created = sum(pool.map(post_many, range(CONNECTIONS)), Counter[str]())
    assert created.most_common(1)[0][1] == 1
    written = {row[0] for row in book.rows(
        "SELECT transfer_id::text FROM ledger.transfer WHERE book_id = %(book_id)s"
    )}  # fmt: skip
    assert written == created.keys()
    assert book.faults() == []


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
    """A posting that comes while the close waits stands behind it: the close cannot be starved."""
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
        assert posting.result(PATIENCE_S) == ["business_date_closed"]
    assert book.written() == (1, 2)
