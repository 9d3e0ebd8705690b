"""Dates and amounts of SWIFT fields, as expressions over columns of texts.

Belongs here: YYMMDD with the standard's century, MMDD beside a full date, and amounts with a comma.
"""

import polars as pl

_HALF_A_YEAR_DAYS = 183


def full_date(text: pl.Expr) -> pl.Expr:
    """YYMMDD as a date, null when there is no such day; years above 79 are of the last century."""
    century = pl.when(text.str.head(2) > "79").then(pl.lit("19")).otherwise(pl.lit("20"))
    return pl.concat_str(century, text).str.to_date("%Y%m%d", strict=False)


def near_date(text: pl.Expr, beside: pl.Expr) -> pl.Expr:
    """MMDD in the year that brings it nearest to the date `beside`; null when there is no such day."""

    def in_year(year: pl.Expr) -> pl.Expr:
        return pl.concat_str(year.cast(pl.String), text).str.to_date("%Y%m%d", strict=False)

    same = in_year(beside.dt.year())
    late = (same - beside).dt.total_days()
    return (
        pl.when(late > _HALF_A_YEAR_DAYS)
        .then(in_year(beside.dt.year() - 1))
        .when(late < -_HALF_A_YEAR_DAYS)
        .then(in_year(beside.dt.year() + 1))
        .otherwise(same)
    )


def pointed(amount: pl.Expr) -> pl.Expr:
    """A SWIFT amount as `money` reads it: a point where decimals follow, nothing where none do."""
    return amount.str.replace(",", ".", literal=True).str.strip_suffix(".")


def text_or_null(text: pl.Expr) -> pl.Expr:
    """Without blanks around it; null when nothing is left."""
    stripped = text.str.strip_chars()
    return pl.when(stripped != "").then(stripped)
