"""The balance of an account at any time."""

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_service.ledger.archive import archive_month
from ledger_service.ledger.balances import (
    AccountNotFound,
    Balance,
    HistoryArchived,
    balance_at,
    balance_valued,
    balance_with_children,
)
from ledger_service.ledger.chart import Side
from ledger_service.ledger.history import statement
from ledger_service.ledger.sealing import seal
from ledger_service.ledger.trial_balance import trial_balance
from ledger_service.runtime.database import Database, Role, Server
from tests.ledger_service.ledger.bookkeeping import DAY, NOON, Book, account, new_book, transfer


@given(gaps=st.lists(st.integers(0, 2), max_size=40))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    max_size=16,
)


@given(entries=DATED)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


def made_at(at: datetime, number: int) -> str:
    """A UUIDv7 made at a time."""
    milliseconds = int(at.timestamp() * 1000)
    return str(uuid.UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | number))


@given(
    entries=st.lists(
        st.tuples(
            st.integers(0, 70),  # days after the entry before
            st.sampled_from([0, 0, 0, -45, 45, 500]),  # days from its booking to the time in its id
        ),
        max_size=12,
    )
)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_times_in_ids_may_lie_anywhere(
    connection: psycopg.Connection, entries: list[tuple[int, int]]
) -> None:
    """Look-ups begin in the partitions around a time, which need not hold its entries."""
    book, days, booked, items = new_book(connection, account(1), account(2)), 0, [], []
    for number, (gap, apart) in enumerate(entries, start=1):
        days += gap
        at = NOON + timedelta(days=days)
        booked.append(at)
        made = {"transfer_id": made_at(at + timedelta(days=apart), number)}
        items.append(transfer(None, 1, 2, number, booked_at=at) | made)
    assert set(book.post(*items)) <= {"created"}
    moments = {NOON - timedelta(days=1), *booked, *(at + timedelta(days=20) for at in booked)}
    for at in sorted(moments):
        known = [number for number, moment in enumerate(booked, start=1) if moment <= at]
        found = balance_at(connection, book_id=book.book_id, account_id=1, at=at)
        assert (found.version, found.debits_posted) == (len(known), sum(known))
        assert found.booked_at == max((booked[number - 1] for number in known), default=None)
        whole = balance_with_children(connection, book_id=book.book_id, account_id=1, at=at)
        assert whole == found


@given(
    values=st.lists(st.integers(-3, 3), min_size=1, max_size=40),
    gaps=st.lists(st.sampled_from([0, 0, 0, 1, 86_400, 10**7]), min_size=40, max_size=40),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_value_dates_are_searched_within_a_moment_and_over_years(
    connection: psycopg.Connection, values: list[int], gaps: list[int]
) -> None:
    book, at, items = new_book(connection, account(1), account(2)), NOON, []
    for number, (value, gap) in enumerate(zip(values, gaps, strict=False), start=1):
        at += timedelta(seconds=gap)
        value_date = DAY + timedelta(days=number // 3 + value)
        items.append(transfer(number, 1, 2, number, booked_at=at, value_date=value_date))
    assert set(book.post(*items)) == {"created"}
    for day in range(-4, len(values) // 3 + 5):
        value_date = DAY + timedelta(days=day)
        found = balance_valued(
            connection, book_id=book.book_id, account_id=1, value_date=value_date, known_at=at
        )
        counting = [item["amount_minor"] for item in items if item["value_date"] <= value_date]
        assert found.debits_posted == sum(counting)


def on(month: int, day: int) -> datetime:
    return datetime(2025, month, day, tzinfo=UTC)


@pytest.fixture
def without_january(ledger_database: Server, tmp_path: Path) -> Iterator[Book]:
    """Account 1 paid 2 on 10 January, 10 February and 10 March of 2025; January is archived. Account 4,
    below account 1, was last used in January; account 3 in January and March."""
    with (
        ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as connection,
        ledger_database.connect(Database.LEDGER, Role.CLOSE, autocommit=True) as closing,
        ledger_database.connect(Database.LEDGER, Role.OWNER, autocommit=True) as owner,
    ):
        book = new_book(connection, *map(account, (1, 2, 3)), account(4, parent_account_id=1))
        for month, *sides in (
            (1, 1, 2, 10),
            (1, 4, 3, 5),
            (2, 1, 2, 100),
            (3, 1, 2, 1000),
            (3, 2, 3, 7),
        ):
            at = on(month, 10)
            made = {"transfer_id": made_at(at, sum(sides))}
            item = transfer(None, *sides, booked_at=at, value_date=at.date()) | made
            assert book.post(item, on=at.date()) == ["created"]
        book.close(date(2025, 3, 31))
        seal(closing, book_id=book.book_id, sealed_at=NOON)
        archive_month(owner, month=date(2025, 1, 1), folder=tmp_path, archived_at=NOON)
        yield book


def test_what_archived_months_left_stands_before_the_first_entry(without_january: Book) -> None:
    connection, book_id = without_january.connection, without_january.book_id

    def debits(account_id: int, at: datetime) -> int:
        found = balance_at(connection, book_id=book_id, account_id=account_id, at=at)
        return found.debits_posted

    february, march = on(2, 5), on(3, 5)
    assert [debits(1, at) for at in (february, march, on(4, 1))] == [10, 110, 1110]
    assert debits(4, february) == 5
    third = balance_at(connection, book_id=book_id, account_id=3, at=february)
    assert (third.version, third.booked_at, third.credits_posted) == (1, None, 5)
    whole = balance_with_children(connection, book_id=book_id, account_id=1, at=february)
    assert (whole.version, whole.debits_posted) == (2, 15)
    valued = balance_valued(
        connection, book_id=book_id, account_id=1, value_date=date(2025, 2, 5), known_at=on(4, 1)
    )
    assert valued.debits_posted == 10
    book_at = trial_balance(connection, book_id=book_id, at=february).accounts
    columns = ("account_id", "debits_posted", "credits_posted")
    assert book_at.select(columns).rows() == [(1, 10, 0), (2, 0, 10), (3, 0, 5), (4, 5, 0)]
    period = statement(connection, book_id=book_id, account_id=1, since=february, until=march)
    assert (period.opening.debits_posted, period.entries["amount_minor"].to_list()) == (10, [100])


def test_a_time_whose_entries_are_archived_is_refused(without_january: Book) -> None:
    connection, book_id, at = without_january.connection, without_january.book_id, on(1, 20)
    for account_id in (1, 3):
        with pytest.raises(HistoryArchived, match="restore the months"):
            balance_at(connection, book_id=book_id, account_id=account_id, at=at)
    with pytest.raises(HistoryArchived):
        balance_with_children(connection, book_id=book_id, account_id=1, at=at)
    with pytest.raises(HistoryArchived):
        balance_valued(
            connection, book_id=book_id, account_id=1, value_date=at.date(), known_at=on(4, 1)
        )
    with pytest.raises(HistoryArchived):
        statement(connection, book_id=book_id, account_id=1, since=at, until=on(3, 5))
    with pytest.raises(HistoryArchived):
        trial_balance(connection, book_id=book_id, at=at)
    fourth = balance_at(connection, book_id=book_id, account_id=4, at=at)
    assert fourth.debits_posted == 5
