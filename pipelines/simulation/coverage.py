"""Running balances: which planned payments are covered, and the few that are planted not to be.

A payment counts as covered when what the account held at the start of the day pays for it together
with everything else that leaves the account that day. Money that arrives during the day is not
counted on: payments so kept are covered in whatever order a ledger books the day, book by book or
as they come. The exception are planted rapid movements, which spend what came in before them.
"""

from datetime import date
from typing import Any

import numpy as np
import polars as pl

from pipelines.simulation.activity import Market
from pipelines.simulation.draft import draft
from pipelines.simulation.draws import Ints, stream
from pipelines.simulation.holdings import Role

INSUFFICIENT = "insufficient_funds"


def keep_covered(payments: pl.DataFrame, *, accounts: pl.DataFrame, balances: Ints) -> pl.DataFrame:
    """The payments that debtors, and for payouts the nostros, can pay for; planned ones always."""
    payments = payments.sort(pl.col("plan").is_null(), maintain_order=True).with_columns(
        cost=pl.col("amount_minor") + pl.col("fee_minor"),
        nostro=pl.when(pl.col("kind") == "payout").then(
            pl.lit(accounts["nostro"]).gather(pl.col("debtor"))
        ),
    )
    for payer in ("debtor", "nostro"):
        payments = _within(payments, payer, balances)
    return payments.drop("cost", "nostro")


def _within(payments: pl.DataFrame, payer: str, balances: Ints) -> pl.DataFrame:
    """Drop, first to last, what exceeds the balance of the accounts in column `payer`."""
    funds = pl.lit(pl.Series(balances)).gather(pl.col(payer))
    free = pl.col("plan").is_not_null() | pl.col(payer).is_null()
    planned = pl.col("cost").filter(pl.col("plan").is_not_null()).sum().over(payer)
    possible = payments.with_columns(funds=funds).filter(
        free | (pl.col("cost") <= pl.col("funds") - planned)
    )
    spent = pl.col("cost").cum_sum().over(payer)
    return possible.filter(free | (spent <= pl.col("funds"))).drop("funds")


def settle(payments: pl.DataFrame, *, accounts: pl.DataFrame, balances: Ints) -> Ints:
    """The balances after the payments: customers' money, and of a nostro our money at the partner."""
    after = balances.copy()
    received = pl.coalesce("counter_minor", "amount_minor")
    for side, sign, amount in (("debtor", -1, pl.col("amount_minor")), ("creditor", 1, received)):
        moved = payments.select(side, amount.alias("amount_minor")).drop_nulls(side)
        np.add.at(after, moved[side].to_numpy(), sign * moved["amount_minor"].to_numpy())
    for kind, side, sign in (("payout", "debtor", -1), ("collection", "creditor", 1)):
        moved = payments.filter(kind=kind)
        nostros = accounts["nostro"].gather(moved[side]).to_numpy()
        np.add.at(after, nostros, sign * moved["amount_minor"].to_numpy())
    return after


def plan_shortfalls(
    payments: pl.DataFrame, *, market: Market, seed: int, day: date, balances: Ints, count: int
) -> pl.DataFrame:
    """`count` payments that no order of the day's payments can cover; the ledger refuses them.

    Each asks for more than the account had in the morning and all that it receives that day.
    """
    rng = stream(seed, "shortfalls", day)
    received = (
        payments.drop_nulls("creditor")
        .group_by(index="creditor")
        .agg(received_minor=pl.coalesce("counter_minor", "amount_minor").sum())
    )
    able = market.accounts.filter(
        pl.col("role") == Role.ACTIVE, "home", pl.col("party_kind") == "person"
    )
    chosen = able[np.sort(rng.permutation(able.height)[:count])].join(
        received, on="index", how="left", maintain_order="left"
    )
    who = chosen["index"].to_numpy()
    most = balances[who] + chosen["received_minor"].fill_null(0).to_numpy()
    amounts = (most + chosen["salary_minor"].to_numpy()) * rng.integers(110, 250, len(who)) // 100
    kinds = np.array(["cash_withdrawal", "credit_transfer", "payout"])[np.arange(len(who)) % 3]
    creditors = market.domestic_creditor(rng, who)
    columns: dict[str, Any] = {
        "kind": np.where(
            (kinds == "credit_transfer") & (creditors < 0), "cash_withdrawal", kinds
        ).tolist(),
        "debtor": who,
        "creditor": pl.Series(creditors).replace(-1, None),
        "external": rng.integers(1, 1000, len(who)),
        "amount_minor": np.maximum(1, amounts),
        "second": rng.integers(8 * 3600, 20 * 3600, len(who)),
        "channel": "app",
        "purpose": "Payment",
        "plan": INSUFFICIENT,
        "subject": who,
    }
    return draft(columns).with_columns(
        creditor=pl.when(pl.col("kind") == "credit_transfer").then("creditor"),
        counter_minor=pl.lit(None, pl.Int64),
    )
