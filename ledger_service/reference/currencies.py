"""Currencies of ISO 4217, each with the dates on which it may be booked and its minor-unit exponent.

Belongs here: the table and look-ups in it. Converting text to minor units is `money`. Source: ISO 4217
lists one and three for codes, numbers and exponents; where a currency was redenominated, the dates on
which old and new were legal tender (Unicode CLDR). Fund codes, metals, test codes and the SDR are left
out: an account cannot hold them.

A code may have several rows with adjoining dates, so that a change of exponent is a row, not a rewrite
of what was booked before. `valid_from` and `valid_to` are inclusive; empty is unbounded.
"""

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

CURRENCIES_FILE = Path(__file__).with_name("currencies.csv")

CURRENCY_SCHEMA = {
    "code": pl.String,
    "numeric": pl.String,
    "exponent": pl.Int32,
    "valid_from": pl.Date,
    "valid_to": pl.Date,
    "name": pl.String,
}


class UnknownCurrency(LookupError):
    """The code is not a currency that an account can hold."""

    code = "unknown_currency"

    def __init__(self, currency: str) -> None:
        self.currency = currency
        super().__init__(f"{currency!r} is not an ISO 4217 currency code that accounts can hold")


class CurrencyNotValid(LookupError):
    """The currency exists, but not on that date: it was not introduced yet, or withdrawn before."""

    code = "currency_not_valid"

    def __init__(self, currency: str, on: date) -> None:
        self.currency = currency
        self.on = on
        super().__init__(f"{currency} is not valid on {on}: use the currency that was legal tender then")


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency as it is on one date; `exponent` is the number of decimals of its minor unit."""

    code: str
    numeric: str
    exponent: int
    name: str


@cache
def currency_table() -> pl.DataFrame:
    """All currencies (`CURRENCY_SCHEMA`), sorted by code and `valid_from`."""
    return pl.read_csv(CURRENCIES_FILE, schema=CURRENCY_SCHEMA, null_values=[""]).sort(
        "code", "valid_from"
    )


def currency(code: str, *, on: date) -> Currency:
    """The currency as it is on a date; raises `UnknownCurrency` or `CurrencyNotValid`."""
    rows = currency_table().filter(pl.col("code") == code)
    if rows.is_empty():
        raise UnknownCurrency(code)
    valid = rows.filter(_valid_on(pl.lit(on)))
    if valid.is_empty():
        raise CurrencyNotValid(code, on)
    found = valid.row(0, named=True)
    return Currency(found["code"], found["numeric"], found["exponent"], found["name"])


def exponents_on(codes_and_dates: pl.DataFrame, *, table: pl.DataFrame | None = None) -> pl.DataFrame:
    """For unique pairs (currency, on): their `exponent`, null where not valid, and whether `known`.

    `table` defaults to `currency_table()`. One row a pair, columns currency, on, exponent, known.
    """
    currencies = currency_table() if table is None else table
    pairs = codes_and_dates.select("currency", "on").unique()
    valid = (
        pairs.join(currencies, left_on="currency", right_on="code")
        .filter(_valid_on(pl.col("on")))
        .select("currency", "on", "exponent")
    )
    return pairs.join(valid, on=["currency", "on"], how="left", nulls_equal=True).with_columns(
        known=pl.col("currency").is_in(currencies["code"].unique().implode())
    )


def _valid_on(day: pl.Expr) -> pl.Expr:
    return (pl.col("valid_from").fill_null(date.min) <= day) & (
        pl.col("valid_to").fill_null(date.max) >= day
    )
