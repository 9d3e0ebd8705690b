"""The order within a day is the one that accuses the bank of the fewest errors."""

import itertools
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.payments.sources.balance_chain import DAY_LIMIT, DayTooLong, chain_positions

TOLERANCE = 10
FIRST = date(2026, 1, 5)
Item = tuple[int, int, int]  # day, signed, stated


def chained(items: list[Item]) -> pl.DataFrame:
    return chain_positions(
        pl.DataFrame(
            {
                "account": [1] * len(items),
                "day": [FIRST + timedelta(days=day) for day, _, _ in items],
                "number": list(range(len(items))),
                "signed_minor": [signed for _, signed, _ in items],
                "stated_minor": [stated for _, _, stated in items],
            },
            schema_overrides={"day": pl.Date},
        ),
        tolerance_minor=TOLERANCE,
    )


def cost(order: list[Item]) -> tuple[int, int]:
    """Steps that disagree, and the sum of all disagreements."""
    before, breaks, total = 0, 0, 0
    for _, signed, stated in order:
        gap = abs(before + signed - stated)
        breaks, total, before = breaks + (gap > TOLERANCE), total + gap, stated
    return breaks, total


def cheapest(items: list[Item]) -> tuple[int, int]:
    """By trying every order of every day."""
    days = [[item for item in items if item[0] == day] for day in sorted({day for day, _, _ in items})]
    orders = itertools.product(*(itertools.permutations(day) for day in days))
    return min(cost([item for day in order for item in day]) for order in orders)


def test_the_file_order_does_not_matter() -> None:
    assert chained([(0, -30, 170), (0, 100, 100), (0, 100, 200)])["number"].to_list() == [1, 2, 0]


def test_the_next_day_decides_where_a_loop_of_equal_sums_ends() -> None:
    loop = [(0, 1000, 1000), (1, 500, 1500), (1, -500, 1000)]
    # The third day begins from 1000 or from 1500; only one way round the second day leads there.
    assert chained([*loop, (2, 1, 1001)])["gap_minor"].abs().max() == 0
    other = [(0, 1000, 1000), (1, 500, 1000), (1, -500, 500), (2, 500, 1500), (2, -400, 600)]
    assert cost_of(chained(other)) == cheapest(other)


def test_one_missing_transaction_is_one_disagreement() -> None:
    rows = chained([(0, 1000, 1000), (1, -100, 1400), (1, -200, 1200)])
    assert rows["gap_minor"].to_list() == [0, -500, 0]


def test_rounding_is_no_disagreement_but_the_exact_order_wins() -> None:
    rows = chained([(0, 995, 1000), (0, 10, 1010)])
    assert rows["number"].to_list() == [0, 1]


def test_orders_that_nothing_tells_apart_follow_the_source() -> None:
    loop = [(0, 100, 100), (1, 50, 150), (1, -50, 100), (1, 50, 150), (1, -50, 100)]
    assert chained(loop)["number"].to_list() == [0, 1, 2, 3, 4]


def cost_of(rows: pl.DataFrame) -> tuple[int, int]:
    gaps = rows["gap_minor"].abs()
    return int((gaps > TOLERANCE).sum()), int(gaps.sum())


small = st.integers(-4, 4).map(lambda n: n * 9)


@settings(max_examples=75, deadline=None)
@given(items=st.lists(st.tuples(st.integers(0, 3), small, small), min_size=1, max_size=8))
def test_the_order_is_as_cheap_as_the_best_of_all_orders(items: list[Item]) -> None:
    rows = chained(items)
    assert sorted(rows["number"]) == list(range(len(items)))
    assert rows["day"].is_sorted()
    assert cost_of(rows) == cheapest(items)


def test_a_day_beyond_the_limit_is_named() -> None:
    with pytest.raises(DayTooLong, match=f"has {DAY_LIMIT + 1} transactions on 2026-01-05"):
        chained([(0, 1, 1)] * (DAY_LIMIT + 1))
