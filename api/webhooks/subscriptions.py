"""Endpoints of clients: registered, changed, disabled and enabled; and from where they are told.

All of it on the caller's connection, in the caller's transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from api.directory import ParticipantUnknown
from api.errors import NotFound, Refusal
from api.identifiers import uuid7
from api.identity.signing_keys import Sealer
from api.webhooks.events import Ordering, notification_of_test
from api.webhooks.relay import enqueue, wake
from api.webhooks.secrets import sealed_secret
from ledger_service.ledger.events import Cursor, EventsMissing, end, read_events

MOST_SECRETS: Final = 4
"""Of an endpoint at a time: each is a signature in every request."""

_FOLDER: Final = Path(__file__).parent


def _statement(name: str) -> bytes:
    return (_FOLDER / f"{name}.sql").read_bytes()


_NEW, _COUNT, _LIST, _ONE, _LOCK, _CHANGE, _DELETE, _ENABLE = map(
    _statement,
    (
        "new_endpoint",
        "count_endpoints",
        "endpoints",
        "endpoint",
        "lock_endpoint",
        "change_endpoint",
        "delete_endpoint",
        "enable_endpoint",
    ),
)
_SUBSCRIBE, _SUBSCRIPTIONS, _MOVE, _SKIP, _CANCEL, _REPLAY_EVENT = map(
    _statement,
    (
        "subscribe",
        "subscriptions",
        "move_subscription",
        "skip_to_end",
        "cancel_pending",
        "replay_event",
    ),
)
_NEW_SECRET, _EXPIRE_SECRET, _FORGET_SECRETS, _COUNT_SECRETS, _SECRET = map(
    _statement, ("new_secret", "expire_secret", "forget_secrets", "count_secrets", "secret")
)


class TooManyEndpoints(Refusal):
    """The client has as many endpoints as it may."""

    status = 409
    code = "webhook_endpoints_too_many"

    def __init__(self, most: int) -> None:
        super().__init__(f"a client has {most} webhook endpoints at most")


class TooManySecrets(Refusal):
    """Secrets of earlier rotations still sign."""

    status = 409
    code = "webhook_secrets_too_many"

    def __init__(self) -> None:
        super().__init__(f"{MOST_SECRETS} secrets sign already: rotate when one of them has expired")


class EndpointDisabled(Refusal):
    """Nothing is sent to a disabled endpoint."""

    status = 409
    code = "webhook_endpoint_disabled"

    def __init__(self) -> None:
        super().__init__("the endpoint is disabled: enable it first")


@dataclass(frozen=True, slots=True)
class Reach:
    """Which endpoints a caller has: those of its tenant, about participants that it reaches."""

    tenant: str
    participants: list[str] | None
    """None for all."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a client wants to be told what happens in its books."""

    endpoint_id: str
    tenant: str
    url: str
    description: str
    event_types: list[str]
    participants: list[str]
    ordering: Ordering
    created_at: datetime
    disabled_at: datetime | None = None
    disabled_reason: str | None = None
    failing_since: datetime | None = None


def endpoints(
    connection: psycopg.Connection, reach: Reach, *, after: str | None, limit: int
) -> list[Endpoint]:
    """Endpoints in the order of their registration, those after an id."""
    named = {"tenant": reach.tenant, "reached": reach.participants, "after": after, "limit": limit}
    return [_endpoint(row) for row in _rows(connection, _LIST, named)]


def endpoint(
    connection: psycopg.Connection, reach: Reach, endpoint_id: str, *, lock: bool = False
) -> Endpoint:
    """One of them, to be changed where it is locked. Raises `NotFound`."""
    if lock:
        connection.execute(_LOCK, {"endpoint_id": endpoint_id})
    named = {"tenant": reach.tenant, "reached": reach.participants, "endpoint_id": endpoint_id}
    found = _rows(connection, _ONE, named)
    if not found:
        raise NotFound("webhook endpoint", endpoint_id)
    return _endpoint(found[0])


def create(
    connection: psycopg.Connection,
    keyring: Sealer,
    new: Endpoint,
    *,
    client_id: str,
    most: int,
) -> str:
    """Register an endpoint, told from now on; the id of its secret. Raises `ParticipantUnknown`."""
    named = {
        "endpoint_id": new.endpoint_id,
        "tenant": new.tenant,
        "client_id": client_id,
        "url": new.url,
        "description": new.description,
        "event_types": new.event_types,
        "participants": new.participants,
        "ordering": new.ordering,
        "now": new.created_at,
    }
    counted = connection.execute(_COUNT, named).fetchone()
    if counted and counted[0] >= most:
        raise TooManyEndpoints(most)
    connection.execute(_NEW, named)
    _subscribe(connection, new)
    return _add_secret(connection, keyring, new.endpoint_id, now=new.created_at)


def change(connection: psycopg.Connection, changed: Endpoint) -> None:
    """Keep how an endpoint is now; of participants that are new it is told from now on."""
    named = {
        "endpoint_id": changed.endpoint_id,
        "url": changed.url,
        "description": changed.description,
        "event_types": changed.event_types,
        "participants": changed.participants,
    }
    connection.execute(_CHANGE, named)
    _subscribe(connection, changed)


