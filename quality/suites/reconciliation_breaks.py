"""Breaks as they leave for the finance team: classified, aged and owned."""

import polars as pl

from quality.rules import Severity, Suite, between, holds, present, shaped, unique

_stated, _ledger = pl.col("stated_minor"), pl.col("ledger_minor")
_age = (pl.col("business_date") - pl.col("first_seen")).dt.total_days()

SUITE = Suite(
    "reconciliation_breaks",
    (
        shaped("ref", r"^break:", "A break can be traced"),
        unique("business_date", "ref", sentence="A break is listed once a date"),
        present("break_class", "A break is classified"),
        present("owner", "A break is owned"),
        present("participant_id", "It is known whose books a break is in"),
        between("age_days", "A break does not age backwards", least=0),
        holds(pl.col("first_seen") <= pl.col("business_date"), "A break was seen before it is listed"),
        holds(_stated.is_not_null() | _ledger.is_not_null(), "One side of a break says something"),
        holds(
            pl.col("difference_minor") == _stated.fill_null(0) - _ledger.fill_null(0),
            "The difference is what is stated less what the ledger says",
        ),
        holds(
            pl.col("age_days") == _age,
            "The age is counted in calendar days since the break was first seen",
            severity=Severity.WARN,
        ),
    ),
)
