"""The FIFO mode settles the largest set that overtakes nobody, and nothing that its limits forbid."""

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given

from pipelines.netting.gridlock import fifo_choice, resolve_gridlock, settle_as_they_enter
from pipelines.netting.payment_queue import QueueInvalid, QueueTooLarge, read_queue
from tests.pipelines.netting.liquidity_queues import Drawn, allowed, drawn_queues, frames


def prefixes(drawn: Drawn) -> list[list[int]]:
    """Every choice in which each participant settles a prefix of its own queue, as payments' places."""
    order = sorted(range(len(drawn.payments)), key=lambda n: (drawn.payments[n].priority, n))
    own = {
        who: [n for n in order if drawn.payments[n].debtor == who]
        for who in sorted({payment.debtor for payment in drawn.payments})
    }
    lengths = product(*(range(len(rows) + 1) for rows in own.values()))
    return [
        [row for rows, length in zip(own.values(), counts, strict=True) for row in rows[:length]]
        for counts in lengths
    ]


@given(drawn_queues(largest=9))
def test_what_settles_is_the_union_of_every_choice_that_overtakes_nobody_and_holds(drawn: Drawn) -> None:
    everything = {row for rows in prefixes(drawn) if allowed(drawn, rows) for row in rows}
    settled = resolve_gridlock(read_queue(*frames(drawn))).settled
    assert set(settled["payment_id"]) == {f"payment-{row}" for row in everything}


@given(drawn_queues(largest=30))
def test_nobody_is_overtaken_in_its_own_queue(drawn: Drawn) -> None:
    queue = read_queue(*frames(drawn))
    chosen = fifo_choice(queue)
    for number in range(len(queue.cover)):
        own = chosen[queue.debtor == number]
        assert (np.sort(own)[::-1] == own).all()


@given(drawn_queues(largest=30))
def test_liquidity_after_is_what_the_settled_payments_leave(drawn: Drawn) -> None:
    result = resolve_gridlock(read_queue(*frames(drawn)))
    rows = [int(payment_id.removeprefix("payment-")) for payment_id in result.settled["payment_id"]]
    assert allowed(drawn, rows)
    for row in result.liquidity.to_dicts():
        who = row["participant_id"]
        paid = sum(drawn.payments[n].amount for n in rows if drawn.payments[n].debtor == who)
        received = sum(drawn.payments[n].amount for n in rows if drawn.payments[n].creditor == who)
        assert (row["paid_minor"], row["received_minor"]) == (paid, received)
        assert row["liquidity_after_minor"] == drawn.liquidity[who] - paid + received
    assert result.settled_minor + result.queued_minor == sum(p.amount for p in drawn.payments)
    assert result.liquidity["queued_minor"].sum() == result.queued_minor


def places(settled: pl.DataFrame) -> list[int]:
    return [int(payment_id.removeprefix("payment-")) for payment_id in settled["payment_id"]]


@given(drawn_queues(largest=30))
def test_limits_hold_after_every_turn_of_the_sequential_mode(drawn: Drawn) -> None:
    settled = settle_as_they_enter(read_queue(*frames(drawn))).settled
    for turn in settled["turn"].unique():
        assert allowed(drawn, places(settled.filter(pl.col("turn") <= turn)))


@given(drawn_queues(largest=30))
def test_after_the_sequential_mode_nothing_more_could_settle_in_order(drawn: Drawn) -> None:
    settled = settle_as_they_enter(read_queue(*frames(drawn))).settled
    payments, liquidity, limits = frames(drawn)
    done = set(places(settled))
    money = {name: drawn.liquidity[name] + drawn.caps[name] for name in drawn.liquidity}
    left = dict(drawn.limits)
    for row in done:
        payment = drawn.payments[row]
        money[payment.debtor] -= payment.amount
        money[payment.creditor] += payment.amount
        there, back = (payment.debtor, payment.creditor), (payment.creditor, payment.debtor)
        left |= {there: left[there] - payment.amount} if there in left else {}
        left |= {back: left[back] + payment.amount} if back in left else {}
    remaining = read_queue(
        payments.filter(~pl.col("payment_id").is_in([f"payment-{row}" for row in done])),
        liquidity.with_columns(
            pl.col("participant_id")
            .replace_strict(money, return_dtype=pl.Int64)
            .alias("liquidity_minor"),
            net_debit_cap_minor=pl.lit(0, pl.Int64),
        ),
        limits.with_columns(
            limit_minor=pl.Series([left[pair] for pair in drawn.limits], dtype=pl.Int64)
        ),
    )
    assert resolve_gridlock(remaining).settled.is_empty()


def steps(payments: pl.DataFrame, liquidity: pl.DataFrame) -> dict[str, tuple[str, int]]:
    settled = settle_as_they_enter(read_queue(payments, liquidity)).settled
    return {name: (step, turn) for name, step, turn in settled["payment_id", "step", "turn"].rows()}


