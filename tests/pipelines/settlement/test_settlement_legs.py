"""Legs pay every net position exactly, with as few of them as largest-first gives."""

from collections import Counter
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.netting.tables import NET_POSITIONS
from pipelines.settlement.legs import CycleUnbalanced, settlement_legs

DAY = date(2026, 3, 2)


def net_positions(cycles: dict[str, list[int]]) -> pl.DataFrame:
    """Positions p00, p01, ... per currency, of the given signed amounts."""
    rows = [
        (DAY, f"net:{currency}:p{n:02d}", "w1", currency, f"p{n:02d}", max(-x, 0), max(x, 0), x, 1)
        for currency, amounts in cycles.items()
        for n, x in enumerate(amounts)
    ]
    return NET_POSITIONS.conform(pl.DataFrame(rows, schema=dict(NET_POSITIONS.schema), orient="row"))


def balanced(amounts: list[int]) -> list[int]:
    return [*amounts, -sum(amounts)]


amounts = st.lists(st.integers(-(10**12), 10**12), max_size=15).map(balanced)


@given(amounts, amounts)
def test_the_legs_of_each_participant_sum_to_its_net_position(kes: list[int], xof: list[int]) -> None:
    legs = settlement_legs(net_positions({"KES": kes, "XOF": xof}))
    for currency, expected in (("KES", kes), ("XOF", xof)):
        moved = Counter[str]()
        for leg in legs.filter(pl.col("currency") == currency).to_dicts():
            assert leg["amount_minor"] > 0
            assert leg["net_ref"] == f"net:{currency}:{leg['debtor_id']}"
            moved[leg["debtor_id"]] -= leg["amount_minor"]
            moved[leg["creditor_id"]] += leg["amount_minor"]
        assert moved == Counter({f"p{n:02d}": x for n, x in enumerate(expected) if x})


def by_hand(signed: list[int]) -> list[tuple[str, str, int]]:
    """Largest debtor pays largest creditor until one of the two is done, then the next."""
    named = [(f"p{n:02d}", x) for n, x in enumerate(signed)]
    debtors = sorted(((name, -x) for name, x in named if x < 0), key=lambda d: (-d[1], d[0]))
    creditors = sorted(((name, x) for name, x in named if x > 0), key=lambda c: (-c[1], c[0]))
    legs = []
    while debtors:
        (debtor, owes), (creditor, due) = debtors.pop(0), creditors.pop(0)
        paid = min(owes, due)
        legs.append((debtor, creditor, paid))
        debtors[:0] = [(debtor, owes - paid)] if owes > paid else []
        creditors[:0] = [(creditor, due - paid)] if due > paid else []
    return legs


@given(amounts)
def test_legs_are_those_of_going_down_both_lists_by_hand(signed: list[int]) -> None:
    legs = settlement_legs(net_positions({"KES": signed}))
    assert legs.select("debtor_id", "creditor_id", "amount_minor").rows() == by_hand(signed)


def test_legs_are_fewer_than_the_participants_that_settle() -> None:
    legs = settlement_legs(net_positions({"KES": [-7, -5, -3, 4, 11, 0]}))
    assert legs.height <= 4
    assert "p05" not in {*legs["debtor_id"], *legs["creditor_id"]}


def test_where_all_nets_are_zero_there_is_no_leg() -> None:
    assert settlement_legs(net_positions({"KES": [0, 0]})).is_empty()
    assert settlement_legs(NET_POSITIONS.empty()).is_empty()


def test_positions_that_do_not_sum_to_zero_are_refused() -> None:
    with pytest.raises(CycleUnbalanced) as refused:
        settlement_legs(net_positions({"XOF": [-7, 7], "KES": [-7, 8]}))
    assert (refused.value.currency, refused.value.difference_minor) == ("KES", 1)


def test_a_cycle_larger_than_64_bits_is_still_allocated() -> None:
    largest = 2**63 - 1
    legs = settlement_legs(net_positions({"KES": [-largest, -largest, largest, largest]}))
    assert legs["amount_minor"].to_list() == [largest, largest]
