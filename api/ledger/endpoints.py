"""Reads of the ledger."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from psycopg.rows import dict_row

from api.errors import NotFound
from api.identity.caller import Caller, ParticipantNotAllowed, require
from api.ledger.schemas import Account, Health, Participant, Transfer
from api.problem_catalog import responses

router = APIRouter()

FOLDER = Path(__file__).parent

_NOT_FOUND = ("not_found", 404, "There is nothing of that name.")


@router.get("/health", tags=["service"], responses=responses())
async def health(request: Request) -> Health:
    """Whether the books can be read."""
    await _rows(request, "participants", [])
    return Health(status="ok")


@router.get("/participants", tags=["ledger"], responses=responses())
async def participants(
    request: Request, caller: Annotated[Caller, require("participants:read")]
) -> list[Participant]:
    """Every participant, with the last closed business date of its book."""
    return [Participant(**row) for row in await _rows(request, "participants", [])]


@router.get(
    "/participants/{participant_id}/accounts/{account}", tags=["ledger"], responses=responses(_NOT_FOUND)
)
async def account(
    request: Request,
    participant_id: str,
    account: str,
    caller: Annotated[Caller, require("balances:read")],
) -> Account:
    """An account and what it holds now."""
    if not caller.reaches(participant_id):
        raise ParticipantNotAllowed(participant_id)
    rows = await _rows(request, "account", [participant_id, account])
    if not rows:
        raise NotFound("account", f"{participant_id}/{account}")
    return Account(**rows[0])


@router.get(
    "/participants/{participant_id}/transfers/{transfer_id}",
    tags=["ledger"],
    responses=responses(_NOT_FOUND),
)
async def transfer(
    request: Request,
    participant_id: str,
    transfer_id: UUID,
    caller: Annotated[Caller, require("transfers:read")],
) -> Transfer:
    """One immutable transfer."""
    if not caller.reaches(participant_id):
        raise ParticipantNotAllowed(participant_id)
    rows = await _rows(request, "transfer", [participant_id, transfer_id])
    if not rows:
        raise NotFound("transfer", f"{participant_id}/{transfer_id}")
    return Transfer(**rows[0])


async def _rows(request: Request, name: str, parameters: Sequence[object]) -> list[dict[str, Any]]:
    statement = (FOLDER / f"{name}.sql").read_bytes()
    async with request.app.state.pool.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(statement, parameters)
        rows: list[dict[str, Any]] = await cursor.fetchall()
        return rows
