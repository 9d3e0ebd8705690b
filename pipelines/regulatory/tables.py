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

REGULATORY_TABLES = (RETURN_CELLS, REGULATORY_EVIDENCE)
