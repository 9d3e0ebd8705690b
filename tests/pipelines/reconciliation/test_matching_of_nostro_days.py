"""Groups, proposals, declared fees and returns in the reconciliation of a day."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from pipelines.reconciliation.rules import BreakClass, DifferenceRule, Rules
from tests.pipelines.reconciliation.test_nostro_reconciliation import (
    DAY,
    NEXT,
    Run,
    item,
    only,
    statement,
)

AMOUNTS = {"A": 1_204_417, "B": 3_360_229, "C": 2_911_083}


@pytest.fixture
def run(books: Any, rules: Rules) -> Run:
    return Run(books, rules)


def test_a_batch_stated_as_one_entry_is_matched_with_all_its_payments(run: Run) -> None:
    ledger = [item(minor, ref) for ref, minor in AMOUNTS.items()]
    stated = [item(sum(AMOUNTS.values()))]
    result = run.day(DAY, ledger, statement(DAY, stated, opening=0))
    assert result.breaks.is_empty()
    matches = result.matches
    assert matches["ref"].unique().to_list() == [f"match:{DAY}:1"]
    assert matches["pass_id"].unique().to_list() == ["sum_of_many"]
    assert matches["items"].unique().to_list() == [4]
    assert matches["ledger_minor"].sum() == matches["stated_minor"].sum() == sum(AMOUNTS.values())
    assert matches.select(pl.col("version", "statement_ref").null_count()).row(0) == (1, 3)
    assert "the only such group (meet_in_the_middle)" in matches["evidence"][0]
    assert result.accounts["matched_items"].item() == 3
    assert result.evidence.height == 3


def test_one_payment_stated_in_parts_under_its_reference_is_one_match(run: Run) -> None:
    result = run.day(DAY, [item(300, "A")], statement(DAY, [item(100, "A"), item(200, "A")], opening=0))
    assert result.breaks.is_empty()
    assert result.matches["pass_id"].unique().to_list() == ["reference_sum"]
    assert result.matches["ref"].n_unique() == 1


def test_a_sum_with_two_answers_stays_open_and_is_proposed(run: Run) -> None:
    ledger = [item(minor, ref) for ref, minor in {"A": 100, "B": 200, "C": 300}.items()]
    stated = [item(300), item(999)]
    result = run.day(DAY, ledger, statement(DAY, stated, opening=0))
    assert result.matches["pass_id"].to_list() == ["amount_value_date"]
    result = run.day(NEXT, [item(200, "D")], statement(NEXT, [item(300)], opening=1299))
    assert result.matches.is_empty()
    assert result.proposals["ref"].n_unique() == 2
    assert set(result.proposals["reason"]) == {"1 other groups share an item with it"}
    assert result.proposals["signed_minor"].to_list().count(300) == 2
    assert set(result.breaks["break_class"]) == {"missing_at_bank", "missing_in_ledger"}


def test_a_reference_written_differently_is_matched_with_both_writings(run: Run) -> None:
    stated = [item(500, "/ROC/KEB0120260302//")]
    result = run.day(DAY, [item(500, "KE-B01-20260302")], statement(DAY, stated, opening=0))
    assert result.breaks.is_empty()
    assert result.matches.select("pass_id", "score").rows() == [("reference_alike", 0.97)]
    assert "KE-B01-20260302 written as /ROC/KEB0120260302//" in result.matches["evidence"].item()


def test_money_that_comes_back_is_a_return_until_it_is_booked(run: Run) -> None:
    run.day(DAY, [item(-500, "A")], statement(DAY, [item(-500, "A")], opening=0))
    back = item(500, "A", value_date=NEXT)
    found = only(run.day(NEXT, [], statement(NEXT, [back], opening=-500)).breaks)
    assert found["break_class"] == BreakClass.RETURN
    assert "gave it back" in found["detail"]
    third = NEXT + timedelta(days=1)
    later = run.day(third, [back], statement(third, [], opening=0))
    assert later.breaks.is_empty()
    assert found["ref"] in later.matches["evidence"].item()


def test_a_fee_taken_out_of_an_amount_is_a_fee_and_is_settled_by_booking_it(
    books: Any, rules: Rules
) -> None:
    fee = DifferenceRule(difference=BreakClass.FEE, counterparty="gb-partner", currency="GBP", minor=15)
    run = Run(books, replace(rules, differences=(fee,)))
    first = run.day(
        DAY,
        [item(500, "A"), item(700, "B")],
        statement(DAY, [item(490, "A"), item(680, "B")], opening=0),
    )
    classes = {row["end_to_end_id"]: row["break_class"] for row in first.breaks.iter_rows(named=True)}
    assert classes == {"A": "fee", "B": "amount"}
    fee_ref = first.breaks.filter(pl.col("break_class") == "fee")["ref"].item()
    second = run.day(NEXT, [], statement(NEXT, [], opening=1170))
    assert fee_ref in second.breaks["ref"]
    third = NEXT + timedelta(days=1)
    last = run.day(third, [item(-10, "A")], statement(third, [], opening=1170))
    assert only(last.breaks)["end_to_end_id"] == "B"
    assert last.matches["pass_id"].to_list() == ["correction", "correction"]
