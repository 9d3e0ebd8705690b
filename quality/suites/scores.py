"""Scores as they leave for lending: in range, explained, and in the order of the risk."""

import polars as pl

from quality.rules import Severity, Suite, between, holds, present, shaped, unique

_falls_with_risk = (
    (pl.col("score").diff() <= 0)
    .fill_null(value=True)
    .over("model_id", order_by="probability_of_default")
)

SUITE = Suite(
    "scores",
    (
        shaped("ref", r"^score:", "A score can be traced"),
        unique("business_date", "book_id", "account_id", sentence="An account has one score"),
        present("model_id", "A score names its model"),
        present("probability_of_default", "A score has a probability of default"),
        between("probability_of_default", "Probabilities lie between 0 and 1", least=0, most=1),
        present("score", "A score has a value"),
        between("score", "Scores lie between 300 and 850", least=300, most=850),
        present("reason_1", "A score gives its strongest reason"),
        holds(
            (pl.col("reason_2") != pl.col("reason_1")).fill_null(value=True)
            & (pl.col("reason_3") != pl.col("reason_2")).fill_null(value=True),
            "Reasons are not repeated",
            severity=Severity.WARN,
        ),
        holds(
            _falls_with_risk,
            "A higher probability of default never has the higher score",
            severity=Severity.WARN,
        ),
    ),
)
