"""Payments over HTTP."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import polars as pl
import psycopg
from fastapi import APIRouter, Request, Response
from psycopg.rows import dict_row

from api.amounts import AMOUNT_CODES, minor_units, units
from api.books import Books, books_of
from api.contents import as_json, written
from api.errors import NotFound, Refusal
from api.idempotency.execution import once
from api.idempotency.keys import KeyHeader, key_of
from api.idempotency.posting import keep_references
from api.idempotency.records import Answer
from api.identifiers import uuid7
from api.identity.caller import Caller, ParticipantNotAllowed, require
from api.payments.across import Side, clearing_reference, open_dates, post_across
from api.payments.schemas import NewPayment, Payment
from api.problem_catalog import of_ledger, responses
from api.requests.direct_route import DirectRoute
from api.sandbox.rehearsal import Rehearsal, rehearse
from api.times import instant
from api.transfers.endpoints import KIND, POSTING_RESULTS
from api.transfers.posting import ACCOUNT_CODES, Movement, movement, posted, usable
from ledger_service.ledger.chart import ChartCode
from ledger_service.ledger.poster import Transfer
from ledger_service.payments.identifiers import derived_ids

router = APIRouter(tags=["payments"])
direct = APIRouter(prefix="/v1", tags=["payments"], route_class=DirectRoute)

PAYMENT: Final = Path(__file__).with_name("payment.sql").read_bytes()

DEBTOR_LEG, CREDITOR_LEG = 1, 3
"""As `ledger_service.payments.posting_rules` counts them."""


class NoClearing(Refusal):
    """Two participants do not clear a currency with each other here."""

    code = "no_clearing_between_participants"

    def __init__(self, debtor: str, creditor: str, currency: str) -> None:
        super().__init__(
            f"{debtor} and {creditor} do not clear {currency} with each other here",
            pointer="/body/creditor/participant_id",
        )


@direct.post(
    "/payments",
    operation_id="create_payment",
    status_code=201,
    response_model=Payment,
    response_description="Made, and durable.",
    responses=responses(
        *ACCOUNT_CODES,
        *AMOUNT_CODES,
        *of_ledger(*POSTING_RESULTS),
        (NoClearing.code, 422, "The participants do not clear the currency with each other here."),
        keyed=True,
    ),
)
async def create_payment(
    request: Request,
    body: NewPayment,
    caller: Annotated[Caller, require("payments:write")],
    idempotency_key: KeyHeader = None,
) -> Response:
    """Pay from a customer's account to another one, of the same participant or of another one.

    Between two participants both books are booked together, through their clearing accounts for each
    other. The caller reaches the debtor's books.
    """
    books = books_of(request, caller)
    parties = (body.debtor.account, body.creditor.account)
    rehearsal = rehearse(books, amount=body.amount, accounts=parties)
    if body.debtor.participant_id != body.creditor.participant_id:
        return await _paid_across(request, caller, rehearsal, body)
    wanted = await movement(
        caller,
        books,
        participant_id=body.debtor.participant_id,
        debit_account=body.debtor.account,
        credit_account=body.creditor.account,
        amount=body.amount,
        currency=body.currency,
        customers_only=True,
        pointers=("/body/debtor/participant_id", "/body/debtor/account", "/body/creditor/account"),
    )
    return await _paid_within(request, caller, rehearsal, body, wanted)


@router.get(
    "/payments/{payment_id}",
    operation_id="get_payment",
    response_model=Payment,
    responses=responses(
        ("not_found", 404, "There is no such payment."),
        ("tenant_not_available", 403, "The caller's sandbox is not there."),
    ),
)
async def get_payment(
    request: Request, payment_id: UUID, caller: Annotated[Caller, require("transfers:read")]
) -> Response:
    """A payment, for those who reach the books of its debtor or its creditor."""
    ids = _leg_ids(str(payment_id))
    async with books_of(request, caller).pool.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(PAYMENT, {"ids": ids, "payment_id": str(payment_id)})
        legs = await cursor.fetchall()
    if not any(caller.reaches(leg["participant_id"]) for leg in legs) or legs[0]["id"] != ids[0]:
        raise NotFound("payment", payment_id)
    return as_json(_content(str(payment_id), legs))


async def _paid_within(
    request: Request, caller: Caller, rehearsal: Rehearsal, body: NewPayment, wanted: Movement
) -> Response:
    """A payment between two accounts of one book: a transfer, which is posted with others."""
    books = rehearsal.books
    key = await key_of(request, caller, body)

    def made(now: datetime, business_date: date) -> tuple[Transfer, Answer]:
        payment_id = uuid7()
        transfer = Transfer(
            transfer_id=_leg_ids(payment_id)[0],
            kind=KIND,
            event_at=now,
            value_date=business_date,
            debit_account_id=wanted.debit.account_id,
            credit_account_id=wanted.credit.account_id,
            amount_minor=wanted.amount_minor,
            payment_id=payment_id,
        )
        leg = {
            "id": transfer.transfer_id,
            "participant_id": wanted.participant_id,
            "debit_account": wanted.debit.external_ref,
            "credit_account": wanted.credit.external_ref,
            "amount_minor": wanted.amount_minor,
            "currency": body.currency,
            "reference": body.reference,
            "business_date": business_date,
            "created_at": now,
        }
        return transfer, _created(payment_id, [leg])

    return await posted(
        request,
        books,
        key=key,
        book=(wanted.participant_id, wanted.book_id),
        made=made,
        reference=body.reference,
        rehearsal=rehearsal,
    )


async def _paid_across(
    request: Request, caller: Caller, rehearsal: Rehearsal, body: NewPayment
) -> Response:
    """A payment between two books, in a transaction of its own."""
    books = rehearsal.books
    if not caller.reaches(body.debtor.participant_id):
        raise ParticipantNotAllowed(body.debtor.participant_id)
    sides = await _sides(books, body)
    payment_id = uuid7()

    def work(connection: psycopg.Connection) -> Answer:
        now = books.now()
        dates = open_dates(connection, sides, today=now.date())
        amount_minor = minor_units(body.amount, body.currency, on=dates[0])
        debtor, creditor = sides
        transfers = [
            Transfer(
                transfer_id=transfer_id,
                kind=KIND,
                event_at=now,
                value_date=max(dates),
                debit_account_id=debit.account_id,
                credit_account_id=credit.account_id,
                amount_minor=amount_minor,
                payment_id=payment_id,
            )
            for transfer_id, debit, credit in zip(
                _leg_ids(payment_id),
                (debtor.customer, creditor.clearing),
                (debtor.clearing, creditor.customer),
                strict=True,
            )
        ]
        post_across(connection, sides=sides, dates=dates, transfers=transfers)
        booked = [(side.book_id, each.transfer_id) for side, each in zip(sides, transfers, strict=True)]
        rehearsal.booked(connection, booked)
        if body.reference is not None:
            for side, transfer in zip(sides, transfers, strict=True):
                keep_references(connection, side.book_id, [(transfer.transfer_id, body.reference)])
        legs = [
            {
                "id": transfer.transfer_id,
                "participant_id": side.participant_id,
                "debit_account": debtor.customer.external_ref,
                "credit_account": creditor.customer.external_ref,
                "amount_minor": amount_minor,
                "currency": body.currency,
                "reference": body.reference,
                "business_date": dates[0],
                "created_at": now,
            }
            for side, transfer in zip(sides, transfers, strict=True)
        ]
        return _created(payment_id, legs)

    return rehearsal.answered(await once(request, caller, work))


async def _sides(books: Books, body: NewPayment) -> list[Side]:
    """Debtor's side and creditor's; raises a `Refusal` where an account is not there."""
    sides: list[Side] = []
    parties = {"debtor": (body.debtor, body.creditor), "creditor": (body.creditor, body.debtor)}
    for name, (party, other) in parties.items():
        book_id = await books.directory.book(
            books.pool, party.participant_id, pointer=f"/body/{name}/participant_id"
        )
        names = (party.account, clearing_reference(other.participant_id, body.currency))
        customer, clearing = await books.directory.accounts(books.pool, book_id, names)
        checked = usable(
            customer,
            body.currency,
            "debit" if name == "debtor" else "credit",
            customers_only=True,
            pointer=f"/body/{name}/account",
        )
        if clearing is None or clearing.chart_code != ChartCode.CLEARING:
            raise NoClearing(body.debtor.participant_id, body.creditor.participant_id, body.currency)
        sides.append(Side(party.participant_id, book_id, checked, clearing))
    return sides


def _leg_ids(payment_id: str) -> list[str]:
    """The ids of the debtor's and the creditor's transfer of a payment."""
    legs = pl.Series([DEBTOR_LEG, CREDITOR_LEG])
    return derived_ids(pl.Series([payment_id] * len(legs)), legs).to_list()


def _created(payment_id: str, legs: list[dict[str, Any]]) -> Answer:
    content = written(_content(payment_id, legs))
    return Answer(201, content, headers={"Location": f"/v1/payments/{payment_id}"})


def _content(payment_id: str, legs: list[dict[str, Any]]) -> dict[str, Any]:
    """A payment by its legs, as its client sees it."""
    first, last = legs[0], legs[-1]
    currency, on = first["currency"], first["business_date"]
    return {
        "id": payment_id,
        "debtor": {"participant_id": first["participant_id"], "account": first["debit_account"]},
        "creditor": {"participant_id": last["participant_id"], "account": last["credit_account"]},
        "amount": units(first["amount_minor"], currency, on=on),
        "currency": currency,
        "status": "completed",
        "reference": first["reference"],
        "transfers": [leg["id"] for leg in legs],
        "business_date": on.isoformat(),
        "created_at": instant(first["created_at"]),
    }
