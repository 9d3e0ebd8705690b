"""Pairs in two currencies: does the rate of the day explain the two amounts?

Belongs here: the comparison with a rate table. Such a pair stays two breaks, one an account, as no
one amount can express it; an explained one needs a conversion to be booked, not a search.
"""

import polars as pl

from pipelines.reconciliation.shapes import Schema

RATE_SCALE = 10**9
BASIS_POINT = 10_000

CURRENCY_PAIR_SCHEMA: Schema = {
    "ledger_minor": pl.Int64,
    "ledger_currency": pl.String,
    "stated_minor": pl.Int64,
    "stated_currency": pl.String,
    "value_date": pl.Date,
}
RATE_SCHEMA: Schema = {
    "rate_date": pl.Date,  # known from this date on
    "from_currency": pl.String,
    "to_currency": pl.String,
    "rate_e9": pl.Int64,  # units of `to_currency` for one of `from_currency`, times 10^9
}
EXPONENT_SCHEMA: Schema = {"currency": pl.String, "exponent": pl.Int64}


def explain_by_rates(
    pairs: pl.DataFrame, *, rates: pl.DataFrame, exponents: pl.DataFrame, tolerance_basis_points: int
) -> pl.DataFrame:
    """The pairs with what the last rate known on the value date makes of the ledger amount.

    Adds `expected_minor` (in the stated currency, rounded half away from zero; null without a rate or
    an exponent), `off_minor` (stated - expected) and `is_explained` (off by no more than the tolerance).
    Raises `ValueError` for a negative tolerance.
    """
    if tolerance_basis_points < 0:
        raise ValueError(f"tolerance of {tolerance_basis_points} basis points: it must not be negative")
    known = rates.rename({"from_currency": "ledger_currency", "to_currency": "stated_currency"})
    rated = (
        pairs.with_row_index("row")
        .sort("value_date", nulls_last=True)
        .join_asof(
            known.sort("rate_date"),
            left_on="value_date",
            right_on="rate_date",
            by=["ledger_currency", "stated_currency"],
            check_sortedness=False,
        )
        .sort("row")
        .drop("row", "rate_date")
    )
    for side in ("ledger", "stated"):
        named = exponents.rename({"currency": f"{side}_currency", "exponent": f"{side}_exponent"})
        rated = rated.join(named, on=f"{side}_currency", how="left", maintain_order="left")
    up, down = (
        pl.lit(10, dtype=pl.Int128).pow(pl.col(f"{side}_exponent")) for side in ("stated", "ledger")
    )
    above = pl.col("ledger_minor").abs().cast(pl.Int128) * pl.col("rate_e9") * up
    below = down * RATE_SCALE
    expected = ((above * 2 + below) // (below * 2)).cast(pl.Int64) * pl.col("ledger_minor").sign()
    off = pl.col("stated_minor") - pl.col("expected_minor")
    allowed = pl.col("expected_minor").abs().cast(pl.Int128) * tolerance_basis_points
    within = pl.col("off_minor").abs().cast(pl.Int128) * BASIS_POINT <= allowed
    return (
        rated.with_columns(expected_minor=expected)
        .with_columns(off_minor=off)
        .with_columns(is_explained=within.fill_null(value=False))
        .drop("rate_e9", "ledger_exponent", "stated_exponent")
    )
