"""The balance of an account at any time."""

from datetime import timedelta

import psycopg
import pytest
from bookkeeping import DAY, NOON, Book, account, new_book, transfer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_service.ledger.balances import (
    AccountNotFound,
    Balance,
    balance_at,
    balance_valued,
    balance_with_children,
)
from ledger_service.ledger.chart import Side


@given(gaps=st.lists(st.integers(0, 2), max_size=40))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_balance_at_a_time_is_that_after_the_last_entry_booked_by_then(
    connection: psycopg.Connection, gaps: list[int]
) -> None:
    book, seconds = new_book(connection, account(1), account(2)), 0
    booked: list[int] = []
    for gap in gaps:
        seconds += gap
        booked.append(seconds)
    items = [
        transfer(n, 1, 2, n, booked_at=NOON + timedelta(seconds=at))
        for n, at in enumerate(booked, start=1)
    ]
    assert set(book.post(*items)) <= {"created"}
    for at in range(-1, seconds + 2):
        balance = balance_at(
            connection, book_id=book.book_id, account_id=2, at=NOON + timedelta(seconds=at)
        )
        version = sum(1 for second in booked if second <= at)
        assert balance.version == version
        assert balance.posted(Side.CREDIT) == sum(range(version + 1))


def test_the_balance_says_what_is_pending(book: Book) -> None:
    book.post(transfer(1, 1, 2, 5), transfer(2, 1, 2, 3, phase="pending", booked_at=None))
    at = NOON.replace(year=9999)
    balance = balance_at(book.connection, book_id=book.book_id, account_id=1, at=at)
    assert (balance.debits_posted, balance.debits_pending, balance.posted(Side.CREDIT)) == (5, 3, -5)


def test_an_account_without_entries_has_a_balance_of_zero(book: Book) -> None:
    balance = balance_at(book.connection, book_id=book.book_id, account_id=3, at=NOON)
    assert balance == Balance(0, None, 0, 0, 0, 0)


def test_an_unknown_account_is_an_error(book: Book) -> None:
    with pytest.raises(AccountNotFound, match="no account 99"):
        balance_at(book.connection, book_id=book.book_id, account_id=99, at=NOON)


def test_the_ledgers_clock_never_regresses_on_an_account(book: Book) -> None:
    """An import booked in the future, then an item that leaves the time to the ledger."""
    future = NOON.replace(year=2200)
    items = [transfer(1, 1, 2, 1, booked_at=future), transfer(2, 2, 3, 1), transfer(3, 3, 1, 1)]
    assert book.post(*items) == ["created"] * 3
    assert {row[10] for row in book.entries()} == {future}
    assert book.verified().differences == ()


def test_an_imported_booking_time_may_not_rewrite_history(book: Book) -> None:
    later = NOON + timedelta(hours=1)
    assert book.post(transfer(1, 1, 2, 1, booked_at=later), transfer(2, 1, 3, 1, booked_at=NOON)) == [
        "created",
        "booked_at_must_not_regress",
    ]
    assert book.post(transfer(3, 3, 2, 1, booked_at=NOON)) == ["booked_at_must_not_regress"]
    assert book.post(transfer(4, 2, 3, 1, booked_at=later)) == ["created"]


DATED = st.lists(
    st.tuples(
        st.integers(0, 2),  # seconds after the entry before
        st.integers(-3, 6),  # days by which the value date lies before or after
        st.sampled_from(["single", "single", "pending"]),
        st.booleans(),  # whether account 1 is debited
    ),
    max_size=30,
)


@given(entries=DATED)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_balance_of_a_value_date_is_the_sum_of_what_was_known_and_counts(
    connection: psycopg.Connection, entries: list[tuple[int, int, str, bool]]
) -> None:
    book, seconds, items = new_book(connection, account(1), account(2)), 0, []
    for number, (gap, days, phase, debited) in enumerate(entries, start=1):
        seconds += gap
        sides = (1, 2) if debited else (2, 1)
        at, value_date = NOON + timedelta(seconds=seconds), DAY + timedelta(days=days)
        items.append(transfer(number, *sides, number, phase=phase, booked_at=at, value_date=value_date))
    assert set(book.post(*items)) <= {"created"}
    for second in range(-1, seconds + 2):
        known_at = NOON + timedelta(seconds=second)
        for days in range(-4, 8):
            value_date = DAY + timedelta(days=days)
            known = [
                item
                for item in items
                if item["booked_at"] <= known_at and item["value_date"] <= value_date
            ]
            expected = tuple(
                sum(
                    item["amount_minor"]
                    for item in known
                    if item["phase"] == phase and item[f"{side}_account_id"] == 1
                )
                for phase in ("single", "pending")
                for side in ("debit", "credit")
            )
            found = balance_valued(
                connection,
                book_id=book.book_id,
                account_id=1,
                value_date=value_date,
                known_at=known_at,
            )
            assert found.totals == expected


def test_a_balance_rolls_up_from_all_accounts_below(connection: psycopg.Connection) -> None:
    book = new_book(
        connection,
        account(1),
        account(2, parent_account_id=1),
        account(3, parent_account_id=2),
        account(4),
    )
    book.post(*(transfer(n, 4, n, 10**n, booked_at=NOON) for n in (1, 2, 3)))
    whole = balance_with_children(connection, book_id=book.book_id, account_id=1, at=NOON)
    part = balance_with_children(connection, book_id=book.book_id, account_id=2, at=NOON)
    assert (whole.posted(Side.CREDIT), part.posted(Side.CREDIT)) == (1110, 1100)
    with pytest.raises(AccountNotFound):
        balance_with_children(connection, book_id=book.book_id, account_id=9, at=NOON)
