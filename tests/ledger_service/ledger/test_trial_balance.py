"""The trial balance of a book at any time, and the export of all its entries."""

from collections import Counter
from datetime import timedelta

import polars as pl
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_service.ledger import trial_balance as subject
from ledger_service.ledger.trial_balance import general_ledger, trial_balance
from tests.ledger_service.ledger.bookkeeping import DAY, NOON, account, new_book, transfer


@given(moves=st.lists(st.tuples(st.integers(0, 2), st.permutations([1, 2, 3])), max_size=20))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_at_any_time_it_is_the_sum_of_the_entries_booked_by_then(
    connection: psycopg.Connection, moves: list[tuple[int, list[int]]]
) -> None:
    book = new_book(connection, account(1, chart_code=1010), account(2), account(3))
    second, items, booked = 0, [], []
    for number, (gap, (debit, credit, _)) in enumerate(moves, start=1):
        second += gap
        booked.append((second, debit, credit, number))
        at = NOON + timedelta(seconds=second)
        items.append(transfer(number, debit, credit, number, booked_at=at))
    assert set(book.post(*items)) <= {"created"}
    for at in range(-1, second + 1):
        debits, credits = Counter[int](), Counter[int]()
        for when, debit, credit, amount in booked:
            if when <= at:
                debits[debit] += amount
                credits[credit] += amount
        found = trial_balance(connection, book_id=book.book_id, at=NOON + timedelta(seconds=at))
        columns = ("account_id", "debits_posted", "credits_posted")
        rows = set(found.accounts.select(columns).iter_rows())
        assert rows == {(n, debits[n], credits[n]) for n in debits.keys() | credits.keys()}
        lines, totals = found.lines(), found.totals()
        assert totals["balanced"].all()
        assert lines["debit_balance"].sum() == lines["credit_balance"].sum()


@pytest.mark.parametrize("chunk", [1, 3, 20_000])
def test_the_general_ledger_is_all_entries_in_the_order_of_events(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(subject, "_CHUNK", chunk)
    book = new_book(connection, account(1), account(2), account(3))
    book.post(*(transfer(n, 1 + n % 3, 1 + (n + 1) % 3, n) for n in range(1, 8)))
    book.post(transfer(10, 1, 2, 5, phase="pending"))
    lines = pl.concat(general_ledger(connection, book_id=book.book_id))
    assert lines["sequence"].is_sorted()
    found = {
        (row[0], row[1], row[2], row[3])
        for row in lines.select(
            "account", "version", "debits_posted_after", "credits_posted_after"
        ).iter_rows()
    }
    expected = {(f"A{row[0]}", row[1], row[6], row[7]) for row in book.entries()}
    assert (found, lines.height) == (expected, len(expected))


def test_groups_of_the_chart_add_up_their_lines(connection: psycopg.Connection) -> None:
    charts = {1: 1010, 2: 2010, 3: 2020, 4: 4010, 5: 6010}
    book = new_book(connection, *(account(number, chart_code=code) for number, code in charts.items()))
    moves = [(1, 2, 100), (1, 3, 50), (2, 4, 5), (3, 5, 7)]
    book.post(*(transfer(n, *move, booked_at=NOON) for n, move in enumerate(moves, start=1)))
    groups = trial_balance(connection, book_id=book.book_id, at=NOON).groups()
    columns = ("group", "accounts", "debit_balance", "credit_balance")
    assert groups.select(columns).rows() == [
        ("assets", 1, 150, 0),
        ("liabilities", 2, 0, 138),
        ("income", 1, 0, 5),
        ("foreign exchange", 1, 0, 7),
    ]


def test_the_general_ledger_can_be_that_of_some_business_dates(connection: psycopg.Connection) -> None:
    book = new_book(connection, account(1), account(2))
    days = [DAY + timedelta(days=n) for n in range(4)]
    for number, day in enumerate(days, start=1):
        assert book.post(transfer(number, 1, 2, number), on=day) == ["created"]
    frames = general_ledger(connection, book_id=book.book_id, first_date=days[1], last_date=days[2])
    assert pl.concat(frames)["amount_minor"].to_list() == [2, 2, 3, 3]
