"""The source `movements`: one row an entry of a customer account in the window.

Holds and their release move nothing until they are posted, and an opening balance is no behaviour:
neither has a row.
"""

import polars as pl

from ml.features.expressions import MOVEMENTS, SUBJECT, columns_of
from ml.features.known import LOAN_PURPOSE, OPENING, Known


def movements(known: Known) -> pl.DataFrame:
    """The movements of the recent days (schema `MOVEMENTS`), oldest first within a subject."""
    rows = known.recent_entries.filter(pl.col("amount_minor") > 0, pl.col("kind") != OPENING)
    incoming = pl.col("side") == "C"
    return (
        rows.join(known.recent_payments, on="payment_id", how="left", maintain_order="left")
        .with_columns(
            direction=pl.when(incoming).then(pl.lit("in")).otherwise(pl.lit("out")),
            counterparty=_counterparty(incoming),
            repays_loan=~incoming & repays_loan(),
        )
        .with_columns(days_since_previous_of_kind=_previous_of_kind())
        .select(columns_of(MOVEMENTS))
    )


def repays_loan() -> pl.Expr:
    """Whether an entry repays a loan, ours or another bank's: over `kind` and `purpose`."""
    marked = pl.col("purpose").str.starts_with(LOAN_PURPOSE).fill_null(value=False)
    return (pl.col("kind") == "loan_repayment") | marked


def _previous_of_kind() -> pl.Expr:
    earlier = pl.col("days_ago").shift().over(SUBJECT, "kind", "direction")
    return (earlier - pl.col("days_ago")).cast(pl.Int32)


def _counterparty(incoming: pl.Expr) -> pl.Expr:
    agent, account = (
        pl.when(incoming).then(f"debtor_{part}").otherwise(f"creditor_{part}")
        for part in ("agent", "account")
    )
    return pl.concat_str(agent, account, separator="/")
