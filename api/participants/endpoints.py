"""Participants over HTTP: those whose books the caller reaches."""

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from psycopg.rows import dict_row
from pydantic import Field, TypeAdapter

from api.accounts.reaching import ParticipantPath
from api.books import books_of
from api.contents import as_json
from api.errors import NotFound
from api.identity.caller import Caller, ParticipantNotAllowed, require
from api.paging import CURSOR_CODES, USUAL, Cursor, Limit, cursor, position
from api.participants.schemas import Participant, Participants
from api.problem_catalog import responses
from api.transfers.rows import reach

router = APIRouter(tags=["participants"])

_STATEMENT: Final = Path(__file__).with_name("participants.sql").read_bytes()
_Id = Annotated[str, Field(max_length=32, pattern=r"^[^\x00]*$")]
_POSITION: Final = TypeAdapter(tuple[_Id])
_TENANT: Final = ("tenant_not_available", 403, "The caller's sandbox is not there.")


@router.get(
    "/participants",
    operation_id="list_participants",
    summary="List participants",
    response_model=Participants,
    responses=responses(_TENANT, *CURSOR_CODES),
)
async def list_participants(
    request: Request,
    *,
    caller: Annotated[Caller, require("participants:read")],
    limit: Limit = USUAL,
    cursor_given: Cursor = None,
) -> Response:
    """The participants whose books the caller reaches, by id."""
    after = position(cursor_given, _POSITION)
    rows = await _rows(request, caller, after=after[0] if after else None, limit=limit + 1)
    shown = [_content(row, request, caller) for row in rows[:limit]]
    following = cursor(shown[-1]["participant_id"]) if len(rows) > limit else None
    return as_json({"data": shown, "next_cursor": following})


@router.get(
    "/participants/{participant_id}",
    operation_id="get_participant",
    summary="Get a participant",
    response_model=Participant,
    responses=responses(("not_found", 404, "There is no such participant."), _TENANT),
)
async def get_participant(
    request: Request,
    participant_id: ParticipantPath,
    caller: Annotated[Caller, require("participants:read")],
) -> Response:
    """A participant, and the date that its book books to."""
    if not caller.reaches(participant_id):
        raise ParticipantNotAllowed(participant_id)
    rows = await _rows(request, caller, participant_id=participant_id)
    if not rows:
        raise NotFound("participant", participant_id)
    return as_json(_content(rows[0], request, caller))


async def _rows(
    request: Request,
    caller: Caller,
    *,
    participant_id: str | None = None,
    after: str | None = None,
    limit: int = 1,
) -> list[dict[str, Any]]:
    named = {
        "reach": reach(caller),
        "participant_id": participant_id,
        "after": after,
        "limit": limit,
    }
    async with books_of(request, caller).pool.connection() as connection:
        found = connection.cursor(row_factory=dict_row)
        await found.execute(_STATEMENT, named)
        return await found.fetchall()


def _content(row: dict[str, Any], request: Request, caller: Caller) -> dict[str, Any]:
    closed: date | None = row.pop("closed_through")
    today = books_of(request, caller).now().date()
    opened = closed + timedelta(days=1) if closed else today
    return {**row, "open_business_date": opened.isoformat() if row["has_book"] else None}
