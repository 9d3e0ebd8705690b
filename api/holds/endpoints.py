"""Holds over HTTP."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import psycopg
from fastapi import APIRouter, Request, Response

from api.amounts import AMOUNT_CODES, minor_units, units
from api.books import Books, books_of
from api.contents import as_json, written
from api.errors import NotFound
from api.holds.schemas import Capture, Hold, NewHold
from api.idempotency.keys import KeyHeader, key_of
from api.idempotency.records import Answer
from api.identifiers import uuid7
from api.identity.caller import Caller, require
from api.problem_catalog import of_ledger, responses
from api.requests.direct_route import DirectRoute
from api.sandbox.rehearsal import rehearse
from api.times import instant
from api.transfers.endpoints import KIND, POSTING_RESULTS
from api.transfers.posting import ACCOUNT_CODES, RESERVED_CODES, AccountReserved, movement, posted
from api.transfers.rows import reach, row_within, rows_by_id
from ledger_service.ledger.poster import Transfer as LedgerTransfer
from ledger_service.ledger.results import TransferResult

router = APIRouter(tags=["holds"])
direct = APIRouter(prefix="/v1", tags=["holds"], route_class=DirectRoute)

HOLD: Final = Path(__file__).with_name("hold.sql").read_bytes()

RESOLVING_RESULTS: Final = (
    TransferResult.PENDING_TRANSFER_ALREADY_POSTED,
    TransferResult.PENDING_TRANSFER_ALREADY_VOIDED,
    TransferResult.PENDING_TRANSFER_EXPIRED,
)
NOT_FOUND: Final = (
    ("not_found", 404, "There is no such hold."),
    ("tenant_not_available", 403, "The caller's sandbox is not there."),
    ("account_reserved", 422, "The line of an account is kept in step with other books."),
)

_STATUS: Final = {"pending": "held", "post": "captured", "void": "voided", "expire": "expired"}


@direct.post(
    "/holds",
    operation_id="create_hold",
    status_code=201,
    response_model=Hold,
    response_description="Set aside, and durable.",
    responses=responses(*ACCOUNT_CODES, *AMOUNT_CODES, *of_ledger(*POSTING_RESULTS), keyed=True),
)
async def create_hold(
    request: Request,
    body: NewHold,
    caller: Annotated[Caller, require("holds:write")],
    idempotency_key: KeyHeader = None,
) -> Response:
    """Set money of an account aside: it cannot be spent, and moves when the hold is captured."""
    key = await key_of(request, caller, body)
    books = books_of(request, caller)
    rehearsal = rehearse(books, amount=body.amount, accounts=(body.debit_account, body.credit_account))
    wanted = await movement(
        caller,
        books,
        participant_id=body.participant_id,
        debit_account=body.debit_account,
        credit_account=body.credit_account,
        amount=body.amount,
        currency=body.currency,
    )

    def made(
        now: datetime, business_date: date
    ) -> tuple[LedgerTransfer, Callable[[psycopg.Connection], Answer]]:
        hold = LedgerTransfer(
            transfer_id=uuid7(),
            kind=KIND,
            event_at=now,
            value_date=business_date,
            debit_account_id=wanted.debit.account_id,
            credit_account_id=wanted.credit.account_id,
            amount_minor=wanted.amount_minor,
            phase="pending",
            timeout_s=body.timeout_s,
        )

        def answered(connection: psycopg.Connection) -> Answer:
            row = row_within(connection, HOLD, id=hold.transfer_id, participant_id=wanted.participant_id)
            content = written(_content(row | {"reference": body.reference}))
            return Answer(201, content, headers={"Location": f"/v1/holds/{hold.transfer_id}"})

        return hold, answered

    return await posted(
        request,
        books,
        key=key,
        book=(wanted.participant_id, wanted.book_id),
        made=made,
        reference=body.reference,
        rehearsal=rehearsal,
    )


@router.get(
    "/holds/{hold_id}",
    operation_id="get_hold",
    response_model=Hold,
    responses=responses(*NOT_FOUND[:2]),
)
async def get_hold(
    request: Request, hold_id: UUID, caller: Annotated[Caller, require("transfers:read")]
) -> Response:
    """A hold, and what became of it."""
    row = await _hold(books_of(request, caller), caller, hold_id)
    return as_json(_content(row))


@router.post(
    "/holds/{hold_id}/capture",
    operation_id="capture_hold",
    response_model=Hold,
    response_description="Moved, and durable.",
    responses=responses(
        *NOT_FOUND,
        *AMOUNT_CODES,
        *of_ledger(*POSTING_RESULTS, *RESOLVING_RESULTS),
        *of_ledger(TransferResult.EXCEEDS_PENDING_TRANSFER_AMOUNT),
        keyed=True,
    ),
)
async def capture_hold(
    request: Request,
    hold_id: UUID,
    caller: Annotated[Caller, require("holds:write")],
    body: Capture | None = None,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Move the money of a hold, all of it or a part; the rest is given back. A hold is captured once."""
    books = books_of(request, caller)
    held = await _hold(books, caller, hold_id)
    amount_minor = None
    if body is not None and body.amount is not None:
        amount_minor = minor_units(body.amount, held["currency"], on=held["business_date"])
    return await _resolved(request, caller, books, held=held, phase="post", amount_minor=amount_minor)


