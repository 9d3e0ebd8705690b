"""Reading the audit log, and proving its chain."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.audit.schemas import AuditEvents, AuditProof
from api.books import books_of
from api.contents import as_json
from api.errors import Refusal
from api.identity.caller import Caller, require
from api.problem_catalog import responses
from api.times import instant
from ledger_service.runtime.audit import AuditBroken, AuditEvent, audit_events, verify_audit

router = APIRouter(tags=["audit"])

_TENANT = ("tenant_not_available", 403, "The caller's sandbox is not there.")


class AuditLogBroken(Refusal):
    """The chain does not hold."""

    status = 409
    code = "audit_log_broken"

    def __init__(self, error: AuditBroken) -> None:
        super().__init__(str(error))


@router.get(
    "/audit-events",
    operation_id="list_audit_events",
    response_model=AuditEvents,
    responses=responses(_TENANT),
)
async def list_audit_events(
    request: Request,
    *,
    caller: Annotated[Caller, require("audit:read")],
    act: Annotated[str | None, Query(max_length=80, pattern=r"^[a-z_]+\.[a-z_]+$")] = None,
    actor: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
    subject: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[int, Query(ge=0, le=2**62, description="`next_cursor` of the page before.")] = 0,
) -> Response:
    """Privileged acts, the oldest first, by act, actor or subject."""
    books = books_of(request, caller)

    def read() -> list[AuditEvent]:
        with books.writers.connection() as connection:
            return audit_events(
                connection, after=cursor, act=act, actor=actor, subject=subject, limit=limit + 1
            )

    found = await run_in_threadpool(read)
    shown = [_shown(event) for event in found[:limit]]
    following = str(found[limit - 1].number) if len(found) > limit else None
    return as_json({"data": shown, "next_cursor": following})


@router.get(
    "/audit-events/proof",
    operation_id="prove_audit_events",
    response_model=AuditProof,
    responses=responses((AuditLogBroken.code, 409, "The chain does not hold; says where."), _TENANT),
)
async def prove_audit_events(
    request: Request, caller: Annotated[Caller, require("audit:read")]
) -> Response:
    """Recompute the whole chain."""
    books = books_of(request, caller)

    def prove() -> dict[str, Any]:
        with books.writers.connection() as connection:
            try:
                proof = verify_audit(connection)
            except AuditBroken as error:
                raise AuditLogBroken(error) from error
        return {"events": proof.events, "hash": proof.hash.hex()}

    return as_json(await run_in_threadpool(prove))


def _shown(event: AuditEvent) -> dict[str, Any]:
    return {
        "number": event.number,
        "at": instant(event.at),
        "actor": event.actor,
        "client": event.client,
        "act": event.act,
        "subject": event.subject,
        "details": json.loads(event.details),
        "request_id": event.request_id,
        "previous_hash": event.previous_hash.hex(),
        "hash": event.hash.hex(),
    }
