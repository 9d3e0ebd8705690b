"""Cells of returns as they leave for the regulator."""

import polars as pl

from quality.rules import CURRENCY, Suite, holds, one_of, present, shaped, unique

SUITE = Suite(
    "return_cells",
    (
        shaped("ref", r"^cell:", "A cell can be traced"),
        unique("ref", sentence="A cell is filed once"),
        unique(
            "business_date",
            "return_id",
            "participant_id",
            "currency",
            "cell",
            sentence="A return has a cell once",
        ),
        holds(
            pl.col("value").is_not_null() | (pl.col("unit") == "basis_points"),
            "An amount or a count has a value; only a ratio of nothing has none",
        ),
        present("label", "A cell says what it is"),
        one_of(
            "unit", ("minor", "count", "basis_points"), "Units are minor units, counts or basis points"
        ),
        present("unit", "A cell has a unit"),
        shaped("currency", CURRENCY, "Currencies are ISO 4217 codes"),
        holds((pl.col("unit") != "count") | (pl.col("value") >= 0), "Counts are not negative"),
    ),
)
