"""Subset sums by three methods, each against walking every subset."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.reconciliation.reachable_sums import ReachableSums, table_bytes
from pipelines.reconciliation.subset_sum import (
    Bounds,
    Method,
    minimal_zero_sums,
    subsets_with_sums,
)
from pipelines.reconciliation.sum_solver import solve_sum

AMOUNTS = st.lists(st.integers(1, 40), min_size=1, max_size=9)
SIGNED = st.lists(st.integers(-12, 12).filter(bool), min_size=1, max_size=9)
ALL = Bounds(subsets=10_000)


def every_subset(amounts: list[int], target: int) -> list[tuple[int, ...]]:
    indexes = range(len(amounts))
    return sorted(
        subset
        for size in range(1, len(amounts) + 1)
        for subset in combinations(indexes, size)
        if sum(amounts[index] for index in subset) == target
    )


def minimal(subsets: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    return [one for one in subsets if not any(set(other) < set(one) for other in subsets)]


@settings(max_examples=150, deadline=None)
@given(amounts=AMOUNTS, targets=st.lists(st.integers(1, 90), min_size=1, max_size=3))
def test_meet_in_the_middle_finds_every_subset(amounts: list[int], targets: list[int]) -> None:
    for target, answer in zip(
        targets, subsets_with_sums(amounts, targets=targets, bounds=ALL), strict=True
    ):
        expected = every_subset(amounts, target)
        assert list(answer.found) == expected
        assert answer.complete
        assert answer.touched == {index for subset in expected for index in subset}
        assert answer.method == Method.MEET_IN_THE_MIDDLE


@settings(max_examples=150, deadline=None)
@given(amounts=AMOUNTS, target=st.integers(1, 200), unit=st.sampled_from([1, 7, 64, 100]))
def test_the_table_of_sums_finds_every_subset(amounts: list[int], target: int, unit: int) -> None:
    scaled = [amount * unit for amount in amounts]
    expected = every_subset(scaled, target)
    assert ReachableSums.of(scaled, target=target).subsets(limit=10_000) == (expected, True)


@settings(max_examples=25, deadline=None)
@given(amounts=AMOUNTS, target=st.integers(1, 60))
def test_the_solver_finds_every_subset(amounts: list[int], target: int) -> None:
    found, complete = solve_sum(amounts, target=target, limit=1_000, deterministic_time=20)
    assert complete
    assert sorted(found) == every_subset(amounts, target)


@settings(max_examples=150, deadline=None)
@given(amounts=SIGNED)
def test_minimal_sums_of_zero_contain_no_smaller_one(amounts: list[int]) -> None:
    answer = minimal_zero_sums(amounts, bounds=ALL)
    expected = minimal(every_subset(amounts, 0))
    assert answer.complete
    assert list(answer.found) == expected
    assert answer.touched == {index for subset in expected for index in subset}


@settings(max_examples=15, deadline=None)
@given(amounts=SIGNED)
def test_the_solver_finds_the_minimal_sums_of_zero(amounts: list[int]) -> None:
    found, complete = solve_sum(amounts, target=0, limit=1_000, deterministic_time=20)
    assert complete
    assert sorted(found) == minimal(every_subset(amounts, 0))


def test_more_subsets_than_the_bound_are_not_called_complete() -> None:
    bounds = Bounds(subsets=5)
    answer = subsets_with_sums([1] * 6 + [50], targets=[3], bounds=bounds)[0]
    assert len(answer.found) == 5
    assert not answer.complete
    assert answer.touched == set(range(6))


def test_exactly_as_many_subsets_as_the_bound_are_complete() -> None:
    answer = subsets_with_sums([1] * 6, targets=[1], bounds=Bounds(subsets=6))[0]
    assert len(answer.found) == 6
    assert answer.complete


@pytest.mark.parametrize(
    ("bounds", "method"),
    [
        (Bounds(half_items=30 // 2), Method.MEET_IN_THE_MIDDLE),
        (Bounds(half_items=2), Method.REACHABLE_SUMS),
        (Bounds(half_items=2, table_bytes=0, solver_work=30), Method.CONSTRAINT_SOLVER),
    ],
)
def test_the_three_methods_agree_on_a_unique_answer(bounds: Bounds, method: Method) -> None:
    """Powers of three: every sum of some of them is the sum of no others."""
    amounts = [3**exponent for exponent in range(16)]
    planted = (1, 4, 9, 15)
    target = sum(amounts[index] for index in planted)
    answer = subsets_with_sums(amounts, targets=[target], bounds=bounds)[0]
    assert (answer.found, answer.complete, answer.method) == ((planted,), True, method)


def test_a_solver_that_may_not_work_proves_nothing() -> None:
    amounts = [2 * 7919 * (index + 1) ** 2 + 2 for index in range(60)]
    bounds = Bounds(half_items=1, table_bytes=0, solver_work=1e-9)
    answer = subsets_with_sums(amounts, targets=[sum(amounts[::2])], bounds=bounds)[0]
    assert not answer.complete
    assert answer.touched == {
        index for index, amount in enumerate(amounts) if amount <= sum(amounts[::2])
    }


def test_amounts_beyond_exact_arithmetic_are_not_summed() -> None:
    answer = subsets_with_sums([2**61, 2**61], targets=[5], bounds=ALL)[0]
    assert (answer.complete, answer.method) == (False, Method.NONE)
    assert not minimal_zero_sums([2**61, -(2**61)], bounds=ALL).complete


@pytest.mark.parametrize(("amounts", "target"), [([0, 5], 5), ([-5], 5), ([5], 0)])
def test_sums_with_a_target_are_of_positive_amounts(amounts: list[int], target: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        subsets_with_sums(amounts, targets=[target], bounds=ALL)


def test_the_table_is_measured_in_the_amounts_common_unit() -> None:
    assert table_bytes([100] * 63, target=6300) == 64 * 8
