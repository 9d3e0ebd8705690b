"""A draft: the day's payments before they have a number, by account index and in minor units.

Belongs here: the draft's columns, and what is the same for every draft whatever planned it: the
amount of a conversion, the fee that goes with a payment.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from pipelines.simulation.draws import Ints
from pipelines.simulation.economy import converted

DRAFT: dict[str, type[pl.DataType]] = {
    "kind": pl.String,  # a `PaymentKind`
    "debtor": pl.Int64,  # index of a customer account; null when there is none on that side
    "creditor": pl.Int64,
    "external": pl.Int64,  # number of the party outside the platform
    "amount_minor": pl.Int64,  # in the debtor's currency, or the creditor's where there is no debtor
    "fee_minor": pl.Int64,  # charged to the debtor beside it
    "second": pl.Int64,  # of the local day
    "channel": pl.String,
    "purpose": pl.String,
    "merchant_category": pl.String,
    "plan": pl.String,  # what planted it; null for ordinary activity
    "subject": pl.Int64,  # account that the plan is about
}


Column = str | int | None | list[Any] | Ints | pl.Series


def draft(columns: Mapping[str, Column]) -> pl.DataFrame:
    """A draft of the given columns; absent ones are null, an absent fee is 0."""
    frame = pl.select([_column(values).alias(name) for name, values in columns.items()])
    missing = [pl.lit(None, kind).alias(name) for name, kind in DRAFT.items() if name not in columns]
    return (
        frame.with_columns(missing)
        .select(pl.col(name).cast(kind) for name, kind in DRAFT.items())
        .with_columns(pl.col("fee_minor").fill_null(0))
    )


def _column(values: Column) -> pl.Expr:
    if values is None or isinstance(values, str | int):
        return pl.lit(values)
    return pl.lit(pl.Series(values))


def with_counter_amount(payments: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Add `counter_minor`: what the creditor receives where the currencies differ, else null.

    A payment too small to be worth a minor unit of the creditor's currency is left out.
    """
    sides = accounts.select("index", "currency", "rate", "exponent", "spread_bp")
    joined = payments.join(
        sides.rename({name: f"debtor_{name}" for name in sides.columns[1:]}),
        left_on="debtor",
        right_on="index",
        how="left",
        maintain_order="left",
    ).join(
        sides.rename({name: f"creditor_{name}" for name in sides.columns[1:]}),
        left_on="creditor",
        right_on="index",
        how="left",
        maintain_order="left",
    )
    counter = converted(
        pl.col("amount_minor"),
        source=(pl.col("debtor_rate"), pl.col("debtor_exponent")),
        target=(pl.col("creditor_rate"), pl.col("creditor_exponent")),
        spread_bp=pl.max_horizontal("debtor_spread_bp", "creditor_spread_bp"),
    )
    differs = (pl.col("debtor_currency") != pl.col("creditor_currency")).fill_null(value=False)
    return (
        joined.with_columns(counter_minor=pl.when(differs).then(counter))
        .filter(~differs | (pl.col("counter_minor") > 0))
        .select(*payments.columns, "counter_minor")
    )


def with_fees(payments: pl.DataFrame) -> pl.DataFrame:
    """Each fee as a payment of its own, a second after the one that it is charged for."""
    fees = payments.filter(pl.col("fee_minor") > 0).with_columns(
        kind=pl.lit("fee"),
        creditor=pl.lit(None, pl.Int64),
        external=pl.lit(None, pl.Int64),
        amount_minor="fee_minor",
        counter_minor=pl.lit(None, pl.Int64),
        second=pl.min_horizontal(pl.col("second") + 1, pl.lit(86_399)),
        purpose="Fee: " + pl.col("purpose"),
    )
    return pl.concat([payments, fees]).with_columns(fee_minor=pl.lit(0, pl.Int64))
