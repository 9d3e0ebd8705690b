"""Clearing finds the most that can be set off, and changes nobody's net position."""

from collections import Counter
from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from pipelines.netting.clearing import (
    CLEARING_TOTALS_SCHEMA,
    ClearingTooLarge,
    ObligationInvalid,
    cleared,
)
from pipelines.netting.tables import CLEARED_OBLIGATIONS, OBLIGATIONS
from pipelines.netting.verification import clearing_violations
from tests.pipelines.netting.owed_obligations import (
    PARTIES,
    Owed,
    in_kes,
    obligations,
    owed_lists,
)

ONE_WINDOW = ("w1",)


def by_enumeration(owed: list[Owed]) -> int:
    """The most value of any choice of cleared amounts that balances at every party."""
    most = 0
    for amounts in product(*(range(amount + 1) for *_, amount in owed)):
        balance = Counter[str]()
        for (_, _, debtor, creditor, _), amount in zip(owed, amounts, strict=True):
            balance[debtor] -= amount
            balance[creditor] += amount
        if not any(balance.values()):
            most = max(most, sum(amounts))
    return most


def by_linear_program(owed: list[Owed]) -> int:
    """The same as a linear program, whose vertices are whole numbers."""
    if not owed:
        return 0
    incidence = np.zeros((len(PARTIES), len(owed)))
    for column, (_, _, debtor, creditor, _) in enumerate(owed):
        incidence[PARTIES.index(debtor), column] -= 1
        incidence[PARTIES.index(creditor), column] += 1
    solved = linprog(
        -np.ones(len(owed)),
        A_eq=incidence,
        b_eq=np.zeros(len(PARTIES)),
        bounds=[(0, amount) for *_, amount in owed],
        method="highs",
    )
    return round(-solved.fun)


def cleared_minor(owing: pl.DataFrame) -> int:
    return int(cleared(owing).obligations["cleared_minor"].sum())


@settings(deadline=None)
@given(owed_lists(st.integers(0, 2), longest=7, windows=ONE_WINDOW))
def test_the_optimum_is_that_of_trying_every_choice(owed: list[Owed]) -> None:
    assert cleared_minor(obligations(owed)) == by_enumeration(owed)


@settings(deadline=None)
@given(owed_lists(st.one_of(st.integers(1, 9), st.integers(1, 10**6)), longest=40, windows=ONE_WINDOW))
def test_the_optimum_is_that_of_the_linear_program(owed: list[Owed]) -> None:
    assert cleared_minor(obligations(owed)) == by_linear_program(owed)


@settings(deadline=None, max_examples=20)
@given(owed_lists(st.integers(0, 10**15), longest=40))
def test_nobodys_net_position_changes(owed: list[Owed]) -> None:
    result = cleared(obligations(owed)).obligations
    balance = Counter[tuple[str, str, str]]()
    for row in result.to_dicts():
        assert 0 <= row["cleared_minor"] <= row["amount_minor"]
        assert row["cleared_minor"] + row["remaining_minor"] == row["amount_minor"]
        balance[row["window_id"], row["currency"], row["debtor_id"]] -= row["cleared_minor"]
        balance[row["window_id"], row["currency"], row["creditor_id"]] += row["cleared_minor"]
    assert not any(balance.values())
    assert result.select(list(OBLIGATIONS.schema)).equals(obligations(owed))
    assert clearing_violations(obligations(owed), result).is_empty()


@settings(deadline=None, max_examples=20)
@given(owed_lists(st.integers(1, 1000), longest=40))
def test_windows_and_currencies_are_cleared_each_by_itself(owed: list[Owed]) -> None:
    together = cleared(obligations(owed))
    for window, currency in product(("w1", "w2"), ("KES", "XOF")):
        of_it = (pl.col("window_id") == window) & (pl.col("currency") == currency)
        alone = cleared(obligations(owed).filter(of_it))
        assert alone.obligations.equals(together.obligations.filter(of_it))
        assert alone.totals.equals(together.totals.filter(of_it))


