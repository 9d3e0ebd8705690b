"""Pairs that are nearly equal: amounts within a tolerance or less a fee, texts written differently."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.reconciliation.matching import match_items
from pipelines.reconciliation.pass_rules import Measure, NearPass, Pass, SimilarPass
from pipelines.reconciliation.rules import BreakClass, DifferenceRule
from pipelines.reconciliation.similar_pairs import normalised
from tests.pipelines.reconciliation.matching_items import (
    check_conservation,
    check_order,
    items,
    sides_of,
)

NEAR = NearPass(
    id="near",
    title="Nearly the same amount",
    equal=("account", "direction"),
    outcome="rounding",
    value_date_tolerance_days=1,
    amount_tolerance_minor=3,
)
LESS_FEE = NearPass(
    id="less_fee",
    title="Less a fee",
    equal=("account", "end_to_end_id", "direction"),
    outcome="fee",
    difference="fee",
)
REFERENCE = SimilarPass(
    id="reference",
    title="Reference written differently",
    equal=("account", "signed_minor"),
    outcome="match",
    value_date_tolerance_days=2,
    text="end_to_end_id",
    measure=Measure.REFERENCE,
    accept_score=0.9,
    propose_score=0.7,
)
NAME = SimilarPass(
    id="name",
    title="Name written differently",
    equal=("account", "signed_minor"),
    outcome="match",
    text="name",
    measure=Measure.NAME,
    accept_score=0.9,
    propose_score=0.8,
)
ROW = st.fixed_dictionaries(
    {
        "account": st.integers(0, 1),
        "signed_minor": st.integers(-12, 12).filter(bool),
        "day": st.integers(0, 2),
    }
)


def near_candidates(ledger: pl.DataFrame, stated: pl.DataFrame) -> set[tuple[int, int]]:
    return {
        (left["item"], right["item"])
        for left in ledger.iter_rows(named=True)
        for right in stated.iter_rows(named=True)
        if left["account"] == right["account"]
        and (left["signed_minor"] > 0) == (right["signed_minor"] > 0)
        and abs(left["signed_minor"] - right["signed_minor"]) <= 3
        and abs((left["value_date"] - right["value_date"]).days) <= 1
    }


@settings(max_examples=60, deadline=None)
@given(ledger=st.lists(ROW, max_size=7), stated=st.lists(ROW, max_size=7), seed=st.integers(0, 99))
def test_amounts_within_the_tolerance_pair_where_each_is_the_others_only_candidate(
    ledger: Any, stated: Any, seed: int
) -> None:
    left, right = items(ledger), items(stated, first=100)
    matching = match_items(left, right, passes=[NEAR])
    every = near_candidates(left, right)
    expected = {
        (own, other)
        for own, other in every
        if sum(one[0] == own for one in every) == sum(one[1] == other for one in every) == 1
    }
    assert set(matching.pairs.select("ledger_item", "stated_item").iter_rows()) == expected
    assert {(min(own), min(other)) for own, other in sides_of(matching.proposed)} <= every - expected
    check_conservation(matching, ledger=left, stated=right)
    check_order(left, right, passes=[NEAR], seed=seed)


@pytest.mark.parametrize(
    ("ledger", "stated", "explained"),
    [
        (10_000, 9_950, True),  # 25 fixed and 25 basis points of 10,000
        (10_000, 9_949, False),
        (10_000, 10_010, False),  # more arrived: no fee of anyone
        (-10_000, -10_050, True),  # more left
        (-10_000, -9_990, False),
    ],
)
def test_a_fee_is_explained_up_to_what_is_declared_and_against_us_only(
    ledger: int, stated: int, explained: bool
) -> None:
    rule = DifferenceRule(
        difference=BreakClass.FEE, counterparty="gb-partner", currency="GBP", minor=25, basis_points=25
    )
    row = {"end_to_end_id": "A", "counterparty": "gb-partner", "currency": "GBP"}
    sides = [
        items([row | {"signed_minor": ledger}]),
        items([row | {"signed_minor": stated}], first=100),
    ]
    matching = match_items(*sides, passes=[LESS_FEE], differences=[rule])
    assert matching.pairs["difference_minor"].to_list() == ([stated - ledger] if explained else [])
    elsewhere = [side.with_columns(counterparty=pl.lit("us-partner")) for side in sides]
    assert match_items(*elsewhere, passes=[LESS_FEE], differences=[rule]).pairs.is_empty()


def test_the_first_rule_about_an_item_counts() -> None:
    rules = [
        DifferenceRule(difference=BreakClass.FEE, currency="GBP", minor=1),
        DifferenceRule(difference=BreakClass.FEE, minor=100),
    ]
    row = {"end_to_end_id": "A", "currency": "GBP"}
    for currency, pairs in (("GBP", 0), ("USD", 1)):
        sides = [items([row | {"signed_minor": minor, "currency": currency}]) for minor in (500, 450)]
        assert match_items(*sides, passes=[LESS_FEE], differences=rules).pairs.height == pairs


def test_no_rule_explains_nothing() -> None:
    sides = [items([{"signed_minor": minor, "end_to_end_id": "A"}]) for minor in (500, 499)]
    assert match_items(*sides, passes=[LESS_FEE]).pairs.is_empty()


@pytest.mark.parametrize(
    ("ours", "theirs", "accepted"),
    [
        ("KE-B01-20260302-0001", "ke b01 20260302 0001", True),
        ("KE-B01-20260302-0001", "/ROC/KEB0120260302-0001//URI", True),
        ("KE-B01-20260302-0001", "KE-B01-20260302-000", True),  # cut off by the bank
        ("KE-B01-20260302-0001", "KE-B01-20260302-00O1", True),
        ("KE-B01-20260302-0001", "KE-B01-20260203-0001", False),  # alike enough to propose
        ("KE-B01-20260302-0001", "SALARY MARCH", None),
        ("A1", "INVOICE A1", None),  # too short to be found by chance
    ],
)
def test_references_written_differently(ours: str, theirs: str, accepted: bool | None) -> None:
    ledger = items([{"signed_minor": 500, "end_to_end_id": ours}])
    stated = items([{"signed_minor": 500, "end_to_end_id": theirs, "day": 2}], first=100)
    matching = match_items(ledger, stated, passes=[REFERENCE])
    assert matching.pairs.height == (accepted is True)
    assert matching.proposals.height == (accepted is False)


def test_a_second_reference_alike_leaves_both_proposed() -> None:
    ledger = items([{"signed_minor": 500, "end_to_end_id": f"INVOICE-2026-{n}"} for n in (17, 18)])
    stated = items([{"signed_minor": 500, "end_to_end_id": "INVOICE-2026-1"}], first=100)
    matching = match_items(ledger, stated, passes=[REFERENCE])
    assert matching.pairs.is_empty()
    assert matching.proposals["rivals"].to_list() == [1, 1]


def test_a_proposal_is_void_when_a_later_pass_takes_one_of_its_items() -> None:
    ledger = items([{"signed_minor": 500, "end_to_end_id": f"INVOICE-2026-{n}"} for n in (17, 18)])
    stated = items([{"signed_minor": 500, "end_to_end_id": "INVOICE-2026-1"}], first=100)
    first = Pass(id="first", title="First", equal=("account", "signed_minor"), outcome="match")
    matching = match_items(ledger, stated, passes=[REFERENCE, first])
    assert matching.pairs.select("ledger_item", "stated_item").rows() == [(0, 100)]
    assert matching.proposals.is_empty()
    assert matching.proposed.is_empty()


def test_an_equal_reference_is_not_an_alike_one() -> None:
    sides = [items([{"signed_minor": 500, "end_to_end_id": "INVOICE-17", "day": day}]) for day in (0, 1)]
    assert match_items(*sides, passes=[REFERENCE]).pairs.is_empty()


def test_names_are_compared_without_accents_and_in_any_order() -> None:
    names = pl.Series(["Adé  OKÉKÉ-Bello", "bello okeke ade"])
    assert pl.select(normalised(pl.lit(names), measure=Measure.NAME)).to_series().n_unique() == 1
    ledger = items([{"signed_minor": 500, "name": name} for name in ("Wanjiru Kamau", "Otieno Ouma")])
    stated = items([{"signed_minor": 500, "name": "KAMAU WANJIRU"}], first=100)
    pairs = match_items(ledger, stated, passes=[NAME]).pairs
    assert pairs.select("ledger_item", "stated_item", "score").rows() == [(0, 100, 1.0)]


def test_a_block_with_too_many_pairs_is_told_and_not_compared() -> None:
    many = [{"signed_minor": 500, "name": f"Customer {number}"} for number in range(101)]
    matching = match_items(items(many), items(many[:100], first=1000), passes=[NAME])
    assert matching.pairs.is_empty()
    assert matching.unproved.select("ledger_items", "stated_items").rows() == [(101, 100)]
