"""Whether the service answers."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from api.identity.caller import Caller, require
from api.problem_catalog import responses

router = APIRouter(tags=["service"])

_PONG = b'{"status":"ok"}'


class Pong(BaseModel):
    """The gateway answers, and the token is good."""

    status: Literal["ok"]


@router.get("/v1/ping", operation_id="ping", response_model=Pong, responses=responses())
async def ping(caller: Annotated[Caller, require("transfers:read")]) -> Response:
    """Whether a token is let in; nothing else is done."""
    return Response(_PONG, media_type="application/json")


class Health(BaseModel):
    """The books can be read."""

    status: Literal["ok"]


@router.get("/v1/health", operation_id="health", response_model=Health, responses=responses())
async def health(request: Request) -> Response:
    """Whether the books can be read; needs no token."""
    async with request.app.state.pool.connection() as connection:
        await connection.execute("SELECT 1 FROM ledger.book_state LIMIT 1")
    return Response(_PONG, media_type="application/json")
