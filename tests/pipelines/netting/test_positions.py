"""Netting conserves: it equals a loop over dictionaries, and its evidence sums back to it."""

from collections import Counter
from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.netting.obligations import SeveralBusinessDates
from pipelines.netting.positions import PositionOverflow, Positions, net
from pipelines.netting.tables import (
    BILATERAL_POSITIONS,
    NET_POSITIONS,
    NETTING_EVIDENCE,
    OBLIGATIONS,
)
from pipelines.netting.verification import netting_violations

DAY = date(2026, 3, 2)
NAMES = ["amani", "baobab", "cauri", "dogon"]
Owed = tuple[str, str, str, str, int]  # window, currency, debtor, creditor, minor units


def table(owed: list[Owed], *, gaps: set[int] = frozenset()) -> pl.DataFrame:
    """Obligations with a version per account of the debtor's book; `gaps` skip one before the n-th."""
    rows, versions = [], Counter[tuple[int, int]]()
    for number, (window, currency, debtor, creditor, amount) in enumerate(owed):
        key = (NAMES.index(debtor), NAMES.index(creditor) * 2 + (currency == "XOF"))
        versions[key] += 2 if number in gaps else 1
        rows.append((DAY, window, currency, debtor, creditor, amount, "payment", *key, versions[key]))
    return OBLIGATIONS.conform(pl.DataFrame(rows, schema=dict(OBLIGATIONS.schema), orient="row"))


owed_lists = st.lists(
    st.builds(
        lambda pair, window, currency, amount: (window, currency, *pair, amount),
        pair=st.permutations(NAMES).map(lambda names: tuple(names[:2])),
        window=st.sampled_from(["w1", "w2"]),
        currency=st.sampled_from(["KES", "XOF"]),
        amount=st.integers(1, 10**15),
    ),
    max_size=40,
)


@given(owed_lists)
def test_multilateral_nets_equal_a_loop_over_dictionaries(owed: list[Owed]) -> None:
    net_minor, count = Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]]()
    for window, currency, debtor, creditor, amount in owed:
        net_minor[window, currency, debtor] -= amount
        net_minor[window, currency, creditor] += amount
        count[window, currency, debtor] += 1
        count[window, currency, creditor] += 1
    found = {
        (row["window_id"], row["currency"], row["participant_id"]): row
        for row in net(table(owed)).multilateral.to_dicts()
    }
    assert {key: row["net_minor"] for key, row in found.items()} == dict(net_minor)
    assert {key: row["obligations"] for key, row in found.items()} == dict(count)
    assert all(row["is_owed_minor"] - row["owes_minor"] == row["net_minor"] for row in found.values())


@given(owed_lists)
def test_bilateral_nets_equal_a_loop_over_dictionaries(owed: list[Owed]) -> None:
    gross = Counter[tuple[str, str, str, str]]()
    for window, currency, debtor, creditor, amount in owed:
        gross[window, currency, debtor, creditor] += amount
    rows = net(table(owed)).bilateral.to_dicts()
    for row in rows:
        there = (row["window_id"], row["currency"], row["debtor_id"], row["creditor_id"])
        back = (*there[:2], there[3], there[2])
        assert row["owed_by_debtor_minor"] == gross[there]
        assert row["owed_by_creditor_minor"] == gross[back]
        assert row["net_minor"] == gross[there] - gross[back] >= 0
    assert len(rows) == len({(*key[:2], frozenset(key[2:])) for key in gross if gross[key]})
    assert sum(row["obligations"] for row in rows) == len(owed)


@given(owed_lists)
def test_nothing_is_created_or_lost(owed: list[Owed]) -> None:
    owing = table(owed)
    assert violations(owing, net(owing)).is_empty()


@given(owed_lists, st.sets(st.integers(0, 40), max_size=10))
def test_the_evidence_of_every_position_sums_back_to_it(owed: list[Owed], gaps: set[int]) -> None:
    owing = table(owed, gaps=gaps)
    positions = net(owing)
    by_ref = positions.evidence.join(owing, on=["book_id", "account_id"]).filter(
        pl.col("version").is_between("version_from", "version_to")
    )
    assert not by_ref.select("ref", *OBLIGATIONS.key).is_duplicated().any()
    sums = by_ref.group_by("ref").agg(pl.col("amount_minor").sum(), pl.len())
    gross = pl.concat(
        [
            positions.bilateral.select(
                "ref",
                "obligations",
                gross=pl.sum_horizontal("owed_by_debtor_minor", "owed_by_creditor_minor"),
            ),
            positions.multilateral.select(
                "ref", "obligations", gross=pl.sum_horizontal("owes_minor", "is_owed_minor")
            ),
        ]
    )
    joined = gross.join(sums, on="ref", how="full", coalesce=True)
    assert joined.filter(pl.col("gross").ne_missing(pl.col("amount_minor"))).is_empty()
    assert joined.filter(pl.col("obligations").ne_missing(pl.col("len").cast(pl.Int64))).is_empty()


