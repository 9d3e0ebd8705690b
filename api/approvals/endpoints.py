"""Proposals over HTTP: limits, fees and rates under one set of routes, postings by hand under another.

A proposal is made and decided under different scopes, by different people; the acts are audited within
the transaction that does them.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

import psycopg
from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.approvals.contents import AccountUnknown, read_content, shown_content, shown_tariff
from api.approvals.schemas import (
    Decision,
    NewLimitProposal,
    NewPostingProposal,
    Proposals,
    Tariffs,
)
from api.approvals.schemas import Proposal as ProposalAnswer
from api.books import books_of
from api.contents import as_json, written
from api.errors import NotFound, Refusal, request_id
from api.idempotency.execution import once
from api.idempotency.keys import KeyHeader
from api.idempotency.records import Answer
from api.identifiers import uuid7
from api.identity.caller import EVERY_PARTICIPANT, Caller, ParticipantNotAllowed, require
from api.paging import USUAL, Limit
from api.problem_catalog import LedgerRefused, responses
from api.times import Day, instant
from ledger_service.payments.approvals.contents import ContentInvalid
from ledger_service.payments.approvals.proposals import (
    MakerIsChecker,
    NotTheMaker,
    Proposal,
    ProposalDecided,
    ProposalState,
    decide,
    proposals,
    propose,
    withdraw,
)
from ledger_service.payments.approvals.tariffs import tariffs_on
from ledger_service.payments.settlement.transfers import TransferRefused
from ledger_service.runtime.audit import record_act

router = APIRouter(tags=["approvals"])

TENANT: Final = ("tenant_not_available", 403, "The caller's sandbox is not there.")
PROPOSED: Final = (
    ("participant_unknown", 422, "No book of the participant."),
    (AccountUnknown.code, 422, "The book has no such account."),
    ("proposal_invalid", 422, "It could not be carried out as the books are."),
    ("currency_unknown", 422, "ISO 4217 has no such currency now."),
    ("amount_malformed", 422, "The amount is no decimal number."),
    ("amount_must_be_positive", 422, "Zero or negative."),
    ("amount_too_precise", 422, "More decimals than the currency has."),
    ("amount_too_large", 422, "More minor units than 64 bits hold."),
    TENANT,
)
DECIDED: Final = (
    ("not_found", 404, "There is no such proposal."),
    ("maker_is_checker", 403, "Who proposed it must not decide it."),
    ("proposal_decided", 409, "It was decided before."),
    ("proposal_invalid", 422, "The books no longer allow it; it stays open."),
    ("ledger_refused", 422, "The ledger refused the posting; it stays open."),
    TENANT,
)
WITHDRAWN: Final = (
    ("not_found", 404, "There is no such proposal."),
    ("not_the_maker", 403, "Only who proposed it can withdraw it."),
    ("proposal_decided", 409, "It was decided before."),
    TENANT,
)

Cursor = Annotated[UUID | None, Query(description="`next_cursor` of the page before.")]


@dataclass(frozen=True, slots=True)
class Group:
    """Kinds of proposals that are made and decided under the same scopes."""

    path: str
    noun: str
    kinds: tuple[str, ...]
    scope: str
    reads: str
    body: type[NewLimitProposal] | type[NewPostingProposal]


GROUPS: Final = (
    Group(
        path="limit-proposals",
        noun="limit_proposal",
        kinds=("account_limits", "fee", "rate"),
        scope="limits",
        reads="accounts:read",
        body=NewLimitProposal,
    ),
    Group(
        path="posting-proposals",
        noun="posting_proposal",
        kinds=("manual_posting",),
        scope="postings",
        reads="transfers:read",
        body=NewPostingProposal,
    ),
)


class ProposalRefused(Refusal):
    """What the books or the two-person rule refuse."""

    @classmethod
    def of(cls, error: Exception) -> Refusal:
        """The refusal that an error of the domain reads as."""
        match error:
            case ContentInvalid():
                return cls(error.reason, code="proposal_invalid", pointer=f"/body/content/{error.field}")
            case MakerIsChecker():
                return cls(str(error), status=403, code="maker_is_checker")
            case NotTheMaker():
                return cls(str(error), status=403, code="not_the_maker")
            case ProposalDecided():
                return cls(str(error), status=409, code="proposal_decided")
            case TransferRefused():
                reading = str(LedgerRefused(error.code))
                return cls(f"the ledger refused it: {reading}", code="ledger_refused")
        raise error


def _add_routes(group: Group) -> None:
    """The routes of a group of kinds."""
    body_type = group.body

    @router.post(
        f"/{group.path}",
        operation_id=f"create_{group.noun}",
        status_code=201,
        response_model=ProposalAnswer,
        responses=responses(*PROPOSED, keyed=True),
    )
    async def create(
        request: Request,
        body: body_type,  # type: ignore[valid-type]  # the group's
        caller: Annotated[Caller, require(f"{group.scope}:propose")],
        idempotency_key: KeyHeader = None,
    ) -> Response:
        """Propose; another person decides."""
        return await _proposed(request, caller, body)

    @router.get(
        f"/{group.path}",
        operation_id=f"list_{group.noun}s",
        response_model=Proposals,
        responses=responses(TENANT),
    )
    async def listed(
        request: Request,
        *,
        caller: Annotated[Caller, require(group.reads)],
        participant_id: Annotated[str | None, Query(max_length=32)] = None,
        state: ProposalState | None = None,
        limit: Limit = USUAL,
        cursor: Cursor = None,
    ) -> Response:
        """Proposals in the books that the caller reaches, the newest first."""
        if participant_id is not None and not caller.reaches(participant_id):
            raise ParticipantNotAllowed(participant_id)
        content = await _page(
            request,
            caller,
            group,
            participant_id=participant_id,
            state=state,
            limit=limit,
            cursor=cursor,
        )
        return as_json(content)

    @router.get(
        f"/{group.path}/{{proposal_id}}",
        operation_id=f"get_{group.noun}",
        response_model=ProposalAnswer,
        responses=responses(("not_found", 404, "There is no such proposal."), TENANT),
    )
    async def one(
        request: Request, proposal_id: UUID, caller: Annotated[Caller, require(group.reads)]
    ) -> Response:
        """One proposal with its decision."""
        books = books_of(request, caller)

        def read() -> dict[str, Any]:
            with books.writers.connection() as connection:
                return _shown(connection, _found(connection, caller, group, str(proposal_id)))

        return as_json(await run_in_threadpool(read))

    for verb, scope, codes in (
        ("approve", "approve", DECIDED),
        ("refuse", "approve", DECIDED),
        ("withdraw", "propose", WITHDRAWN),
    ):
        _add_decision(group, verb, f"{group.scope}:{scope}", codes)


def _add_decision(group: Group, verb: str, scope: str, codes: tuple[tuple[str, int, str], ...]) -> None:
    @router.post(
        f"/{group.path}/{{proposal_id}}/{verb}",
        operation_id=f"{verb}_{group.noun}",
        summary=f"{verb.capitalize()} a proposal",
        response_model=ProposalAnswer,
        responses=responses(*codes, keyed=True),
    )
    async def decided(
        request: Request,
        proposal_id: UUID,
        body: Decision,
        caller: Annotated[Caller, require(scope)],
        idempotency_key: KeyHeader = None,
    ) -> Response:
        """Approving carries it out at once; only who proposed it can withdraw it."""
        books = books_of(request, caller)

        def work(connection: psycopg.Connection) -> Answer:
            found = _found(connection, caller, group, str(proposal_id))
            facts: dict[str, Any] = {
                "book_id": found.book_id,
                "proposal_id": found.proposal_id,
                "actor": caller.subject,
                "reason": body.reason,
                "at": books.now(),
            }
            try:
                if verb == "withdraw":
                    ended = withdraw(connection, **facts)
                else:
                    ended = decide(connection, approved=verb == "approve", **facts)
            except (ValueError, PermissionError, TransferRefused) as error:
                raise ProposalRefused.of(error) from error
            _audit(connection, request, caller, ended, str(ended.state))
            return Answer(200, written(_shown(connection, ended)))

        return await once(request, caller, work)


async def _proposed(
    request: Request, caller: Caller, body: NewLimitProposal | NewPostingProposal
) -> Response:
    if not caller.reaches(body.participant_id):
        raise ParticipantNotAllowed(body.participant_id)
    books = books_of(request, caller)
    book_id = await books.directory.book(books.pool, body.participant_id, pointer="/body/participant_id")

    def work(connection: psycopg.Connection) -> Answer:
        now = books.now()
        on = books.directory.open_date(book_id, now)
        try:
            content = read_content(connection, body.content, book_id=book_id, on=on)
            made = propose(
                connection,
                book_id=book_id,
                proposal_id=uuid7(),
                content=content,
                reason=body.reason,
                actor=caller.subject,
                at=now,
            )
        except ContentInvalid as error:
            raise ProposalRefused.of(error) from error
        _audit(connection, request, caller, made, "proposed")
        location = {"Location": f"{request.url.path}/{made.proposal_id}"}
        return Answer(201, written(_shown(connection, made)), headers=location)

    return await once(request, caller, work)


async def _page(
    request: Request,
    caller: Caller,
    group: Group,
    *,
    participant_id: str | None,
    state: ProposalState | None,
    limit: int,
    cursor: UUID | None,
) -> dict[str, Any]:
    books = books_of(request, caller)

    def read() -> dict[str, Any]:
        with books.writers.connection() as connection:
            found = proposals(
                connection,
                book_ids=_books(connection, caller, participant_id),
                kinds=group.kinds,
                state=state,
                before=str(cursor) if cursor else None,
                limit=limit + 1,
            )
            shown = [_shown(connection, each) for each in found[:limit]]
        more = len(found) > limit
        return {"data": shown, "next_cursor": shown[-1]["id"] if more else None}

    return await run_in_threadpool(read)


def _books(
    connection: psycopg.Connection, caller: Caller, participant_id: str | None
) -> list[int] | None:
    """The books that are asked for and that the caller reaches; None for all."""
    if participant_id is None and EVERY_PARTICIPANT in caller.participants:
        return None
    wanted = sorted(caller.participants) if participant_id is None else [participant_id]
    rows = connection.execute(
        "SELECT book_id FROM ledger.book WHERE participant_id = ANY (%s)", [wanted]
    ).fetchall()
    return [row[0] for row in rows]


def _found(connection: psycopg.Connection, caller: Caller, group: Group, proposal_id: str) -> Proposal:
    """A proposal of the group in a book that the caller reaches."""
    books = _books(connection, caller, None)
    found = proposals(connection, book_ids=books, kinds=group.kinds, proposal_id=proposal_id)
    if not found:
        raise NotFound("proposal", proposal_id)
    return found[0]


def _shown(connection: psycopg.Connection, made: Proposal) -> dict[str, Any]:
    on = made.proposed_at.date()
    return {
        "id": made.proposal_id,
        "participant_id": made.participant_id,
        "content": shown_content(connection, made.content, book_id=made.book_id, on=on),
        "reason": made.reason,
        "proposed_by": made.proposed_by,
        "proposed_at": instant(made.proposed_at),
        "state": str(made.state),
        "decided_by": made.decided_by,
        "decided_at": instant(made.decided_at) if made.decided_at else None,
        "decision_reason": made.decision_reason,
        "transfer_id": made.transfer_id,
    }


def _audit(
    connection: psycopg.Connection, request: Request, caller: Caller, made: Proposal, act: str
) -> None:
    record_act(
        connection,
        act=f"proposal.{act}",
        actor=caller.subject,
        client=caller.client_id,
        subject=made.proposal_id,
        details={"kind": made.content.kind, "participant_id": made.participant_id},
        request_id=request_id(request) or "",
    )


@router.get(
    "/tariffs",
    operation_id="list_tariffs",
    response_model=Tariffs,
    responses=responses(("participant_unknown", 422, "No book of the participant."), TENANT),
)
async def list_tariffs(
    request: Request,
    caller: Annotated[Caller, require("accounts:read")],
    participant_id: Annotated[str, Query(max_length=32)],
    on: Annotated[Day | None, Query(description="A date; today where it is absent.")] = None,
) -> Response:
    """The fees and rates of a participant that are in force on a date."""
    if not caller.reaches(participant_id):
        raise ParticipantNotAllowed(participant_id)
    books = books_of(request, caller)
    book_id = await books.directory.book(books.pool, participant_id, pointer="/query/participant_id")
    wanted = on or books.directory.open_date(book_id, books.now())

    def read() -> list[dict[str, Any]]:
        with books.writers.connection() as connection:
            return [shown_tariff(each) for each in tariffs_on(connection, book_id=book_id, on=wanted)]

    found = await run_in_threadpool(read)
    return as_json({"data": found})


for _group in GROUPS:
    _add_routes(_group)
