"""Instructions to the settlement agent as they are kept: what each is, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

import psycopg

from ledger_service.payments.settlement.scheme_book import SchemeBook

_FOLDER: Final = Path(__file__).parent
_INSTRUCTIONS, _ADD, _ADD_EVENT = (
    (_FOLDER / f"{name}.sql").read_bytes()
    for name in ("instructions", "add_instruction", "add_instruction_event")
)


class InstructionState(StrEnum):
    """What became of an instruction."""

    INSTRUCTED = "instructed"
    """The money is held; the agent has not answered."""
    CONFIRMED = "confirmed"
    """Final: the agent has moved it."""
    REJECTED = "rejected"
    """The hold is void: it is tried again at `retry_at`, or waits for a repair."""
    WITHDRAWN = "withdrawn"
    """A recast replaced it."""


class InstructionNotFound(LookupError):
    """The scheme has no instruction of that id."""

    def __init__(self, instruction_id: str) -> None:
        self.instruction_id = instruction_id
        super().__init__(f"there is no settlement instruction {instruction_id}")


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction and its last event."""

    instruction_id: str
    window_number: int
    run: int
    participant_id: str
    currency: str
    direction: str
    """pay_in or pay_out, as the participant sees it."""
    amount_minor: int
    position_account_id: int
    agent_account_id: int
    number: int
    """Of the last event."""
    state: InstructionState
    attempt: int
    transfer_id: str | None
    code: str | None
    reason: str | None
    reference: str | None
    retry_at: datetime | None
    at: datetime
    """Of the last event; of a confirmation, the time of finality."""

    @property
    def signed_minor(self) -> int:
        """As in a net position: positive receives, negative pays."""
        return self.amount_minor if self.direction == "pay_out" else -self.amount_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstruction:
    """An instruction to be kept."""

    instruction_id: str
    window_number: int
    run: int
    participant_id: str
    currency: str
    direction: str
    amount_minor: int
    position_account_id: int
    agent_account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What happens to an instruction."""

    state: InstructionState
    attempt: int
    at: datetime
    transfer_id: str | None = None
    code: str | None = None
    reason: str | None = None
    reference: str | None = None
    retry_at: datetime | None = None


def instructions(
    connection: psycopg.Connection,
    books: SchemeBook,
    *,
    window_number: int | None = None,
    instruction_id: str | None = None,
) -> list[Instruction]:
    """Instructions as they are now: of a window, one, or all; by window, run, currency, participant."""
    named = {
        "book_id": books.book_id,
        "scheme_id": books.scheme.id,
        "window_number": window_number,
        "instruction_id": instruction_id,
    }
    rows = connection.execute(_INSTRUCTIONS, named).fetchall()
    found = [dict(zip(Instruction.__slots__, row, strict=True)) for row in rows]
    return [Instruction(**(one | {"state": InstructionState(one["state"])})) for one in found]


def instruction(connection: psycopg.Connection, books: SchemeBook, instruction_id: str) -> Instruction:
    """One instruction as it is now; raises `InstructionNotFound`."""
    found = instructions(connection, books, instruction_id=instruction_id)
    if not found:
        raise InstructionNotFound(instruction_id)
    return found[0]


def add_instruction(
    connection: psycopg.Connection, books: SchemeBook, new: NewInstruction, *, at: datetime
) -> None:
    """Keep an instruction, within the caller's transaction; its first event follows."""
    named = {name: getattr(new, name) for name in NewInstruction.__slots__}
    more = {"book_id": books.book_id, "scheme_id": books.scheme.id, "at": at}
    connection.execute(_ADD, named | more)


def add_happened(
    connection: psycopg.Connection,
    books: SchemeBook,
    instruction_id: str,
    happened: Happened,
    *,
    number: int,
) -> None:
    """Event `number` of an instruction; of two processes that go on from one event, one is refused."""
    named = {name: getattr(happened, name) for name in Happened.__slots__}
    more = {"book_id": books.book_id, "instruction_id": instruction_id, "number": number}
    connection.execute(_ADD_EVENT, named | more)