@settings(deadline=None, max_examples=20)
@given(owed_lists(st.integers(1, 1000), longest=40), st.integers(0, 100))
def test_the_order_of_rows_changes_nothing(owed: list[Owed], seed: int) -> None:
    one = cleared(obligations(owed))
    other = cleared(obligations(owed).sample(fraction=1, shuffle=True, seed=seed))
    assert one.obligations.equals(other.obligations)
    assert one.totals.equals(other.totals)


@settings(deadline=None, max_examples=20)
@given(owed_lists(st.integers(1, 1000), longest=20, windows=ONE_WINDOW))
def test_amounts_near_the_limit_of_64_bits_clear_in_proportion(owed: list[Owed]) -> None:
    many = 2**47
    large = [(*debt[:4], debt[4] * many) for debt in owed]
    assert cleared_minor(obligations(large)) == cleared_minor(obligations(owed)) * many


def test_a_ring_clears_its_smallest_debt_all_around() -> None:
    owing = in_kes(("amani", "baobab", 50), ("baobab", "cauri", 30), ("cauri", "amani", 70))
    result = cleared(owing)
    assert result.obligations["cleared_minor"].to_list() == [30, 30, 30]
    assert sorted(result.obligations["remaining_minor"]) == [0, 20, 40]
    assert result.totals.drop("business_date").rows() == [("w1", "KES", 3, 3, 150, 90, 60)]


def test_a_debt_that_is_worth_more_in_a_longer_ring_is_not_set_off_in_its_pair() -> None:
    debts = (
        ("amani", "baobab", 1),
        ("baobab", "amani", 1),
        ("baobab", "cauri", 1),
        ("cauri", "amani", 1),
    )
    result = cleared(in_kes(*debts)).obligations.filter(pl.col("cleared_minor") == 0)
    assert result.select("debtor_id", "creditor_id").rows() == [("baobab", "amani")]


def test_a_chain_without_a_ring_clears_nothing() -> None:
    owing = in_kes(("amani", "baobab", 50), ("baobab", "cauri", 30), ("amani", "cauri", 70))
    assert cleared_minor(owing) == 0


def test_the_oldest_obligation_of_a_pair_is_cleared_first() -> None:
    owing = in_kes(*(("amani", "baobab", amount) for amount in (10, 20, 30)), ("baobab", "amani", 25))
    of_amani = cleared(owing).obligations.filter(debtor_id="amani").sort("version")
    assert of_amani["cleared_minor"].to_list() == [10, 15, 0]


def test_a_ring_through_a_thousand_parties_is_found() -> None:
    names = [f"shop-{number}" for number in range(1000)]
    debts = [(one, other, 7) for one, other in zip(names, [*names[1:], names[0]], strict=True)]
    assert cleared_minor(in_kes(*debts)) == 7000


def test_a_day_without_obligations_clears_nothing() -> None:
    result = cleared(OBLIGATIONS.empty())
    assert result.obligations.equals(CLEARED_OBLIGATIONS.empty())
    assert result.totals.equals(pl.DataFrame(schema=CLEARING_TOTALS_SCHEMA))


def test_more_than_the_solver_can_add_up_is_refused() -> None:
    owing = in_kes(("amani", "baobab", 2**62), ("baobab", "amani", 1))
    with pytest.raises(ClearingTooLarge) as refused:
        cleared(owing)
    assert (refused.value.currency, refused.value.total_minor) == ("KES", 2**62 + 1)


@pytest.mark.parametrize(
    ("debt", "rule"),
    [
        (("amani", "baobab", -1), "amount_minor is negative"),
        (("amani", "amani", 1), "debtor and creditor are the same"),
        (("amani", "baobab", None), "amount_minor is missing"),
    ],
)
def test_what_is_no_obligation_is_refused_by_its_key(debt: tuple[str, str, int], rule: str) -> None:
    with pytest.raises(ObligationInvalid) as refused:
        cleared(in_kes(("cauri", "dogon", 5), debt))
    assert refused.value.rule == rule
    assert refused.value.key == in_kes(debt).select(OBLIGATIONS.key).row(0)
