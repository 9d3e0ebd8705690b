"""Changes of an account's terms over HTTP: freezing and unfreezing, closing and opening again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

import psycopg
from fastapi import APIRouter, Header, Request, Response

from api.accounts.reaching import REACH_CODES, AccountPath, ParticipantPath, Reached, reached
from api.accounts.rows import account, account_content, account_etag
from api.accounts.schemas import Account, Change, Freeze
from api.contents import written
from api.errors import Refusal, request_id
from api.etags import has_changed
from api.idempotency.execution import once
from api.idempotency.keys import KeyHeader
from api.idempotency.records import Answer
from api.identity.caller import Caller, require
from api.problem_catalog import LedgerRefused, of_ledger, responses
from ledger_service.ledger.accounts import AccountTerms, change_account
from ledger_service.ledger.books import lock_books
from ledger_service.ledger.results import AccountChangeResult
from ledger_service.runtime.audit import record_act

router = APIRouter()

CHANGE_RESULTS: Final = (
    AccountChangeResult.ACCOUNT_HAS_HOLDS,
    AccountChangeResult.ACCOUNT_HAS_BALANCE,
    AccountChangeResult.ACCOUNT_HAS_OPEN_CHILDREN,
    AccountChangeResult.PARENT_ACCOUNT_CLOSED,
)
_DONE: Final = {AccountChangeResult.CHANGED, AccountChangeResult.UNCHANGED}

IfMatch = Annotated[
    str | None, Header(description="The `ETag` of the account as it was seen; refused if it changed.")
]


class PreconditionFailed(Refusal):
    """The account has changed since it was seen."""

    status = 412
    code = "precondition_failed"

    def __init__(self) -> None:
        super().__init__("the account has changed since it was seen: look again")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done to an account, and as it was seen."""

    verb: str
    side: str
    reason: str
    if_match: str | None


def _add_change(verb: str, body_type: type[Change] | type[Freeze], sentence: str) -> None:
    """A route that gives an account other terms."""

    @router.post(
        f"/accounts/{{participant_id}}/{{name}}/{verb}",
        operation_id=f"{verb}_account",
        summary=f"{verb.capitalize()} an account",
        description=sentence,
        response_model=Account,
        responses=responses(
            *REACH_CODES,
            *of_ledger(*CHANGE_RESULTS),
            (PreconditionFailed.code, 412, "The account has changed since it was seen."),
            keyed=True,
        ),
    )
    async def changed(
        request: Request,
        *,
        participant_id: ParticipantPath,
        name: AccountPath,
        body: body_type,  # type: ignore[valid-type]  # the verb's
        caller: Annotated[Caller, require("accounts:write")],
        if_match: IfMatch = None,
        idempotency_key: KeyHeader = None,
    ) -> Response:
        book = await reached(request, caller, participant_id)
        wanted = Wanted(verb, getattr(body, "side", "both"), getattr(body, "reason", ""), if_match)
        return await once(request, caller, _change(request, caller, book, name=name, wanted=wanted))


def _change(
    request: Request, caller: Caller, book: Reached, *, name: str, wanted: Wanted
) -> Callable[[psycopg.Connection], Answer]:
    verb, side, reason = wanted.verb, wanted.side, wanted.reason

    def work(connection: psycopg.Connection) -> Answer:
        lock_books(connection, [book.book_id])
        row = account(connection, book.book_id, name)
        if has_changed(account_etag(row["revision"]), wanted.if_match):
            raise PreconditionFailed
        frozen = verb == "freeze"
        both = {"debits", "credits"} if side == "both" else {side}
        touched = both if verb in {"freeze", "unfreeze"} else set()
        result = change_account(
            connection,
            book_id=book.book_id,
            account_id=row["account_id"],
            revision=row["revision"],
            terms=AccountTerms(
                closed={"close": True, "reopen": False}.get(verb, row["closed"]),
                debits_frozen=frozen if "debits" in touched else row["debits_frozen"],
                credits_frozen=frozen if "credits" in touched else row["credits_frozen"],
                debit_limit=row["debit_limit"],
                credit_limit=row["credit_limit"],
            ),
            reason=reason,
        )
        if result not in _DONE:
            raise LedgerRefused(result)
        record_act(
            connection,
            act=f"account.{verb}",
            actor=caller.subject,
            client=caller.client_id,
            subject=f"{book.participant_id}/{row['external_ref']}",
            details={"side": side, "reason": reason},
            request_id=request_id(request) or "",
        )
        now = account(connection, book.book_id, name)
        content = written(account_content(now, book.participant_id))
        return Answer(200, content, headers={"ETag": account_etag(now["revision"])})

    return work


for _verb, _body, _sentence in (
    ("freeze", Freeze, "Stop debits, credits or both; voids and expiries of holds still pass."),
    ("unfreeze", Freeze, "Let them pass again."),
    ("close", Change, "Close an account that is empty, holds nothing, and has no open one below it."),
    ("reopen", Change, "Open a closed account again."),
):
    _add_change(_verb, _body, _sentence)
