"""Prices prove the optimum, and prove nothing that is less."""

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.netting.clearing import cleared
from pipelines.netting.optimality_verification import optimum_violations
from pipelines.netting.tables import CLEARED_OBLIGATIONS
from pipelines.netting.verification import Rule
from tests.pipelines.netting.owed_obligations import Owed, in_kes, obligations, owed_lists


def with_cleared(owing: pl.DataFrame, amounts: list[int]) -> pl.DataFrame:
    stated = owing.with_columns(cleared_minor=pl.Series(amounts, dtype=pl.Int64))
    return CLEARED_OBLIGATIONS.conform(
        stated.with_columns(remaining_minor=pl.col("amount_minor") - pl.col("cleared_minor"))
    )


@settings(deadline=None, max_examples=20)
@given(owed_lists(st.one_of(st.integers(0, 9), st.integers(0, 10**15)), longest=40))
def test_the_optimum_is_proven(owed: list[Owed]) -> None:
    assert optimum_violations(cleared(obligations(owed)).obligations).is_empty()


@settings(deadline=None, max_examples=20)
@given(owed_lists(st.integers(1, 1000), longest=40, windows=("w1",)))
def test_set_off_in_pairs_is_proven_exactly_when_nothing_clears_more(owed: list[Owed]) -> None:
    owing = obligations(owed)
    gross = owing.group_by("debtor_id", "creditor_id").agg(pl.col("amount_minor").sum())
    both = gross.join(gross, left_on=["debtor_id", "creditor_id"], right_on=["creditor_id", "debtor_id"])
    of_pairs = gross.join(
        both.select(
            "debtor_id", "creditor_id", least=pl.min_horizontal("amount_minor", "amount_minor_right")
        ),
        on=["debtor_id", "creditor_id"],
        how="left",
    ).with_columns(pl.col("least").fill_null(0))
    merged = in_kes(*of_pairs.select("debtor_id", "creditor_id", "amount_minor").sort(pl.all()).rows())
    amounts = merged.join(of_pairs, on=["debtor_id", "creditor_id"], maintain_order="left")["least"]
    most = cleared(owing).obligations["cleared_minor"].sum()
    found = optimum_violations(with_cleared(merged, amounts.to_list()))
    assert found.is_empty() == (amounts.sum() == most)
    assert all(row["expected"] >= most for row in found.to_dicts())


def test_a_ring_that_is_left_is_named_with_a_bound_above_it() -> None:
    owing = in_kes(("amani", "baobab", 50), ("baobab", "amani", 30))
    rule, where, bound, found = optimum_violations(with_cleared(owing, [29, 29])).row(0)
    assert (rule, where, found) == (Rule.NOTHING_CLEARS_MORE, "2026-03-02 w1 KES", 58)
    assert bound >= 60
    assert optimum_violations(with_cleared(owing, [30, 30])).is_empty()


def test_a_gain_by_taking_a_cleared_debt_back_is_found() -> None:
    debts = (
        ("amani", "baobab", 1),
        ("baobab", "amani", 1),
        ("baobab", "cauri", 1),
        ("cauri", "amani", 1),
    )
    owing = in_kes(*debts)
    in_pair = (owing["debtor_id"] == "amani") | (owing["creditor_id"] == "amani")
    in_pair &= owing["debtor_id"] != "cauri"
    assert not optimum_violations(with_cleared(owing, in_pair.cast(pl.Int64).to_list())).is_empty()


@pytest.mark.parametrize("longest_path", [0, 1, 5])
def test_too_short_a_search_proves_nothing_false(longest_path: int) -> None:
    names = [f"shop-{number}" for number in range(20)]
    chain = in_kes(*((one, other, 7) for one, other in pairwise(names)))
    found = optimum_violations(with_cleared(chain, [0] * 19), longest_path=longest_path)
    assert found["found"].to_list() == [0]
    assert found["expected"][0] > 0


def test_nothing_owed_needs_no_proof() -> None:
    assert optimum_violations(CLEARED_OBLIGATIONS.empty()).is_empty()
