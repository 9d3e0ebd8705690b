"""How old open breaks are, and how match rate and open breaks went over the last dates.

Belongs here: the age bands, which every picture and table of reconciliation shares, and the history of
the finance report, computed from lazy frames so that a long history is never held whole.
"""

from typing import TypeVar

import polars as pl

from pipelines.reconciliation.report_inputs import ReportDay
from pipelines.reconciliation.rules import BreakClass

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

AGE_BANDS = (
    ("0-1 days", 1, "#c6dbef"),
    ("2-7 days", 7, "#6baed6"),
    ("8-30 days", 30, "#fd8d3c"),
    ("31-90 days", 90, "#d94801"),
    ("over 90 days", None, "#7f2704"),
)
"""Band, its last day, its colour: the older, the darker."""
BAND_NAMES = tuple(name for name, _, _ in AGE_BANDS)
BAND = pl.Enum(BAND_NAMES)

TREND_DATES = 30
"""Business dates of the trend, the report's own included."""


def banded(breaks: Frame) -> Frame:
    """Breaks with their `age_band`, an Enum in the order of the bands."""
    band = pl.lit(BAND_NAMES[-1])
    for name, last_day, _ in reversed(AGE_BANDS[:-1]):
        band = pl.when(pl.col("age_days") <= last_day).then(pl.lit(name)).otherwise(band)
    return breaks.with_columns(age_band=band.cast(BAND))


def trend_of(day: ReportDay) -> pl.DataFrame:
    """One row a business date, oldest first, at most `TREND_DATES`.

    Columns: business_date, accounts, matched_items, due_items, breaks, new, resolved (null on the first
    date that is known), and one column a band of `BAND_NAMES` with its open breaks.
    """
    accounts = pl.concat(
        [
            _before(day.accounts_before, day).select("business_date", "matched_items"),
            day.accounts.lazy().select("business_date", "matched_items"),
        ]
    )
    columns = ("business_date", "break_class", "age_days")
    breaks = banded(
        pl.concat([_before(day.breaks_before, day).select(columns), day.breaks.lazy().select(columns)])
    )
    counted = breaks.group_by("business_date").agg(
        pl.len().cast(pl.Int64).alias("breaks"),
        (pl.col("break_class") != BreakClass.ROUNDING).sum().cast(pl.Int64).alias("open_items"),
        (pl.col("age_days") == 0).sum().cast(pl.Int64).alias("new"),
        *((pl.col("age_band") == name).sum().cast(pl.Int64).alias(name) for name in BAND_NAMES),
    )
    numbers = ("breaks", "open_items", "new", *BAND_NAMES)
    return (
        accounts.group_by("business_date")
        .agg(pl.len().cast(pl.Int64).alias("accounts"), pl.col("matched_items").sum())
        .join(counted, on="business_date", how="full", coalesce=True)
        .sort("business_date")
        .tail(TREND_DATES + 1)
        .with_columns(pl.col("accounts", "matched_items", *numbers).fill_null(0))
        .with_columns(
            due_items=pl.col("matched_items") + pl.col("open_items"),
            resolved=pl.col("breaks").shift(1) + pl.col("new") - pl.col("breaks"),
        )
        .select(
            "business_date", "accounts", "matched_items", "due_items", "breaks", "new", "resolved",
            *BAND_NAMES,
        )
        .tail(TREND_DATES)
        .collect()
    )  # fmt: skip


def _before(frame: pl.LazyFrame, day: ReportDay) -> pl.LazyFrame:
    return frame.filter(pl.col("business_date") < day.business_date)
