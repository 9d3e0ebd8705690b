"""Rehearsal: what a request in a sandbox meets because its amount or an account asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

import psycopg
from fastapi import Response

from api.books import Books
from api.errors import Overloaded, Refusal
from api.identity.caller import LIVE
from api.problem_catalog import LedgerRefused
from ledger_service.ledger.results import TransferResult
from ledger_service.parties.sandbox_terms import Outcome, sandbox_terms
from ledger_service.parties.sandboxes import return_later


class ScreeningHit(Refusal):
    """A name matched a sanctions list."""

    code = "screening_hit"

    def __init__(self) -> None:
        super().__init__("a name matched a sanctions list; nothing was booked")


class AnswerLost(Refusal):
    """The effect is there, the answer is not."""

    status = 504
    code = "timed_out"

    def __init__(self) -> None:
        super().__init__("it took too long; the outcome is not known. Try again with the same key")


REHEARSED_CODES: Final = ((ScreeningHit.code, 422, "A name matched a sanctions list."),)
"""What `rehearse` refuses that nothing else does."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What follows of a request that goes through; nothing, of all that are not magic."""

    books: Books
    outcome: Outcome | None = None

    def booked(self, connection: psycopg.Connection, transfers: Sequence[tuple[int, str]]) -> None:
        """Called within the transaction that books transfers, each its book and id."""
        if self.outcome is Outcome.LATE_RETURN:
            return_later(connection, self.books.tenant, transfers=transfers, now=self.books.now())

    def answered(self, response: Response) -> Response:
        """The answer; raises `AnswerLost` where it is to be lost, but for a replay."""
        if self.outcome is Outcome.TIMEOUT and "idempotent-replayed" not in response.headers:
            raise AnswerLost
        return response


def rehearse(books: Books, *, amount: str, accounts: Sequence[str]) -> Rehearsal:
    """What a request of this amount between these accounts meets; live ones meet nothing.

    Raises the `Refusal` that is asked for.
    """
    if books.tenant == LIVE:
        return Rehearsal(books)
    outcome = sandbox_terms().outcome_of(amount=_decimal(amount), accounts=accounts)
    match outcome:
        case Outcome.INSUFFICIENT_FUNDS:
            raise LedgerRefused(TransferResult.EXCEEDS_CREDITS)
        case Outcome.SCREENING_HIT:
            raise ScreeningHit
        case Outcome.OVERLOADED:
            raise Overloaded("more is asked for than can be done", retry_after_s=1)
    return Rehearsal(books, outcome)


def _decimal(amount: str) -> Decimal | None:
    try:
        return Decimal(amount)
    except InvalidOperation:
        return None
