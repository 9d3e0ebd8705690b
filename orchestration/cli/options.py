"""Options that several commands have: the installation, and moments and months as people write them."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer

from ledger_service.runtime.settings import SourceName

SourceOption = Annotated[
    SourceName | None,
    typer.Option(help="Which installation: default the last one that ran a day, else simulated."),
]


def instant(text: str) -> datetime:
    """A moment in ISO 8601: a date is its first moment; UTC unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        message = f"{text!r} is not a date or a date and time in ISO 8601, such as 2025-06-30T12:00"
        raise typer.BadParameter(message) from None


def day(text: str) -> date:
    """A date in ISO 8601."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date in ISO 8601, such as 2025-06-30") from None


def month(text: str) -> date:
    """The first day of a month written as 2025-06."""
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a month, such as 2025-06") from None
