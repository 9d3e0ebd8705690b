"""Events: each committed one, once, in order, without gaps, from any position."""

import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_service.ledger import events
from ledger_service.ledger.accounts import AccountTerms, change_account
from ledger_service.ledger.events import (
    EVENT_COLUMNS,
    BookNotFound,
    Cursor,
    CursorOfAnotherEpoch,
    Event,
    EventsMissing,
    beginning,
    end,
    follow,
    read_events,
)
from ledger_service.runtime.database import Database, Role, Server
from tests.ledger_service.ledger.bookkeeping import DAY, Book, account, name, new_book, transfer

PATIENCE_S = 30


def seen(book: Book, after: Cursor | None = None, limit: int = 10_000) -> tuple[pl.DataFrame, Cursor]:
    start = after or beginning(book.connection, book_id=book.book_id)
    return read_events(book.connection, book_id=book.book_id, after=start, limit=limit)


@pytest.fixture
def eventful(connection: psycopg.Connection) -> Book:
    """Three openings, two transfers, a freeze, a hold and its void, a close."""
    book = new_book(connection, account(1), account(2), account(3))
    book.post(transfer(1, 1, 2, 10), transfer(2, 1, 1, 10), transfer(3, 2, 3, 4))
    terms = AccountTerms(debits_frozen=True)
    change_account(
        connection, book_id=book.book_id, account_id=3, revision=1, terms=terms, reason="court order"
    )
    book.post(transfer(4, 1, 2, 5, phase="pending", timeout_s=60))
    book.post(transfer(5, None, None, None, phase="void", pending_id=name(4)))
    book.close()
    return book


def test_all_that_happened_is_told_in_order(eventful: Book) -> None:
    frame, cursor = seen(eventful)
    assert frame.schema == pl.Schema(EVENT_COLUMNS)
    assert frame["sequence"].to_list() == list(range(1, 10))
    opened, created, changed, closed = (
        Event.ACCOUNT_OPENED,
        Event.TRANSFER_CREATED,
        Event.ACCOUNT_CHANGED,
        Event.BUSINESS_DATE_CLOSED,
    )
    assert frame["event"].to_list() == [
        *[opened] * 3,
        created,
        created,
        changed,
        created,
        created,
        closed,
    ]
    assert cursor == Cursor(1, 9) == end(eventful.connection, book_id=eventful.book_id)


def test_an_event_says_what_its_subject_was(eventful: Book) -> None:
    rows = {row["sequence"]: row for row in seen(eventful)[0].iter_rows(named=True)}
    told = {column for column, value in rows[4].items() if value is not None}
    assert told == {
        "sequence", "event", "known_at", "business_date", "transfer_id", "phase", "debit_account_id",
        "credit_account_id", "amount_minor", "currency", "kind", "event_at", "value_date",
    }  # fmt: skip
    assert (rows[4]["transfer_id"], rows[4]["amount_minor"], rows[4]["currency"]) == (name(1), 10, "KES")
    assert (rows[6]["account_id"], rows[6]["revision"], rows[6]["reason"]) == (3, 2, "court order")
    assert (rows[6]["debits_frozen"], rows[6]["closed"]) == (True, False)
    assert rows[7]["expires_at"] == rows[7]["known_at"] + timedelta(seconds=60)
    assert (rows[8]["phase"], rows[8]["pending_id"]) == ("void", name(4))
    assert rows[9]["business_date"] == DAY


@given(st.data())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_from_any_position_the_same_events_follow(eventful: Book, data: st.DataObject) -> None:
    """Reading in steps of any size is reading at once."""
    whole, last = seen(eventful)
    cursor = Cursor(1, data.draw(st.integers(0, 9)))
    parts = [whole[: cursor.sequence]]
    while cursor != last:
        part, cursor = seen(eventful, cursor, limit=data.draw(st.integers(1, 10)))
        parts.append(part)
    assert pl.concat(parts).equals(whole)
    assert seen(eventful, cursor)[0].is_empty()


def test_a_cursor_of_another_epoch_is_refused(eventful: Book, superuser: psycopg.Connection) -> None:
    _, cursor = seen(eventful)
    superuser.execute("UPDATE ledger.book_state SET epoch = 2 WHERE book_id = %s", [eventful.book_id])
    with pytest.raises(CursorOfAnotherEpoch) as refused:
        seen(eventful, cursor)
    assert (refused.value.cursor, refused.value.now) == (Cursor(1, 9), Cursor(2, 9))
    assert seen(eventful, Cursor(2, 8))[0].height == 1
    assert beginning(eventful.connection, book_id=eventful.book_id) == Cursor(2, 0)


def test_a_cursor_beyond_the_end_is_refused(eventful: Book) -> None:
    """The ledger was restored to an earlier time, and nobody raised the epoch."""
    with pytest.raises(CursorOfAnotherEpoch):
        seen(eventful, Cursor(1, 10))


def test_a_book_that_is_not_there_is_named(connection: psycopg.Connection) -> None:
    with pytest.raises(BookNotFound):
        read_events(connection, book_id=2_000_000, after=Cursor(1, 0))


