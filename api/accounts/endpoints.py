"""Accounts over HTTP: opening, listing, looking at one, freezing and closing.

Limits take two people and are proposed (`api/approvals`): who opens accounts cannot give credit lines.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import polars as pl
import psycopg
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import Field, TypeAdapter

from api.accounts.reaching import (
    REACH_CODES,
    AccountPath,
    ParticipantPath,
    ParticipantQuery,
    Reached,
    reached,
)
from api.accounts.rows import account, account_content, accounts
from api.accounts.schemas import (
    LINES,
    Account,
    Accounts,
    Change,
    Freeze,
    NewAccount,
    Sort,
    Status,
)
from api.errors import Refusal, request_id
from api.idempotency.execution import once
from api.idempotency.keys import KeyHeader
from api.idempotency.records import Answer
from api.identity.caller import Caller, require
from api.paging import CURSOR_CODES, Cursor, Limit, cursor, position
from api.problem_catalog import LedgerRefused, of_ledger, responses
from api.transfers.posting import RESERVED_CODES
from api.transfers.rows import written
from ledger_service.ledger.accounts import (
    ACCOUNT_COLUMNS,
    OPTIONAL_ACCOUNT_COLUMNS,
    AccountTerms,
    change_account,
    create_accounts,
)
from ledger_service.ledger.books import lock_books
from ledger_service.ledger.chart import CUSTOMER_CODES, ChartCode
from ledger_service.ledger.results import AccountChangeResult, AccountResult
from ledger_service.runtime.audit import record_act

router = APIRouter(tags=["accounts"])

OPENING_RESULTS: Final = (
    AccountResult.CURRENCY_UNKNOWN,
    AccountResult.PARENT_ACCOUNT_CLOSED,
    AccountResult.PARENT_ACCOUNT_HAS_DIFFERENT_CURRENCY,
    AccountResult.PARENT_ACCOUNT_NOT_FOUND,
    AccountResult.EXTERNAL_REF_TAKEN,
)
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
IfNoneMatch = Annotated[str | None, Header(description="The `ETag` of the account as it is known.")]
Expand = Annotated[
    Literal["balance"] | None, Query(description="What is to be told besides: `balance`.")
]


class LineRefused(Refusal):
    """Accounts of that line are not opened here."""

    code = "line_not_allowed"

    def __init__(self, line: str) -> None:
        super().__init__(f"accounts of line {line!r} are not opened here", pointer="/body/line")


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


@router.post(
    "/accounts",
    operation_id="open_account",
    status_code=201,
    response_model=Account,
    response_description="Open.",
    responses=responses(
        *REACH_CODES,
        *of_ledger(*OPENING_RESULTS),
        (LineRefused.code, 422, "Accounts of that line are not opened here."),
        keyed=True,
    ),
)
async def open_account(
    request: Request,
    body: NewAccount,
    caller: Annotated[Caller, require("accounts:write")],
    idempotency_key: KeyHeader = None,
) -> Response:
    """Open an account; a customer's has no overdraft, until two people give it one."""
    book = await reached(request, caller, body.participant_id)
    line = LINES.get(body.line)
    if line is None or line in RESERVED_CODES:
        raise LineRefused(body.line)

    def work(connection: psycopg.Connection) -> Answer:
        lock_books(connection, [book.book_id])
        result = create_accounts(
            connection, book_id=book.book_id, accounts=_new_row(connection, book, body, line)
        )[0]
        if result != AccountResult.CREATED:
            pointer = "/body/reference" if result == AccountResult.EXTERNAL_REF_TAKEN else None
            raise LedgerRefused(result, pointer=pointer)
        made = account(connection, book.book_id, body.reference)
        content = account_content(made, book.participant_id, on=book.today)
        location = f"/v1/accounts/{book.participant_id}/{made['account_id']}"
        headers = {"Location": location, "ETag": _etag(made["revision"])}
        return Answer(201, written(content), headers=headers)

    return await once(request, caller, work)