def delete(connection: psycopg.Connection, endpoint_id: str, *, now: datetime) -> None:
    """End an endpoint for good."""
    connection.execute(_DELETE, {"endpoint_id": endpoint_id, "now": now})


def enable(connection: psycopg.Connection, endpoint_id: str, *, skip: bool, now: datetime) -> None:
    """Send again: from where it stopped, or (`skip`) what happens from now on."""
    named = {"endpoint_id": endpoint_id, "now": now}
    if skip:
        connection.execute(_CANCEL, named)
        connection.execute(_SKIP, named)
    lanes = [(endpoint_id, str(lane)) for (lane,) in connection.execute(_ENABLE, named)]
    wake(connection, lanes, now=now)


def rotate_secret(
    connection: psycopg.Connection,
    keyring: Sealer,
    endpoint_id: str,
    *,
    overlap: timedelta,
    now: datetime,
) -> str:
    """A new secret, the id of it; the one before goes on signing for the overlap.

    Raises `TooManySecrets`.
    """
    named = {"endpoint_id": endpoint_id, "now": now, "expires_at": now + overlap}
    connection.execute(_EXPIRE_SECRET, named)
    connection.execute(_FORGET_SECRETS, named)
    counted = connection.execute(_COUNT_SECRETS, named).fetchone()
    if counted and counted[0] >= MOST_SECRETS:
        raise TooManySecrets
    return _add_secret(connection, keyring, endpoint_id, now=now)


def sealed(connection: psycopg.Connection, endpoint_id: str, secret_id: str) -> bytes | None:
    """A secret as it is stored; None where it is forgotten."""
    row = connection.execute(_SECRET, {"endpoint_id": endpoint_id, "secret_id": secret_id}).fetchone()
    return bytes(row[0]) if row else None


def send_test(connection: psycopg.Connection, found: Endpoint, *, now: datetime) -> str:
    """Send a test in a lane of its own; the id of the event. Raises `EndpointDisabled`."""
    if found.disabled_at is not None:
        raise EndpointDisabled
    made = notification_of_test(uuid7(), found.endpoint_id, now)
    enqueue(connection, found.endpoint_id, [made], ordering=found.ordering, now=now)
    return made.event_id


def replay_event(
    connection: psycopg.Connection, endpoint_id: str, event_id: str, *, now: datetime
) -> None:
    """Deliver an event of the log again. Raises `NotFound`."""
    named = {"endpoint_id": endpoint_id, "event_id": event_id, "now": now}
    row = connection.execute(_REPLAY_EVENT, named).fetchone()
    if row is None:
        raise NotFound("event in the log of the endpoint", event_id)
    wake(connection, [(endpoint_id, str(row[0]))], now=now)


def replay_since(connection: psycopg.Connection, endpoint_id: str, *, since: datetime) -> None:
    """Turn the cursors back, so that all that the books have had since then is delivered again.

    An endpoint that has not come so far stays where it is.
    """
    rows = connection.execute(_SUBSCRIPTIONS, {"endpoint_id": endpoint_id}).fetchall()
    for book_id, _, sequence in rows:
        epoch = end(connection, book_id=book_id).epoch
        first = _before(connection, book_id, Cursor(epoch, sequence), since)
        named = {"endpoint_id": endpoint_id, "book_id": book_id, "epoch": epoch, "sequence": first}
        connection.execute(_MOVE, named)


def _before(connection: psycopg.Connection, book_id: int, cursor: Cursor, since: datetime) -> int:
    """The last of the events up to a cursor that a book knew before a time; found by halves.

    Numbers and times rise together, but where transfers were imported with times of their own.
    """
    low, high = 0, cursor.sequence
    while low < high:
        middle = (low + high) // 2
        try:
            after = Cursor(cursor.epoch, middle)
            events, _ = read_events(connection, book_id=book_id, after=after, limit=1)
            earlier = events["known_at"][0] < since
        except EventsMissing:
            earlier = True  # archived: long ago
        low, high = (middle + 1, high) if earlier else (low, middle)
    return low


def _subscribe(connection: psycopg.Connection, subscriber: Endpoint) -> None:
    named = {"endpoint_id": subscriber.endpoint_id, "participants": subscriber.participants}
    known = {row[0] for row in connection.execute(_SUBSCRIBE, named)}
    for participant in subscriber.participants:
        if participant not in known:
            raise ParticipantUnknown(participant, pointer="/body/participants")


def _add_secret(
    connection: psycopg.Connection, keyring: Sealer, endpoint_id: str, *, now: datetime
) -> str:
    made = sealed_secret(keyring, endpoint_id)
    named = {"endpoint_id": endpoint_id, "secret_id": made.secret_id, "sealed": made.sealed, "now": now}
    connection.execute(_NEW_SECRET, named)
    return made.secret_id


def _rows(
    connection: psycopg.Connection, statement: bytes, named: dict[str, Any]
) -> Sequence[dict[str, Any]]:
    cursor = connection.cursor(row_factory=dict_row)
    return cursor.execute(statement, named).fetchall()


def _endpoint(row: dict[str, Any]) -> Endpoint:
    return Endpoint(**{**row, "ordering": Ordering(row["ordering"])})
