"""Instructions to the settlement agent: from net positions to finality.

An instruction is a hold between a participant's position and the scheme's money at the agent. The
agent's confirmation posts it, which is final; its rejection voids it: by its code it is tried again, or
waits for a person. Each call is one transaction that holds the book, and may be run again at any time.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

import polars as pl
import psycopg

from ledger_service.ledger.books import lock_books, open_business_date
from ledger_service.ledger.results import TransferResult
from ledger_service.payments.identifiers import derived_ids
from ledger_service.payments.settlement.instruction_log import (
    Happened,
    Instruction,
    InstructionState,
    NewInstruction,
    add_happened,
    add_instruction,
    instruction,
    instructions,
)
from ledger_service.payments.settlement.positions import NetPosition, keep_positions
from ledger_service.payments.settlement.scheme_book import (
    NotAParticipant,
    SchemeBook,
    scheme_accounts,
)
from ledger_service.payments.settlement.transfers import (
    EXPOSURE_RELEASED,
    INSTRUCTION,
    TransferRefused,
    post_all,
)
from ledger_service.payments.settlement.windows import (
    Window,
    WindowState,
    add_event,
    window,
)
from ledger_service.runtime.identifiers import derived_id

EXCEEDS_COVER: Final = "exceeds_cover"
"""Code of a pay-out that the ledger refused to hold: the participant has used the money since."""

_EXPOSURES: Final = Path(__file__).with_name("exposures_to_release.sql").read_bytes()
_HOLD, _POST, _VOID, _STEPS = 0, 1, 2, 3
_NOTHING_LEFT: Final = {TransferResult.EXCEEDS_CREDITS, TransferResult.EXCEEDS_DEBITS}


class Answer(StrEnum):
    """What the agent's answer to an instruction led to."""

    DONE = "done"
    """It is so now."""
    EXISTS = "exists"
    """It was so before: the answer was told twice."""
    CONTRADICTS = "contradicts"
    """Another answer was booked before; a repair decides which one holds."""


def instruct(
    connection: psycopg.Connection,
    books: SchemeBook,
    *,
    number: int,
    positions: Sequence[NetPosition],
    at: datetime,
) -> list[Instruction]:
    """Hold what each participant pays or is paid, less what is final from earlier runs; all at once.

    Returns the instructions of the run. One that the ledger does not cover begins as rejected. Raises
    as `keep_positions`, and `NotAParticipant`.
    """
    with connection.transaction():
        found = keep_positions(connection, books, number=number, positions=positions, at=at)
        if found.state == WindowState.NETTED:
            for new in _new_instructions(connection, books, found, positions):
                add_instruction(connection, books, new, at=at)
                _hold(connection, books, new, attempt=1, number=1, at=at)
            add_event(connection, books, found, WindowState.INSTRUCTED, at=at)
            settle(connection, books, number=number, at=at)
        return [
            one for one in instructions(connection, books, window_number=number) if one.run == found.run
        ]


def confirm(
    connection: psycopg.Connection,
    books: SchemeBook,
    *,
    instruction_id: str,
    reference: str,
    at: datetime,
) -> Answer:
    """The agent has moved the money: final at `at`. Settles the window when it was the last."""
    with connection.transaction():
        lock_books(connection, [books.book_id])
        found = instruction(connection, books, instruction_id)
        if found.state == InstructionState.CONFIRMED:
            return Answer.EXISTS if found.reference == reference else Answer.CONTRADICTS
        if found.state != InstructionState.INSTRUCTED:
            return Answer.CONTRADICTS
        confirmed(connection, books, found, reference=reference, at=at)
        return Answer.DONE


def reject(
    connection: psycopg.Connection,
    books: SchemeBook,
    *,
    instruction_id: str,
    code: str,
    reason: str,
    at: datetime,
) -> Answer:
    """The agent has not moved the money: the hold is void, and a retry is planned by the code's rule."""
    with connection.transaction():
        lock_books(connection, [books.book_id])
        found = instruction(connection, books, instruction_id)
        if found.state == InstructionState.REJECTED and found.code == code:
            return Answer.EXISTS
        if found.state != InstructionState.INSTRUCTED:
            return Answer.CONTRADICTS
        happened = Happened(
            state=InstructionState.REJECTED,
            attempt=found.attempt,
            at=at,
            transfer_id=void_hold(connection, books, found, at=at),
            code=code,
            reason=reason,
            retry_at=_retry_at(books, code, found.attempt, at),
        )
        add_happened(connection, books, instruction_id, happened, number=found.number + 1)
        settle(connection, books, number=found.window_number, at=at)
        return Answer.DONE


