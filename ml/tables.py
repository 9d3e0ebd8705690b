"""The tables of features and scores.

Refs read `feature:<date>:<book>:<account>:<feature>` and `score:<date>:<book>:<account>`. Features
are long, one row a feature, so that adding one changes no schema; a missing value is null.
"""

import polars as pl

from pipelines.lake.evidence import evidence_table
from pipelines.lake.table import Table

FEATURES = Table(
    name="features",
    description="Point-in-time features of customer accounts at the close of the business date.",
    schema={
        "business_date": pl.Date,
        "ref": pl.String,
        "book_id": pl.Int32,
        "account_id": pl.Int64,
        "feature": pl.String,
        "feature_version": pl.Int32,
        "value": pl.Float64,  # never money that is owed: a statistic
    },
    key=("book_id", "account_id", "feature"),
)

SCORES = Table(
    name="scores",
    description="Probability of default per customer account, with the reasons that moved it most.",
    schema={
        "business_date": pl.Date,
        "ref": pl.String,
        "book_id": pl.Int32,
        "account_id": pl.Int64,
        "participant_id": pl.String,
        "party_id": pl.String,
        "model_id": pl.String,
        "probability_of_default": pl.Float64,
        "score": pl.Int32,  # 300 .. 850, higher is better
        "reason_1": pl.String,
        "reason_2": pl.String,
        "reason_3": pl.String,
    },
    key=("book_id", "account_id"),
)

FEATURES_EVIDENCE = evidence_table("features")
SCORES_EVIDENCE = evidence_table("scores")

ML_TABLES = (FEATURES, FEATURES_EVIDENCE, SCORES, SCORES_EVIDENCE)
