"""The matching engine against a brute force that walks every pair in the declared order."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.reconciliation import pairing
from pipelines.reconciliation.matching import ITEM_SCHEMA, match_items
from pipelines.reconciliation.rules import Pass, load_rules

DAY = date(2026, 3, 2)
TOLERANT = Pass(
    id="tolerant",
    title="Same reference and amount, a few days apart",
    equal=("account", "end_to_end_id", "signed_minor"),
    outcome="match",
    value_date_tolerance_days=2,
)
DECLARED = [rule for rule in load_rules().passes if isinstance(rule, Pass)]
PASSES = (*DECLARED[:2], TOLERANT, *DECLARED[2:])

ITEMS = st.lists(
    st.tuples(
        st.integers(0, 1),  # account
        st.sampled_from([None, "A", "B"]),
        st.sampled_from([-200, -100, 100, 200]),
        st.one_of(st.none(), st.integers(0, 4)),  # value day
    ),
    max_size=9,
)


def _frame(rows: list[tuple[int, str | None, int, int | None]], *, first: int) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "item": first + number,
                "account": account,
                "relation": 0,
                "end_to_end_id": reference,
                "signed_minor": signed,
                "value_date": None if day is None else DAY + timedelta(days=day),
            }
            for number, (account, reference, signed, day) in enumerate(rows)
        ],
        schema=ITEM_SCHEMA,
    )


def _equal(rule: Pass, left: dict[str, Any], right: dict[str, Any]) -> bool:
    def value(item: dict[str, Any], name: str) -> Any:
        return item["signed_minor"] > 0 if name == "direction" else item[name]

    return all(
        value(left, name) is not None and value(left, name) == value(right, name) for name in rule.equal
    )


def _days(left: dict[str, Any], right: dict[str, Any]) -> int | None:
    if left["value_date"] is None or right["value_date"] is None:
        return None
    days: int = (right["value_date"] - left["value_date"]).days
    return days


def _candidate(rule: Pass, left: dict[str, Any], right: dict[str, Any]) -> bool:
    days = _days(left, right)
    tolerance = rule.value_date_tolerance_days
    if tolerance is not None and (days is None or abs(days) > tolerance):
        return False
    if rule.one_reference_absent and left["end_to_end_id"] and right["end_to_end_id"]:
        return False
    return _equal(rule, left, right)


def _brute_force(ledger: pl.DataFrame, stated: pl.DataFrame) -> set[tuple[int, int, str]]:
    left, right = list(ledger.iter_rows(named=True)), list(stated.iter_rows(named=True))
    pairs: set[tuple[int, int, str]] = set()
    for rule in PASSES:
        candidates = [(a, b) for a in left for b in right if _candidate(rule, a, b)]
        if rule.unique:
            candidates = [
                (a, b)
                for a, b in candidates
                if sum(x is a for x, _ in candidates) == 1 and sum(y is b for _, y in candidates) == 1
            ]
        if rule.value_date_tolerance_days is not None:
            candidates.sort(key=lambda pair: (abs(_days(*pair) or 0), -(_days(*pair) or 0)))
        taken_left: set[int] = set()
        taken_right: set[int] = set()
        for a, b in candidates:
            if a["item"] not in taken_left and b["item"] not in taken_right:
                taken_left.add(a["item"])
                taken_right.add(b["item"])
                pairs.add((a["item"], b["item"], rule.id))
        left = [a for a in left if a["item"] not in taken_left]
        right = [b for b in right if b["item"] not in taken_right]
    return pairs


@settings(max_examples=40, deadline=None)
@given(ledger=ITEMS, stated=ITEMS)
def test_the_passes_find_what_walking_every_pair_finds(ledger: Any, stated: Any) -> None:
    left, right = _frame(ledger, first=0), _frame(stated, first=100)
    pairing = match_items(left, right, passes=PASSES)
    found = set(pairing.pairs.select("ledger_item", "stated_item", "pass_id").iter_rows())
    assert found == _brute_force(left, right)


@settings(max_examples=40, deadline=None)
@given(ledger=ITEMS, stated=ITEMS)
def test_every_item_is_paired_once_or_left(ledger: Any, stated: Any) -> None:
    left, right = _frame(ledger, first=0), _frame(stated, first=100)
    pairing = match_items(left, right, passes=PASSES)
    for side, paired, remaining in (
        (left, pairing.pairs["ledger_item"], pairing.ledger_left["item"]),
        (right, pairing.pairs["stated_item"], pairing.stated_left["item"]),
    ):
        assert sorted([*paired, *remaining]) == sorted(side["item"])


def test_a_thousand_equal_items_make_a_thousand_pairs() -> None:
    rows = [(0, "A", 100, 0)] * 1000
    pairing = match_items(_frame(rows, first=0), _frame(rows, first=5000), passes=PASSES)
    assert pairing.pairs.height == 1000
    assert pairing.ledger_left.is_empty()
    assert pairing.stated_left.is_empty()


def test_two_candidates_without_reference_stay_open() -> None:
    ledger = _frame([(0, "A", 100, 0), (0, "B", 100, 1)], first=0)
    stated = _frame([(0, None, 100, 0)], first=100)
    assert match_items(ledger, stated, passes=PASSES).pairs.is_empty()


def test_items_that_both_carry_a_reference_are_not_matched_by_amount_alone() -> None:
    ledger, stated = _frame([(0, "A", 100, 0)], first=0), _frame([(0, "B", 100, 0)], first=100)
    assert match_items(ledger, stated, passes=PASSES).pairs.is_empty()


@pytest.mark.parametrize("hashed", [["end_to_end_id"], ["account"]])
def test_keys_that_share_a_hash_are_still_told_apart(
    monkeypatch: pytest.MonkeyPatch, hashed: list[str]
) -> None:
    """Hashes of 64 bits hardly ever meet, so a poorer hash stands in for the day they do."""
    poorer = pairing._hash(hashed)
    monkeypatch.setattr(pairing, "_hash", lambda keys: poorer)
    ledger = _frame([(0, "A", 100, 0), (0, "B", 100, 0)], first=0)
    stated = _frame([(0, "A", 200, 0), (0, "B", 100, 0)], first=100)
    found = match_items(ledger, stated, passes=PASSES[:1]).pairs
    assert found.select("ledger_item", "stated_item").rows() == [(1, 101)]
