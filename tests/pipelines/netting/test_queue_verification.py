"""The verifier of the queue agrees with a loop over payments, and names what must not settle."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.netting.gridlock import resolve_gridlock, settle_as_they_enter
from pipelines.netting.liquidity import Effort, settle_most_value
from pipelines.netting.payment_queue import read_queue
from pipelines.netting.queue_verification import (
    overtaking_violations,
    settlement_violations,
    statement_violations,
)
from pipelines.netting.verification import VIOLATIONS_SCHEMA, Rule
from tests.pipelines.netting.liquidity_queues import Drawn, Queued, allowed, drawn_queues, frames

QUEUE = Drawn(
    payments=[
        Queued("amani", "baobab", 30, 0),
        Queued("baobab", "cauri", 20, 0),
        Queued("amani", "cauri", 5, 0),
    ],
    liquidity={"amani": 30, "baobab": 0, "cauri": 0, "dogon": 0},
    caps=dict.fromkeys(["amani", "baobab", "cauri", "dogon"], 0),
    limits={("amani", "baobab"): 30},
)
PAYMENTS, LIQUIDITY, LIMITS = frames(QUEUE)
SETTLED = PAYMENTS[:2]


def rules(violations: pl.DataFrame) -> list[str]:
    assert violations.schema == VIOLATIONS_SCHEMA
    return violations["rule"].unique().sort().to_list()


def less_liquidity(by_minor: int) -> pl.DataFrame:
    of_amani = (pl.col("participant_id") == "amani").cast(pl.Int64)
    return LIQUIDITY.with_columns(pl.col("liquidity_minor") - by_minor * of_amani)


@settings(deadline=None)
@given(drawn_queues(largest=10), st.sets(st.integers(0, 9)))
def test_a_choice_holds_exactly_when_a_loop_over_its_payments_says_so(
    drawn: Drawn, rows: set[int]
) -> None:
    payments, liquidity, limits = frames(drawn)
    chosen = sorted(row for row in rows if row < len(drawn.payments))
    found = settlement_violations(payments, payments[chosen], liquidity, limits)
    assert found.is_empty() == allowed(drawn, chosen)


@settings(deadline=None, max_examples=20)
@given(drawn_queues(largest=10))
def test_what_the_modes_of_the_queue_settle_is_proven(drawn: Drawn) -> None:
    payments, liquidity, limits = frames(drawn)
    queue = read_queue(payments, liquidity, limits)
    in_order = (resolve_gridlock(queue), settle_as_they_enter(queue))
    optimal = settle_most_value(queue, Effort(solutions=5, branches=5))
    for result in (*in_order, optimal):
        assert settlement_violations(payments, result.settled, liquidity, limits).is_empty()
        assert statement_violations(payments, result.settled, result.liquidity).is_empty()
    for result in in_order:
        assert overtaking_violations(payments, result.settled).is_empty()


@settings(deadline=None)
@given(drawn_queues(largest=8), st.sets(st.integers(0, 7)))
def test_overtaking_is_what_a_loop_over_pairs_of_payments_finds(drawn: Drawn, rows: set[int]) -> None:
    payments, _, _ = frames(drawn)
    chosen = {row for row in rows if row < len(drawn.payments)}
    order = [(payment.priority, row) for row, payment in enumerate(drawn.payments)]
    overtaking = {
        f"payment-{one}"
        for one in chosen
        for other in set(range(len(order))) - chosen
        if drawn.payments[one].debtor == drawn.payments[other].debtor and order[other] < order[one]
    }
    found = overtaking_violations(payments, payments[sorted(chosen)])
    assert set(found["where"]) == overtaking


def test_a_choice_that_holds_has_no_violation() -> None:
    assert settlement_violations(PAYMENTS, SETTLED, LIQUIDITY, LIMITS).is_empty()


@pytest.mark.parametrize(
    "settled",
    [
        SETTLED.with_columns(payment_id=pl.lit("unknown")),
        SETTLED.with_columns(pl.col("amount_minor") - 1),
        SETTLED.with_columns(debtor_id="creditor_id", creditor_id="debtor_id"),
    ],
    ids=["unknown", "another amount", "the other way"],
)
def test_what_is_not_in_the_queue_as_it_was_is_named(settled: pl.DataFrame) -> None:
    assert Rule.SETTLED_FROM_QUEUE in rules(settlement_violations(PAYMENTS, settled, LIQUIDITY))


def test_a_payment_that_settles_twice_is_named_once() -> None:
    plenty = LIQUIDITY.with_columns(liquidity_minor=pl.lit(1000, pl.Int64))
    twice = pl.concat([SETTLED, SETTLED[:1]])
    assert settlement_violations(PAYMENTS, twice, plenty).rows() == [
        (Rule.SETTLED_FROM_QUEUE, "payment-0", 1, 2)
    ]


def test_a_payment_that_settles_in_two_turns_is_named() -> None:
    plenty = LIQUIDITY.with_columns(liquidity_minor=pl.lit(1000, pl.Int64))
    twice = pl.concat([SETTLED, SETTLED[:1]]).with_columns(turn=pl.int_range(pl.len()))
    assert rules(settlement_violations(PAYMENTS, twice, plenty)) == [Rule.SETTLED_FROM_QUEUE]


def test_who_is_left_with_less_than_its_cap_is_named() -> None:
    found = settlement_violations(PAYMENTS, SETTLED, less_liquidity(1), LIMITS)
    assert found.rows() == [(Rule.LIQUIDITY_KEPT, "amani 0", 0, -1)]
    with_cap = less_liquidity(1).with_columns(net_debit_cap_minor=pl.lit(1, pl.Int64))
    assert settlement_violations(PAYMENTS, SETTLED, with_cap, LIMITS).is_empty()


def test_who_has_no_liquidity_stated_has_none() -> None:
    without = LIQUIDITY.filter(pl.col("participant_id") != "amani").drop("net_debit_cap_minor")
    assert settlement_violations(PAYMENTS, SETTLED, without).rows() == [
        (Rule.LIQUIDITY_KEPT, "amani 0", 0, -30)
    ]


def test_a_pair_beyond_its_limit_is_named() -> None:
    tighter = LIMITS.with_columns(pl.col("limit_minor") - 1)
    assert settlement_violations(PAYMENTS, SETTLED, LIQUIDITY, tighter).rows() == [
        (Rule.BILATERAL_LIMIT_KEPT, "amani baobab 0", 29, 30)
    ]


def test_what_holds_at_the_end_but_not_after_a_turn_is_named() -> None:
    in_turns = SETTLED.with_columns(turn=pl.Series([1, 0]))
    assert settlement_violations(PAYMENTS, in_turns, LIQUIDITY).rows() == [
        (Rule.LIQUIDITY_KEPT, "baobab 0", 0, -20)
    ]
    other_order = SETTLED.with_columns(turn=pl.Series([0, 1]))
    assert settlement_violations(PAYMENTS, other_order, LIQUIDITY).is_empty()


def test_a_payment_that_overtakes_is_named_with_the_turn_it_should_have_waited_for() -> None:
    settled = pl.concat([PAYMENTS[2:], PAYMENTS[:1]])
    assert overtaking_violations(PAYMENTS, PAYMENTS[2:]).rows() == [
        (Rule.NOT_OVERTAKEN, "payment-2", 1, 0)
    ]
    in_turns = settled.with_columns(turn=pl.Series([3, 7]))
    assert overtaking_violations(PAYMENTS, in_turns).rows() == [(Rule.NOT_OVERTAKEN, "payment-2", 7, 3)]
    other_order = settled.with_columns(turn=pl.Series([7, 3]))
    assert overtaking_violations(PAYMENTS, other_order).is_empty()


def test_an_urgent_payment_that_entered_later_overtakes_nobody() -> None:
    urgent = PAYMENTS.with_columns(priority=pl.Series([1, 1, 0]))
    in_turns = pl.concat([urgent[:1], urgent[2:]]).with_columns(turn=pl.Series([1, 0]))
    assert overtaking_violations(urgent, in_turns).is_empty()


@pytest.mark.parametrize(
    "column", ["paid_minor", "received_minor", "queued_minor", "liquidity_after_minor"]
)
def test_a_statement_that_is_off_by_one_is_named(column: str) -> None:
    statement = resolve_gridlock(read_queue(PAYMENTS, LIQUIDITY, LIMITS)).liquidity
    settled = resolve_gridlock(read_queue(PAYMENTS, LIQUIDITY, LIMITS)).settled
    tampered = statement.with_columns(pl.col(column) + (pl.col("participant_id") == "amani"))
    found = statement_violations(PAYMENTS, settled, tampered)
    assert rules(found) == [Rule.STATEMENT_OF_SETTLED]
    assert f"amani {column}" in found["where"].to_list()
