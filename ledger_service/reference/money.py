"""Money as text becomes money as integer minor units, or a typed error; never a float on the way.

Belongs here: the one grammar of amounts, for a single amount (`to_minor`) and for columns of them
(`with_minor_units`); the scalar is the set-based one's oracle in the tests. The grammar is strict:
ASCII digits with an optional point between digits, an optional leading minus. Exponents, grouping,
surrounding blanks, `NaN` and `inf` are not numbers here; a decimal more than the currency has is an
error even when it is a zero, because ISO 20022 and the import format say so.
"""

import re
from datetime import date
from enum import StrEnum

import polars as pl

from ledger_service.reference.currencies import (
    CurrencyNotValid,
    UnknownCurrency,
    currency,
    exponents_on,
)

INT64_MAX = 2**63 - 1
_NUMBER = r"-?[0-9]+(\.[0-9]+)?"
_INT64_DIGITS = 19


class MoneyFault(StrEnum):
    """Why an amount is refused; the order is the precedence."""

    UNKNOWN_CURRENCY = "unknown_currency"
    """The code is not in ISO 4217."""
    CURRENCY_NOT_VALID = "currency_not_valid"
    """The currency was not legal tender on the date."""
    NOT_A_NUMBER = "not_a_number"
    """The text is not a plain decimal number; NaN and infinities are not either."""
    NOT_POSITIVE = "not_positive"
    """Zero or negative where an amount must be positive."""
    TOO_MANY_DECIMALS = "too_many_decimals"
    """More decimals than the currency's minor unit has."""
    OVERFLOW = "amount_overflow"
    """More minor units than 64 bits hold."""


class InvalidAmount(ValueError):
    """An amount that cannot be booked, with the fault and what it was found in."""

    def __init__(self, fault: MoneyFault, *, amount: str, currency_code: str) -> None:
        self.fault = fault
        self.amount = amount
        self.currency_code = currency_code
        super().__init__(f"{amount!r} {currency_code}: {fault.replace('_', ' ')}")


def to_minor(amount: str, currency_code: str, on: date, *, signed: bool = False) -> int:
    """Minor units of `amount`, such as 1050 for `10.50` KES; raises `InvalidAmount`.

    `on` is the date on which the currency must be valid. `signed` admits zero and negative numbers
    (balances); otherwise they are refused.
    """

    def refused(fault: MoneyFault) -> InvalidAmount:
        return InvalidAmount(fault, amount=amount, currency_code=currency_code)

    try:
        exponent = currency(currency_code, on=on).exponent
    except (UnknownCurrency, CurrencyNotValid) as error:
        raise refused(MoneyFault(error.code)) from error
    if not re.fullmatch(_NUMBER, amount):
        raise refused(MoneyFault.NOT_A_NUMBER)
    whole, _, decimals = amount.removeprefix("-").partition(".")
    digits = (whole + decimals).lstrip("0")
    if not signed and (amount.startswith("-") or not digits):
        raise refused(MoneyFault.NOT_POSITIVE)
    if len(decimals) > exponent:
        raise refused(MoneyFault.TOO_MANY_DECIMALS)
    padded = digits + "0" * (exponent - len(decimals)) if digits else "0"
    if len(padded) > _INT64_DIGITS or int(padded) > INT64_MAX:
        raise refused(MoneyFault.OVERFLOW)
    return -int(padded) if amount.startswith("-") else int(padded)


def with_minor_units(
    frame: pl.DataFrame,
    *,
    amount: str,
    currency_column: str,
    on: str,
    minor: str,
    fault: str,
    signed: bool = False,
    currencies: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """`frame` with two more columns: `minor` (Int64) and `fault` (a `MoneyFault`, null where good).

    `amount` and `currency_column` are String columns, `on` a Date column. A null amount is absent,
    not faulty: both new columns are null then. `currencies` overrides the table of currencies.
    """
    pairs = frame.select(currency=pl.col(currency_column), on=pl.col(on))
    table = exponents_on(pairs, table=currencies)
    joined = frame.join(
        table.rename({"exponent": "__exponent", "known": "__known"}),
        left_on=[currency_column, on],
        right_on=["currency", "on"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    text = pl.col(amount)
    minor_units = _signed_minor_units(text)
    faulty = _fault(text, minor_units=minor_units, signed=signed)
    return (
        joined.with_columns(faulty.alias(fault), minor_units.alias(minor))
        .with_columns(pl.when(pl.col(fault).is_null()).then(pl.col(minor)).alias(minor))
        .drop("__exponent", "__known")
    )


def _whole(text: pl.Expr) -> pl.Expr:
    return text.str.strip_prefix("-").str.split_exact(".", 1).struct.field("field_0")


def _decimals(text: pl.Expr) -> pl.Expr:
    return text.str.split_exact(".", 1).struct.field("field_1").fill_null("")


def _signed_minor_units(text: pl.Expr) -> pl.Expr:
    """Minor units by `__exponent`, null where the digits do not fit into 64 bits."""
    decimals = _decimals(text).str.pad_end(pl.col("__exponent").fill_null(0), "0")
    digits = (_whole(text) + decimals).str.strip_chars_start("0")
    magnitude = (
        pl.when(digits == "")
        .then(pl.lit("0"))
        .when(digits.str.len_chars() <= _INT64_DIGITS)
        .then(digits)
        .cast(pl.Int64, strict=False)
    )
    return pl.when(text.str.starts_with("-")).then(-magnitude).otherwise(magnitude)


def _fault(text: pl.Expr, *, minor_units: pl.Expr, signed: bool) -> pl.Expr:
    """The first fault of each amount in the order of `MoneyFault`; null where there is none."""
    is_zero = (_whole(text) + _decimals(text)).str.strip_chars_start("0") == ""
    not_positive = pl.lit(not signed) & (text.str.starts_with("-") | is_zero)
    return (
        pl.when(text.is_null())
        .then(None)
        .when(~pl.col("__known").fill_null(False))
        .then(pl.lit(MoneyFault.UNKNOWN_CURRENCY.value))
        .when(pl.col("__exponent").is_null())
        .then(pl.lit(MoneyFault.CURRENCY_NOT_VALID.value))
        .when(~text.str.contains(f"^{_NUMBER}$"))
        .then(pl.lit(MoneyFault.NOT_A_NUMBER.value))
        .when(not_positive)
        .then(pl.lit(MoneyFault.NOT_POSITIVE.value))
        .when(_decimals(text).str.len_chars() > pl.col("__exponent"))
        .then(pl.lit(MoneyFault.TOO_MANY_DECIMALS.value))
        .when(minor_units.is_null())
        .then(pl.lit(MoneyFault.OVERFLOW.value))
    )
