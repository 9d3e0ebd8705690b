"""Instants and days on the wire: RFC 3339, within what the ledger's clock can say."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

_RFC_3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _written_out(given: object) -> object:
    """Text of RFC 3339: a bare number or a date alone is no instant."""
    if isinstance(given, str) and _RFC_3339.fullmatch(given) is None:
        raise ValueError("not a date and time with its offset, as in 2026-03-02T12:00:00Z")
    if not isinstance(given, str | datetime):
        raise ValueError("not text")  # pydantic reads ValueError alone as a refusal
    return given


def _a_day(given: object) -> object:
    """Text of RFC 3339: a bare number counts no days."""
    if isinstance(given, str) and _DAY.fullmatch(given) is None:
        raise ValueError("not a date, as in 2026-03-02")
    if not isinstance(given, str | date):
        raise ValueError("not text")  # pydantic reads ValueError alone as a refusal
    return given


def _in_utc(given: datetime) -> datetime:
    try:
        return given.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("in UTC it lies outside of the years 1 to 9999") from error


Instant = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]
"""In UTC."""

Day = Annotated[date, BeforeValidator(_a_day)]
"""As people write it in the books: without a time zone."""


def instant(at: datetime) -> str:
    """A time as it is answered, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
