"""Coverage against a plain loop: what is kept, and what balances are left."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.simulation.coverage import keep_covered, settle
from pipelines.simulation.draft import draft

CUSTOMERS = 4
NOSTRO = 4
ACCOUNTS = pl.DataFrame({"index": [0, 1, 2, 3, 4], "nostro": [NOSTRO] * 5})

payments = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["credit_transfer", "cash_deposit", "card_purchase", "payout",
                                     "collection"]),
            "who": st.integers(0, CUSTOMERS - 1),
            "other": st.integers(0, CUSTOMERS - 1),
            "amount_minor": st.integers(1, 60),
            "counter_minor": st.none() | st.integers(1, 60),
            "fee_minor": st.integers(0, 3),
            "planned": st.booleans(),
        }
    ),
    min_size=1,
    max_size=25,
)  # fmt: skip
balances = st.lists(st.integers(0, 150), min_size=5, max_size=5)


def frame(rows: list[dict]) -> pl.DataFrame:
    incoming = {"cash_deposit", "collection"}
    debtors = [None if row["kind"] in incoming else row["who"] for row in rows]
    counters = [row["counter_minor"] if row["kind"] == "credit_transfer" else None for row in rows]
    return draft(
        {
            "kind": [row["kind"] for row in rows],
            "debtor": pl.Series(debtors, dtype=pl.Int64),
            "creditor": pl.Series(
                [
                    r["who"] if r["kind"] in incoming
                    else r["other"] if r["kind"] == "credit_transfer" else None
                    for r in rows
                ],
                dtype=pl.Int64,
            ),
            "amount_minor": [row["amount_minor"] for row in rows],
            "fee_minor": [0 if r["planned"] or r["kind"] in incoming else r["fee_minor"] for r in rows],
            "second": list(range(len(rows))),
            "plan": pl.Series(["planned" if row["planned"] else None for row in rows], dtype=pl.String),
        }
    ).with_columns(counter_minor=pl.Series(counters, dtype=pl.Int64))  # fmt: skip


def kept_by_hand(rows: list[dict], funds: list[int]) -> set[int]:
    """Planned first; then in order, each payer in turn: first the debtors, then the nostro."""
    kept = [row for row in rows if row["planned"]] + [row for row in rows if not row["planned"]]
    for payer in ("debtor", "nostro"):
        paying = [
            row for row in kept
            if row["kind"] == "payout" or (payer == "debtor" and row["debtor"] is not None)
        ]  # fmt: skip
        reserved: dict[int, int] = {}
        for row in paying:
            if row["planned"]:
                account = row["debtor"] if payer == "debtor" else NOSTRO
                reserved[account] = reserved.get(account, 0) + row["cost"]
        spent = dict(reserved)
        dropped = set()
        for row in paying:
            account = row["debtor"] if payer == "debtor" else NOSTRO
            if row["planned"]:
                continue
            if row["cost"] > funds[account] - reserved.get(account, 0):
                dropped.add(row["at"])
                continue
            spent[account] = spent.get(account, 0) + row["cost"]
            if spent[account] > funds[account]:
                dropped.add(row["at"])
        kept = [row for row in kept if row["at"] not in dropped]
    return {row["at"] for row in kept}


@given(payments, balances)
def test_kept_are_the_planned_and_those_that_the_morning_pays_for(
    rows: list[dict], funds: list[int]
) -> None:
    wished = frame(rows)
    kept = keep_covered(wished, accounts=ACCOUNTS, balances=np.array(funds))
    by_hand = [
        {**row, "at": row["second"], "cost": row["amount_minor"] + row["fee_minor"],
         "planned": row["plan"] is not None}
        for row in wished.rows(named=True)
    ]  # fmt: skip
    assert set(kept["second"]) == kept_by_hand(by_hand, funds)


@given(payments, balances)
def test_what_is_kept_without_a_plan_never_overdraws(rows: list[dict], funds: list[int]) -> None:
    ordinary = frame([{**row, "planned": False} for row in rows])
    kept = keep_covered(ordinary, accounts=ACCOUNTS, balances=np.array(funds))
    only_out = kept.filter(pl.col("debtor").is_not_null()).with_columns(creditor=pl.lit(None, pl.Int64))
    assert settle(only_out, accounts=ACCOUNTS, balances=np.array(funds)).min() >= 0


@given(payments, balances)
def test_settled_balances_are_those_of_a_plain_loop(rows: list[dict], funds: list[int]) -> None:
    after = list(funds)
    for row in frame(rows).rows(named=True):
        if row["debtor"] is not None:
            after[row["debtor"]] -= row["amount_minor"]
        if row["creditor"] is not None:
            after[row["creditor"]] += row["counter_minor"] or row["amount_minor"]
        after[NOSTRO] += {"payout": -1, "collection": 1}.get(row["kind"], 0) * row["amount_minor"]
    assert settle(frame(rows), accounts=ACCOUNTS, balances=np.array(funds)).tolist() == after
