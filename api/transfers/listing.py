"""The transfers of a book, page by page in the order in which they were booked, or by reference."""

from typing import Annotated, Any, Final

import psycopg
from fastapi import APIRouter, Query, Request, Response
from psycopg.rows import dict_row
from pydantic import Field, TypeAdapter

from api.accounts.reaching import REACH_CODES, ParticipantQuery, reached
from api.contents import as_json
from api.identity.caller import Caller, require
from api.paging import CURSOR_CODES, USUAL, Cursor, Limit, cursor, position
from api.problem_catalog import responses
from api.transfers.rows import page_of_transfers, transfer_content
from api.transfers.schemas import Transfers

router = APIRouter(tags=["transfers"])

_POSITION: Final = TypeAdapter(tuple[Annotated[int, Field(ge=0, le=2**62)]])


@router.get(
    "/transfers",
    operation_id="list_transfers",
    summary="List transfers",
    response_model=Transfers,
    responses=responses(*REACH_CODES, *CURSOR_CODES),
)
async def list_transfers(
    request: Request,
    *,
    caller: Annotated[Caller, require("transfers:read")],
    participant_id: ParticipantQuery,
    reference: Annotated[
        str | None,
        Query(
            max_length=140, pattern=r"^[^\x00]*$", description="Only those that the client called so."
        ),
    ] = None,
    sort: Annotated[
        str, Query(pattern="^-?booked_at$", description="`booked_at` for the oldest first.")
    ] = "-booked_at",
    limit: Limit = USUAL,
    cursor_given: Cursor = None,
) -> Response:
    """What moved money in the book of a participant, the newest first.

    An account's own are its entries, which can be asked for by time.
    """
    after = position(cursor_given, _POSITION)
    book = await reached(request, caller, participant_id)
    statement = page_of_transfers(named=reference is not None, descending=sort.startswith("-"))
    asked = {
        "participants": [participant_id],
        "reference": reference,
        "after": after[0] if after else None,
        "limit": limit + 1,
    }

    def read(connection: psycopg.Connection) -> list[dict[str, Any]]:
        return connection.cursor(row_factory=dict_row).execute(statement, asked).fetchall()

    rows = await book.read(read)
    content = {
        "data": [transfer_content(row) for row in rows[:limit]],
        "next_cursor": cursor(rows[limit - 1]["sequence"]) if len(rows) > limit else None,
    }
    return as_json(content)
