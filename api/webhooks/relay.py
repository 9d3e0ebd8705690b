"""The relay: what happened in the books becomes deliveries, in the transaction that moves the cursor.

So a crash at any moment leaves both or neither. Each endpoint has a cursor of its own in each of its
books: one that is disabled stays behind and goes on from there, and a replay turns the cursor back.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import psycopg
import structlog

from api.identifiers import uuid7
from api.webhooks.events import Notification, Ordering, notifications
from ledger_service.ledger.events import Cursor, CursorOfAnotherEpoch, EventsMissing, end, read_events

BATCH: Final = 500
"""Events of one transaction at most."""

_FOLDER: Final = Path(__file__).parent
_LAGGING, _SUBSCRIPTION, _MOVE, _ENQUEUE, _WAKE, _DISABLE = (
    (_FOLDER / f"{name}.sql").read_bytes()
    for name in (
        "lagging",
        "subscription",
        "move_subscription",
        "enqueue",
        "wake",
        "disable_endpoint",
    )
)
_log = structlog.get_logger(__name__)


def lagging(connection: psycopg.Connection) -> list[tuple[str, int]]:
    """Endpoints that work, by id, each with a book of which it has not been told all."""
    return [(endpoint_id, book_id) for endpoint_id, book_id in connection.execute(_LAGGING)]


def relay(connection: psycopg.Connection, endpoint_id: str, book_id: int, *, now: datetime) -> int:
    """Turn the next events of a book into deliveries of an endpoint; how many events were read.

    Commits. None while another process does the same. An endpoint that cannot go on, because events
    are archived or of another epoch, is disabled and says so.
    """
    named = {"endpoint_id": endpoint_id, "book_id": book_id}
    with connection.transaction():
        row = connection.execute(_SUBSCRIPTION, named).fetchone()
        if row is None:
            return 0
        epoch, sequence, types, ordering, participant_id = row
        try:
            after = _of_this_epoch(connection, book_id, Cursor(epoch, sequence))
            events, upto = read_events(connection, book_id=book_id, after=after, limit=BATCH)
        except (CursorOfAnotherEpoch, EventsMissing) as error:
            disable(connection, endpoint_id, now=now, reason=str(error))
            return 0
        found = notifications(
            connection, events, book_id=book_id, participant_id=participant_id, types=types
        )
        enqueue(connection, endpoint_id, found, ordering=Ordering(ordering), now=now)
        connection.execute(_MOVE, {**named, "epoch": upto.epoch, "sequence": upto.sequence})
    return upto.sequence - after.sequence


def enqueue(
    connection: psycopg.Connection,
    endpoint_id: str,
    found: Sequence[Notification],
    *,
    ordering: Ordering,
    now: datetime,
) -> None:
    """Write deliveries of an endpoint, due now, and wake their lanes; the caller commits."""
    if not found:
        return
    lanes = [each.lane(ordering) for each in found]
    deliveries = {
        "endpoint_id": endpoint_id,
        "now": now,
        "delivery_ids": [uuid7() for _ in found],
        "event_ids": [each.event_id for each in found],
        "event_types": [each.event_type for each in found],
        "book_ids": [each.book_id for each in found],
        "lanes": lanes,
        "positions": [each.sequence for each in found],
        "bodies": [each.body for each in found],
    }
    connection.execute(_ENQUEUE, deliveries)
    wake(connection, [(endpoint_id, lane) for lane in set(lanes)], now=now)


def wake(connection: psycopg.Connection, lanes: Sequence[tuple[str, str]], *, now: datetime) -> None:
    """Let these lanes, (endpoint id, ordering key), be worked on when their first delivery is due."""
    connection.execute(
        _WAKE,
        {
            "endpoint_ids": [endpoint_id for endpoint_id, _ in lanes],
            "lanes": [lane for _, lane in lanes],
            "now": now,
        },
    )


def disable(connection: psycopg.Connection, endpoint_id: str, *, now: datetime, reason: str) -> None:
    """Send an endpoint nothing more until its owner enables it; the caller commits."""
    named = {"endpoint_id": endpoint_id, "now": now, "reason": reason}
    if connection.execute(_DISABLE, named).rowcount:
        _log.warning("webhook endpoint disabled", endpoint_id=endpoint_id, reason=reason)


def _of_this_epoch(connection: psycopg.Connection, book_id: int, cursor: Cursor) -> Cursor:
    """The cursor after a restore or move, which brought cursors and books back to the same moment."""
    now = end(connection, book_id=book_id)
    if cursor.epoch == now.epoch or cursor.sequence > now.sequence:
        return cursor
    return Cursor(now.epoch, cursor.sequence)
