"""The value-optimal mode keeps every limit, is at most the bound, and prices prove its bound."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from pipelines.netting.gridlock import resolve_gridlock
from pipelines.netting.liquidity import Effort, OptimalSettlement, settle_most_value
from pipelines.netting.liquidity_bound import SETTLES, Leaf, Relaxation
from pipelines.netting.payment_queue import QueueTooLarge, read_queue
from tests.pipelines.netting.liquidity_queues import NAMES, Drawn, Queued, allowed, drawn_queues, frames

SHORT = Effort(solutions=30, branches=40)
UNTIMED = settings(deadline=None)  # how long a solver takes on a busy machine is no claim


def optimal(drawn: Drawn, effort: Effort = SHORT) -> OptimalSettlement:
    return settle_most_value(read_queue(*frames(drawn)), effort)


def best_value(drawn: Drawn, rows: range, decided: dict[int, bool]) -> int | None:
    """The most value of any choice that holds and is as decided, by trying all of them."""
    values = [
        sum(drawn.payments[row].amount for row in choice)
        for size in range(len(rows) + 1)
        for choice in combinations(rows, size)
        if all((row in choice) == settles for row, settles in decided.items())
        and allowed(drawn, list(choice))
    ]
    return max(values, default=None)


@UNTIMED
@given(drawn_queues(largest=8))
def test_settled_value_is_at_most_the_optimum_and_the_optimum_at_most_the_bound(drawn: Drawn) -> None:
    result, rows = optimal(drawn), range(len(drawn.payments))
    best = best_value(drawn, rows, {})
    assert best is not None
    assert result.settled_minor <= best <= result.bound.bound_minor <= result.bound.relaxed_minor
    assert result.gap_minor == result.bound.bound_minor - result.settled_minor


@UNTIMED
@given(drawn_queues(largest=8))
def test_enough_branches_find_the_optimum_and_prove_it(drawn: Drawn) -> None:
    result = optimal(drawn, Effort(solutions=0, branches=2000))
    assert result.gap_minor == 0
    assert result.settled_minor == best_value(drawn, range(len(drawn.payments)), {})


@UNTIMED
@given(drawn_queues(largest=40))
def test_limits_hold_and_it_settles_no_less_than_the_order_allows(drawn: Drawn) -> None:
    result = optimal(drawn)
    rows = [int(payment_id.removeprefix("payment-")) for payment_id in result.settled["payment_id"]]
    assert allowed(drawn, rows)
    assert result.settled_minor == sum(drawn.payments[row].amount for row in rows)
    assert result.settled_minor >= resolve_gridlock(read_queue(*frames(drawn))).settled_minor
    after = dict(result.liquidity.select("participant_id", "liquidity_after_minor").rows())
    assert all(after[name] >= -drawn.caps[name] for name in NAMES)


def compatible(one: Leaf, other: Leaf) -> bool:
    decided = dict(one.decisions)
    return all(decided.get(row, decision) == decision for row, decision in other.decisions)


@UNTIMED
@given(drawn_queues(largest=7))
def test_the_cases_of_the_proof_are_all_cases_and_none_settles_more_than_its_bound(drawn: Drawn) -> None:
    queue = read_queue(*frames(drawn))
    leaves = settle_most_value(queue, SHORT).bound.leaves
    assert sum(Fraction(1, 2 ** len(leaf.decisions)) for leaf in leaves) == 1
    assert not any(compatible(*pair) for pair in combinations(leaves, 2))
    places = [int(name.removeprefix("payment-")) for name in queue.payments["payment_id"]]
    for leaf in leaves:
        decided = {places[row]: decision == SETTLES for row, decision in leaf.decisions}
        best = best_value(drawn, range(len(drawn.payments)), decided)
        assert best is None or best <= leaf.bound_minor


@UNTIMED
@given(drawn_queues(largest=8), st.lists(st.integers(0, 9), min_size=len(NAMES), max_size=len(NAMES)))
def test_any_prices_at_all_give_a_true_bound(drawn: Drawn, prices: list[int]) -> None:
    bound = Relaxation(read_queue(*frames(drawn))).price_bound((), np.array(prices, np.int64))
    best = best_value(drawn, range(len(drawn.payments)), {})
    assert best is not None
    assert bound >= best


def value_by_highs(drawn: Drawn) -> float:
    """The relaxation payment by payment, as a linear program."""
    amounts = np.array([payment.amount for payment in drawn.payments], float)
    rows, limits = [], []
    for name in NAMES:
        rows.append([(p.debtor == name) * 1.0 - (p.creditor == name) for p in drawn.payments])
        limits.append(drawn.liquidity[name] + drawn.caps[name])
    for (one, other), limit in drawn.limits.items():
        there = [(p.debtor, p.creditor) == (one, other) for p in drawn.payments]
        back = [(p.debtor, p.creditor) == (other, one) for p in drawn.payments]
        rows.append([float(t) - float(b) for t, b in zip(there, back, strict=True)])
        limits.append(limit)
    solved = linprog(-amounts, A_ub=np.array(rows) * amounts, b_ub=limits, bounds=(0, 1), method="highs")
    return float(-solved.fun)


@UNTIMED
@given(drawn_queues(largest=40).filter(lambda drawn: bool(drawn.payments)))
def test_the_relaxation_is_the_linear_program_that_highs_solves(drawn: Drawn) -> None:
    relaxation = Relaxation(read_queue(*frames(drawn)))
    flows = relaxation.solve(relaxation.undecided())
    assert flows.value_minor == pytest.approx(value_by_highs(drawn), abs=1e-5)
    assert relaxation.price_bound((), relaxation.prices(flows)) == flows.value_minor


def test_the_same_queue_gives_the_same_choice() -> None:
    draw = np.random.default_rng(7)
    debtor = draw.integers(0, 20, 2000)
    creditor = (debtor + draw.integers(1, 20, 2000)) % 20
    payments = pl.DataFrame(
        {
            "payment_id": [f"p{n}" for n in range(2000)],
            "debtor_id": [f"bank-{n}" for n in debtor],
            "creditor_id": [f"bank-{n}" for n in creditor],
            "amount_minor": (draw.pareto(1.2, 2000) * 1000 + 1000).astype(np.int64),
            "position": np.arange(2000),
        }
    )
    liquidity = pl.DataFrame({"participant_id": [f"bank-{n}" for n in range(20)]}).with_columns(
        liquidity_minor=pl.lit(2000, pl.Int64)
    )
    first, second = (
        settle_most_value(read_queue(shuffled, liquidity), SHORT)
        for shuffled in (payments, payments.sample(fraction=1, shuffle=True, seed=3))
    )
    assert first.settled.equals(second.settled)
    assert first.bound.bound_minor == second.bound.bound_minor
    assert first.settled_minor > 0.9 * first.bound.bound_minor


def test_a_queue_too_large_for_exact_prices_is_refused() -> None:
    payments = pl.DataFrame(
        {
            "payment_id": ["p"],
            "debtor_id": ["amani"],
            "creditor_id": ["baobab"],
            "amount_minor": [2**59],
            "position": [0],
        }
    )
    liquidity = pl.DataFrame({"participant_id": ["amani", "baobab"], "liquidity_minor": [0, 0]})
    with pytest.raises(QueueTooLarge):
        settle_most_value(read_queue(payments, liquidity))


def test_an_empty_queue_settles_to_nothing_with_nothing_left_to_gain() -> None:
    result = optimal(Drawn([], dict.fromkeys(NAMES, 5), dict.fromkeys(NAMES, 0), {}))
    assert (result.settled_minor, result.bound.bound_minor, result.gap_minor) == (0, 0, 0)


def test_of_two_payments_that_fit_a_bilateral_limit_one_at_a_time_one_settles() -> None:
    payments = [Queued("amani", "baobab", amount, 0) for amount in (100, 3, 3)]
    money = dict.fromkeys(NAMES, 10)
    drawn = Drawn(payments, money, dict.fromkeys(NAMES, 0), {("amani", "baobab"): 4})
    assert optimal(drawn, Effort(solutions=0, branches=1)).settled_minor == 3
