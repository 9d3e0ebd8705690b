"""What can be proposed: limits of an account, a posting by hand, a fee, a rate.

Belongs here: the kinds with their fields, what makes one meaningless, and how they are kept.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Final

from pydantic import TypeAdapter

from ledger_service.reference.currencies import CurrencyNotValid, UnknownCurrency
from ledger_service.reference.currencies import currency as currency_on

RATE_DIGITS: Final = 12
"""Significant digits of a rate, at most."""

_HIGHEST_MINOR: Final = 2**63 - 1


class ContentInvalid(ValueError):
    """A proposal that could not be carried out whoever approved it; names the field."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLimits:
    """New limits of an account, in minor units; None for none."""

    kind: ClassVar[str] = "account_limits"

    account_id: int
    debit_limit: int | None
    credit_limit: int | None

    def __post_init__(self) -> None:
        for name in ("debit_limit", "credit_limit"):
            limit = getattr(self, name)
            if limit is not None and not 0 <= limit <= _HIGHEST_MINOR:
                raise ContentInvalid(name, "a limit is not negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualPosting:
    """A transfer that no payment has caused."""

    kind: ClassVar[str] = "manual_posting"

    debit_account_id: int
    credit_account_id: int
    amount_minor: int
    currency: str
    value_date: date | None = None
    """The business date on which it is booked, where None."""

    def __post_init__(self) -> None:
        if not 0 < self.amount_minor <= _HIGHEST_MINOR:
            raise ContentInvalid("amount", "an amount is positive")
        if self.debit_account_id == self.credit_account_id:
            raise ContentInvalid("credit_account_id", "an account cannot pay itself")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """A fee from a date on: `minor` units plus `basis_points` of the amount."""

    kind: ClassVar[str] = "fee"

    code: str
    currency: str
    minor: int
    basis_points: int
    valid_from: date

    def __post_init__(self) -> None:
        _know(self.currency, "currency", self.valid_from)
        if not 0 <= self.minor <= _HIGHEST_MINOR:
            raise ContentInvalid("amount", "a fee is not negative")
        if not 0 <= self.basis_points <= 10_000:
            raise ContentInvalid("basis_points", "it has 0 to 10000 basis points")

    @property
    def name(self) -> str:
        """What the fee is known by."""
        return f"{self.code}:{self.currency}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one unit of `base` is worth in `quote`, from a date on; a decimal as text."""

    kind: ClassVar[str] = "rate"

    base: str
    quote: str
    rate: str
    valid_from: date

    def __post_init__(self) -> None:
        _know(self.base, "base", self.valid_from)
        _know(self.quote, "quote", self.valid_from)
        if self.base == self.quote:
            raise ContentInvalid("quote", "a rate is of two currencies")
        try:
            value = Decimal(self.rate)
        except InvalidOperation:
            value = Decimal(0)
        if not value.is_finite() or value <= 0:
            raise ContentInvalid("rate", "a rate is a positive decimal number")
        if len(value.normalize().as_tuple().digits) > RATE_DIGITS:
            raise ContentInvalid("rate", f"a rate has at most {RATE_DIGITS} significant digits")

    @property
    def name(self) -> str:
        """What the rate is known by."""
        return f"{self.base}/{self.quote}"


Content = AccountLimits | ManualPosting | Fee | Rate

_KINDS: Final[dict[str, TypeAdapter[Content]]] = {
    made.kind: TypeAdapter(made) for made in (AccountLimits, ManualPosting, Fee, Rate)
}


def kept(content: Content) -> dict[str, Any]:
    """As it is kept: dates as text."""
    as_json: dict[str, Any] = _KINDS[content.kind].dump_python(content, mode="json")
    return as_json


def content_of(kind: str, stored: dict[str, Any]) -> Content:
    """What `kept` made."""
    return _KINDS[kind].validate_python(stored)


def _know(code: str, field: str, on: date) -> None:
    try:
        currency_on(code, on=on)
    except (UnknownCurrency, CurrencyNotValid) as error:
        raise ContentInvalid(field, str(error)) from error
