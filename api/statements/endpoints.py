"""A statement of an account, as JSON or as CSV."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

import psycopg
from fastapi import APIRouter, Header, Query, Request, Response

from api.accounts.holdings import ARCHIVED, Archived, entry_contents
from api.accounts.reaching import REACH_CODES, AccountPath, ParticipantPath, reached
from api.accounts.rows import account, units_of
from api.accounts.schemas import Entry
from api.contents import as_json
from api.errors import Refusal
from api.identity.caller import Caller, require
from api.problem_catalog import responses
from api.statements.schemas import Statement
from api.times import Instant, instant
from ledger_service.ledger.balances import HistoryArchived
from ledger_service.ledger.chart import Side
from ledger_service.ledger.history import query_transfers, statement

router = APIRouter(tags=["statements"])

MOST_ENTRIES: Final = 10_000
CSV: Final = "text/csv"


class StatementTooLong(Refusal):
    """There are more entries between the two times than one answer has."""

    code = "statement_too_long"

    def __init__(self) -> None:
        super().__init__(f"more than {MOST_ENTRIES} entries: ask for a shorter time, or list entries")


class TimesReversed(Refusal):
    """The statement would end before it begins."""

    code = "times_reversed"

    def __init__(self) -> None:
        super().__init__("`until` is not after `since`", pointer="/query/until")


@router.get(
    "/accounts/{participant_id}/{name}/statement",
    operation_id="get_statement",
    summary="Get a statement",
    response_model=Statement,
    responses=responses(
        *REACH_CODES,
        ARCHIVED,
        (StatementTooLong.code, 422, "More entries than one answer has."),
        (TimesReversed.code, 422, "`until` is not after `since`."),
    )
    | {200: {"content": {CSV: {"schema": {"type": "string"}}}}},
)
async def get_statement(
    request: Request,
    *,
    participant_id: ParticipantPath,
    name: AccountPath,
    caller: Annotated[Caller, require("statements:read")],
    since: Annotated[Instant, Query(description="Included; with its offset, as in `Z`.")],
    until: Annotated[Instant, Query(description="Not included.")],
    accept: Annotated[str | None, Header(description="`text/csv` for the entries as CSV.")] = None,
) -> Response:
    """An account from `since` until before `until`; the parts are proven to add up."""
    if until <= since:
        raise TimesReversed
    book = await reached(request, caller, participant_id)

    def read(connection: psycopg.Connection) -> dict[str, Any]:
        row = account(connection, book.book_id, name)
        key = {"book_id": book.book_id, "account_id": row["account_id"]}
        counted = query_transfers(connection, since=since, until=until, limit=MOST_ENTRIES + 1, **key)
        if counted.height > MOST_ENTRIES:
            raise StatementTooLong
        try:
            found = statement(connection, since=since, until=until, **key)
        except HistoryArchived as error:
            raise Archived(error) from error
        side = Side(row["normal_side"])
        return {
            "participant_id": participant_id,
            "account": row["external_ref"],
            "currency": row["currency"],
            "since": instant(since),
            "until": instant(until),
            "opening_balance": units_of(row, found.opening.posted(side)),
            "closing_balance": units_of(row, found.closing.posted(side)),
            "entries": list(entry_contents(found.entries.iter_rows(named=True), row)),
        }

    content = await book.read(read)
    if CSV in (accept or ""):
        return Response(_csv(content["entries"]), media_type=f"{CSV}; charset=utf-8", headers=_VARIES)
    return as_json(content, headers=_VARIES)


_VARIES: Final = {"Vary": "Accept"}


def _csv(entries: Sequence[dict[str, Any]]) -> str:
    """Entries as rows, under the names that they have in JSON (RFC 4180)."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(Entry.model_fields))
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in entries)
    return text.getvalue()


def _harmless(value: object) -> object:
    """Text that no spreadsheet takes for a formula."""
    if not isinstance(value, str) or value[:1] not in {"=", "+", "-", "@", "\t", "\r"}:
        return value
    return value if _AMOUNT.fullmatch(value) else f"'{value}"


_AMOUNT: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
