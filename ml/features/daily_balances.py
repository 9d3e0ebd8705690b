"""The source `daily_balances`: one row a calendar day of the window, also where nothing moved.

An account's days begin when the window does, or with its first entry: before that there was no
balance to observe. The balance before the window needs no earlier entry: it is what the first entry
of the window left, less that entry; and where there is none, the balance at the close.
"""

from datetime import timedelta

import polars as pl

from ml.features.expressions import DAILY_BALANCES, SUBJECT, columns_of
from ml.features.known import Known


def daily_balances(known: Known, window_days: int) -> pl.DataFrame:
    """The closing balances of the last days (schema `DAILY_BALANCES`), oldest first."""
    per_day = _days_with_entries(known, window_days)
    return (
        _calendar(known, per_day, window_days)
        .join(per_day, on=[SUBJECT, "business_date"], how="left", maintain_order="left")
        .with_columns(
            pl.col("balance_minor").forward_fill().over(SUBJECT),
            pl.col("inflow_minor", "outflow_minor").fill_null(0),
            days_ago=(pl.lit(known.business_date) - pl.col("business_date"))
            .dt.total_days()
            .cast(pl.Int32),
        )
        .with_columns(balance_minor=pl.coalesce("balance_minor", "balance_before_minor"))
        .select(columns_of(DAILY_BALANCES))
    )


def _days_with_entries(known: Known, window_days: int) -> pl.DataFrame:
    """Subject and day: flows, balance before and after, and the first version of the day."""
    amount, credit = pl.col("amount_minor"), pl.col("side") == "C"
    balance = pl.col("credits_posted_after") - pl.col("debits_posted_after")
    effect = pl.when(credit).then(amount).otherwise(-amount)
    return (
        known.entries_of(window_days)
        .group_by(SUBJECT, "business_date", maintain_order=True)
        .agg(
            first_version=pl.col("version").first(),
            opening_minor=(balance - effect).first(),
            balance_minor=balance.last(),
            inflow_minor=amount.filter(credit, pl.col("kind") != "opening_balance").sum(),
            outflow_minor=amount.filter(~credit, pl.col("kind") != "opening_balance").sum(),
        )
    )


def _calendar(known: Known, per_day: pl.DataFrame, window_days: int) -> pl.DataFrame:
    """Every subject and day of its observation, with the balance before its first entry."""
    first_days = per_day.group_by(SUBJECT, maintain_order=True).first()
    window_begins = known.business_date - timedelta(days=window_days - 1)
    observed = known.accounts.filter(pl.col("version") > 0).join(
        first_days.select(SUBJECT, "business_date", "first_version", "opening_minor"),
        on=SUBJECT,
        how="left",
        maintain_order="left",
    )
    is_first_ever = pl.col("first_version") == 1
    begins = pl.when(is_first_ever).then("business_date").otherwise(pl.lit(window_begins))
    days = pl.date_ranges(begins, pl.lit(known.business_date))
    return observed.select(
        SUBJECT,
        balance_before_minor=pl.coalesce("opening_minor", "balance_minor"),
        business_date=days,
    ).explode("business_date")
