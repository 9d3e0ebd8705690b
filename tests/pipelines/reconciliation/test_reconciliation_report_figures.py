"""The figures behind the finance report: sums, rates, ages, trend, and the answer in words."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.lake.table import SchemaMismatch
from pipelines.reconciliation.report_figures import by_currency, figures_of, largest, totals
from pipelines.reconciliation.report_inputs import CASES_SCHEMA, ReportDay, ReportOfAnotherDate, percent
from pipelines.reconciliation.report_trend import BAND_NAMES, banded
from pipelines.reconciliation.report_verdict import match_line, verdict_of
from tests.pipelines.reconciliation.report_frames import (
    DAY,
    NAMES,
    account,
    broken,
    history,
    match,
    ordinary_day,
    report_day,
)


def test_the_verdict_tells_what_how_much_since_when_and_whose() -> None:
    verdict = verdict_of(figures_of(ordinary_day(), names=NAMES), names=NAMES)
    assert not verdict.well
    assert verdict.sentence == (
        "Not everything is there: 3 breaks open on 1 of 3 accounts, "
        "1 account without a statement for this date."
    )
    assert dict(verdict.answers) == {
        "What?": ("Both have it, with different amounts: 2", "Not at the bank: 1"),
        "How much?": ("GBP 2.75 in 2 breaks", "XOF 58 in 1 break"),
        "Since when?": (
            "oldest: 2026-01-21 (40 days)",
            "1 new on this date",
            "1 open for more than 7 days",
        ),
        "Whose?": ("payments operations: 2", "treasury operations: 1"),
    }


def test_a_day_on_which_all_agrees_says_so() -> None:
    figures = figures_of(report_day(accounts=[account(1), account(2)]), names=NAMES)
    verdict = verdict_of(figures, names=NAMES)
    assert verdict.well
    assert verdict.sentence.startswith("Everything is there: 6 items matched on 2 accounts")


def test_a_day_without_accounts_is_no_proof_that_all_is_there() -> None:
    verdict = verdict_of(figures_of(report_day(accounts=[]), names=NAMES), names=NAMES)
    assert not verdict.well
    assert verdict.sentence.startswith("Nothing was reconciled")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"unexplained_minor": 1}, "1 account with an unexplained difference"),
        ({"stated_until": None}, "1 account without a statement for this date"),
        ({"stated_until": DAY - timedelta(days=1)}, "1 account without a statement for this date"),
    ],
)
def test_trouble_without_a_break_is_trouble(columns: dict[str, object], words: str) -> None:
    verdict = verdict_of(
        figures_of(report_day(accounts=[account(1, **columns)]), names=NAMES), names=NAMES
    )
    assert not verdict.well
    assert words in verdict.sentence
    assert verdict.answers[0] == ("What?", (words,))


def test_an_account_without_items_need_not_be_stated() -> None:
    quiet = account(1, stated_until=None, ledger_items=0, matched_items=0)
    assert figures_of(report_day(accounts=[quiet]), names=NAMES).everything_is_there


def test_openings_are_the_closings_of_the_last_date_before() -> None:
    figures = figures_of(ordinary_day(**history(3)), names=NAMES)
    opening = figures.accounts.filter(account_id=1).select(
        "ledger_opening_minor", "stated_opening_minor"
    )
    assert opening.row(0) == (1_000, 2_000)
    assert figures.accounts.filter(account_id=2)["ledger_opening_minor"].item() is None


def test_rates_count_open_breaks_as_due_and_rounding_not_at_all() -> None:
    rounding = broken(9, difference_minor=1, break_class="rounding")
    day = report_day(
        accounts=[account(1, matched_items=3)], breaks=[broken(1, difference_minor=5), rounding]
    )
    figures = figures_of(day, names=NAMES)
    assert figures.accounts["due_items"].item() == 4
    assert match_line(figures) == "75.00 % matched: 3 of 4 items"
    assert percent(99_999, 100_000) == "99.99 %"


def test_passes_count_each_ledger_entry_once() -> None:
    matches = [match(1), match(1, statement_ref="file#other"), match(2), match(3, proved_by="near")]
    day = report_day(accounts=[account(1, matched_items=3)], matches=matches)
    passes = figures_of(day, names=NAMES).passes
    assert passes.select("pass", "matched", "due_items").rows() == [
        ("Same reference", 2, 3),
        ("Same amount, near date", 1, 3),
    ]


def test_sums_beyond_64_bits_are_exact_and_currencies_stay_apart() -> None:
    huge = 9_000_000_000_000_000_000
    breaks = [broken(n, difference_minor=huge, ledger_minor=0, stated_minor=huge) for n in range(3)]
    breaks.append(broken(9, difference_minor=-7, currency="XOF"))
    figures = figures_of(report_day(accounts=[account(1)], breaks=breaks), names=NAMES)
    assert by_currency(figures.breaks).select(
        "currency", "difference_minor", "absolute_minor"
    ).rows() == [
        ("GBP", 3 * huge, 3 * huge),
        ("XOF", -7, 7),
    ]


@pytest.mark.parametrize(
    ("age", "band"),
    [(0, 0), (1, 0), (2, 1), (7, 1), (8, 2), (30, 2), (31, 3), (90, 3), (91, 4), (4_000, 4)],
)
def test_ages_fall_into_their_band(age: int, band: int) -> None:
    ages = pl.DataFrame({"age_days": [age]}, schema={"age_days": pl.Int32})
    assert banded(ages)["age_band"].item() == BAND_NAMES[band]


def test_the_trend_has_thirty_dates_and_counts_what_was_resolved() -> None:
    trend = figures_of(ordinary_day(**history(40)), names=NAMES).trend
    assert trend.height == 30
    assert trend["business_date"].to_list() == [DAY - timedelta(days=ago) for ago in range(29, -1, -1)]
    assert trend["resolved"].null_count() == 0
    last = trend.row(-1, named=True)
    assert (last["breaks"], last["new"]) == (3, 1)
    assert (last["matched_items"], last["due_items"]) == (10, 13)
    before = trend.row(-2, named=True)
    assert (before["breaks"], before["resolved"]) == (1, 2)


def test_history_of_the_date_itself_and_later_is_passed_over() -> None:
    later = {name: rows.with_columns(business_date=DAY) for name, rows in history(3).items()}
    one, other = (figures_of(ordinary_day(**frames), names=NAMES) for frames in ({}, later))
    assert one.trend.equals(other.trend)
    assert one.accounts.equals(other.accounts)


def test_cases_say_who_has_a_break_and_what_is_late() -> None:
    late = DAY - timedelta(days=1)
    states = {"break:000001": "assigned", "break:000002": "written off", "break:gone": "assigned"}
    cases = [
        {"ref": ref, "state": state, "assignee": "A. B.", "due_date": late, "comments": None}
        for ref, state in states.items()
    ]
    day = ordinary_day()
    figures = figures_of(replace(day, cases=pl.DataFrame(cases, schema=CASES_SCHEMA)), names=NAMES)
    assert figures.breaks.height == 3
    assert dict(figures.breaks.select("ref", "overdue").iter_rows()) == {
        "break:000001": True,
        "break:000002": False,
        "break:000003": False,
    }
    answers = dict(verdict_of(figures, names=NAMES).answers)
    assert "1 past their due date" in answers["Since when?"]
    assert "1 without a person" in answers["Whose?"]


def test_frames_of_another_date_or_shape_are_refused() -> None:
    day = ordinary_day()
    with pytest.raises(ReportOfAnotherDate, match="reconciliation_breaks"):
        report_day(accounts=[], breaks=[broken(1, difference_minor=1, business_date=DAY.replace(day=1))])
    with pytest.raises(SchemaMismatch):
        ReportDay(
            business_date=DAY,
            accounts=day.accounts.drop("breaks"),
            matches=day.matches,
            breaks=day.breaks,
        )


def test_an_unknown_currency_is_told_in_minor_units() -> None:
    assert NAMES.amount(-1_234_567, "ZZZ") == "-1,234,567 minor units"
    assert [NAMES.amount(minor, "TND") for minor in (-5, 1_000, None)] == ["-0.005", "1.000", ""]


BREAK_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["GBP", "XOF", "KES"]),
        st.integers(-(10**12), 10**12),
        st.sampled_from(["finance", "treasury_operations", None]),
    ),
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(rows=BREAK_ROWS, most=st.integers(0, 12))
def test_totals_and_largest_agree_with_counting_by_hand(
    rows: list[tuple[str, int, str | None]], most: int
) -> None:
    breaks = [
        broken(n, difference_minor=minor, currency=currency, owner=owner)
        for n, (currency, minor, owner) in enumerate(rows)
    ]
    figures = figures_of(report_day(accounts=[account(1)], breaks=breaks), names=NAMES)
    expected: dict[tuple[str, str], tuple[int, int, int]] = {}
    for currency, minor, owner in rows:
        key = ((owner or "nobody").replace("_", " "), currency)
        number, net, gross = expected.get(key, (0, 0, 0))
        expected[key] = (number + 1, net + minor, gross + abs(minor))
    found = totals(figures.breaks, by="owner")
    columns = ("owner", "currency", "breaks", "difference_minor", "absolute_minor")
    assert {row[:2]: row[2:] for row in found.select(columns).iter_rows()} == expected
    first = largest(figures.breaks, most)
    rest = largest(figures.breaks, 100, skip=most)
    assert first.height == min(most, len(rows))
    assert sorted([*first["ref"], *rest["ref"]]) == sorted(figures.breaks["ref"])
    for currency in {row[0] for row in rows}:
        chosen = first.filter(currency=currency)["difference_minor"].abs().to_list()
        sizes = sorted((abs(minor) for name, minor, _ in rows if name == currency), reverse=True)
        assert chosen == sizes[: len(chosen)]
        # No currency has two more among the chosen than another one that has breaks left.
        counts = first.group_by("currency").len()
        most_of_one = int(counts["len"].max() or 0)
        assert len(chosen) >= min(len(sizes), most_of_one - 1)


def test_the_order_of_rows_does_not_matter() -> None:
    day = ordinary_day(**history(2))
    turned = ReportDay(
        business_date=DAY,
        accounts=day.accounts.reverse(),
        matches=day.matches.reverse(),
        breaks=day.breaks.reverse(),
        accounts_before=day.accounts_before.reverse(),
        breaks_before=day.breaks_before.reverse(),
    )
    one, other = figures_of(day, names=NAMES), figures_of(turned, names=NAMES)
    for name in ("accounts", "breaks", "passes", "ageing", "trend"):
        assert getattr(one, name).equals(getattr(other, name)), name
