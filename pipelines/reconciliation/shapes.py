"""Shapes of rows on their way into the tables: matches and breaks that are not numbered or aged yet.

Belongs here: those two schemas and the projection onto a schema.
"""

from collections.abc import Mapping

import polars as pl

from pipelines.reconciliation.tables import BREAKS, MATCHES

Schema = Mapping[str, pl.DataType | type[pl.DataType]]

PROVED_SCHEMA: Schema = {
    name: kind for name, kind in MATCHES.schema.items() if name not in ("business_date", "ref")
}
"""A match before it is numbered."""

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
