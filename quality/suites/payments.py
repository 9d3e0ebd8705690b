"""Payments as they enter: the instructions that were booked, with both parties."""

import polars as pl

from quality.rules import (
    CURRENCY,
    UUID,
    Severity,
    Suite,
    as_long_as,
    between,
    holds,
    present,
    shaped,
    unique,
)

FARTHEST_VALUE_DATE_DAYS = 366
"""A value date farther from its business date than a year is a mistyped one."""

_days_away = (pl.col("value_date") - pl.col("business_date")).dt.total_days().abs()
_counter_present = pl.col("counter_currency").is_not_null()

SUITE = Suite(
    "payments",
    (
        present("payment_id", "A payment is identified"),
        shaped("payment_id", UUID, "A payment's identifier is a UUID"),
        unique("payment_id", sentence="A payment is booked once"),
        shaped("kind", r"^[a-z]+(?:_[a-z]+)*$", "A payment says what it is for"),
        present("kind", "A payment has a kind"),
        shaped("currency", CURRENCY, "Currencies are ISO 4217 codes"),
        present("currency", "A payment has a currency"),
        between("amount_minor", "Amounts are positive", least=1),
        present("amount_minor", "A payment has an amount"),
        present("event_at", "It is known when a payment happened"),
        holds(
            pl.col("debtor_agent").is_not_null() | pl.col("creditor_agent").is_not_null(),
            "A payment has the agent of its debtor or of its creditor",
        ),
        holds(
            _counter_present == pl.col("counter_amount_minor").is_not_null(),
            "A conversion has both a counter currency and a counter amount",
        ),
        between("counter_amount_minor", "Counter amounts are positive", least=1),
        as_long_as("end_to_end_id", "End-to-end ids fit into ISO 20022's 35 characters", most=35),
        shaped("merchant_category", r"^\d{4}$", "Merchant categories are the four digits of ISO 18245"),
        holds(
            _days_away <= FARTHEST_VALUE_DATE_DAYS,
            "The value date is within a year of the business date",
            severity=Severity.WARN,
        ),
    ),
)
