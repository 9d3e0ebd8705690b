"""The sources `loans` and `applications`: loans in one shape, wherever they come from.

A loan is known by dates: disbursed, due, first repaid, closed; a date after the observation is absent,
because it was not known. Lateness is in whole calendar days, so that a repayment at any hour of the
day on which it is due is in time.
"""

import polars as pl

from ml.features.expressions import LOANS, SUBJECT, Schema, columns_of

LOAN_DATES: Schema = {
    "subject": pl.Int64,
    "observed_on": pl.Date,  # the business date, or the day of the application
    "disbursed_order": pl.Int64,  # orders the loans of a subject
    "disbursed_on": pl.Date,
    "principal_minor": pl.Int64,
    "term_days": pl.Int32,
    "due_on": pl.Date,  # null when no term was stated
    "first_repaid_on": pl.Date,  # null when not known on the day of observation
    "closed_on": pl.Date,  # likewise
}
"""Loans as their dates, from the ledger (`ledger_loans`) or a loan book (`ml.training`)."""


def loans(dated: pl.DataFrame) -> pl.DataFrame:
    """The source `loans` (schema `LOANS`) of loans as dates (schema `LOAN_DATES`)."""
    until = pl.coalesce("closed_on", "observed_on")
    earlier = pl.col("disbursed_on").shift().over(SUBJECT)
    earlier_closed = pl.col("closed_on").shift().over(SUBJECT)
    number = pl.int_range(1, pl.len() + 1).over(SUBJECT)
    return (
        dated.sort(SUBJECT, "disbursed_order")
        .with_columns(loan_number=number.cast(pl.Int32))
        .with_columns(
            loans_ago=pl.col("loan_number").max().over(SUBJECT) - pl.col("loan_number"),
            is_closed=pl.col("closed_on").is_not_null(),
            days_since_disbursed=_days("disbursed_on", pl.col("observed_on")),
            days_since_closed=_days("closed_on", pl.col("observed_on")),
            days_held=_days("disbursed_on", until),
            days_late=_days("due_on", until),
            first_repayment_days_late=_days("due_on", pl.col("first_repaid_on")),
            gap_days=(pl.col("disbursed_on") - earlier).dt.total_days().cast(pl.Int32),
            pause_days=(pl.col("disbursed_on") - earlier_closed).dt.total_days().cast(pl.Int32),
        )
        .select(columns_of(LOANS))
    )


def _days(since: str, until: pl.Expr) -> pl.Expr:
    return (until - pl.col(since)).dt.total_days().cast(pl.Int32)
