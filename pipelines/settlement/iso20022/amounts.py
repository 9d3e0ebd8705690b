"""Amounts and rates as ISO 20022 writes them: decimals of the currency, eleven digits of rate.

Belongs here: whole columns of minor units as text, and the errors of amounts that cannot be written.
"""

import polars as pl

AMOUNT_DIGITS = 18
"""Total digits of ActiveCurrencyAndAmount and DecimalNumber."""

_RATE_SCALE = 10
_RATE_CHARACTERS = 12  # eleven digits and the point, of BaseOneRate


class ExponentMissing(LookupError):
    """A currency has no exponent, so that its amounts cannot be written as decimals."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        super().__init__(f"no exponent is known for currency {currency}")


class AmountTooLong(OverflowError):
    """An amount needs more digits than ISO 20022 has for it."""

    def __init__(self, currency: str, amount_minor: int) -> None:
        self.currency = currency
        self.amount_minor = amount_minor
        super().__init__(f"{amount_minor} minor units of {currency} exceed {AMOUNT_DIGITS} digits")


def decimal_column(amount_minor: pl.Expr, exponent: pl.Expr | int) -> pl.Expr:
    """A column of amounts as text, `exponent` decimals each; null where the amount is."""
    if isinstance(exponent, int):
        if exponent == 0:
            return amount_minor.cast(pl.String)
        scale = 10**exponent
        decimals = pl.Series([f"{rest:0{exponent}}" for rest in range(scale)])
        return pl.format("{}.{}", amount_minor // scale, pl.lit(decimals).gather(amount_minor % scale))
    digits = amount_minor.cast(pl.String).str.zfill(exponent + 1)
    point = digits.str.len_chars() - exponent
    return (
        pl.when(exponent == 0)
        .then(digits)
        .otherwise(pl.concat_str(digits.str.slice(0, point), pl.lit("."), digits.str.slice(point)))
    )


def decimal_text(minor: int, exponent: int) -> str:
    """One amount as text, such as `10.50` for 1050 of two decimals."""
    digits = str(minor).zfill(exponent + 1)
    return f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits


def rate_column(
    settled_minor: pl.Expr, settled_exponent: pl.Expr, instructed_minor: pl.Expr, exponent: pl.Expr
) -> pl.Expr:
    """Units settled per unit instructed, truncated to the eleven digits of BaseOneRate.

    Null when the rate does not fit: below its tenth decimal, or of more than eleven whole digits.
    Whole-number arithmetic in Int128: 19 digits of amount, 10 of scale, at most 5 of exponent.
    """
    wide = pl.Int128
    ten = pl.lit(10, wide)
    scaled = (
        settled_minor.cast(wide)
        * ten.pow(exponent + _RATE_SCALE)
        // (instructed_minor.cast(wide) * ten.pow(settled_exponent))
    )
    digits = scaled.cast(pl.String).str.zfill(_RATE_SCALE + 1)
    point = digits.str.len_chars() - _RATE_SCALE
    rate = pl.concat_str(digits.str.slice(0, point), pl.lit("."), digits.str.slice(point))
    return (
        pl.when((scaled > 0) & (point < _RATE_CHARACTERS))
        .then(rate.str.head(_RATE_CHARACTERS).str.strip_chars_end("."))
        .otherwise(None)
    )
