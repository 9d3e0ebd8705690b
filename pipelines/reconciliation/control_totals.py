"""Control totals: sums that must agree although they were made apart.

Belongs here: the lines of the general ledger against the accounts below them, customers' wallets and
deposits among them, and what two participants say that they owe each other. Items are compared in
`reconcile.py`; a total that differs says that an item is in no comparison at all.
"""

from typing import Final

import polars as pl

from pipelines.reconciliation.tables import RECONCILED_TOTALS

GENERAL_LEDGER: Final = "general_ledger"
"""The line at the last close, and the entries since, against the accounts of the line."""
NOSTRO_VOSTRO: Final = "nostro_vostro"
"""A participant's clearing account against its counterpart's, on whose books it has the other sign."""

_DEBITS: Final = pl.col("debits_posted") - pl.col("credits_posted")
_LINE: Final = ["participant_id", "chart_name", "currency"]
_PAIR: Final = ["participant_id", "counterparty_id", "currency"]


def control_totals(
    *, accounts: pl.DataFrame, entries: pl.DataFrame, accounts_before: pl.DataFrame
) -> pl.DataFrame:
    """RECONCILED_TOTALS without its date, from ACCOUNTS and ENTRIES of a date and ACCOUNTS before it."""
    return pl.concat(
        [
            _general_ledger(accounts, entries=entries, accounts_before=accounts_before),
            _nostro_vostro(accounts),
        ]
    )


def _general_ledger(
    accounts: pl.DataFrame, *, entries: pl.DataFrame, accounts_before: pl.DataFrame
) -> pl.DataFrame:
    lines = accounts.select("book_id", "account_id", *_LINE)
    signed = pl.when(pl.col("side") == "D").then("amount_minor").otherwise(-pl.col("amount_minor"))
    moved = entries.join(lines.drop("currency"), on=["book_id", "account_id"]).select(
        *_LINE, minor=signed
    )
    carried = accounts_before.select(*_LINE, minor=_DEBITS)
    line = pl.concat([carried, moved]).group_by(_LINE).agg(ours_minor=pl.col("minor").sum())
    below = accounts.group_by(_LINE).agg(theirs_minor=_DEBITS.sum())
    return _compared(
        line.join(below, on=_LINE, how="full", coalesce=True),
        control=GENERAL_LEDGER,
        counterparty_id=pl.lit(None, pl.String),
    )


def _nostro_vostro(accounts: pl.DataFrame) -> pl.DataFrame:
    """One row a pair and currency, from the side of the participant whose id comes first."""
    own = (
        accounts.filter((pl.col("chart_name") == "clearing") & pl.col("counterparty_id").is_not_null())
        .group_by(_PAIR)
        .agg(ours_minor=_DEBITS.sum())
    )
    theirs = own.select(
        participant_id="counterparty_id",
        counterparty_id="participant_id",
        currency="currency",
        theirs_minor=-pl.col("ours_minor"),
    )
    pairs = own.join(theirs, on=_PAIR, how="full", coalesce=True)
    books = accounts["participant_id"].unique().implode()
    both_have_books = pl.all_horizontal(pl.col("participant_id", "counterparty_id").is_in(books))
    first = pairs.filter((pl.col("participant_id") < pl.col("counterparty_id")) & both_have_books)
    return _compared(
        first, control=NOSTRO_VOSTRO, counterparty_id="counterparty_id", chart_name=pl.lit("clearing")
    )


def _compared(rows: pl.DataFrame, *, control: str, **columns: pl.Expr | str) -> pl.DataFrame:
    ours, theirs = pl.col("ours_minor").fill_null(0), pl.col("theirs_minor").fill_null(0)
    return (
        rows.with_columns(control=pl.lit(control), **columns)
        .with_columns(ours_minor=ours, theirs_minor=theirs, difference_minor=theirs - ours)
        .select([name for name in RECONCILED_TOTALS.schema if name != "business_date"])
        .sort("participant_id", "counterparty_id", "chart_name", "currency", nulls_last=False)
    )
