"""What an account holds, now and before, and what moved on it."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Final

import psycopg
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, TypeAdapter

from api.accounts.reaching import REACH_CODES, AccountPath, ParticipantPath, reached
from api.accounts.rows import account, balance_content, now, units_of
from api.accounts.schemas import BalanceAt, Entries
from api.contents import as_json
from api.errors import Refusal
from api.identity.caller import Caller, require
from api.paging import CURSOR_CODES, USUAL, Cursor, Limit, cursor, position
from api.problem_catalog import responses
from api.times import Day, Instant, instant
from ledger_service.ledger.balances import Balance, HistoryArchived, balance_at, balance_valued
from ledger_service.ledger.chart import Side
from ledger_service.ledger.history import BEGINNING, END, Position, query_transfers

router = APIRouter(tags=["accounts"])

ARCHIVED: Final = ("history_archived", 409, "The months that it depends on are archived.")

At = Annotated[Instant | None, Query(description="With its offset, as in `Z`.")]
_SIDES: Final = {"debit": Side.DEBIT, "credit": Side.CREDIT}


class Archived(Refusal):
    """The months that the answer depends on are archived."""

    status = 409
    code = "history_archived"

    def __init__(self, error: HistoryArchived) -> None:
        super().__init__(str(error))


@router.get(
    "/accounts/{participant_id}/{name}/balance",
    operation_id="get_balance",
    summary="Get a balance",
    response_model=BalanceAt,
    responses=responses(*REACH_CODES, ARCHIVED),
)
async def get_balance(
    request: Request,
    *,
    participant_id: ParticipantPath,
    name: AccountPath,
    caller: Annotated[Caller, require("balances:read")],
    at: At = None,
    value_date: Annotated[
        Day | None, Query(description="What counts on that date, as known at `at`.")
    ] = None,
) -> Response:
    """What an account holds now; with `at`, what it held then; with `value_date`, what counted."""
    book = await reached(request, caller, participant_id)

    def read(connection: psycopg.Connection) -> dict[str, Any]:
        row = account(connection, book.book_id, name)
        key = {"book_id": book.book_id, "account_id": row["account_id"]}
        is_now = at is None and value_date is None
        try:
            held = _held(connection, row, key, at=at, value_date=value_date)
        except HistoryArchived as error:
            raise Archived(error) from error
        return {
            "participant_id": participant_id,
            "account": row["external_ref"],
            "currency": row["currency"],
            "at": instant(at) if at else None,
            "value_date": value_date.isoformat() if value_date else None,
            **balance_content(row, held, is_now=is_now),
        }

    return as_json(await book.read(read))


def _held(
    connection: psycopg.Connection,
    row: dict[str, Any],
    key: dict[str, int],
    *,
    at: datetime | None,
    value_date: date | None,
) -> Balance:
    if value_date is not None:
        known_at = at or END
        return balance_valued(connection, value_date=value_date, known_at=known_at, **key)
    return now(row) if at is None else balance_at(connection, at=at, **key)


@router.get(
    "/accounts/{participant_id}/{name}/entries",
    operation_id="list_entries",
    summary="List entries of an account",
    response_model=Entries,
    responses=responses(*REACH_CODES, *CURSOR_CODES),
)
async def list_entries(
    request: Request,
    *,
    participant_id: ParticipantPath,
    name: AccountPath,
    caller: Annotated[Caller, require("transfers:read")],
    since: At = None,
    until: At = None,
    side: Annotated[str | None, Query(pattern="^(debit|credit)$")] = None,
    kind: Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$")] = None,
    sort: Annotated[
        str, Query(pattern="^-?booked_at$", description="`-booked_at` for the newest first.")
    ] = "booked_at",
    limit: Limit = USUAL,
    cursor_given: Cursor = None,
) -> Response:
    """What moved on an account, booked from `since` until before `until`."""
    after = position(cursor_given, _POSITION)
    book = await reached(request, caller, participant_id)

    def read(connection: psycopg.Connection) -> dict[str, Any]:
        row = account(connection, book.book_id, name)
        found = query_transfers(
            connection,
            book_id=book.book_id,
            account_id=row["account_id"],
            since=since or BEGINNING,
            until=until or END,
            side=_SIDES[side] if side else None,
            kind=kind,
            descending=sort.startswith("-"),
            after=Position(*after) if after else None,
            limit=limit + 1,
        )
        page = found.head(limit)
        last = Position.of_last(page) if found.height > limit else None
        return {
            "data": list(entry_contents(page.iter_rows(named=True), row)),
            "next_cursor": cursor(last.booked_at.isoformat(), last.version) if last else None,
        }

    return as_json(await book.read(read))


_POSITION: Final = TypeAdapter(tuple[Instant, Annotated[int, Field(ge=0, le=2**62)]])


def entry_contents(rows: Iterable[dict[str, Any]], of: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Entries (`ENTRY_ROW`) of an account as clients see them."""
    side = Side(of["normal_side"])
    for row in rows:
        after = row["debits_posted_after"] - row["credits_posted_after"]
        yield {
            "number": row["version"],
            "transfer_id": row["transfer_id"],
            "side": "debit" if row["side"] == Side.DEBIT else "credit",
            "phase": row["phase"],
            "amount": units_of(of, row["amount_minor"]),
            "balance_after": units_of(of, after if side is Side.DEBIT else -after),
            "other_account": row["other_external_ref"],
            "kind": row["kind"],
            "payment_id": row["payment_id"],
            "booked_at": instant(row["booked_at"]),
            "value_date": row["value_date"].isoformat(),
            "business_date": row["business_date"].isoformat(),
        }
