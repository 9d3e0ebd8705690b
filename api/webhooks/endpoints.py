"""Webhooks over HTTP: endpoints set up and looked after, their log, and replays."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path as FilePath
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import psycopg
from fastapi import APIRouter, Path, Query, Request, Response
from psycopg.rows import dict_row
from pydantic import BaseModel, TypeAdapter

from api import paging
from api.idempotency.execution import once
from api.idempotency.keys import KeyHeader
from api.idempotency.records import Answer
from api.identifiers import uuid7
from api.identity.caller import Caller, require
from api.problem_catalog import responses
from api.webhooks import subscriptions
from api.webhooks.schemas import (
    CreatedWebhookEndpoint,
    Enabling,
    NewWebhookEndpoint,
    Queued,
    Replay,
    SecretRotation,
    WebhookAttempt,
    WebhookDelivery,
    WebhookDeliveryPage,
    WebhookEndpoint,
    WebhookEndpointChange,
    WebhookEndpointPage,
    WebhookSecret,
)
from api.webhooks.service import (
    audited,
    in_transaction,
    participants_of,
    reach_of,
    webhooks_of,
    with_secret,
)
from api.webhooks.subscriptions import Endpoint

router: Final = APIRouter(tags=["webhooks"])

EndpointId = Annotated[UUID, Path(examples=["019ab0c1-7d6e-7c11-9a52-3c0f2f1b8d10"])]
Reader = Annotated[Caller, require("webhooks:read")]
Writer = Annotated[Caller, require("webhooks:write")]

_DELIVERIES: Final = FilePath(__file__).with_name("deliveries.sql").read_bytes()
_POSITION: Final = TypeAdapter(tuple[UUID])

_NOT_LIVE: Final = ("tenant_not_available", 403, "The caller's sandbox is not there.")
_NOT_FOUND: Final = ("not_found", 404, "There is no such endpoint.")
_URL: Final = ("webhook_target_refused", 422, "Nothing may be delivered to the URL.")
_PARTICIPANTS: Final = ("participant_unknown", 422, "There is no such participant, or it has no book.")
_TOO_LONG: Final = ("payload_too_large", 413, "The body is longer than is taken.")
_OF_ONE: Final = (_NOT_LIVE, _NOT_FOUND)


@router.post(
    "/webhook-endpoints",
    operation_id="create_webhook_endpoint",
    summary="Set a webhook endpoint up",
    status_code=201,
    response_model=CreatedWebhookEndpoint,
    responses=responses(
        _NOT_LIVE,
        _URL,
        _PARTICIPANTS,
        ("webhook_participants_missing", 422, "The token reaches all participants: name some."),
        ("webhook_endpoints_too_many", 409, "The client has as many endpoints as it may."),
        keyed=True,
    ),
)
async def create_webhook_endpoint(
    request: Request, body: NewWebhookEndpoint, caller: Writer, _: KeyHeader = None
) -> Response:
    """Set an endpoint up: it is told what happens from now on.

    Deliveries follow Standard Webhooks: verify `webhook-signature` with the secret, which only this
    answer shows. They come at least once, with the same `webhook-id` each time.
    """
    webhooks = webhooks_of(request)
    webhooks.check(body.url)
    participants = participants_of(caller, body.participants)
    new = Endpoint(
        endpoint_id=uuid7(),
        tenant=caller.tenant,
        url=body.url,
        description=body.description,
        event_types=sorted(set(body.event_types)),
        participants=participants,
        ordering=body.ordering,
        created_at=webhooks.now(),
    )

    def work(connection: psycopg.Connection) -> Answer:
        secret_id = subscriptions.create(
            connection,
            webhooks.keyring,
            new,
            client_id=caller.client_id,
            most=webhooks.settings.endpoints_per_client,
        )
        audited(request, caller, connection, "created", new.endpoint_id)
        shown = WebhookEndpoint.of(new).model_dump()
        return _answer(201, CreatedWebhookEndpoint(**shown, secret_id=secret_id, secret=None))

    return await with_secret(request, caller, await once(request, caller, work), new.endpoint_id)


@router.get(
    "/webhook-endpoints",
    operation_id="list_webhook_endpoints",
    summary="List webhook endpoints",
    responses=responses(_NOT_LIVE, *paging.CURSOR_CODES),
)
async def list_webhook_endpoints(
    request: Request, caller: Reader, limit: paging.Limit = paging.USUAL, cursor: paging.Cursor = None
) -> WebhookEndpointPage:
    """List the endpoints about participants that you reach, in the order of their registration."""
    after = paging.position(cursor, _POSITION)
    found = await in_transaction(
        request,
        caller,
        lambda connection: subscriptions.endpoints(
            connection, reach_of(caller), after=str(after[0]) if after else None, limit=limit + 1
        ),
    )
    following = paging.cursor(found[limit - 1].endpoint_id) if len(found) > limit else None
    return WebhookEndpointPage(data=[*map(WebhookEndpoint.of, found[:limit])], next_cursor=following)


@router.get(
    "/webhook-endpoints/{endpoint_id}",
    operation_id="get_webhook_endpoint",
    summary="See a webhook endpoint",
    responses=responses(*_OF_ONE),
)
async def get_webhook_endpoint(
    request: Request, endpoint_id: EndpointId, caller: Reader
) -> WebhookEndpoint:
    """See an endpoint: whether it is enabled, and since when it fails."""
    return WebhookEndpoint.of(await in_transaction(request, caller, _finding(caller, endpoint_id)))


@router.patch(
    "/webhook-endpoints/{endpoint_id}",
    operation_id="change_webhook_endpoint",
    summary="Change a webhook endpoint",
    responses=responses(*_OF_ONE, _URL, _PARTICIPANTS, _TOO_LONG),
)
async def change_webhook_endpoint(
    request: Request, endpoint_id: EndpointId, body: WebhookEndpointChange, caller: Writer
) -> WebhookEndpoint:
    """Change where deliveries go, also those that are pending, and which there are from now on."""
    if body.url is not None:
        webhooks_of(request).check(body.url)
    participants = participants_of(caller, body.participants) if body.participants else None

    def work(connection: psycopg.Connection) -> Endpoint:
        found = _found(connection, caller, endpoint_id)
        given = {
            "url": body.url,
            "description": body.description,
            "event_types": sorted(set(body.event_types)) if body.event_types else None,
            "participants": participants,
        }
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        changed = replace(found, **changes)
        subscriptions.change(connection, changed)
        audited(request, caller, connection, "changed", found.endpoint_id)
        return changed

    return WebhookEndpoint.of(await in_transaction(request, caller, work))


@router.delete(
    "/webhook-endpoints/{endpoint_id}",
    operation_id="delete_webhook_endpoint",
    summary="Delete a webhook endpoint",
    status_code=204,
    responses=responses(*_OF_ONE, _TOO_LONG),
)
async def delete_webhook_endpoint(request: Request, endpoint_id: EndpointId, caller: Writer) -> None:
    """Delete an endpoint for good; what is pending is not delivered."""

    def work(connection: psycopg.Connection) -> None:
        found = _found(connection, caller, endpoint_id)
        subscriptions.delete(connection, found.endpoint_id, now=webhooks_of(request).now())
        audited(request, caller, connection, "deleted", found.endpoint_id)

    await in_transaction(request, caller, work)


@router.post(
    "/webhook-endpoints/{endpoint_id}/rotate-secret",
    operation_id="rotate_webhook_secret",
    summary="Rotate the secret",
    response_model=WebhookSecret,
    responses=responses(
        *_OF_ONE,
        ("webhook_secrets_too_many", 409, "Secrets of earlier rotations still sign."),
        keyed=True,
    ),
)
async def rotate_webhook_secret(
    request: Request,
    endpoint_id: EndpointId,
    caller: Writer,
    body: SecretRotation | None = None,
    _: KeyHeader = None,
) -> Response:
    """Get a new secret; only this answer shows it.

    The one before signs too until the overlap is over: `webhook-signature` has both.
    """
    webhooks = webhooks_of(request)
    hours = body.overlap_hours if body else None
    overlap = webhooks.settings.secret_overlap if hours is None else timedelta(hours=hours)

    def work(connection: psycopg.Connection) -> Answer:
        found = _found(connection, caller, endpoint_id)
        secret_id = subscriptions.rotate_secret(
            connection, webhooks.keyring, found.endpoint_id, overlap=overlap, now=webhooks.now()
        )
        audited(request, caller, connection, "secret_rotated", found.endpoint_id)
        return _answer(200, WebhookSecret(secret_id=secret_id, secret=None))

    return await with_secret(request, caller, await once(request, caller, work), str(endpoint_id))


@router.post(
    "/webhook-endpoints/{endpoint_id}/test",
    operation_id="send_webhook_test",
    summary="Send a test",
    status_code=202,
    response_model=Queued,
    responses=responses(
        *_OF_ONE, ("webhook_endpoint_disabled", 409, "The endpoint is disabled."), keyed=True
    ),
)
async def send_webhook_test(
    request: Request, endpoint_id: EndpointId, caller: Writer, _: KeyHeader = None
) -> Response:
    """Send `webhook.test` now; its delivery is in the log."""

    def work(connection: psycopg.Connection) -> Answer:
        found = _found(connection, caller, endpoint_id)
        event_id = subscriptions.send_test(connection, found, now=webhooks_of(request).now())
        return _answer(202, Queued(endpoint_id=found.endpoint_id, event_id=event_id))

    return await once(request, caller, work)


@router.post(
    "/webhook-endpoints/{endpoint_id}/replay",
    operation_id="replay_webhook_events",
    summary="Deliver again",
    status_code=202,
    response_model=Queued,
    responses=responses(*_OF_ONE, keyed=True),
)
async def replay_webhook_events(
    request: Request, endpoint_id: EndpointId, body: Replay, caller: Writer, _: KeyHeader = None
) -> Response:
    """Deliver one event again, or all since a time, in order and with the ids that they had.

    A disabled endpoint gets them when it is enabled.
    """

    def work(connection: psycopg.Connection) -> Answer:
        found = _found(connection, caller, endpoint_id)
        if body.event_id is not None:
            now = webhooks_of(request).now()
            subscriptions.replay_event(connection, found.endpoint_id, body.event_id, now=now)
        elif body.since is not None:
            subscriptions.replay_since(connection, found.endpoint_id, since=body.since)
        queued = Queued(endpoint_id=found.endpoint_id, event_id=body.event_id, since=body.since)
        return _answer(202, queued)

    return await once(request, caller, work)


@router.post(
    "/webhook-endpoints/{endpoint_id}/enable",
    operation_id="enable_webhook_endpoint",
    summary="Enable a webhook endpoint",
    response_model=WebhookEndpoint,
    responses=responses(*_OF_ONE, keyed=True),
)
async def enable_webhook_endpoint(
    request: Request,
    endpoint_id: EndpointId,
    caller: Writer,
    body: Enabling | None = None,
    _: KeyHeader = None,
) -> Response:
    """Enable an endpoint that was disabled: it gets what it has missed, or only what comes."""
    skip = body is not None and body.resume == "now"

    def work(connection: psycopg.Connection) -> Answer:
        found = _found(connection, caller, endpoint_id)
        now = webhooks_of(request).now()
        subscriptions.enable(connection, found.endpoint_id, skip=skip, now=now)
        audited(request, caller, connection, "enabled", found.endpoint_id)
        enabled = replace(found, disabled_at=None, disabled_reason=None, failing_since=None)
        return _answer(200, WebhookEndpoint.of(enabled))

    return await once(request, caller, work)


@router.get(
    "/webhook-endpoints/{endpoint_id}/deliveries",
    operation_id="list_webhook_deliveries",
    summary="The log of deliveries",
    responses=responses(*_OF_ONE, *paging.CURSOR_CODES),
)
async def list_webhook_deliveries(  # each is a parameter of the request
    request: Request,
    endpoint_id: EndpointId,
    caller: Reader,
    *,
    status: Annotated[
        Literal["pending", "succeeded", "failed", "cancelled"] | None, Query(description="Only those.")
    ] = None,
    event_type: Annotated[str | None, Query(pattern="^[a-z.]{1,40}$", description="Only those.")] = None,
    limit: paging.Limit = paging.USUAL,
    cursor: paging.Cursor = None,
) -> WebhookDeliveryPage:
    """Deliveries, newest first, with the attempts of each: status, latency, how the answer began."""
    before = paging.position(cursor, _POSITION)
    named = {
        "endpoint_id": str(endpoint_id),
        "status": status,
        "event_type": event_type,
        "before": str(before[0]) if before else None,
        "limit": limit + 1,
    }

    def work(connection: psycopg.Connection) -> list[dict[str, Any]]:
        _finding(caller, endpoint_id)(connection)
        rows = connection.cursor(row_factory=dict_row)
        return rows.execute(_DELIVERIES, named).fetchall()

    found = await in_transaction(request, caller, work)
    shown = [_delivery(row) for row in found[:limit]]
    return WebhookDeliveryPage(
        data=shown, next_cursor=paging.cursor(shown[-1].id) if len(found) > limit else None
    )


def _finding(caller: Caller, endpoint_id: UUID) -> Callable[[psycopg.Connection], Endpoint]:
    """Finds an endpoint, to be seen."""
    return lambda connection: subscriptions.endpoint(connection, reach_of(caller), str(endpoint_id))


def _found(connection: psycopg.Connection, caller: Caller, endpoint_id: UUID) -> Endpoint:
    """An endpoint, to be changed."""
    return subscriptions.endpoint(connection, reach_of(caller), str(endpoint_id), lock=True)


def _answer(status: int, shown: BaseModel) -> Answer:
    return Answer(status, shown.model_dump_json().encode())


def _delivery(row: dict[str, Any]) -> WebhookDelivery:
    return WebhookDelivery(
        id=row["delivery_id"],
        event_id=row["event_id"],
        event_type=row["event_type"],
        status=row["status"],
        created_at=row["created_at"],
        next_attempt_at=row["next_attempt_at"],
        finished_at=row["finished_at"],
        attempt_count=row["attempts"],
        attempts=[WebhookAttempt(**each) for each in row["attempt_log"]],
    )
