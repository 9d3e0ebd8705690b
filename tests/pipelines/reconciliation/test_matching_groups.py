"""Groups of items against walking every pair of subsets: what is accepted is the only answer."""

import random
from itertools import chain, combinations
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.reconciliation import subset_groups
from pipelines.reconciliation.match_shapes import Found
from pipelines.reconciliation.matching import match_items
from pipelines.reconciliation.pass_rules import GroupPass, Shape, Side, SubsetPass
from pipelines.reconciliation.rules import load_rules
from pipelines.reconciliation.subset_sum import Bounds
from tests.pipelines.reconciliation.matching_items import (
    check_conservation,
    check_order,
    groups_of,
    items,
    sides_of,
)

Group = tuple[frozenset[int], frozenset[int]]
WINDOW = 1
ROW = st.fixed_dictionaries(
    {
        "account": st.sampled_from([0, 0, 0, 1]),
        "signed_minor": st.sampled_from([-3, -2, 1, 2, 5, 8, 13, 15]),
        "day": st.sampled_from([0, 0, 0, 1, 2, None]),
        "end_to_end_id": st.sampled_from([None, "A", "B"]),
    }
)
LEDGER, STATED = st.lists(ROW, max_size=5), st.lists(ROW, max_size=5)


def rule(shape: Shape, **changes: Any) -> SubsetPass:
    declared = {"max_coincidences": 1e12} | changes
    return SubsetPass(
        id=str(shape),
        title="Equal sums",
        equal=("account", "direction"),
        outcome="match",
        value_date_tolerance_days=WINDOW,
        shape=shape,
        **declared,
    )


def subsets(rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], ...]]:
    return list(chain.from_iterable(combinations(rows, size) for size in range(1, len(rows) + 1)))


def candidates(ledger: pl.DataFrame, stated: pl.DataFrame, *, shape: Shape) -> set[Group]:
    """Every group of the shape: one block, within the window, equal sums, no part that agrees."""
    found: set[Group] = set()
    for own in subsets(list(ledger.iter_rows(named=True))):
        for other in subsets(list(stated.iter_rows(named=True))):
            rows = [*own, *other]
            days = [row["value_date"] for row in rows]
            if (
                len({(row["account"], row["signed_minor"] > 0) for row in rows}) == 1
                and None not in days
                and (max(days) - min(days)).days <= WINDOW
                and sum(row["signed_minor"] for row in own) == sum(row["signed_minor"] for row in other)
                and (shape == Shape.MANY_TO_MANY or 1 in {len(own), len(other)})
            ):
                found.add(
                    (frozenset(row["item"] for row in own), frozenset(row["item"] for row in other))
                )
    return {
        one
        for one in found
        if not any(other != one and other[0] <= one[0] and other[1] <= one[1] for other in found)
    }


def certain(groups: set[Group]) -> set[Group]:
    return {
        one
        for one in groups
        if not any(other != one and (other[0] & one[0] or other[1] & one[1]) for other in groups)
    }


@pytest.mark.parametrize("shape", list(Shape))
@settings(max_examples=80, deadline=None)
@given(ledger=LEDGER, stated=STATED)
def test_accepted_are_exactly_the_groups_that_share_no_item_with_another(
    shape: Shape, ledger: Any, stated: Any
) -> None:
    left, right = items(ledger), items(stated, first=100)
    matching = match_items(left, right, passes=[rule(shape)])
    every = candidates(left, right, shape=shape)
    assert groups_of(matching) == certain(every)
    assert sides_of(matching.proposed) <= every - certain(every)
    assert matching.unproved.is_empty()
    check_conservation(matching, ledger=left, stated=right)


@pytest.mark.parametrize("shape", list(Shape))
@settings(max_examples=15, deadline=None)
@given(ledger=LEDGER, stated=STATED, limit=st.integers(1, 3))
def test_with_little_work_allowed_nothing_is_accepted_that_is_not_certain(
    shape: Shape, ledger: Any, stated: Any, limit: int
) -> None:
    left, right = (
        side.with_columns(
            direction=pl.col("signed_minor") > 0, value_day=pl.col("value_date").cast(pl.Int32)
        )
        for side in (items(ledger), items(stated, first=100))
    )
    bounds = Bounds(subsets=limit, half_items=1, zero_sums=1, table_bytes=8 * limit, solver_work=0.01)
    found: Found = subset_groups.run_subsets(rule(shape), left=left, right=right, bounds=bounds)
    assert sides_of(found.members) <= certain(candidates(left, right, shape=shape))


@settings(max_examples=60, deadline=None)
@given(ledger=LEDGER, stated=STATED)
def test_a_key_group_is_all_items_of_the_key_when_their_sums_agree(ledger: Any, stated: Any) -> None:
    left, right = items(ledger), items(stated, first=100)
    keyed = GroupPass(
        id="keyed", title="One key", equal=("account", "end_to_end_id", "direction"), outcome="match"
    )
    matching = match_items(left, right, passes=[keyed])
    expected = set()
    keys = {
        (row["account"], row["end_to_end_id"], row["signed_minor"] > 0)
        for row in left.iter_rows(named=True)
    }
    for key in keys:
        own, other = (
            [
                row
                for row in side.iter_rows(named=True)
                if key == (row["account"], row["end_to_end_id"], row["signed_minor"] > 0)
            ]
            for side in (left, right)
        )
        equal = sum(row["signed_minor"] for row in own) == sum(row["signed_minor"] for row in other)
        if key[1] and own and other and len(own) + len(other) > 2 and equal:
            expected.add(
                (frozenset(row["item"] for row in own), frozenset(row["item"] for row in other))
            )
    assert groups_of(matching) == expected
    check_conservation(matching, ledger=left, stated=right)


