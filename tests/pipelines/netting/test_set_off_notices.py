"""Set-off notices are rings, and together they are what was cleared."""

from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.netting.clearing import cleared
from pipelines.netting.set_off import NotACirculation, set_off_notices
from pipelines.netting.tables import CLEARED_OBLIGATIONS, SET_OFF_NOTICES
from tests.pipelines.netting.owed_obligations import Owed, in_kes, obligations, owed_lists


def told(notices: pl.DataFrame) -> list[tuple[int, int, str, str, int]]:
    return notices.select("notice", "step", "debtor_id", "creditor_id", "amount_minor").rows()


@settings(deadline=None, max_examples=20)
@given(owed_lists(st.integers(1, 10**6), longest=60))
def test_notices_are_rings_that_add_up_to_what_is_cleared(owed: list[Owed]) -> None:
    result = cleared(obligations(owed)).obligations
    notices = set_off_notices(result)
    pair = ["window_id", "currency", "debtor_id", "creditor_id"]
    left = Counter[tuple[str, ...]]()
    for row in result.to_dicts():
        left[tuple(row[name] for name in pair)] += row["cleared_minor"]
    pairs = sum(amount > 0 for amount in left.values())
    rings = notices.partition_by("window_id", "currency", "notice")
    for ring in rings:
        debtors, creditors = ring["debtor_id"].to_list(), ring["creditor_id"].to_list()
        assert creditors == [*debtors[1:], debtors[0]]
        assert len(set(debtors)) == len(debtors)
        assert ring["step"].to_list() == list(range(1, ring.height + 1))
        assert ring["amount_minor"].n_unique() == 1
        assert ring["amount_minor"][0] > 0
    for row in notices.to_dicts():
        left[tuple(row[name] for name in pair)] -= row["amount_minor"]
    assert not any(left.values())
    assert len(rings) <= pairs


@settings(deadline=None, max_examples=20)
@given(owed_lists(st.integers(1, 1000), longest=40), st.integers(0, 100))
def test_the_order_of_rows_changes_no_notice(owed: list[Owed], seed: int) -> None:
    result = cleared(obligations(owed)).obligations
    shuffled = result.sample(fraction=1, shuffle=True, seed=seed)
    assert set_off_notices(result).equals(set_off_notices(shuffled))


def test_a_ring_is_told_around() -> None:
    owing = in_kes(("amani", "baobab", 50), ("baobab", "cauri", 30), ("cauri", "amani", 70))
    assert told(set_off_notices(cleared(owing).obligations)) == [
        (1, 1, "amani", "baobab", 30),
        (1, 2, "baobab", "cauri", 30),
        (1, 3, "cauri", "amani", 30),
    ]


def test_notices_are_numbered_from_one_in_each_window() -> None:
    owed: list[Owed] = [
        (window, "KES", *pair, 5)
        for window in ("w1", "w2")
        for pair in (("amani", "baobab"), ("baobab", "amani"))
    ]
    notices = set_off_notices(cleared(obligations(owed)).obligations)
    assert notices.select("window_id", "notice", "step").rows() == [
        ("w1", 1, 1),
        ("w1", 1, 2),
        ("w2", 1, 1),
        ("w2", 1, 2),
    ]


def test_nothing_cleared_gives_no_notice() -> None:
    assert set_off_notices(CLEARED_OBLIGATIONS.empty()).equals(SET_OFF_NOTICES.empty())
    chain = cleared(in_kes(("amani", "baobab", 50), ("baobab", "cauri", 30))).obligations
    assert set_off_notices(chain).equals(SET_OFF_NOTICES.empty())


def test_what_is_cleared_on_one_side_only_is_refused() -> None:
    owing = in_kes(("amani", "baobab", 50), ("baobab", "amani", 50))
    one_sided = (
        cleared(owing)
        .obligations.with_columns(
            cleared_minor=pl.col("cleared_minor") - (pl.col("debtor_id") == "amani").cast(pl.Int64)
        )
        .pipe(CLEARED_OBLIGATIONS.conform)
    )
    with pytest.raises(NotACirculation) as refused:
        set_off_notices(one_sided)
    assert refused.value.party_id in {"amani", "baobab"}
