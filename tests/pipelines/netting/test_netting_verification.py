"""The verifier passes what holds and names each falsehood that is planted."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.netting.clearing import cleared
from pipelines.netting.positions import net_positions
from pipelines.netting.set_off import set_off_notices
from pipelines.netting.verification import (
    VIOLATIONS_SCHEMA,
    Rule,
    cap_violations,
    clearing_violations,
    netting_violations,
    notice_violations,
)
from tests.pipelines.netting.owed_obligations import Owed, in_kes, obligations, owed_lists

FIRST = pl.int_range(pl.len()) == 0
OWING = in_kes(("amani", "baobab", 50), ("baobab", "cauri", 30), ("cauri", "amani", 70))
CLEARED = cleared(OWING).obligations
NOTICES = set_off_notices(CLEARED)
BILATERAL, MULTILATERAL = net_positions(OWING)


def plus_one(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """One more minor unit in the first row."""
    return frame.with_columns(pl.col(columns) + FIRST.cast(pl.Int64))


def rules(violations: pl.DataFrame) -> list[str]:
    assert violations.schema == VIOLATIONS_SCHEMA
    assert violations.filter(pl.col("expected").eq_missing(pl.col("found"))).is_empty()
    return violations["rule"].unique().sort().to_list()


def stated(violations: pl.DataFrame) -> list[tuple[str, str, int, int]]:
    return violations.rows()


@settings(deadline=None, max_examples=20)
@given(owed_lists(st.integers(0, 10**15), longest=40))
def test_nets_clearing_and_notices_are_proven(owed: list[Owed]) -> None:
    owing = obligations(owed)
    bilateral, multilateral = net_positions(owing)
    assert netting_violations(owing, multilateral=multilateral, bilateral=bilateral).is_empty()
    result = cleared(owing).obligations
    assert clearing_violations(owing, result).is_empty()
    assert notice_violations(result, set_off_notices(result)).is_empty()


def test_a_net_that_is_not_of_the_obligations_is_named() -> None:
    tampered = plus_one(MULTILATERAL, "net_minor")
    assert stated(netting_violations(OWING, multilateral=tampered)) == [
        (Rule.NET_OF_OBLIGATIONS, "2026-03-02 w1 KES amani", 20, 21),
        (Rule.NETS_SUM_TO_ZERO, "2026-03-02 w1 KES", 0, 1),
    ]


def test_two_nets_that_are_exchanged_sum_to_zero_and_are_named() -> None:
    exchanged = MULTILATERAL.with_columns(pl.col("participant_id").reverse())
    assert rules(netting_violations(OWING, multilateral=exchanged)) == [
        Rule.GROSS_OF_OBLIGATIONS,
        Rule.NET_OF_OBLIGATIONS,
    ]


def test_a_net_that_is_missing_is_named_unless_it_is_nothing() -> None:
    found = netting_violations(OWING, multilateral=MULTILATERAL.filter(participant_id="cauri"))
    assert (Rule.NET_OF_OBLIGATIONS, "2026-03-02 w1 KES amani", 20, 0) in stated(found)
    even = in_kes(("amani", "baobab", 5), ("baobab", "amani", 5))
    assert netting_violations(even, multilateral=MULTILATERAL.clear()).is_empty()


def test_a_net_that_is_stated_in_parts_is_named() -> None:
    nothing = [pl.lit(0, pl.Int64).alias(name) for name in ("net_minor", "owes_minor", "is_owed_minor")]
    parts = pl.concat([MULTILATERAL, MULTILATERAL.with_columns(nothing)])
    assert rules(netting_violations(OWING, multilateral=parts)) == [Rule.POSITION_STATED_ONCE]


def test_a_pair_that_is_not_of_the_obligations_is_named() -> None:
    tampered = plus_one(BILATERAL, "net_minor")
    found = netting_violations(OWING, multilateral=MULTILATERAL, bilateral=tampered)
    assert stated(found) == [(Rule.PAIR_OF_OBLIGATIONS, "2026-03-02 w1 KES amani baobab", 50, 51)]


def test_a_pair_the_other_way_round_is_named() -> None:
    turned = BILATERAL.rename({"debtor_id": "creditor_id", "creditor_id": "debtor_id"})
    found = netting_violations(OWING, multilateral=MULTILATERAL, bilateral=turned)
    assert rules(found) == [Rule.PAIR_OF_OBLIGATIONS]


def test_sums_of_nets_do_not_wrap() -> None:
    large = MULTILATERAL.with_columns(net_minor=pl.Series([2**62, 2**62, 2**62]))
    found = netting_violations(OWING, multilateral=large)
    assert (Rule.NETS_SUM_TO_ZERO, "2026-03-02 w1 KES", 0, 3 * 2**62) in stated(found)


def test_a_position_below_its_cap_or_without_one_is_named() -> None:
    caps = pl.DataFrame(
        {"participant_id": ["baobab", "cauri"], "currency": ["KES", "KES"], "cap_minor": [5, 39]}
    )
    in_debt = "2026-03-02 w1 KES cauri"
    assert stated(cap_violations(MULTILATERAL, caps)) == [(Rule.CAP_KEPT, in_debt, -39, -40)]
    kept = caps.with_columns(cap_minor=pl.lit(40, pl.Int64))
    assert cap_violations(MULTILATERAL, kept).is_empty()
    assert stated(cap_violations(MULTILATERAL, caps.clear())) == [(Rule.CAP_KEPT, in_debt, 0, -40)]


@pytest.mark.parametrize(
    ("tampered", "broken"),
    [
        (plus_one(CLEARED, "cleared_minor"), [Rule.CLEARING_BALANCED, Rule.REMAINDER_OF_AMOUNT]),
        (plus_one(CLEARED, "remaining_minor"), [Rule.REMAINDER_OF_AMOUNT]),
        (
            CLEARED.with_columns(cleared_minor=71, remaining_minor=pl.col("amount_minor") - 71),
            [Rule.CLEARED_WITHIN_AMOUNT],
        ),
        (
            CLEARED.with_columns(cleared_minor=-1, remaining_minor=pl.col("amount_minor") + 1),
            [Rule.CLEARED_WITHIN_AMOUNT],
        ),
        (plus_one(CLEARED, "amount_minor", "remaining_minor"), [Rule.OBLIGATION_TRACED_ONCE]),
        (CLEARED.with_columns(payment_id=pl.lit("another")), [Rule.OBLIGATION_TRACED_ONCE]),
        (CLEARED[1:], [Rule.CLEARING_BALANCED, Rule.OBLIGATION_TRACED_ONCE]),
        (pl.concat([CLEARED, CLEARED]), [Rule.OBLIGATION_TRACED_ONCE]),
        (
            CLEARED.with_columns(cleared_minor=pl.lit(None, pl.Int64)),
            [Rule.CLEARED_WITHIN_AMOUNT, Rule.REMAINDER_OF_AMOUNT],
        ),
    ],
    ids=[
        "more cleared than its creditor's claim",
        "more remaining",
        "more cleared than is owed",
        "less cleared than nothing",
        "another amount",
        "another payment",
        "an obligation left out",
        "obligations twice",
        "nothing said",
    ],
)
def test_a_falsehood_about_what_is_cleared_is_named(tampered: pl.DataFrame, broken: list[str]) -> None:
    assert rules(clearing_violations(OWING, tampered)) == broken


def test_an_obligation_that_is_itself_twice_is_named() -> None:
    twice = pl.concat([OWING, OWING])
    result = pl.concat([CLEARED, CLEARED])
    assert rules(clearing_violations(twice, result)) == [Rule.OBLIGATION_TRACED_ONCE]


@pytest.mark.parametrize(
    ("tampered", "broken"),
    [
        (plus_one(NOTICES, "amount_minor"), [Rule.NOTICES_MAKE_CLEARED, Rule.RING_OF_ONE_AMOUNT]),
        (NOTICES[:2], [Rule.NOTICES_MAKE_CLEARED, Rule.RING_CLOSES]),
        (NOTICES.with_columns(step=pl.col("step") + 1), [Rule.RING_CLOSES]),
        (NOTICES.with_columns(step=4 - pl.col("step")), [Rule.RING_CLOSES]),
        (NOTICES.with_columns(notice=pl.col("step")), [Rule.RING_CLOSES]),
        (NOTICES.clear(), [Rule.NOTICES_MAKE_CLEARED]),
        (
            pl.concat(
                [
                    NOTICES,
                    NOTICES.with_columns(notice=pl.lit(2, pl.Int64), amount_minor=pl.lit(0, pl.Int64)),
                ]
            ),
            [Rule.RING_OF_ONE_AMOUNT],
        ),
    ],
    ids=["one more", "an open ring", "from two", "backwards", "alone", "none", "of nothing"],
)
def test_a_falsehood_in_a_notice_is_named(tampered: pl.DataFrame, broken: list[str]) -> None:
    assert rules(notice_violations(CLEARED, tampered)) == broken
