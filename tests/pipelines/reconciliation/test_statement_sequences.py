"""Statements that did not come are breaks, by the bank's own numbers, until they come."""

from datetime import date, timedelta

import pytest

from pipelines.reconciliation.reconcile import Reconciliation
from pipelines.reconciliation.rules import load_rules
from pipelines.reconciliation.statement_sequences import LISTED
from tests.pipelines.reconciliation.test_nostro_reconciliation import Run, statement

MONDAY = date(2026, 3, 2)


@pytest.fixture
def run(books) -> Run:
    return Run(books, load_rules())


def on(run: Run, day: date, *numbers: int, to_date: date | None = None) -> Reconciliation:
    parts = [
        statement(day, [], opening=0, sequence=number, to_date=to_date, file=f"{day}-{number}.xml")
        for number in numbers
    ]
    frames = parts[0] if len(parts) == 1 else parts[0].__class__.empty()
    return run.day(day, [], frames)


def missing(result: Reconciliation) -> list[str]:
    found = result.breaks.filter(break_class="missing_statement")
    assert (found["difference_minor"] == 0).all()
    return sorted(found["statement_ref"])


def test_consecutive_numbers_are_complete(run: Run) -> None:
    for number in range(3):
        assert missing(on(run, MONDAY + timedelta(days=number), 61 + number)) == []


def test_each_missing_statement_is_a_break_that_names_it(run: Run) -> None:
    on(run, MONDAY, 61)
    result = on(run, MONDAY + timedelta(days=3), 64)
    assert missing(result) == ["statement:2026/62", "statement:2026/63"]
    assert result.breaks["owner"].unique().to_list() == ["partner_bank_relations"]


def test_a_break_stays_with_its_name_until_its_statement_comes(run: Run) -> None:
    on(run, MONDAY, 61)
    first = on(run, MONDAY + timedelta(days=3), 64)
    still = on(run, MONDAY + timedelta(days=4), 65)
    assert sorted(still.breaks["ref"]) == sorted(first.breaks["ref"])
    late = on(run, MONDAY + timedelta(days=5), 62, to_date=MONDAY + timedelta(days=1))
    assert missing(late) == ["statement:2026/63"]
    assert late.accounts["stated_sequence"].to_list() == [65]


def test_a_new_year_may_begin_again_or_go_on(run: Run) -> None:
    on(run, date(2026, 12, 31), 365)
    assert missing(on(run, date(2027, 1, 1), 1)) == []
    assert missing(on(run, date(2027, 1, 2), 2)) == []


def test_a_new_year_that_begins_late_lacks_its_first_statements(run: Run) -> None:
    on(run, date(2026, 12, 31), 365)
    assert missing(on(run, date(2027, 1, 3), 3)) == ["statement:2027/1", "statement:2027/2"]


def test_a_long_gap_is_bounded_and_says_how_long(run: Run) -> None:
    on(run, MONDAY, 1)
    found = missing(on(run, MONDAY + timedelta(days=1), 2_000_000_000))
    assert len(found) == LISTED + 1
    assert "statement:2026/2-1999999968" in found


def test_a_first_statement_begins_with_any_number(run: Run) -> None:
    assert missing(on(run, MONDAY, 61)) == []
