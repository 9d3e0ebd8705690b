"""Repairs: what people do with instructions that do not settle by themselves.

One person proposes, another one decides; the database refuses it when they are the same. An approval
and what it does are one transaction. Nothing is changed or taken back.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import polars as pl
import psycopg

from ledger_service.ledger.books import lock_books
from ledger_service.payments.settlement.instruction_log import (
    Instruction,
    InstructionState,
    instruction,
    instructions,
)
from ledger_service.payments.settlement.instructions import confirmed, hold_again
from ledger_service.payments.settlement.recast import recast
from ledger_service.payments.settlement.scheme_book import SchemeBook
from ledger_service.payments.settlement.window_obligations import obligations_of
from ledger_service.payments.settlement.windows import window
from ledger_service.runtime.identifiers import derived_id

CANCELLED: Final = "settlement_cancelled"
"""Reason of obligations that a repair gave back."""


class RepairAction(StrEnum):
    """What is to be done with a rejected instruction."""

    RETRY = "retry"
    """Instruct it again."""
    CANCEL = "cancel"
    """Recast the window without the participant's obligations in that currency."""
    CONFIRM = "confirm"
    """The agent settled it all the same; the evidence is its reference."""


class RepairLapsed(ValueError):
    """The instruction is not rejected, or not in the attempt that the repair was proposed for."""

    def __init__(self, found: Instruction) -> None:
        self.found = found
        super().__init__(
            f"instruction {found.instruction_id} is {found.state} in attempt {found.attempt}"
        )


class RepairNotFound(LookupError):
    """There is no repair of that id."""

    def __init__(self, repair_id: str) -> None:
        self.repair_id = repair_id
        super().__init__(f"there is no repair {repair_id}")


class RepairDecided(ValueError):
    """The repair was decided before, the other way."""

    def __init__(self, repair_id: str, decision: str) -> None:
        self.repair_id = repair_id
        self.decision = decision
        super().__init__(f"repair {repair_id} was {decision} before")


class MakerIsChecker(PermissionError):
    """Who proposed a repair must not decide it."""

    def __init__(self, repair_id: str, actor: str) -> None:
        self.repair_id = repair_id
        self.actor = actor
        super().__init__(f"{actor} proposed repair {repair_id} and must not decide it")


@dataclass(frozen=True, slots=True)
class Repair:
    """A proposal, and its decision where there is one."""

    repair_id: str
    instruction_id: str
    attempt: int
    action: str
    evidence: str | None
    reason: str
    proposed_by: str
    proposed_at: datetime
    decision: str | None
    decided_by: str | None
    decided_at: datetime | None


def repair_queue(connection: psycopg.Connection, books: SchemeBook) -> list[Instruction]:
    """Rejected instructions that are not tried again by themselves, by window and participant."""
    return [
        one
        for one in instructions(connection, books)
        if one.state == InstructionState.REJECTED and one.retry_at is None
    ]


def repairs(connection: psycopg.Connection, books: SchemeBook) -> list[Repair]:
    """All repairs of the scheme, in the order in which they were proposed."""
    return _repairs(connection, books, None)


def propose(
    connection: psycopg.Connection,
    books: SchemeBook,
    *,
    instruction_id: str,
    action: RepairAction,
    actor: str,
    reason: str,
    at: datetime,
    evidence: str | None = None,
) -> str:
    """Propose a repair of a rejected instruction; returns its id. Raises `RepairLapsed`."""
    with connection.transaction():
        lock_books(connection, [books.book_id])
        found = instruction(connection, books, instruction_id)
        if found.state != InstructionState.REJECTED:
            raise RepairLapsed(found)
        parts = (instruction_id, found.attempt, action.value, actor, evidence)
        repair_id = derived_id(found.at, *parts)
        connection.execute(
            """INSERT INTO payments.settlement_repair (book_id, repair_id, instruction_id, attempt,
                action, evidence, reason, proposed_by, proposed_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (book_id, repair_id) DO NOTHING""",
            [
                books.book_id,
                repair_id,
                instruction_id,
                found.attempt,
                action.value,
                evidence,
                reason,
                actor,
                at,
            ],
        )
        return repair_id