@settings(max_examples=20, deadline=None)
@given(ledger=LEDGER, stated=STATED, seed=st.integers(0, 99))
def test_all_declared_passes_conserve_and_do_not_depend_on_the_order_of_rows(
    ledger: Any, stated: Any, seed: int
) -> None:
    left, right = items(ledger), items(stated, first=100)
    passes = [*load_rules().passes[:5], rule(Shape.MANY_TO_MANY), *load_rules().passes[5:]]
    check_conservation(match_items(left, right, passes=passes), ledger=left, stated=right)
    check_order(left, right, passes=passes, seed=seed)


def test_a_batch_of_many_is_proved_against_the_one_sum_of_it() -> None:
    draw = random.Random(7)
    amounts = [draw.randrange(10_000, 10_000_000) for _ in range(20)]
    batch = sum(amounts[3:9])
    matching = match_items(
        items([{"signed_minor": amount, "end_to_end_id": f"P{amount}"} for amount in amounts]),
        items([{"signed_minor": batch}], first=100),
        passes=[rule(Shape.ONE_TO_MANY, without_reference=Side.STATED)],
    )
    assert groups_of(matching) == {(frozenset(range(3, 9)), frozenset({100}))}
    group = matching.groups.row(0, named=True)
    assert (group["ledger_items"], group["stated_items"], group["ledger_minor"]) == (6, 1, batch)
    assert group["method"] == "meet_in_the_middle"
    assert 0 < group["score"] < 1


def test_one_payment_stated_in_parts_without_reference_is_one_group() -> None:
    matching = match_items(
        items([{"signed_minor": -1_000_003}]),
        items([{"signed_minor": minor} for minor in (-400_001, -600_002, -77)], first=100),
        passes=[rule(Shape.ONE_TO_MANY)],
    )
    assert groups_of(matching) == {(frozenset({0}), frozenset({100, 101}))}


def test_what_was_not_counted_might_use_an_item_and_keeps_it_open() -> None:
    """30 is one item or 10 + 20, and only the first is listed; 25 is 20 + 5 and nothing else."""
    sides = (
        items([{"signed_minor": minor} for minor in (10, 20, 30, 5)]),
        items([{"signed_minor": minor} for minor in (30, 25)], first=100),
    )
    left, right = (
        side.with_columns(
            direction=pl.col("signed_minor") > 0, value_day=pl.col("value_date").cast(pl.Int32)
        )
        for side in sides
    )
    found = subset_groups.run_subsets(
        rule(Shape.ONE_TO_MANY), left=left, right=right, bounds=Bounds(subsets=1)
    )
    assert found.groups.is_empty()
    assert sides_of(found.proposed) >= {(frozenset({1, 3}), frozenset({101}))}
    assert "not counted" in " ".join(found.proposals["reason"])
    assert found.unproved.height == 1


def test_two_ways_to_the_same_sum_are_proposed_with_the_reason() -> None:
    matching = match_items(
        items([{"signed_minor": minor} for minor in (10, 20, 30, 40)]),
        items([{"signed_minor": 50}], first=100),
        passes=[rule(Shape.ONE_TO_MANY)],
    )
    assert matching.groups.is_empty()
    assert matching.proposals.select("ledger_items", "rivals").rows() == [(2, 1), (2, 1)]
    assert matching.proposals["reason"].unique().to_list() == ["1 other groups share an item with it"]


def test_a_sum_that_many_would_reach_by_chance_is_proposed_only() -> None:
    ledger = items([{"signed_minor": 100 * 2**number} for number in range(6)])
    stated = items([{"signed_minor": 1900}], first=100)
    matching = match_items(ledger, stated, passes=[rule(Shape.ONE_TO_MANY, max_coincidences=0.01)])
    assert matching.groups.is_empty()
    assert "by chance" in matching.proposals["reason"].item()


def test_proposals_of_an_item_are_bounded() -> None:
    matching = match_items(
        items([{"signed_minor": 1} for _ in range(8)]),
        items([{"signed_minor": 4}], first=100),
        passes=[rule(Shape.ONE_TO_MANY, max_proposals=3)],
    )
    assert matching.proposals.height == 3
    assert matching.proposals["rivals"].to_list() == [69] * 3


def test_a_block_that_is_too_large_to_prove_says_so() -> None:
    ledger = items([{"signed_minor": minor} for minor in range(1, 12)])
    matching = match_items(
        ledger,
        items([{"signed_minor": 3}], first=100),
        passes=[rule(Shape.ONE_TO_MANY, max_block_items=10)],
    )
    assert matching.groups.is_empty()
    assert matching.unproved.select("ledger_items", "stated_items", "reason").rows() == [
        (11, 1, "12 items are too many to count groups of")
    ]


def test_more_answers_than_are_counted_are_told() -> None:
    matching = match_items(
        items([{"signed_minor": 1} for _ in range(20)]),
        items([{"signed_minor": 10}], first=100),
        passes=[rule(Shape.ONE_TO_MANY)],
    )
    assert matching.groups.is_empty()
    assert "not all groups could be counted" in matching.unproved["reason"].item()