def test_archived_events_are_missed_not_passed_over(
    eventful: Book, superuser: psycopg.Connection
) -> None:
    """A reader that comes after the archiving is told, and goes on behind it."""
    with superuser.transaction(force_rollback=True):
        superuser.execute("ALTER TABLE ledger.transfer DETACH PARTITION ledger.transfer_other")
        with pytest.raises(EventsMissing) as missing:
            read_events(superuser, book_id=eventful.book_id, after=Cursor(1, 0))
        assert (missing.value.after, missing.value.upto, missing.value.present) == (0, 9, 5)
        behind, _ = read_events(superuser, book_id=eventful.book_id, after=Cursor(1, 8))
        assert behind["event"].to_list() == [Event.BUSINESS_DATE_CLOSED]


def test_each_partition_is_read_by_its_index(
    connection: psycopg.Connection, superuser: psycopg.Connection
) -> None:
    """Of thousands of transfers over several months, a few are found without reading the others."""
    book = new_book(connection, account(1), account(2))
    months = [
        int(f"{n}", 16) << 80 for n in ("019500000000", "019600000000", "019700000000", "019900000000")
    ]
    for n in range(8):
        first = months[n % 4] + n * 10_000
        assert set(book.post(*(transfer(first + k, 1, 2, 1) for k in range(1_000)))) == {"created"}
    statement = (
        b"EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF) "
        + Path(events.__file__).with_name("events.sql").read_bytes()
    )
    parameters = {"book_id": book.book_id, "after": 4_100, "upto": 4_200}
    for analyzed in (False, True):
        if analyzed:
            superuser.execute("ANALYZE ledger.transfer")
        plan = [row[0] for row in superuser.execute(statement, parameters, prepare=False)]
        scans = [line for line in plan if re.search(r"Scan .*transfer_", line)]
        assert len(scans) > 36
        partitions = {str(row[0]): row[1] for row in connection.execute(
            "SELECT tableoid::regclass::text, count(*) FROM ledger.transfer GROUP BY 1"
        )}  # fmt: skip
        for line in scans:
            of = re.search(r"Seq Scan on (transfer_\w+)", line)
            assert of is None or partitions.get(f"ledger.{of[1]}", 0) < 1_000, line
        assert any("rows=100" in line and "Append" in line for line in plan)


def write_at_random(ledger: Server, book: Book, seed: int) -> tuple[set[str], int]:
    """Transfers and openings, of which some roll back; the ids that were committed, and openings."""
    rng, committed, opened = random.Random(seed), set[str](), 0
    with ledger.connect(Database.LEDGER, Role.APP, autocommit=True) as own:
        writer = replace(book, connection=own)
        for number in range(30):
            first = 1_000_000 * (seed + 1) + 1_000 * number
            items = [transfer(first + k, 1, 2, 1) for k in range(rng.randrange(1, 30))]
            with own.transaction(force_rollback=rng.random() < 0.4) as transaction:
                writer.post(*items)
                if opens := rng.random() < 0.3:
                    writer.open(account(first))
            if not transaction.force_rollback:
                committed |= {str(item["transfer_id"]) for item in items}
                opened += opens
    return committed, opened


@pytest.mark.parametrize("seed", range(3))
def test_a_follower_of_concurrent_writers_sees_each_committed_event_once_and_in_order(
    ledger: Server, connection: psycopg.Connection, seed: int
) -> None:
    book = new_book(connection, account(1), account(2))
    stopped = threading.Event()

    def tail() -> list[pl.DataFrame]:
        with ledger.connect(Database.LEDGER, Role.APP, autocommit=True) as own:
            start, parts = Cursor(1, 0), []
            for part, _ in follow(own, book_id=book.book_id, after=start, stopped=stopped, limit=17):
                parts.append(part)
                if (part["kind"] == "last").any():
                    break
            return parts

    with ThreadPoolExecutor(4) as pool:
        tailing = pool.submit(tail)
        writing = [pool.submit(write_at_random, ledger, book, 3 * seed + n) for n in range(3)]
        written = [writer.result(PATIENCE_S) for writer in writing]
        assert book.post(transfer(1, 1, 2, 1, kind="last")) == ["created"]
        told = pl.concat(tailing.result(PATIENCE_S))
    assert told["sequence"].to_list() == list(range(1, told.height + 1))
    ids = told["transfer_id"].drop_nulls().to_list()
    assert len(ids) == len(set(ids))
    assert set(ids) == set().union({name(1)}, *(committed for committed, _ in written))
    openings = (told["event"] == Event.ACCOUNT_OPENED).sum()
    assert openings == 2 + sum(opened for _, opened in written)


def test_a_follower_waits_until_it_is_stopped(eventful: Book, ledger: Server) -> None:
    stopped = threading.Event()

    def tail() -> list[Any]:
        with ledger.connect(Database.LEDGER, Role.APP, autocommit=True) as own:
            return list(follow(own, book_id=eventful.book_id, after=Cursor(1, 9), stopped=stopped))

    with ThreadPoolExecutor(1) as pool:
        tailing = pool.submit(tail)
        with pytest.raises(TimeoutError):
            tailing.result(0.1)
        stopped.set()
        assert tailing.result(PATIENCE_S) == []


def test_following_inside_a_transaction_is_refused(ledger: Server) -> None:
    """It would hold back the cleaning up of the whole database while it waits."""
    with ledger.connect(Database.LEDGER, Role.APP) as own, pytest.raises(ValueError, match="autocommit"):
        next(follow(own, book_id=1, after=Cursor(1, 0), stopped=threading.Event()))
