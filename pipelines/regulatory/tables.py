"""The tables of regulatory returns.

Refs read `cell:<return id>:<date>:<participant>:<currency>:<cell>`.
"""

import polars as pl

from pipelines.lake.evidence import evidence_table
from pipelines.lake.table import Table

RETURN_CELLS = Table(
    name="return_cells",
    description="Every cell of every return, with its value and the template that defines it.",
    schema={
        "business_date": pl.Date,
        "ref": pl.String,
        "return_id": pl.String,
        "return_version": pl.Int32,
        "participant_id": pl.String,
        "currency": pl.String,
        "cell": pl.String,  # row code of the template, such as A010
        "label": pl.String,
        "unit": pl.String,  # minor, count, basis_points
        "value": pl.Int64,
    },
    key=("return_id", "participant_id", "currency", "cell"),
)

REGULATORY_EVIDENCE = evidence_table("regulatory")

RETURN_VIOLATIONS = Table(
    name="return_violations",
    description="Checks of a return that do not hold: two figures that should be equal and are not.",
    schema={
        "business_date": pl.Date,
        "return_id": pl.String,
        "return_version": pl.Int32,
        "participant_id": pl.String,
        "currency": pl.String,
        "check": pl.String,  # of the template, such as V010, or closing_entry
        "subject": pl.String,  # the return, or the account `book:account` that disagrees
        "left_minor": pl.Int64,
        "right_minor": pl.Int64,
        "message": pl.String,
    },
    key=("return_id", "participant_id", "currency", "check", "subject"),
)

REGULATORY_TABLES = (RETURN_CELLS, REGULATORY_EVIDENCE, RETURN_VIOLATIONS)
