"""Cases: each break with its life, and the events that people and closes add to it.

Belongs here: reading cases, what their events come to, and adding to them. Writing off, which moves
money, is in `write_offs.py`; taking over the breaks of a close in `sync.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import psycopg

from ledger_service.payments.break_cases.policy import policy_on

CLOSE: Final = "close"
"""Actor of what the reconciliation of a date saw."""

_EVENTS: Final = Path(__file__).with_name("events.sql").read_bytes()
_FACTS: Final = (
    "break_ref",
    "break_class",
    "participant_id",
    "book_id",
    "account_id",
    "external_ref",
    "currency",
    "first_seen",
    "owner",
)


class CaseState(StrEnum):
    """What the events of a case come to."""

    OPEN = "open"
    """Somebody has to do something."""
    PROPOSED = "proposed"
    """A write-off waits for another person."""
    WRITTEN_OFF = "written_off"
    """The difference is booked; the next close sees it."""
    RESOLVED = "resolved"
    """The close no longer finds it."""


class Event(StrEnum):
    """What happens to a case."""

    OPENED = "opened"
    """A close found it first."""
    CHANGED = "changed"
    """A close found it with another difference."""
    ASSIGNED = "assigned"
    """Somebody has it now."""
    COMMENTED = "commented"
    """Somebody said something."""
    WRITE_OFF_PROPOSED = "write_off_proposed"
    """Somebody wants its difference written off."""
    WRITE_OFF_APPROVED = "write_off_approved"
    """Somebody else agreed, and it was booked."""
    WRITE_OFF_REFUSED = "write_off_refused"
    """Somebody else did not."""
    RESOLVED = "resolved"
    """A close did not find it any more: its other side has come, or the write-off explains it."""
    REOPENED = "reopened"
    """A close found it again, or a person doubts it."""


_STATE_AFTER: Final = {
    Event.OPENED: CaseState.OPEN,
    Event.REOPENED: CaseState.OPEN,
    Event.WRITE_OFF_PROPOSED: CaseState.PROPOSED,
    Event.WRITE_OFF_REFUSED: CaseState.OPEN,
    Event.WRITE_OFF_APPROVED: CaseState.WRITTEN_OFF,
    Event.RESOLVED: CaseState.RESOLVED,
}


class CaseNotFound(LookupError):
    """No close has found a break of that ref."""

    def __init__(self, break_ref: str) -> None:
        self.break_ref = break_ref
        super().__init__(f"there is no break {break_ref}")


class CaseInState(ValueError):
    """What was asked for does not follow from the state that the case is in."""

    def __init__(self, break_ref: str, state: CaseState, asked: str) -> None:
        self.break_ref = break_ref
        self.state = state
        super().__init__(f"break {break_ref} is {state.replace('_', ' ')}: it cannot be {asked}")


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One event of a case."""

    number: int
    event: Event
    actor: str
    at: datetime
    business_date: date | None
    difference_minor: int | None
    assignee: str | None
    words: str | None
    proposed_by: str | None
    transfer_id: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """A break with its life."""

    break_ref: str
    break_class: str
    participant_id: str
    book_id: int
    account_id: int | None
    external_ref: str | None
    currency: str
    first_seen: date
    owner: str
    events: tuple[CaseEvent, ...]

    @property
    def state(self) -> CaseState:
        """What its events come to."""
        states = [_STATE_AFTER[each.event] for each in self.events if each.event in _STATE_AFTER]
        return states[-1]

    @property
    def difference_minor(self) -> int:
        """Stated less ledger, as a close found it last."""
        found = [each.difference_minor for each in self.events if each.difference_minor is not None]
        return found[-1]

    @property
    def assignee(self) -> str | None:
        """Who has it."""
        found = [each.assignee for each in self.events if each.assignee is not None]
        return found[-1] if found else None

    @property
    def due_on(self) -> date:
        """When it should be resolved, by the policy of the day on which it was first seen."""
        return policy_on(self.first_seen).due_on(self.break_class, self.first_seen)

    def is_overdue(self, on: date) -> bool:
        """Whether it is open past its due date."""
        return self.state in {CaseState.OPEN, CaseState.PROPOSED} and self.due_on < on


def cases(connection: psycopg.Connection, *, break_ref: str | None = None) -> list[Case]:
    """All cases, or one, by ref."""
    rows = connection.execute(_EVENTS, {"break_ref": break_ref}).fetchall()
    return [
        new_case(facts, tuple(_event(row) for row in of_case))
        for facts, of_case in groupby(rows, key=lambda row: row[: len(_FACTS)])
    ]


def new_case(facts: Sequence[Any], events: tuple[CaseEvent, ...] = ()) -> Case:
    """A case from its facts, in the order of its fields."""
    return Case(**dict(zip(_FACTS, facts, strict=True)), events=events)


def case(connection: psycopg.Connection, break_ref: str) -> Case:
    """One case; raises `CaseNotFound`."""
    found = cases(connection, break_ref=break_ref)
    if not found:
        raise CaseNotFound(break_ref)
    return found[0]


def locked_case(connection: psycopg.Connection, break_ref: str) -> Case:
    """One case that nobody else adds to until the caller's transaction ends; raises `CaseNotFound`."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 6))", [break_ref])
    return case(connection, break_ref)


def assign(connection: psycopg.Connection, *, break_ref: str, to: str, actor: str, at: datetime) -> None:
    """Give a case to somebody; the same again changes nothing. Raises `CaseNotFound`."""
    with connection.transaction():
        found = locked_case(connection, break_ref)
        if found.assignee != to:
            add(connection, found, Event.ASSIGNED, actor=actor, at=at, assignee=to)


def comment(
    connection: psycopg.Connection, *, break_ref: str, words: str, actor: str, at: datetime
) -> None:
    """Say something about a case. Raises `CaseNotFound`."""
    with connection.transaction():
        found = locked_case(connection, break_ref)
        add(connection, found, Event.COMMENTED, actor=actor, at=at, words=words)


def reopen(
    connection: psycopg.Connection, *, break_ref: str, words: str, actor: str, at: datetime
) -> None:
    """Doubt that a case is resolved. Raises `CaseNotFound`, and `CaseInState` where it is open."""
    with connection.transaction():
        found = locked_case(connection, break_ref)
        if found.state not in {CaseState.RESOLVED, CaseState.WRITTEN_OFF}:
            raise CaseInState(break_ref, found.state, "reopened")
        add(connection, found, Event.REOPENED, actor=actor, at=at, words=words)


def add(
    connection: psycopg.Connection,
    of: Case,
    event: Event,
    *,
    actor: str,
    at: datetime,
    **facts: object,
) -> None:
    """The next event of a case, within the caller's transaction, which has it locked."""
    columns = ("business_date", "difference_minor", "assignee", "words", "proposed_by", "transfer_id")
    values = [facts.get(name) for name in columns]
    connection.execute(
        """INSERT INTO payments.break_event (book_id, break_ref, number, event, actor, at,
            business_date, difference_minor, assignee, words, proposed_by, transfer_id)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [of.book_id, of.break_ref, len(of.events) + 1, event.value, actor, at, *values],
    )


def open_cases(found: Iterable[Case]) -> list[Case]:
    """Those that somebody has to do something about."""
    return [one for one in found if one.state in {CaseState.OPEN, CaseState.PROPOSED}]


def _event(row: tuple[object, ...]) -> CaseEvent:
    number, event, *rest = row[len(_FACTS) :]
    return CaseEvent(number, Event(str(event)), *rest)  # type: ignore[arg-type]  # as the statement selects them
