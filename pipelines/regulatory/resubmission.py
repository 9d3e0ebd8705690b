"""What a resubmitted return changes against the one that was filed before.

Belongs here: comparing two preparations of one business date, cell by cell. Neither is altered: a
correction is a new filing that says what it changes.
"""

import polars as pl

from pipelines.regulatory.tables import RETURN_CELLS

CHANGE_SCHEMA = {
    "return_id": pl.String,
    "participant_id": pl.String,
    "currency": pl.String,
    "cell": pl.String,
    "value_before": pl.Int64,  # null where the cell was not there, or not defined
    "value_after": pl.Int64,
}


def changes(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """The cells (`CHANGE_SCHEMA`, sorted) whose value differs between two frames of `RETURN_CELLS`.

    A cell that only one of them has is a change, also when its value is not defined.
    """
    key = list(RETURN_CELLS.key)
    both = before.select(*key, value_before="value", filed=True).join(
        after.select(*key, value_after="value", resubmitted=True), on=key, how="full", coalesce=True
    )
    same = pl.col("value_before").eq_missing(pl.col("value_after")) & (
        pl.col("filed").eq_missing(pl.col("resubmitted"))
    )
    return both.filter(~same).select(list(CHANGE_SCHEMA)).sort(key)