def test_a_receipt_releases_what_waits_for_it() -> None:
    payments = queue_of(("baobab", "amani", 5), ("cauri", "baobab", 6), amani=0, baobab=0, cauri=6)
    assert steps(*payments) == {"p0": ("singly", 1), "p1": ("singly", 0)}


def test_two_heads_that_face_each_other_are_offset() -> None:
    payments = queue_of(("amani", "baobab", 9), ("baobab", "amani", 8), amani=1, baobab=0)
    assert steps(*payments) == {"p0": ("bilaterally", 0), "p1": ("bilaterally", 0)}


def test_a_circle_is_left_to_gridlock_resolution() -> None:
    circle = [("amani", "baobab", 7), ("baobab", "cauri", 7), ("cauri", "amani", 7)]
    payments = queue_of(*circle, amani=0, baobab=0, cauri=0)
    assert set(steps(*payments).values()) == {("multilaterally", 0)}


def queue_of(*payments: tuple[str, str, int], **liquidity: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows = [(f"p{n}", *payment, n) for n, payment in enumerate(payments)]
    columns = ["payment_id", "debtor_id", "creditor_id", "amount_minor", "position"]
    money = {"participant_id": list(liquidity), "liquidity_minor": list(liquidity.values())}
    return pl.DataFrame(rows, schema=columns, orient="row"), pl.DataFrame(money)


def test_a_circle_of_payments_settles_without_liquidity() -> None:
    circle = queue_of(
        ("amani", "baobab", 7), ("baobab", "cauri", 7), ("cauri", "amani", 7), amani=0, baobab=0, cauri=0
    )
    assert resolve_gridlock(read_queue(*circle)).settled_minor == 21


def test_a_payment_behind_one_that_cannot_settle_waits() -> None:
    payments = queue_of(("amani", "baobab", 100), ("amani", "baobab", 1), amani=50, baobab=0)
    assert resolve_gridlock(read_queue(*payments)).settled.is_empty()


def test_the_more_urgent_goes_before_the_earlier() -> None:
    payments, liquidity = queue_of(("amani", "baobab", 100), ("amani", "baobab", 1), amani=50, baobab=0)
    urgent = payments.with_columns(priority=pl.Series([1, 0]))
    assert resolve_gridlock(read_queue(urgent, liquidity)).settled["payment_id"].to_list() == ["p1"]


def test_a_net_debit_cap_is_cover() -> None:
    payments, liquidity = queue_of(("amani", "baobab", 60), amani=50, baobab=0)
    capped = liquidity.with_columns(net_debit_cap_minor=pl.lit(10, pl.Int64))
    result = resolve_gridlock(read_queue(payments, capped))
    assert result.liquidity["liquidity_after_minor"].to_list() == [-10, 60]


def test_an_empty_queue_settles_to_nothing() -> None:
    payments, liquidity = queue_of(("amani", "baobab", 60), amani=50, baobab=0)
    for money in (liquidity, liquidity.clear()):
        result = resolve_gridlock(read_queue(payments.clear(), money))
        assert (result.settled_minor, result.queued_minor) == (0, 0)
        assert result.liquidity.height == money.height


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("amount_minor", 0, "an amount of nothing"),
        ("amount_minor", -1, "amount_minor is negative"),
        ("amount_minor", None, "amount_minor is missing"),
        ("position", 0, "position taken twice"),
        ("payment_id", "p0", "occurs twice"),
        ("creditor_id", "amani", "debtor and creditor are the same"),
        ("creditor_id", "nobody", "has no liquidity stated"),
    ],
)
def test_a_queue_that_cannot_be_is_refused(column: str, value: object, rule: str) -> None:
    payments, liquidity = queue_of(("amani", "baobab", 7), ("amani", "baobab", 7), amani=0, baobab=0)
    wrong = pl.Series(column, [payments[column][0], value], payments.schema[column])
    with pytest.raises(QueueInvalid, match=rule):
        read_queue(payments.with_columns(wrong), liquidity)


def test_amounts_in_floating_point_are_refused() -> None:
    payments, liquidity = queue_of(("amani", "baobab", 7), amani=0, baobab=0)
    with pytest.raises(QueueInvalid, match="amount_minor: must be a column of Int64"):
        read_queue(payments.cast({"amount_minor": pl.Float64}), liquidity)


def test_a_queue_beyond_64_bits_is_refused_instead_of_wrapping() -> None:
    payments, liquidity = queue_of(
        ("amani", "baobab", 2**62), ("baobab", "amani", 2**62), amani=0, baobab=0
    )
    with pytest.raises(QueueTooLarge):
        read_queue(payments, liquidity)