def retry_due(connection: psycopg.Connection, books: SchemeBook, *, at: datetime) -> list[Instruction]:
    """Instruct again what was rejected and is due by `at`; returns these, as they are now."""
    with connection.transaction():
        lock_books(connection, [books.book_id])
        due = [
            one
            for one in instructions(connection, books)
            if one.retry_at is not None and one.retry_at <= at
        ]
        for one in due:
            hold_again(connection, books, one, at=at)
        return [instruction(connection, books, one.instruction_id) for one in due]


def overdue(connection: psycopg.Connection, books: SchemeBook, *, at: datetime) -> list[Instruction]:
    """Instructions that the agent should have answered by `at`."""
    within = timedelta(seconds=books.scheme.agent.confirmation_within_s)
    return [
        one
        for one in instructions(connection, books)
        if one.state == InstructionState.INSTRUCTED and one.at + within < at
    ]


def settle(
    connection: psycopg.Connection, books: SchemeBook, *, number: int, at: datetime
) -> WindowState:
    """Note what an instructed window has come to; idempotent, and called by every answer.

    Settled when all of the run is final: then its pairs' exposures are released. Partly settled when
    some is final and nothing is under way at the agent.
    """
    with connection.transaction():
        lock_books(connection, [books.book_id])
        found = window(connection, books, number)
        if found.state not in {WindowState.INSTRUCTED, WindowState.PARTLY_SETTLED}:
            return found.state
        all_runs = instructions(connection, books, window_number=number)
        states = {one.state for one in all_runs if one.run == found.run}
        final = any(one.state == InstructionState.CONFIRMED for one in all_runs)
        if states <= {InstructionState.CONFIRMED}:
            _release_exposures(connection, books, found, at=at)
            add_event(connection, books, found, WindowState.SETTLED, at=at)
        elif (
            final and InstructionState.INSTRUCTED not in states and found.state == WindowState.INSTRUCTED
        ):
            add_event(connection, books, found, WindowState.PARTLY_SETTLED, at=at)
        return window(connection, books, number).state


def confirmed(
    connection: psycopg.Connection,
    books: SchemeBook,
    found: Instruction,
    *,
    reference: str,
    at: datetime,
) -> None:
    """Post the hold of an instruction, within the caller's transaction, which holds the book."""
    transfer_id = _resolve(connection, books, found, _POST, at=at)
    happened = Happened(
        state=InstructionState.CONFIRMED,
        attempt=found.attempt,
        at=at,
        transfer_id=transfer_id,
        reference=reference,
    )
    add_happened(connection, books, found.instruction_id, happened, number=found.number + 1)
    settle(connection, books, number=found.window_number, at=at)


def void_hold(
    connection: psycopg.Connection, books: SchemeBook, found: Instruction, *, at: datetime
) -> str:
    """Release the hold of an instruction, within the caller's transaction; the void's id."""
    return _resolve(connection, books, found, _VOID, at=at)


def hold_again(
    connection: psycopg.Connection, books: SchemeBook, found: Instruction, *, at: datetime
) -> None:
    """The next attempt of a rejected instruction, within the caller's transaction."""
    new = NewInstruction(**{name: getattr(found, name) for name in NewInstruction.__slots__})
    _hold(connection, books, new, attempt=found.attempt + 1, number=found.number + 1, at=at)


def _new_instructions(
    connection: psycopg.Connection,
    books: SchemeBook,
    found: Window,
    positions: Sequence[NetPosition],
) -> list[NewInstruction]:
    """What is left to move of each position; who pays comes first, for it covers who is paid."""
    accounts = scheme_accounts(connection, books)
    left = {(one.participant_id, one.currency): one.net_minor for one in positions}
    for one in instructions(connection, books, window_number=found.number):
        if one.state == InstructionState.CONFIRMED:
            key = (one.participant_id, one.currency)
            left[key] = left.get(key, 0) - one.signed_minor
    made = []
    for (participant_id, currency), amount in sorted(left.items()):
        if not amount:
            continue
        position = accounts.get(books.reference("position", currency, participant_id))
        if position is None:
            raise NotAParticipant(books.scheme.id, participant_id, currency)
        parts = (books.book_id, books.scheme.id, found.number, found.run, participant_id, currency)
        made.append(
            NewInstruction(
                instruction_id=derived_id(found.closed_at or found.opened_at, *parts),
                window_number=found.number,
                run=found.run,
                participant_id=participant_id,
                currency=currency,
                direction="pay_out" if amount > 0 else "pay_in",
                amount_minor=abs(amount),
                position_account_id=position,
                agent_account_id=accounts[books.reference("agent", currency)],
            )
        )
    return sorted(made, key=lambda new: new.direction)


