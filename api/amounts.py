"""Amounts on the wire: decimal strings in units of a currency; inside: integer minor units."""

from datetime import date
from functools import lru_cache
from typing import Annotated, Final

from pydantic import Field

from api.errors import Refusal
from ledger_service.reference.currencies import CurrencyNotValid, UnknownCurrency, currency
from ledger_service.reference.money import InvalidAmount, MoneyFault, to_minor

AmountText = Annotated[
    str,
    Field(
        max_length=40,
        pattern=r"^[0-9]+(\.[0-9]+)?$",
        description="Positive decimal number in units of the currency, with at most its decimals.",
        examples=["125.50"],
    ),
]
CurrencyCode = Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217.", examples=["KES"])]

_CODES: Final = {
    MoneyFault.UNKNOWN_CURRENCY: "currency_unknown",
    MoneyFault.CURRENCY_NOT_VALID: "currency_unknown",
    MoneyFault.NOT_A_NUMBER: "amount_malformed",
    MoneyFault.NOT_POSITIVE: "amount_must_be_positive",
    MoneyFault.TOO_MANY_DECIMALS: "amount_too_precise",
    MoneyFault.OVERFLOW: "amount_too_large",
}

AMOUNT_CODES: Final = (
    ("currency_unknown", 422, "ISO 4217 has no such currency now."),
    ("amount_malformed", 422, "The amount is no decimal number."),
    ("amount_must_be_positive", 422, "Zero or negative."),
    ("amount_too_precise", 422, "More decimals than the currency has."),
    ("amount_too_large", 422, "More minor units than 64 bits hold."),
)
"""What `minor_units` refuses, for the documentation of a route."""


class AmountRefused(Refusal):
    """An amount cannot be booked."""

    def __init__(self, fault: MoneyFault, *, amount: str, currency: str, pointer: str) -> None:
        of_currency = fault in {MoneyFault.UNKNOWN_CURRENCY, MoneyFault.CURRENCY_NOT_VALID}
        super().__init__(
            f"{amount!r} {currency}: {fault.replace('_', ' ')}",
            code=_CODES[fault],
            pointer=f"{pointer.rsplit('/', 1)[0]}/currency" if of_currency else pointer,
        )


def minor_units(amount: str, code: str, *, on: date, pointer: str = "/body/amount") -> int:
    """Minor units of a positive amount, such as 12550 of `125.50` KES; raises `AmountRefused`."""
    digits = exponent_on(code, on)
    whole, point, decimals = amount.partition(".")
    if (
        digits is not None
        and len(decimals) <= digits
        and len(amount) < _SURELY_FITS
        and amount.isascii()
        and whole.isdigit()
        and (decimals.isdigit() if point else True)
        and (found := int(whole + decimals.ljust(digits, "0"))) > 0
    ):
        return found
    try:
        return to_minor(amount, code, on)
    except InvalidAmount as error:
        raise AmountRefused(error.fault, amount=amount, currency=code, pointer=pointer) from error


_SURELY_FITS: Final = 14
"""Fewer characters than that fit into 64 bits with up to four decimals more."""


def units(minor: int, code: str, *, on: date) -> str:
    """The decimal string of minor units, with all decimals of the currency: `125.50` of 12550 KES.

    Raises `LookupError` where the currency did not exist `on` the date.
    """
    digits = exponent_on(code, on)
    if digits is None:
        raise CurrencyNotValid(code, on)
    if not digits:
        return str(minor)
    text = f"{abs(minor):0{digits + 1}}"
    return f"{'-' if minor < 0 else ''}{text[:-digits]}.{text[-digits:]}"


@lru_cache(maxsize=4096)
def exponent_on(code: str, on: date) -> int | None:
    """Decimals of a currency on a date; None where there is no such currency then."""
    try:
        return currency(code, on=on).exponent
    except (UnknownCurrency, CurrencyNotValid):
        return None
