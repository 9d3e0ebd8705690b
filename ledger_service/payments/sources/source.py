"""What every source of payment instructions offers, whatever format it comes in.

Belongs here: the protocol that booking reads, the schemas of its frames, and the types it returns. A
source is pure input: reading it changes nothing, and reading it twice gives the same frames.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol

import polars as pl

PARTICIPANT_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "participant_id": pl.String,
    "name": pl.String,
    "kind": pl.String,
    "country": pl.String,
    "bic": pl.String,
    "home_currency": pl.String,
    "has_book": pl.Boolean,
}

ACCOUNT_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "participant_id": pl.String,
    "account": pl.String,
    "product": pl.String,
    "currency": pl.String,
    "party_id": pl.String,
    "party_kind": pl.String,
    "holder_name": pl.String,
    "opened_on": pl.Date,
    "overdraft_limit_minor": pl.Int64,
}
"""A customer account; a null overdraft limit means that the ledger does not limit the balance."""


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file as it was received: its name within the source, its content's hash, its rows."""

    source_file: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """A business date's instructions: those accepted (`INSTRUCTION_SCHEMA`) and those refused.

    `quarantine` has `QUARANTINE_SCHEMA`. Where a file was accepted in part, both have rows.
    """

    file: ReceivedFile
    instructions: pl.DataFrame
    quarantine: pl.DataFrame


class Source(Protocol):
    """A source of participants, accounts and, by business date, payment instructions."""

    def participants(self) -> pl.DataFrame:
        """All participants (`PARTICIPANT_SCHEMA`)."""
        ...

    def accounts(self) -> pl.DataFrame:
        """All customer accounts (`ACCOUNT_SCHEMA`), also those that open later."""
        ...

    def business_dates(self) -> Sequence[date]:
        """The dates that have instructions, ascending."""
        ...

    def received(self, business_date: date) -> ReceivedFile | None:
        """The file of a date, without reading its rows; None where the date has none.

        `rows` is 0 here: it is known once the file is parsed.
        """
        ...

    def parsed(self, business_date: date) -> Parsed:
        """The instructions of a date; raises `NoInstructions` where it has none."""
        ...

    def refused_reference(self) -> pl.DataFrame:
        """Refused rows (`QUARANTINE_SCHEMA`) of the participants and accounts."""
        ...

    def reference_data(self) -> Mapping[str, pl.DataFrame]:
        """Further data of the bank, by table of schema `payments`; participant_id leads each frame."""
        ...


class NoInstructions(LookupError):
    """The source has no instructions for the date."""

    def __init__(self, business_date: date) -> None:
        self.business_date = business_date
        super().__init__(f"the source has no instructions for {business_date}")
