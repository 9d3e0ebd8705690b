"""Alerts as they leave for the compliance desk: each says why it fired, and on what."""

import polars as pl

from quality.rules import Suite, as_long_as, between, holds, one_of, present, shaped, unique

SUITE = Suite(
    "alerts",
    (
        shaped("ref", r"^alert:", "An alert can be traced"),
        unique("ref", sentence="An alert is raised once"),
        present("rule_id", "An alert names its rule"),
        present("rule_version", "An alert names the version of its rule"),
        one_of("severity", ("low", "medium", "high"), "Severities are low, medium or high"),
        present("severity", "An alert has a severity"),
        between("transfers", "An alert fired on at least one transfer", least=1),
        between("amount_minor", "Amounts are not negative", least=0),
        present("explanation", "An alert says why it fired"),
        as_long_as("explanation", "Why an alert fired is said in a sentence", least=20),
        holds(
            pl.col("last_event_at") >= pl.col("first_event_at"),
            "The first transfer of an alert is not after its last",
        ),
    ),
)
