"""Proposals: made by one person, decided by another, carried out in the moment of the approval.

The database refuses a decision by the proposer, a second decision, and any change of either. An
approval and its effect are one transaction: a proposal is never approved without having happened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb

from ledger_service.ledger.books import lock_books
from ledger_service.payments.approvals.contents import Content, content_of, kept
from ledger_service.payments.approvals.effects import Effect, carry_out, check, transfer_of

PAGE: Final = 200
"""Proposals of an answer, at most."""

_PROPOSALS: Final = Path(__file__).with_name("proposals.sql").read_bytes()


class ProposalState(StrEnum):
    """What has become of a proposal."""

    OPEN = "open"
    """Somebody else has to decide."""
    APPROVED = "approved"
    """Another person agreed, and it has happened."""
    REFUSED = "refused"
    """Another person did not agree."""
    WITHDRAWN = "withdrawn"
    """Who proposed it took it back."""


class ProposalNotFound(LookupError):
    """The book has no proposal of that id."""

    def __init__(self, proposal_id: str) -> None:
        self.proposal_id = proposal_id
        super().__init__(f"there is no proposal {proposal_id}")


class ProposalDecided(ValueError):
    """It was decided before."""

    def __init__(self, proposal_id: str, state: ProposalState) -> None:
        self.proposal_id = proposal_id
        self.state = state
        super().__init__(f"proposal {proposal_id} was {state} before")


class MakerIsChecker(PermissionError):
    """Who proposed it must not decide it."""

    def __init__(self, proposal_id: str, actor: str) -> None:
        self.proposal_id = proposal_id
        self.actor = actor
        super().__init__(f"{actor} made proposal {proposal_id}: another person has to decide it")


class NotTheMaker(PermissionError):
    """Only who proposed it can withdraw it."""

    def __init__(self, proposal_id: str, actor: str) -> None:
        self.proposal_id = proposal_id
        self.actor = actor
        super().__init__(f"proposal {proposal_id} is not {actor}'s to withdraw: refuse it instead")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A proposal and, once there is one, its decision."""

    book_id: int
    participant_id: str
    proposal_id: str
    content: Content
    reason: str
    proposed_by: str
    proposed_at: datetime
    state: ProposalState = ProposalState.OPEN
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_reason: str | None = None
    transfer_id: str | None = None


def propose(
    connection: psycopg.Connection,
    *,
    book_id: int,
    proposal_id: str,
    content: Content,
    reason: str,
    actor: str,
    at: datetime,
) -> Proposal:
    """Make a proposal, within the caller's transaction; `proposal_id` is a UUIDv7.

    Raises `ContentInvalid` where it could not be carried out as the books are now.
    """
    check(connection, book_id=book_id, content=content)
    connection.execute(
        """INSERT INTO payments.proposal (book_id, proposal_id, kind, content, reason, proposed_by,
            proposed_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s)""",
        [book_id, proposal_id, content.kind, Jsonb(kept(content)), reason, actor, at],
    )
    return proposal(connection, book_id=book_id, proposal_id=proposal_id)


def decide(
    connection: psycopg.Connection,
    *,
    book_id: int,
    proposal_id: str,
    approved: bool,
    actor: str,
    reason: str | None,
    at: datetime,
) -> Proposal:
    """Approve, which carries it out, or refuse, within the caller's transaction.

    Raises `ProposalNotFound`, `ProposalDecided`, `MakerIsChecker`; where the books no longer allow
    what was proposed `ContentInvalid` or `TransferRefused`, and the proposal stays open.
    """
    found = _open(connection, book_id=book_id, proposal_id=proposal_id)
    if found.proposed_by.lower() == actor.lower():
        raise MakerIsChecker(proposal_id, actor)
    state = ProposalState.APPROVED if approved else ProposalState.REFUSED
    transfer_id = transfer_of(found.content, proposal_id=proposal_id, at=at) if approved else None
    _end(connection, found, state=state, actor=actor, reason=reason, at=at, transfer_id=transfer_id)
    if approved:
        check(connection, book_id=book_id, content=found.content)
        effect = Effect(book_id, proposal_id, found.content, found.reason, at, transfer_id)
        carry_out(connection, effect)
    return proposal(connection, book_id=book_id, proposal_id=proposal_id)


def withdraw(
    connection: psycopg.Connection,
    *,
    book_id: int,
    proposal_id: str,
    actor: str,
    reason: str | None,
    at: datetime,
) -> Proposal:
    """Take one's own proposal back, within the caller's transaction.

    Raises `ProposalNotFound`, `ProposalDecided`, `NotTheMaker`.
    """
    found = _open(connection, book_id=book_id, proposal_id=proposal_id)
    if found.proposed_by.lower() != actor.lower():
        raise NotTheMaker(proposal_id, actor)
    state = ProposalState.WITHDRAWN
    _end(connection, found, state=state, actor=actor, reason=reason, at=at, transfer_id=None)
    return proposal(connection, book_id=book_id, proposal_id=proposal_id)


def proposal(connection: psycopg.Connection, *, book_id: int, proposal_id: str) -> Proposal:
    """One proposal; raises `ProposalNotFound`."""
    found = proposals(connection, book_ids=[book_id], proposal_id=proposal_id)
    if not found:
        raise ProposalNotFound(proposal_id)
    return found[0]


def proposals(
    connection: psycopg.Connection,
    *,
    book_ids: Sequence[int] | None,
    kinds: Sequence[str] | None = None,
    state: ProposalState | None = None,
    proposal_id: str | None = None,
    before: str | None = None,
    limit: int = PAGE,
) -> list[Proposal]:
    """Proposals, the newest first; `before` is the last id of the page before. None stands for all."""
    wanted = {
        "book_ids": None if book_ids is None else list(book_ids),
        "proposal_id": proposal_id,
        "kinds": None if kinds is None else list(kinds),
        "state": state,
        "before": before,
        "limit": limit,
    }
    return [_proposal(row) for row in connection.execute(_PROPOSALS, wanted).fetchall()]


def _open(connection: psycopg.Connection, *, book_id: int, proposal_id: str) -> Proposal:
    """One that is to be decided, and that nobody else decides until the transaction ends."""
    lock_books(connection, [book_id])
    found = proposal(connection, book_id=book_id, proposal_id=proposal_id)
    if found.state != ProposalState.OPEN:
        raise ProposalDecided(proposal_id, found.state)
    return found


def _end(
    connection: psycopg.Connection,
    found: Proposal,
    *,
    state: ProposalState,
    actor: str,
    reason: str | None,
    at: datetime,
    transfer_id: str | None,
) -> None:
    connection.execute(
        """INSERT INTO payments.proposal_decision (book_id, proposal_id, proposed_by, outcome,
            decided_by, decided_at, reason, transfer_id)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)""",
        [found.book_id, found.proposal_id, found.proposed_by, state, actor, at, reason, transfer_id],
    )


def _proposal(row: Sequence[Any]) -> Proposal:
    (
        book_id,
        participant_id,
        proposal_id,
        kind,
        content,
        reason,
        proposed_by,
        proposed_at,
        outcome,
        *decided,
    ) = row
    return Proposal(
        book_id=book_id,
        participant_id=participant_id,
        proposal_id=proposal_id,
        content=content_of(kind, content),
        reason=reason,
        proposed_by=proposed_by,
        proposed_at=proposed_at,
        state=ProposalState(outcome or ProposalState.OPEN),
        decided_by=decided[0],
        decided_at=decided[1],
        decision_reason=decided[2],
        transfer_id=decided[3],
    )
