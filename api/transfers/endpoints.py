"""Transfers over HTTP."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Final
from uuid import UUID

import psycopg
from fastapi import APIRouter, Request, Response

from api.amounts import AMOUNT_CODES, minor_units, units
from api.books import books_of
from api.contents import as_json, written
from api.errors import NotFound
from api.idempotency.keys import KeyHeader, key_of
from api.idempotency.records import Answer
from api.identifiers import uuid7
from api.identity.caller import Caller, require
from api.problem_catalog import of_ledger, responses
from api.requests.direct_route import DirectRoute
from api.sandbox.rehearsal import rehearse
from api.times import instant
from api.transfers.listing import router as listing
from api.transfers.posting import ACCOUNT_CODES, RESERVED_CODES, AccountReserved, movement, posted
from api.transfers.rows import TRANSFER, reach, row_within, rows_by_id, transfer_content
from api.transfers.schemas import NewReversal, NewTransfer, Transfer
from ledger_service.ledger.poster import Transfer as LedgerTransfer
from ledger_service.ledger.results import TransferResult

router = APIRouter(tags=["transfers"])
direct = APIRouter(prefix="/v1", tags=["transfers"], route_class=DirectRoute)

KIND: Final = "credit_transfer"
"""Of transfers in the journal, and of what returns them."""

POSTING_RESULTS: Final = (
    TransferResult.EXCEEDS_CREDITS,
    TransferResult.EXCEEDS_DEBITS,
    TransferResult.ACCOUNTS_MUST_BE_DIFFERENT,
    TransferResult.DEBIT_ACCOUNT_CLOSED,
    TransferResult.CREDIT_ACCOUNT_CLOSED,
    TransferResult.DEBIT_ACCOUNT_FROZEN,
    TransferResult.CREDIT_ACCOUNT_FROZEN,
    TransferResult.OVERFLOWS_DEBITS_POSTED,
    TransferResult.OVERFLOWS_CREDITS_POSTED,
    TransferResult.OVERFLOWS_DEBITS_PENDING,
    TransferResult.OVERFLOWS_CREDITS_PENDING,
)
"""How the ledger may refuse what reached it."""

REVERSAL_RESULTS: Final = (
    TransferResult.REVERSED_TRANSFER_NOT_FOUND,
    TransferResult.REVERSED_TRANSFER_IS_A_REVERSAL,
    TransferResult.REVERSED_TRANSFER_ALREADY_REVERSED,
    TransferResult.EXCEEDS_REVERSED_TRANSFER_AMOUNT,
)


@direct.post(
    "/transfers",
    operation_id="create_transfer",
    status_code=201,
    response_model=Transfer,
    response_description="Booked, and durable.",
    responses=responses(*ACCOUNT_CODES, *AMOUNT_CODES, *of_ledger(*POSTING_RESULTS), keyed=True),
)
async def create_transfer(
    request: Request,
    body: NewTransfer,
    caller: Annotated[Caller, require("transfers:write")],
    idempotency_key: KeyHeader = None,
) -> Response:
    """Move money between two accounts of a book, at once.

    It is booked to the book's open business date. Accounts are named by reference or number.
    """
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

    def made(now: datetime, business_date: date) -> tuple[LedgerTransfer, Answer]:
        transfer = LedgerTransfer(
            transfer_id=uuid7(),
            kind=KIND,
            event_at=now,
            value_date=business_date,
            debit_account_id=wanted.debit.account_id,
            credit_account_id=wanted.credit.account_id,
            amount_minor=wanted.amount_minor,
        )

        content = {
            "id": transfer.transfer_id,
            "participant_id": wanted.participant_id,
            "debit_account": wanted.debit.external_ref,
            "credit_account": wanted.credit.external_ref,
            "amount": units(wanted.amount_minor, body.currency, on=business_date),
            "currency": body.currency,
            "status": "posted",
            "reference": body.reference,
            "payment_id": None,
            "reverses": None,
            "reversed_amount": units(0, body.currency, on=business_date),
            "business_date": business_date.isoformat(),
            "created_at": instant(now),
        }
        return transfer, _created(transfer.transfer_id, written(content))

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
    "/transfers/{transfer_id}",
    operation_id="get_transfer",
    response_model=Transfer,
    responses=responses(("not_found", 404, "There is no such transfer.")),
)
async def get_transfer(
    request: Request, transfer_id: UUID, caller: Annotated[Caller, require("transfers:read")]
) -> Response:
    """A transfer, with what reversals have returned of it."""
    pool = books_of(request, caller).pool
    rows = await rows_by_id(pool, TRANSFER, id=str(transfer_id), participants=reach(caller))
    if not rows:
        raise NotFound("transfer", transfer_id)
    return as_json(transfer_content(rows[0]))


@router.post(
    "/transfers/{transfer_id}/reversals",
    operation_id="reverse_transfer",
    status_code=201,
    response_model=Transfer,
    response_description="Returned: the reversal is a transfer of its own.",
    responses=responses(
        *AMOUNT_CODES,
        *of_ledger(*POSTING_RESULTS, *REVERSAL_RESULTS),
        ("not_found", 404, "There is no such transfer."),
        ("account_reserved", 422, "The line of an account is kept in step with other books."),
        keyed=True,
    ),
)
async def reverse_transfer(
    request: Request,
    transfer_id: UUID,
    caller: Annotated[Caller, require("transfers:write")],
    body: NewReversal | None = None,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Return money of a transfer, all that is left of it or a part; never more than it moved."""
    body = body or NewReversal()
    key = await key_of(request, caller)
    books = books_of(request, caller)
    rows = await rows_by_id(books.pool, TRANSFER, id=str(transfer_id), participants=reach(caller))
    if not rows:
        raise NotFound("transfer", transfer_id)
    original = rows[0]
    if RESERVED_CODES.intersection((original["debit_code"], original["credit_code"])):
        raise AccountReserved
    participant_id: str = original["participant_id"]
    amount_minor = None
    if body.amount is not None:
        amount_minor = minor_units(body.amount, original["currency"], on=original["business_date"])

    def made(
        now: datetime, business_date: date
    ) -> tuple[LedgerTransfer, Callable[[psycopg.Connection], Answer]]:
        reversal = LedgerTransfer(
            transfer_id=uuid7(),
            kind=KIND,
            event_at=now,
            value_date=business_date,
            amount_minor=amount_minor,
            reverses_id=str(transfer_id),
        )

        def answered(connection: psycopg.Connection) -> Answer:
            row = row_within(
                connection, TRANSFER, id=reversal.transfer_id, participant_id=participant_id
            )
            row["reference"] = body.reference
            return _created(reversal.transfer_id, written(transfer_content(row)))

        return reversal, answered

    return await posted(
        request,
        books,
        key=key,
        book=(participant_id, original["book_id"]),
        made=made,
        reference=body.reference,
    )


def _created(transfer_id: str, content: bytes) -> Answer:
    return Answer(201, content, headers={"Location": f"/v1/transfers/{transfer_id}"})


router.include_router(listing)
