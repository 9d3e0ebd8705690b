"""A sandbox's clock, its fresh start, and what can be rehearsed in it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import psycopg
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from api.books import Books, books_of
from api.contents import as_json, written
from api.errors import Refusal
from api.idempotency.execution import once
from api.idempotency.keys import KeyHeader
from api.idempotency.records import Answer
from api.identity.caller import LIVE, Caller, require
from api.problem_catalog import responses
from api.sandbox.schemas import AdvanceClock, Advanced, Nothing
from api.sandbox.schemas import Sandbox as SandboxAnswer
from api.times import instant
from ledger_service.parties.sandbox_terms import sandbox_terms
from ledger_service.parties.sandboxes import Sandbox, advance_clock, empty_sandbox, sandbox

router = APIRouter(tags=["sandbox"])

CODES: Final = (
    ("not_a_sandbox", 409, "The token is of the live tenant."),
    ("tenant_not_available", 403, "The caller's sandbox is not there."),
)


class NotASandbox(Refusal):
    """The token is of the live tenant."""

    status = 409
    code = "not_a_sandbox"

    def __init__(self) -> None:
        super().__init__("the token is of the live tenant, whose time and books are what they are")


@router.get(
    "/sandbox", operation_id="get_sandbox", response_model=SandboxAnswer, responses=responses(*CODES)
)
async def get_sandbox(request: Request, caller: Annotated[Caller, require("sandbox:write")]) -> Response:
    """The sandbox of the token: its time, its participants, and what produces which outcome."""
    books = _play(request, caller)

    def read() -> Sandbox:
        with books.writers.connection() as connection:
            return sandbox(connection, caller.tenant)

    found = await run_in_threadpool(read)
    return as_json(_shown(found))


@router.post(
    "/sandbox/clock",
    operation_id="advance_sandbox_clock",
    response_model=Advanced,
    responses=responses(*CODES, keyed=True),
)
async def advance_sandbox_clock(
    request: Request,
    body: AdvanceClock,
    caller: Annotated[Caller, require("sandbox:write")],
    idempotency_key: KeyHeader = None,
) -> Response:
    """Set the clock forward; holds that end by then are released, and money that is due comes back."""
    _play(request, caller)

    def work(connection: psycopg.Connection) -> Answer:
        by = timedelta(seconds=body.seconds)
        done = advance_clock(connection, caller.tenant, by=by, server_now=datetime.now(UTC))
        content = {
            "now": instant(done.now),
            "holds_released": done.holds_released,
            "returned": done.returned,
        }
        return Answer(200, written(content))

    return await _then_fresh(request, await once(request, caller, work))


@router.post(
    "/sandbox/reset",
    operation_id="reset_sandbox",
    response_model=SandboxAnswer,
    responses=responses(*CODES, keyed=True),
)
async def reset_sandbox(
    request: Request,
    body: Nothing,
    caller: Annotated[Caller, require("sandbox:write")],
    idempotency_key: KeyHeader = None,
) -> Response:
    """Delete all that happened in the sandbox and begin again, at the true time."""
    _play(request, caller)

    def work(connection: psycopg.Connection) -> Answer:
        emptied = empty_sandbox(connection, caller.tenant, at=datetime.now(UTC))
        return Answer(200, written(_shown(emptied)))

    return await _then_fresh(request, await once(request, caller, work))


def _play(request: Request, caller: Caller) -> Books:
    if caller.tenant == LIVE:
        raise NotASandbox
    return books_of(request, caller)


async def _then_fresh(request: Request, response: Response) -> Response:
    """Let this process know the new clock before the client has the answer."""
    await request.app.state.look_for_tenants()
    return response


def _shown(found: Sandbox) -> dict[str, Any]:
    outcomes = sandbox_terms().outcomes
    return {
        "tenant": found.tenant,
        "now": instant(datetime.now(UTC) + found.clock_ahead),
        "clock_ahead_seconds": int(found.clock_ahead.total_seconds()),
        "participants": list(found.participants),
        "outcomes": [
            {
                "outcome": str(outcome),
                "amount": str(magic.amount),
                "account": magic.account,
                "means": magic.means,
            }
            for outcome, magic in outcomes.items()
        ],
        "emptied_at": instant(found.emptied_at) if found.emptied_at else None,
    }
