"""Pages of an account's entries, and statements."""

from datetime import timedelta

import polars as pl
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_service.ledger.balances import AccountNotFound
from ledger_service.ledger.chart import Side
from ledger_service.ledger.history import Position, balance_history, query_transfers, statement
from tests.ledger_service.ledger.bookkeeping import NOON, Book, account, new_book, transfer

ENTRIES = st.lists(
    st.tuples(st.integers(0, 2), st.booleans(), st.sampled_from(["gift", "fee"])), max_size=25
)
"""Seconds after the entry before, whether account 1 is debited, kind."""

SETTINGS = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def posted(connection: psycopg.Connection, entries: list[tuple[int, bool, str]]) -> tuple[Book, int]:
    """A book with these entries of account 1, and the second of the last."""
    book, second, items = new_book(connection, account(1), account(2)), 0, []
    for number, (gap, debited, kind) in enumerate(entries, start=1):
        second += gap
        sides = (1, 2) if debited else (2, 1)
        at = NOON + timedelta(seconds=second)
        items.append(transfer(number, *sides, number, kind=kind, booked_at=at))
    assert set(book.post(*items)) <= {"created"}
    return book, second


@given(entries=ENTRIES, limit=st.integers(1, 7), descending=st.booleans())
@SETTINGS
def test_pages_are_the_whole_and_new_entries_do_not_shift_them(
    connection: psycopg.Connection,
    entries: list[tuple[int, bool, str]],
    limit: int,
    descending: bool,
) -> None:
    book, second = posted(connection, entries)
    seen: list[int] = []
    after: Position | None = None
    later = NOON + timedelta(seconds=second + 1)
    for number in range(1000, 1100):
        page = query_transfers(
            connection,
            book_id=book.book_id,
            account_id=1,
            until=later,
            descending=descending,
            after=after,
            limit=limit,
        )
        if page.is_empty():
            break
        seen += page["version"].to_list()
        after = Position.of_last(page)
        assert book.post(transfer(number, 1, 2, 1, booked_at=later)) == ["created"]
    expected = list(range(1, len(entries) + 1))
    assert seen == (expected[::-1] if descending else expected)


@given(entries=ENTRIES, side=st.sampled_from(list(Side)), kind=st.sampled_from(["gift", "fee"]))
@SETTINGS
def test_side_and_kind_choose_the_entries_that_have_them(
    connection: psycopg.Connection, entries: list[tuple[int, bool, str]], side: Side, kind: str
) -> None:
    book, _ = posted(connection, entries)
    found = query_transfers(connection, book_id=book.book_id, account_id=1, side=side, kind=kind)
    expected = [
        number
        for number, (_, debited, of_kind) in enumerate(entries, start=1)
        if debited == (side is Side.DEBIT) and of_kind == kind
    ]
    assert found["version"].to_list() == expected


@given(entries=ENTRIES, since=st.integers(-1, 30), length=st.integers(0, 30))
@SETTINGS
def test_a_statement_opens_with_what_was_before_and_closes_with_all(
    connection: psycopg.Connection, entries: list[tuple[int, bool, str]], since: int, length: int
) -> None:
    book, _ = posted(connection, entries)
    start, end = (NOON + timedelta(seconds=second) for second in (since, since + length))
    stated = statement(connection, book_id=book.book_id, account_id=1, since=start, until=end)
    signed, second = [], 0
    for number, (gap, debited, _) in enumerate(entries, start=1):
        second += gap
        signed.append((second, number if debited else -number))
    assert stated.opening.posted(Side.DEBIT) == sum(n for at, n in signed if at < since)
    assert stated.closing.posted(Side.DEBIT) == sum(n for at, n in signed if at < since + length)
    sign = pl.when(side="D").then(1).otherwise(-1)
    within = [n for at, n in signed if since <= at < since + length]
    assert stated.entries.select(sign * pl.col("amount_minor"))["literal"].to_list() == within


def test_a_statement_of_no_account_is_an_error(book: Book) -> None:
    with pytest.raises(AccountNotFound):
        statement(book.connection, book_id=book.book_id, account_id=9, since=NOON, until=NOON)


def test_points_of_a_balance_are_those_of_the_times_asked_for(book: Book) -> None:
    hours = [NOON + timedelta(hours=hour) for hour in range(4)]
    book.post(*(transfer(n, 1, 2, 10**n, booked_at=hours[n]) for n in (1, 2)))
    found = balance_history(book.connection, book_id=book.book_id, account_id=1, at=hours)
    assert found["at"].to_list() == hours
    assert found["version"].to_list() == [0, 1, 2, 2]
    assert found["debits_posted"].to_list() == [0, 10, 110, 110]
    nothing = balance_history(book.connection, book_id=book.book_id, account_id=1, at=[])
    assert nothing.is_empty()
