"""From a request to the poster, and back: accounts by name, the date that is open, the answer.

What transfers, holds and payments within a book have in common.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, cast

import psycopg
from fastapi import Request, Response

from api.amounts import minor_units
from api.books import Books
from api.directory import KnownAccount
from api.errors import Overloaded, Refusal
from api.idempotency.keys import Key, KeysAtWork
from api.idempotency.posting import Answered, BusinessDateClosed, Recorded
from api.idempotency.records import Answer
from api.identity.caller import Caller, ParticipantNotAllowed
from api.sandbox.rehearsal import REHEARSED_CODES, Rehearsal
from ledger_service.ledger.chart import CUSTOMER_CODES, OPERATOR_CODES, ChartCode
from ledger_service.ledger.poster import OutcomeUnknown, PosterOverloaded, Transfer

RESERVED_CODES: Final = OPERATOR_CODES | {
    ChartCode.CLEARING,
    ChartCode.FX_POSITION,
    ChartCode.FX_ROUNDING,
    ChartCode.RECONCILIATION_GAINS,
    ChartCode.RECONCILIATION_LOSSES,
}
"""Lines that payments, settlement and reconciliation keep in step with other books: a transfer in
one book alone would break that."""

CLOSES_MET: Final = 3
"""Tries of a request whose business date is closed under it."""

ACCOUNT_CODES: Final = (
    ("participant_unknown", 422, "No book of the participant."),
    ("debit_account_not_found", 422, "The book has no such account."),
    ("credit_account_not_found", 422, "The book has no such account."),
    ("account_reserved", 422, "The line of the account is kept in step with other books."),
    ("currency_mismatch", 422, "Both accounts and the amount have one currency."),
    ("tenant_not_available", 403, "The caller's sandbox is not there."),
    *REHEARSED_CODES,
)
"""What `movement` refuses, for the documentation of a route."""


class LedgerUnavailable(Refusal):
    """The ledger does not answer; whether the request had its effect is not known."""

    status = 503
    code = "ledger_unavailable"

    def __init__(self) -> None:
        super().__init__(
            "the ledger does not answer: try again with the same key", headers={"Retry-After": "1"}
        )


class AccountReserved(Refusal):
    """An account is kept in step with other books."""

    code = "account_reserved"

    def __init__(self, pointer: str | None = None) -> None:
        super().__init__("the line of the account is kept in step with other books", pointer=pointer)


@dataclass(frozen=True, slots=True)
class Movement:
    """An amount from an account to another one of the same book."""

    participant_id: str
    book_id: int
    debit: KnownAccount
    credit: KnownAccount
    amount_minor: int


async def movement(
    caller: Caller,
    books: Books,
    *,
    participant_id: str,
    debit_account: str,
    credit_account: str,
    amount: str,
    currency: str,
    customers_only: bool = False,
    pointers: tuple[str, str, str] = (
        "/body/participant_id",
        "/body/debit_account",
        "/body/credit_account",
    ),
) -> Movement:
    """What a request wants moved; raises a `Refusal` where it cannot be, before the ledger is asked."""
    if not caller.reaches(participant_id):
        raise ParticipantNotAllowed(participant_id)
    book_id = await books.directory.book(books.pool, participant_id, pointer=pointers[0])
    amount_minor = minor_units(amount, currency, on=books.directory.open_date(book_id, books.now()))
    names = (debit_account, credit_account)
    debit, credit = await books.directory.accounts(books.pool, book_id, names)
    checked_debit = usable(debit, currency, "debit", customers_only=customers_only, pointer=pointers[1])
    checked_credit = usable(
        credit, currency, "credit", customers_only=customers_only, pointer=pointers[2]
    )
    return Movement(participant_id, book_id, checked_debit, checked_credit, amount_minor)


def usable(
    account: KnownAccount | None, currency: str, side: str, *, customers_only: bool, pointer: str
) -> KnownAccount:
    """An account that the request may name; a `Refusal` where there is none."""
    if account is None or (customers_only and account.chart_code not in CUSTOMER_CODES):
        code = f"{side}_account_not_found"
        raise Refusal("the book has no such account", code=code, pointer=pointer)
    if account.chart_code in RESERVED_CODES:
        raise AccountReserved(pointer)
    if account.currency != currency:
        detail = f"the account is in {account.currency}, not in {currency}"
        raise Refusal(detail, code="currency_mismatch", pointer=pointer)
    return account


async def posted(
    request: Request,
    books: Books,
    *,
    key: Key,
    book: tuple[str, int],
    made: Callable[[datetime, date], tuple[Transfer, Answered]],
    reference: str | None = None,
    rehearsal: Rehearsal | None = None,
) -> Response:
    """Post what `made` makes of a time and a business date, with its record; the answer for the client.

    `book`: participant and number; `rehearsal` is of a sandbox. `made` is called again, with the next
    date, where the book closes its date meanwhile.
    """
    participant_id, book_id = book
    at_work: KeysAtWork = request.app.state.keys_at_work
    with at_work.held(key):
        for _ in range(CLOSES_MET):
            now = books.now()
            business_date = books.directory.open_date(book_id, now)
            transfer, answered = made(now, business_date)
            # Of a live request nothing follows: its answer stays plain, for the one statement.
            if rehearsal is not None and rehearsal.outcome is not None:
                answered = _rehearsed(rehearsal, answered, (book_id, transfer.transfer_id))
            record = Recorded(key, answered, reference)
            try:
                answer = await books.poster.post_recorded(book_id, business_date, (transfer,), record)
            except BusinessDateClosed:
                await books.directory.look_again(books.pool, participant_id)
            except PosterOverloaded as error:
                raise Overloaded(
                    "too many transfers wait to be posted", retry_after_s=error.retry_after_s
                ) from error
            except OutcomeUnknown as error:
                raise LedgerUnavailable from error
            else:
                response = cast(Answer, answer).response()
                return response if rehearsal is None else rehearsal.answered(response)
    raise Overloaded("the book closes one date after the other", retry_after_s=1)


def _rehearsed(
    rehearsal: Rehearsal, answered: Answered, booked: tuple[int, str]
) -> Callable[[psycopg.Connection], Answer]:
    """The answer, with what follows in a sandbox written before it."""

    def then_answered(connection: psycopg.Connection) -> Answer:
        rehearsal.booked(connection, [booked])
        return answered if isinstance(answered, Answer) else answered(connection)

    return then_answered
