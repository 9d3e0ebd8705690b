"""The figures of the books that cells are read from, account by account, with the entries behind them.

Belongs here: balances, flows and counts of payments. A figure is a frame of contributions: one row a run
of entries, with what it adds to the cell; runs that add nothing are left out, so that the rows are at
once the cell's evidence.
"""

import polars as pl

from ledger_service.ledger.chart import Side
from pipelines.regulatory.template import Balance, BalanceOf, Flow, Payments, Selection

GROUP = ("participant_id", "currency")
RUN = ("book_id", "account_id", "version_from", "version_to")


def balances(definition: Balance, accounts: pl.DataFrame) -> pl.DataFrame:
    """Contributions (`GROUP`, `RUN`, contribution Int128) of each account's closing balance.

    The evidence of a balance is the account's closing entry, which carries its totals.
    """
    debits, credits = pl.col("debits_posted"), pl.col("credits_posted")
    side, other = (debits, credits) if definition.side is Side.DEBIT else (credits, debits)
    match definition.of:
        case BalanceOf.NET:
            measured = side - other
        case BalanceOf.SURPLUS:
            measured = (side - other).clip(lower_bound=0)
        case BalanceOf.TOTAL:
            measured = side
    return (
        accounts.filter(_selected(definition.selection))
        .select(
            *GROUP,
            "book_id",
            "account_id",
            version_from="version",
            version_to="version",
            contribution=measured.cast(pl.Int128),
        )
        .filter(pl.col("contribution") != 0)
    )


def flows(definition: Flow, entries: pl.DataFrame) -> pl.DataFrame:
    """Contributions of the day's entries on one side; `entries` carry their account's columns."""
    chosen = entries.filter(
        _selected(definition.selection),
        pl.col("side") == str(definition.side),
        ~pl.col("kind").is_in(definition.except_kinds),
        pl.col("amount_minor") != 0,
    )
    return _in_runs(chosen)


def payments(definition: Payments, entries: pl.DataFrame) -> pl.DataFrame:
    """As `flows`, of payments: each adds 1 with the first of its entries, 0 with the others."""
    chosen = entries.filter(
        _selected(definition.selection),
        pl.col("payment_id").is_not_null(),
        ~pl.col("kind").is_in(definition.except_kinds),
        pl.col("amount_minor") != 0,
    ).sort("book_id", "account_id", "version")
    first = pl.int_range(pl.len()).over(*GROUP, "payment_id") == 0
    return _in_runs(chosen.with_columns(amount_minor=first.cast(pl.Int64)))


def merged_runs(runs: pl.DataFrame) -> pl.DataFrame:
    """Runs (`GROUP`, `RUN`) of which overlapping and adjoining ones have become one."""
    account = [*GROUP, "book_id", "account_id"]
    reached = pl.col("version_to").cum_max().shift(1).over(account)
    return (
        runs.sort(*account, "version_from", "version_to")
        .with_columns(begins=(pl.col("version_from") > reached + 1).fill_null(True))
        .with_columns(run=pl.col("begins").cum_sum().over(account))
        .group_by(*account, "run")
        .agg(pl.col("version_from").min(), pl.col("version_to").max())
        .select(*GROUP, *RUN)
    )


def _selected(selection: Selection) -> pl.Expr:
    chosen = pl.lit(True)
    if selection.chart is not None:
        chosen &= pl.col("chart_name").is_in(selection.chart)
    if selection.counterparties is not None:
        chosen &= pl.col("counterparty_id").is_in(selection.counterparties).fill_null(False)
    return chosen


def _in_runs(entries: pl.DataFrame) -> pl.DataFrame:
    """Entries gathered into runs of consecutive versions, with the sum of their amounts."""
    account = [*GROUP, "book_id", "account_id"]
    return (
        entries.sort(*account, "version")
        .with_columns(run=pl.col("version") - pl.int_range(pl.len()).over(account))
        .group_by(*account, "run")
        .agg(
            version_from=pl.col("version").min(),
            version_to=pl.col("version").max(),
            contribution=pl.col("amount_minor").cast(pl.Int128).sum(),
        )
        .select(*GROUP, *RUN, "contribution")
    )
