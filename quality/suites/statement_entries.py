"""Entries of bank statements, as they are read from a bank's files."""

import polars as pl

from quality.rules import CURRENCY, Severity, Suite, between, holds, one_of, present, shaped, unique

LATEST_VALUE_DAYS = 31
"""Banks value some entries apart from their booking; by more than a month is a mistake."""

_days_apart = (pl.col("value_date") - pl.col("booking_date")).dt.total_days().abs()

SUITE = Suite(
    "statement_entries",
    (
        unique(
            "file",
            "statement_ordinal",
            "entry_ordinal",
            "detail_ordinal",
            sentence="An entry of a file is read once",
        ),
        present("amount_minor", "An entry has an amount"),
        between("amount_minor", "Amounts are not negative: the direction is the sign", least=0),
        present("direction", "An entry says in which direction it moves the balance"),
        one_of("direction", ("CRDT", "DBIT"), "Directions are credit or debit"),
        present("currency", "An entry has a currency"),
        shaped("currency", CURRENCY, "Currencies are ISO 4217 codes"),
        present("value_date", "An entry has a value date"),
        holds(
            _days_apart.is_null() | (_days_apart <= LATEST_VALUE_DAYS),
            "Value date and booking date are within a month",
            severity=Severity.WARN,
        ),
    ),
)