@router.post(
    "/holds/{hold_id}/void",
    operation_id="void_hold",
    response_model=Hold,
    response_description="Given back, and durable.",
    responses=responses(*NOT_FOUND, *of_ledger(*RESOLVING_RESULTS), keyed=True),
)
async def void_hold(
    request: Request,
    hold_id: UUID,
    caller: Annotated[Caller, require("holds:write")],
    idempotency_key: KeyHeader = None,
) -> Response:
    """Give the money of a hold back, all of it."""
    books = books_of(request, caller)
    held = await _hold(books, caller, hold_id)
    return await _resolved(request, caller, books, held=held, phase="void", amount_minor=None)


async def _hold(books: Books, caller: Caller, hold_id: UUID) -> dict[str, Any]:
    rows = await rows_by_id(books.pool, HOLD, id=str(hold_id), participants=reach(caller))
    if not rows:
        raise NotFound("hold", hold_id)
    return rows[0]


async def _resolved(
    request: Request,
    caller: Caller,
    books: Books,
    *,
    held: Mapping[str, Any],
    phase: str,
    amount_minor: int | None,
) -> Response:
    """Post or void a hold; the answer is the hold as it is then."""
    key = await key_of(request, caller)
    if RESERVED_CODES.intersection((held["debit_code"], held["credit_code"])):
        raise AccountReserved
    hold_id, participant_id = str(held["id"]), str(held["participant_id"])

    def made(
        now: datetime, business_date: date
    ) -> tuple[LedgerTransfer, Callable[[psycopg.Connection], Answer]]:
        resolving = LedgerTransfer(
            transfer_id=uuid7(),
            kind=KIND,
            event_at=now,
            value_date=business_date,
            amount_minor=amount_minor,
            phase=phase,
            pending_id=hold_id,
        )

        def answered(connection: psycopg.Connection) -> Answer:
            row = row_within(connection, HOLD, id=hold_id, participant_id=participant_id)
            return Answer(200, written(_content(row)))

        return resolving, answered

    return await posted(request, books, key=key, book=(participant_id, held["book_id"]), made=made)


def _content(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `hold.sql` as its client sees it."""
    currency, on = row["currency"], row["business_date"]
    expires_at = row["expires_at"]
    return {
        "id": row["id"],
        "participant_id": row["participant_id"],
        "debit_account": row["debit_account"],
        "credit_account": row["credit_account"],
        "amount": units(row["amount_minor"], currency, on=on),
        "currency": currency,
        "status": _STATUS[row["phase"]],
        "captured_amount": units(row["captured_minor"], currency, on=on),
        "transfer_id": row["transfer_id"],
        "reference": row["reference"],
        "expires_at": instant(expires_at) if expires_at else None,
        "business_date": on.isoformat(),
        "created_at": instant(row["created_at"]),
    }