def decide(
    connection: psycopg.Connection,
    books: SchemeBook,
    *,
    repair_id: str,
    approved: bool,
    actor: str,
    at: datetime,
) -> Repair:
    """Approve a repair, which carries it out, or refuse it; the same again changes nothing.

    Raises `RepairNotFound`, `MakerIsChecker`, `RepairDecided`, `RepairLapsed`, and what carrying it out
    raises; then the decision is not kept either.
    """
    with connection.transaction():
        lock_books(connection, [books.book_id])
        found = _repair(connection, books, repair_id)
        decision = "approved" if approved else "refused"
        if found.decision is not None:
            if found.decision != decision:
                raise RepairDecided(repair_id, found.decision)
            return found
        try:
            connection.execute(
                """INSERT INTO payments.settlement_repair_decision
                (book_id, repair_id, proposed_by, decision, decided_by, decided_at)
                VALUES (%s, %s, %s, %s, %s, %s)""",
                [books.book_id, repair_id, found.proposed_by, decision, actor, at],
            )
        except psycopg.errors.CheckViolation as error:
            if error.diag.constraint_name == "maker_is_not_checker":
                raise MakerIsChecker(repair_id, actor) from error
            raise
        if approved:
            _carry_out(connection, books, found, at=at)
        return _repair(connection, books, repair_id)


def _carry_out(
    connection: psycopg.Connection, books: SchemeBook, repair: Repair, *, at: datetime
) -> None:
    found = instruction(connection, books, repair.instruction_id)
    if found.state != InstructionState.REJECTED or found.attempt != repair.attempt:
        raise RepairLapsed(found)
    if repair.action == RepairAction.CANCEL:
        _cancel(connection, books, found, at=at)
        return
    hold_again(connection, books, found, at=at)
    if repair.action == RepairAction.CONFIRM:
        held = instruction(connection, books, found.instruction_id)
        if held.state != InstructionState.INSTRUCTED:
            raise RepairLapsed(held)
        confirmed(connection, books, held, reference=str(repair.evidence), at=at)


def _cancel(
    connection: psycopg.Connection, books: SchemeBook, found: Instruction, *, at: datetime
) -> None:
    """Give back every obligation of the window that the participant is a side of, in the currency."""
    of_window = obligations_of(connection, books, window(connection, books, found.window_number))
    party = pl.any_horizontal(pl.col("debtor_id", "creditor_id") == found.participant_id)
    excluded = of_window.filter(party, currency=found.currency).select(
        "payment_id", reason=pl.lit(CANCELLED)
    )
    recast(connection, books, number=found.window_number, excluded=excluded, at=at)


def _repair(connection: psycopg.Connection, books: SchemeBook, repair_id: str) -> Repair:
    found = _repairs(connection, books, repair_id)
    if not found:
        raise RepairNotFound(repair_id)
    return found[0]


def _repairs(connection: psycopg.Connection, books: SchemeBook, repair_id: str | None) -> list[Repair]:
    rows = connection.execute(
        """SELECT r.repair_id::text, r.instruction_id::text, r.attempt, r.action, r.evidence, r.reason,
            r.proposed_by, r.proposed_at, d.decision, d.decided_by, d.decided_at
        FROM payments.settlement_repair r
        JOIN payments.settlement_instruction i USING (book_id, instruction_id)
        LEFT JOIN payments.settlement_repair_decision d USING (book_id, repair_id)
        WHERE r.book_id = %s AND i.scheme_id = %s AND r.repair_id = coalesce(%s::uuid, r.repair_id)
        ORDER BY r.proposed_at, r.repair_id""",
        [books.book_id, books.scheme.id, repair_id],
    ).fetchall()
    return [Repair(*row) for row in rows]