def test_consecutive_versions_are_one_row_of_evidence_and_a_gap_begins_another() -> None:
    owed: list[Owed] = [("w1", "KES", "amani", "baobab", 10)] * 6
    evidence = net(table(owed, gaps={4})).evidence
    runs = evidence.filter(pl.col("ref") == "net:2026-03-02:w1:KES:amani")
    assert runs.select("version_from", "version_to").rows() == [(1, 4), (6, 7)]


def test_obligations_of_a_pair_in_one_account_are_one_run_whichever_way_they_go() -> None:
    owed: list[Owed] = [("w1", "KES", *pair, 10) for pair in (("amani", "baobab"), ("baobab", "amani"))]
    in_one_book = table(owed).with_columns(book_id=pl.lit(1, pl.Int32), account_id=pl.lit(7, pl.Int64))
    numbered = in_one_book.with_columns(version=pl.int_range(1, 3, dtype=pl.Int64, eager=True))
    assert net(numbered).evidence.select("ref", "version_from", "version_to").rows() == [
        ("bilateral:2026-03-02:w1:KES:amani:baobab", 1, 2),
        ("net:2026-03-02:w1:KES:amani", 1, 2),
        ("net:2026-03-02:w1:KES:baobab", 1, 2),
    ]


def test_a_window_change_begins_another_run() -> None:
    owed: list[Owed] = [(window, "KES", "amani", "baobab", 10) for window in ("w1", "w1", "w2")]
    evidence = net(table(owed)).evidence.filter(pl.col("ref").str.starts_with("bilateral"))
    assert evidence.select("ref", "version_from", "version_to").rows() == [
        ("bilateral:2026-03-02:w1:KES:amani:baobab", 1, 2),
        ("bilateral:2026-03-02:w2:KES:amani:baobab", 3, 3),
    ]


def test_participants_whose_debts_cancel_keep_a_position_of_zero() -> None:
    positions = net(table([("w1", "KES", "amani", "baobab", 10), ("w1", "KES", "baobab", "amani", 10)]))
    assert positions.multilateral["net_minor"].to_list() == [0, 0]
    assert positions.bilateral.select("debtor_id", "creditor_id", "net_minor").rows() == [
        ("amani", "baobab", 0)
    ]


def test_a_day_without_obligations_nets_to_nothing() -> None:
    positions = net(OBLIGATIONS.empty())
    assert positions.bilateral.equals(BILATERAL_POSITIONS.empty())
    assert positions.multilateral.equals(NET_POSITIONS.empty())
    assert positions.evidence.equals(NETTING_EVIDENCE.empty())
    assert violations(OBLIGATIONS.empty(), positions).is_empty()


def test_the_order_of_obligations_changes_nothing() -> None:
    owing = table([("w1", "KES", a, b, 10 + n) for n, a in enumerate(NAMES) for b in NAMES if a != b])
    one, other = net(owing), net(owing.sample(fraction=1, shuffle=True, seed=1))
    assert one.bilateral.equals(other.bilateral)
    assert one.multilateral.equals(other.multilateral)
    assert one.evidence.equals(other.evidence)


def test_a_position_beyond_64_bits_is_refused_instead_of_wrapping() -> None:
    owing = table([("w1", "KES", "amani", "baobab", 2**62)] * 2)
    with pytest.raises(PositionOverflow) as refused:
        net(owing)
    assert (refused.value.currency, refused.value.amount_minor) == ("KES", 2**63)


def test_obligations_of_two_business_dates_are_refused() -> None:
    owing = table([("w1", "KES", "amani", "baobab", 1)])
    other = owing.with_columns(business_date=pl.lit(date(2026, 3, 3)))
    with pytest.raises(SeveralBusinessDates):
        net(pl.concat([owing, other]))


def violations(owing: pl.DataFrame, positions: Positions) -> pl.DataFrame:
    return netting_violations(owing, multilateral=positions.multilateral, bilateral=positions.bilateral)


def tampered(positions: Positions, column: str) -> Positions:
    first = pl.int_range(pl.len()) == 0
    return replace(
        positions,
        multilateral=positions.multilateral.with_columns(pl.col(column) + first.cast(pl.Int64)),
    )


@pytest.mark.parametrize(
    ("column", "rules"),
    [
        ("net_minor", ["net_of_obligations", "nets_sum_to_zero"]),
        ("owes_minor", ["gross_of_obligations"]),
    ],
)
def test_a_minor_unit_from_nowhere_is_a_violation(column: str, rules: list[str]) -> None:
    owing = table([("w1", "KES", "amani", "baobab", 10), ("w1", "XOF", "amani", "baobab", 5)])
    found = violations(owing, tampered(net(owing), column))
    assert found["rule"].to_list() == rules
    assert found["where"].str.contains("KES").all()
    assert (found["found"] - found["expected"]).abs().to_list() == [1] * len(rules)