@router.get(
    "/accounts",
    operation_id="list_accounts",
    response_model=Accounts,
    responses=responses(*REACH_CODES, *CURSOR_CODES),
)
async def list_accounts(
    request: Request,
    *,
    caller: Annotated[Caller, require("accounts:read")],
    participant_id: ParticipantQuery,
    reference: Annotated[str | None, Query(max_length=140, pattern=r"^[^\x00]*$")] = None,
    line: Annotated[str | None, Query(max_length=40)] = None,
    currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$")] = None,
    status: Status | None = None,
    sort: Sort = Sort.CREATED,
    expand: Expand = None,
    limit: Limit = 50,
    cursor_given: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Response:
    """The accounts of a participant, by reference, line, currency and status."""
    by_reference = sort in {Sort.REFERENCE, Sort.REFERENCE_LAST_FIRST}
    after = _after(cursor_given, by_reference=by_reference)
    book = await reached(request, caller, participant_id)
    if line is not None and line not in LINES:
        return _page(book, [], limit=limit, by_reference=by_reference, expand=expand)
    rows = await book.read(
        lambda connection: accounts(
            connection,
            book.book_id,
            sort=sort,
            after=after,
            limit=limit + 1,
            reference=reference,
            line=LINES[line] if line else None,
            currency=currency,
            status=status,
        )
    )
    return _page(book, rows, limit=limit, by_reference=by_reference, expand=expand)


@router.get(
    "/accounts/{participant_id}/{name}",
    operation_id="get_account",
    response_model=Account,
    responses=responses(*REACH_CODES)
    | {304: {"description": "It is as the caller knows it (`If-None-Match`)."}},
)
async def get_account(
    request: Request,
    *,
    participant_id: ParticipantPath,
    name: AccountPath,
    caller: Annotated[Caller, require("accounts:read")],
    expand: Expand = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """An account by its reference or number."""
    book = await reached(request, caller, participant_id)
    row = await book.read(lambda connection: account(connection, book.book_id, name))
    etag = _etag(row["revision"], row["version"] if expand else None)
    if if_none_match is not None and etag in {each.strip() for each in if_none_match.split(",")}:
        return Response(status_code=304, headers={"ETag": etag})
    content = account_content(row, participant_id, on=book.today, with_balance=expand is not None)
    return Response(written(content), media_type="application/json", headers={"ETag": etag})


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
        if wanted.if_match is not None and wanted.if_match != _etag(row["revision"]):
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
        content = written(account_content(now, book.participant_id, on=book.today))
        return Answer(200, content, headers={"ETag": _etag(now["revision"])})

    return work


def _new_row(
    connection: psycopg.Connection, book: Reached, body: NewAccount, line: ChartCode
) -> pl.DataFrame:
    """The account as a batch of one, with the next number of the book."""
    found = connection.execute(
        "SELECT coalesce(max(account_id), 0) + 1 FROM ledger.account WHERE book_id = %s", [book.book_id]
    ).fetchone()
    parent = account(connection, book.book_id, body.parent) if body.parent else None
    schema = ACCOUNT_COLUMNS | OPTIONAL_ACCOUNT_COLUMNS
    row = dict.fromkeys(schema) | {
        "account_id": found[0] if found else 1,
        "external_ref": body.reference,
        "chart_code": int(line),
        "currency": body.currency,
        "opened_on": book.today,
        "debit_limit": 0 if line in CUSTOMER_CODES else None,
        "parent_account_id": parent["account_id"] if parent else None,
    }
    return pl.DataFrame([row], schema=schema, orient="row")


_Reference = Annotated[str, Field(max_length=140, pattern=r"^[^\x00]*$")]
_Number = Annotated[int, Field(ge=0, le=2**63 - 1)]


def _after(given: str | None, *, by_reference: bool) -> int | str | None:
    """The place after which the page begins, by the order that is asked for."""
    if by_reference:
        of_text = position(given, TypeAdapter(tuple[_Reference]))
        return of_text[0] if of_text else None
    of_number = position(given, TypeAdapter(tuple[_Number]))
    return of_number[0] if of_number else None


def _page(
    book: Reached, rows: list[dict[str, object]], *, limit: int, by_reference: bool, expand: Expand
) -> Response:
    shown = [
        account_content(row, book.participant_id, on=book.today, with_balance=expand is not None)
        for row in rows[:limit]
    ]
    column = "external_ref" if by_reference else "account_id"
    following = cursor(rows[limit - 1][column]) if len(rows) > limit else None
    content = written({"data": shown, "next_cursor": following})
    return Response(content, media_type="application/json")


def _etag(revision: int, version: int | None = None) -> str:
    """Of an account's terms, and with its balance of its last entry too."""
    return f'"{revision}"' if version is None else f'"{revision}.{version}"'


for _verb, _body, _sentence in (
    ("freeze", Freeze, "Stop debits, credits or both; voids and expiries of holds still pass."),
    ("unfreeze", Freeze, "Let them pass again."),
    ("close", Change, "Close an account that is empty, holds nothing, and has no open one below it."),
    ("reopen", Change, "Open a closed account again."),
):
    _add_change(_verb, _body, _sentence)
