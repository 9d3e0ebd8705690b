"""Shapes of rows on their way into the tables: matches, proposals and breaks without number and age.

Belongs here: those schemas and the projection onto a schema.
"""

from collections.abc import Mapping

import polars as pl

from pipelines.reconciliation.tables import BREAKS, MATCHES, PROPOSALS

Schema = Mapping[str, pl.DataType | type[pl.DataType]]

PROVED_SCHEMA: Schema = {
    **{name: kind for name, kind in MATCHES.schema.items() if name not in ("business_date", "ref")},
    "match_group": pl.Int64,  # the same for all rows of a match of several items; null of a pair
}
"""A match before it is numbered."""

PROPOSED_SCHEMA: Schema = {
    **{name: kind for name, kind in PROPOSALS.schema.items() if name not in ("business_date", "ref")},
    "proposal": pl.Int64,  # the same for all rows of a proposal
}
"""A proposal before it is numbered."""

FOUND_SCHEMA: Schema = {
    name: kind
    for name, kind in BREAKS.schema.items()
    if name not in ("business_date", "age_days", "owner", "difference_minor")
}
"""A break before it is aged; `ref` and `first_seen` are null when it is seen for the first time."""


def shaped(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """The columns of `schema`, null where `frame` has none."""
    return frame.select(
        pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, dtype=kind).alias(name)
        for name, kind in schema.items()
    )
