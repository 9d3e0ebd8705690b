"""The source `daily_balances`: one row a calendar day of the window, also where nothing moved.

An account's days begin when the window does, or with its first entry: before that there was no
balance to observe. The balance before the window needs no earlier entry: it is what the first entry
of the window left, less that entry; and where there is none, the balance at the close.
"""

import polars as pl

from ml.features.expressions import DAILY_BALANCES, SUBJECT, columns_of
from ml.features.known import OPENING, Known


def daily_balances(known: Known) -> pl.DataFrame:
    """The closing balances of the recent days (schema `DAILY_BALANCES`), oldest first."""
    per_day = _days_with_entries(known)
    return (
        _calendar(known, per_day)
        .join(per_day, on=[SUBJECT, "days_ago"], how="left", maintain_order="left")
        .with_columns(
            pl.col("balance_minor").forward_fill().over(SUBJECT),
            pl.col("inflow_minor", "outflow_minor").fill_null(0),
        )
        .with_columns(balance_minor=pl.coalesce("balance_minor", "balance_before_minor"))
        .select(columns_of(DAILY_BALANCES))
    )


def _days_with_entries(known: Known) -> pl.DataFrame:
    """Subject and day: flows, balance before and after, and the first version of the day."""
    amount, credit = pl.col("amount_minor"), pl.col("side") == "C"
    balance = pl.col("credits_posted_after") - pl.col("debits_posted_after")
    moved = pl.when(pl.col("kind") != OPENING).then(amount).otherwise(0)
    return (
        known.recent_entries.with_columns(
            balance=balance,
            before=balance - pl.when(credit).then(amount).otherwise(-amount),
            inflow=pl.when(credit).then(moved).otherwise(0),
            outflow=pl.when(credit).then(0).otherwise(moved),
        )
        .group_by(SUBJECT, "days_ago", maintain_order=True)
        .agg(
            first_version=pl.col("version").first(),
            opening_minor=pl.col("before").first(),
            balance_minor=pl.col("balance").last(),
            inflow_minor=pl.col("inflow").sum(),
            outflow_minor=pl.col("outflow").sum(),
        )
    )


def _calendar(known: Known, per_day: pl.DataFrame) -> pl.DataFrame:
    """Every subject and day of its observation, with the balance before its first entry."""
    first_days = per_day.group_by(SUBJECT, maintain_order=True).first()
    observed = known.accounts.filter(pl.col("version") > 0).join(
        first_days.select(SUBJECT, "days_ago", "first_version", "opening_minor"),
        on=SUBJECT,
        how="left",
        maintain_order="left",
    )
    is_first_ever = pl.col("first_version") == 1
    begins = pl.when(is_first_ever).then("days_ago").otherwise(known.recent_days - 1)
    return observed.select(
        SUBJECT,
        balance_before_minor=pl.coalesce("opening_minor", "balance_minor"),
        days_ago=pl.int_ranges(begins, -1, -1, dtype=pl.Int32),
    ).explode("days_ago", keep_nulls=False, empty_as_null=False)