def _hold(
    connection: psycopg.Connection,
    books: SchemeBook,
    new: NewInstruction,
    *,
    attempt: int,
    number: int,
    at: datetime,
) -> None:
    """Book the hold of an attempt; where the ledger refuses it, the attempt is rejected."""
    transfer_id = _transfer_id(new.instruction_id, attempt, _HOLD)
    pays_in = new.direction == "pay_in"
    row = {
        "transfer_id": transfer_id,
        "debit_account_id": new.agent_account_id if pays_in else new.position_account_id,
        "credit_account_id": new.position_account_id if pays_in else new.agent_account_id,
        "amount_minor": new.amount_minor,
        "phase": "pending",
    }
    happened = Happened(
        state=InstructionState.INSTRUCTED, attempt=attempt, at=at, transfer_id=transfer_id
    )
    try:
        _post(connection, books, row, at=at)
    except TransferRefused as refused:
        code = EXCEEDS_COVER if refused.code == TransferResult.EXCEEDS_CREDITS else refused.code
        happened = Happened(
            state=InstructionState.REJECTED,
            attempt=attempt,
            at=at,
            code=code,
            reason="the ledger refused to hold it",
            retry_at=_retry_at(books, code, attempt, at),
        )
    add_happened(connection, books, new.instruction_id, happened, number=number)


def _resolve(
    connection: psycopg.Connection, books: SchemeBook, found: Instruction, step: int, *, at: datetime
) -> str:
    transfer_id = _transfer_id(found.instruction_id, found.attempt, step)
    row = {
        "transfer_id": transfer_id,
        "pending_id": _transfer_id(found.instruction_id, found.attempt, _HOLD),
        "phase": "post" if step == _POST else "void",
    }
    _post(connection, books, row, at=at)
    return transfer_id


def _post(
    connection: psycopg.Connection, books: SchemeBook, row: Mapping[str, object], *, at: datetime
) -> None:
    said = {"kind": INSTRUCTION, "event_at": at, "value_date": at.date(), **row}
    opened = open_business_date(connection, book_id=books.book_id)
    business_date = max(at.date(), opened) if opened else at.date()
    post_all(connection, book_id=books.book_id, business_date=business_date, rows=[said])


def _transfer_id(instruction_id: str, attempt: int, step: int) -> str:
    ordinal = pl.Series([attempt * _STEPS + step], dtype=pl.UInt64)
    return str(derived_ids(pl.Series([instruction_id]), ordinal)[0])


def _retry_at(books: SchemeBook, code: str, attempt: int, at: datetime) -> datetime | None:
    """When an attempt that was rejected is followed by the next: after twice the pause each time."""
    rule = books.scheme.agent.retry_rule(code)
    if rule is None or attempt >= rule.attempts:
        return None
    return at + timedelta(seconds=rule.after_s * 2 ** (attempt - 1))


def _release_exposures(
    connection: psycopg.Connection, books: SchemeBook, found: Window, *, at: datetime
) -> None:
    """Take what a settled window added out of its pairs' exposures.

    Clamped: where a later window already counts the other way, no more than what that limit leaves.
    """
    named = {
        "book_id": books.book_id,
        "scheme_id": books.scheme.id,
        "event_from": found.event_from,
        "event_to": found.event_to,
    }
    closed_at = found.closed_at or found.opened_at
    for account_id, contra_id, debits_minor in connection.execute(_EXPOSURES, named).fetchall():
        parts = ("exposure", books.book_id, books.scheme.id, found.number, account_id)
        owes = debits_minor > 0
        row = {
            "transfer_id": derived_id(closed_at, *parts),
            "debit_account_id": contra_id if owes else account_id,
            "credit_account_id": account_id if owes else contra_id,
            "amount_minor": abs(debits_minor),
            "kind": EXPOSURE_RELEASED,
        }
        clamped = row | {"balancing": "credit" if owes else "debit"}
        if not _released(connection, books, row, at=at):
            _released(connection, books, clamped, at=at)


def _released(
    connection: psycopg.Connection, books: SchemeBook, row: Mapping[str, object], *, at: datetime
) -> bool:
    """Post a release; False where the pair's other limit leaves no room for it."""
    try:
        _post(connection, books, row, at=at)
    except TransferRefused as refused:
        if refused.code not in _NOTHING_LEFT:
            raise
        return False
    return True
