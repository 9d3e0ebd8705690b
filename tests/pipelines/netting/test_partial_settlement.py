"""What settles partially is covered, and nobody alone could add to it; ties settle both or neither."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.netting.partial_settlement import FUNDS_SCHEMA, FundsInvalid, Settleable, settleable
from pipelines.netting.positions import PositionOverflow
from pipelines.netting.recast import Reason
from tests.pipelines.netting.owed_windows import Owed, debt_lists, nets, owed, tie_lists, tied

Funds = dict[tuple[str, str], int]
FUNDS = st.dictionaries(
    st.tuples(st.sampled_from("abcde"), st.sampled_from(["KES", "UGX"])), st.integers(0, 80)
)


def funds_of(funds: Funds) -> pl.DataFrame:
    rows = [(name, currency, amount) for (name, currency), amount in funds.items()]
    return pl.DataFrame(rows, schema=FUNDS_SCHEMA, orient="row")


def staying(debts: list[Owed], out: set[tuple[str, str]], pairs: list[tuple[int, int]]) -> list[bool]:
    stays = [(debt[2], debt[1]) not in out and (debt[3], debt[1]) not in out for debt in debts]
    for one, other in pairs:
        stays[one] = stays[other] = stays[one] and stays[other]
    return stays


def short_of_cover(debts: list[Owed], stays: list[bool], funds: Funds) -> set[tuple[str, str]]:
    needs: Funds = {}
    for (_, currency, name), net in nets(
        debt for debt, stay in zip(debts, stays, strict=True) if stay
    ).items():
        needs[name, currency] = needs.get((name, currency), 0) + max(-net, 0)
    return {seat for seat, need in needs.items() if need > funds.get(seat, 0)}


def left_out(found: Settleable) -> set[tuple[str, str]]:
    return set(found.deferred.select("participant_id", "currency").rows())


@given(debts=debt_lists(), funds=FUNDS, data=st.data())
def test_what_is_left_is_covered_and_nobody_alone_could_add_to_it(
    debts: list[Owed], funds: Funds, data: st.DataObject
) -> None:
    pairs = data.draw(tie_lists(debts))
    found = settleable(owed(*debts), funds_of(funds), ties=tied(*pairs))
    out = left_out(found)
    stays = staying(debts, out, pairs)
    assert set(found.recast.kept["payment_id"]) == {f"p{n}" for n, stay in enumerate(stays) if stay}
    assert short_of_cover(debts, stays, funds) == set()
    for seat in out:
        without = staying(debts, out - {seat}, pairs)
        assert without == stays or short_of_cover(debts, without, funds)
    for one, other in pairs:
        assert stays[one] == stays[other]
    assert (found.deferred["need_minor"] > found.deferred["funds_minor"]).all()


def test_a_window_that_is_covered_settles_whole() -> None:
    debts: list[Owed] = [("w1", "KES", "a", "b", 10), ("w1", "KES", "b", "c", 8)]
    found = settleable(owed(*debts), funds_of({("a", "KES"): 10}))
    assert found.deferred.is_empty()
    assert found.recast.excluded.is_empty()


def test_an_empty_window_settles() -> None:
    found = settleable(owed(), funds_of({}))
    assert found.deferred.is_empty()
    assert found.recast.positions.is_empty()


def test_of_those_who_are_short_the_one_with_the_fewest_obligations_is_left_out() -> None:
    debts: list[Owed] = [
        ("w1", "KES", "a", "z", 900),
        ("w1", "KES", "b", "y", 10),
        ("w1", "KES", "b", "z", 10),
        ("w1", "KES", "b", "a", 10),
    ]
    found = settleable(owed(*debts), funds_of({("b", "KES"): 29}))
    assert found.deferred.select("participant_id", "round", "obligations", "value_minor").rows() == [
        ("a", 1, 2, 910)
    ]


def test_who_became_short_by_another_is_left_out_in_a_later_round() -> None:
    debts: list[Owed] = [("w1", "KES", "a", "b", 50), ("w1", "KES", "b", "c", 50)]
    found = settleable(owed(*debts), funds_of({}))
    rows = found.deferred.select("round", "participant_id", "need_minor").rows()
    assert rows == [(1, "a", 50), (2, "b", 50)]
    assert set(found.recast.excluded["reason"]) == {Reason.DEBTOR_SHORT}


def test_one_who_is_covered_once_another_left_comes_back() -> None:
    debts: list[Owed] = [
        ("w1", "KES", "a", "b", 100),
        ("w1", "KES", "a", "d", 5),
        ("w1", "KES", "b", "c", 400),
        ("w1", "KES", "b", "d", 400),
        ("w1", "KES", "b", "e", 400),
    ]
    found = settleable(owed(*debts), funds_of({("a", "KES"): 5}))
    assert left_out(found) == {("b", "KES")}
    assert found.recast.kept["payment_id"].to_list() == ["p1"]


def test_a_credit_of_another_window_covers_nothing() -> None:
    debts: list[Owed] = [("w1", "KES", "a", "b", 10), ("w2", "KES", "c", "a", 10)]
    found = settleable(owed(*debts), funds_of({("c", "KES"): 10}))
    assert left_out(found) == {("a", "KES")}


def test_being_short_in_one_currency_leaves_the_other_alone_unless_they_are_tied() -> None:
    debts: list[Owed] = [("w1", "KES", "a", "b", 10), ("w1", "UGX", "b", "a", 300)]
    funds = funds_of({("b", "UGX"): 300})
    alone = settleable(owed(*debts), funds)
    assert alone.recast.kept["payment_id"].to_list() == ["p1"]
    versus = settleable(owed(*debts), funds, ties=tied((0, 1)))
    assert versus.recast.kept.is_empty()
    assert set(versus.recast.excluded["reason"]) == {Reason.DEBTOR_SHORT, Reason.PVP_PARTNER_EXCLUDED}


@pytest.mark.parametrize(
    "funds",
    [
        pl.DataFrame([("a", "KES", -1)], schema=FUNDS_SCHEMA, orient="row"),
        pl.DataFrame([("a", "KES", None)], schema=FUNDS_SCHEMA, orient="row"),
        pl.DataFrame([("a", "KES", 1)] * 2, schema=FUNDS_SCHEMA, orient="row"),
        pl.DataFrame({"participant_id": ["a"], "currency": ["KES"]}),
    ],
)
def test_funds_that_cannot_be_are_refused(funds: pl.DataFrame) -> None:
    with pytest.raises(FundsInvalid):
        settleable(owed(("w1", "KES", "a", "b", 1)), funds)


def test_value_beyond_64_bits_is_refused() -> None:
    debts: list[Owed] = [("w1", "KES", "a", "b", 2**62), ("w2", "KES", "a", "b", 2**62)]
    with pytest.raises(PositionOverflow):
        settleable(owed(*debts), funds_of({}))
