"""Accounts over HTTP: opening, listing, looking at one; changing one is `changes`.

Limits take two people and are proposed (`api/approvals`): who opens accounts cannot give credit lines.
"""

from pathlib import Path
from typing import Annotated, Final, Literal

import polars as pl
import psycopg
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, TypeAdapter

from api.accounts.changes import router as changes
from api.accounts.reaching import (
    REACH_CODES,
    AccountPath,
    ParticipantPath,
    ParticipantQuery,
    Reached,
    reached,
)
from api.accounts.rows import account, account_content, account_etag, accounts
from api.accounts.schemas import (
    LINES,
    Account,
    Accounts,
    NewAccount,
    Sort,
    Status,
)
from api.contents import as_json, written
from api.errors import NotFound, Refusal
from api.idempotency.execution import once
from api.idempotency.keys import KeyHeader
from api.idempotency.records import Answer
from api.identity.caller import Caller, require
from api.paging import CURSOR_CODES, USUAL, Cursor, Limit, cursor, position
from api.problem_catalog import LedgerRefused, of_ledger, responses
from api.transfers.posting import RESERVED_CODES
from ledger_service.ledger.accounts import (
    ACCOUNT_COLUMNS,
    OPTIONAL_ACCOUNT_COLUMNS,
    create_accounts,
)
from ledger_service.ledger.books import lock_books
from ledger_service.ledger.chart import CUSTOMER_CODES, ChartCode
from ledger_service.ledger.results import AccountResult

router = APIRouter(tags=["accounts"])

_NEXT_ID: Final = Path(__file__).with_name("next_account_id.sql").read_bytes()

_FIELDS: Final[dict[str, str]] = {
    AccountResult.CURRENCY_UNKNOWN: "/body/currency",
    AccountResult.PARENT_ACCOUNT_CLOSED: "/body/parent",
    AccountResult.PARENT_ACCOUNT_HAS_DIFFERENT_CURRENCY: "/body/parent",
    AccountResult.PARENT_ACCOUNT_NOT_FOUND: "/body/parent",
    AccountResult.EXTERNAL_REF_TAKEN: "/body/reference",
}
"""What the ledger may refuse of a new account, and the field that each points to."""

Expand = Annotated[
    Literal["balance"] | None, Query(description="What is to be told besides: `balance`.")
]


class LineRefused(Refusal):
    """Accounts of that line are not opened here."""

    code = "line_not_allowed"

    def __init__(self, line: str) -> None:
        super().__init__(f"accounts of line {line!r} are not opened here", pointer="/body/line")


@router.post(
    "/accounts",
    operation_id="open_account",
    summary="Open an account",
    status_code=201,
    response_model=Account,
    response_description="Open.",
    responses=responses(
        *REACH_CODES,
        *of_ledger(*_FIELDS),
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
            raise LedgerRefused(result, pointer=_FIELDS.get(result))
        made = account(connection, book.book_id, body.reference)
        content = account_content(made, book.participant_id)
        location = f"/v1/accounts/{book.participant_id}/{made['account_id']}"
        headers = {"Location": location, "ETag": account_etag(made["revision"])}
        return Answer(201, written(content), headers=headers)

    return await once(request, caller, work)


@router.get(
    "/accounts",
    operation_id="list_accounts",
    summary="List accounts",
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
    limit: Limit = USUAL,
    cursor_given: Cursor = None,
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
    summary="Get an account",
    response_model=Account,
    responses=responses(*REACH_CODES),
)
async def get_account(
    request: Request,
    *,
    participant_id: ParticipantPath,
    name: AccountPath,
    caller: Annotated[Caller, require("accounts:read")],
    expand: Expand = None,
) -> Response:
    """An account by its reference or number."""
    book = await reached(request, caller, participant_id)
    row = await book.read(lambda connection: account(connection, book.book_id, name))
    tag = account_etag(row["revision"], row["version"] if expand else None)
    content = account_content(row, participant_id, with_balance=expand is not None)
    return as_json(content, headers={"ETag": tag})


def _new_row(
    connection: psycopg.Connection, book: Reached, body: NewAccount, line: ChartCode
) -> pl.DataFrame:
    """The account as a batch of one, with the next number of the book."""
    found = connection.execute(_NEXT_ID, {"book_id": book.book_id}).fetchone()
    schema = ACCOUNT_COLUMNS | OPTIONAL_ACCOUNT_COLUMNS
    row = dict.fromkeys(schema) | {
        "account_id": found[0] if found else 1,
        "external_ref": body.reference,
        "chart_code": int(line),
        "currency": body.currency,
        "opened_on": book.today,
        "debit_limit": 0 if line in CUSTOMER_CODES else None,
        "parent_account_id": _parent_id(connection, book, body.parent),
    }
    return pl.DataFrame([row], schema=schema, orient="row")


def _parent_id(connection: psycopg.Connection, book: Reached, name: str | None) -> int | None:
    if name is None:
        return None
    try:
        return int(account(connection, book.book_id, name)["account_id"])
    except NotFound as error:
        result = AccountResult.PARENT_ACCOUNT_NOT_FOUND
        raise LedgerRefused(result, pointer=_FIELDS[result]) from error


_Reference = Annotated[str, Field(max_length=140, pattern=r"^[^\x00]*$")]
_BY_REFERENCE: Final = TypeAdapter(tuple[_Reference])
_BY_NUMBER: Final = TypeAdapter(tuple[Annotated[int, Field(ge=0, le=2**63 - 1)]])


def _after(given: str | None, *, by_reference: bool) -> int | str | None:
    """The place after which the page begins, by the order that is asked for."""
    if by_reference:
        of_text = position(given, _BY_REFERENCE)
        return of_text[0] if of_text else None
    of_number = position(given, _BY_NUMBER)
    return of_number[0] if of_number else None


def _page(
    book: Reached, rows: list[dict[str, object]], *, limit: int, by_reference: bool, expand: Expand
) -> Response:
    shown = [
        account_content(row, book.participant_id, with_balance=expand is not None)
        for row in rows[:limit]
    ]
    column = "external_ref" if by_reference else "account_id"
    following = cursor(rows[limit - 1][column]) if len(rows) > limit else None
    return as_json({"data": shown, "next_cursor": following})


router.include_router(changes)
