"""Deliveries: lanes of them, worked on one after the other until one fails or none is left.

A lane is an endpoint and an ordering key. Its first pending delivery is sent; what came of it is written
together with when to go on. A worker that is killed in between leaves the delivery pending: it is sent
again, with the same id.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from api.identity.signing_keys import Sealer
from api.webhooks.attempts import Outcome, attempt, next_attempt_at
from api.webhooks.relay import disable, wake
from api.webhooks.secrets import opened
from api.webhooks.settings import WebhookSettings
from api.webhooks.signatures import signed_headers

RUN: Final = 100
"""Deliveries of a lane in one job; then others have their turn."""
BUSY: Final = timedelta(seconds=1)
"""How long a lane waits whose endpoint has as many deliveries at work as it may."""

_FOLDER: Final = Path(__file__).parent
_HEAD, _ATTEMPT, _DELIVERY, _HEALTH, _POSTPONE = (
    (_FOLDER / f"{name}.sql").read_bytes()
    for name in ("head", "record_attempt", "record_delivery", "record_health", "postpone")
)


@dataclass(frozen=True, slots=True)
class Head:
    """The first delivery of a lane that is not done."""

    delivery_id: str
    event_id: str
    event_type: str
    body: str
    attempts: int
    tries: int
    next_attempt_at: datetime
    url: str
    failing_since: datetime | None
    works: bool
    secret_ids: list[str]
    sealed: list[bytes]


@dataclass(slots=True, eq=False)
class Courier:
    """Delivers for one database."""

    writers: ConnectionPool
    session: aiohttp.ClientSession
    keyring: Sealer
    settings: WebhookSettings
    now: Callable[[], datetime]
    jitter: Callable[[], float]
    """Of [0, 1), by chance."""
    _at_work: Counter[str] = field(default_factory=Counter)

    async def deliver(self, endpoint_id: str, lane: str) -> None:
        """Work on a lane; what is left of it has a job of its own afterwards."""
        if self._at_work[endpoint_id] >= self.settings.at_a_time_of_endpoint:
            await asyncio.to_thread(self._postpone, endpoint_id, lane)
            return
        self._at_work[endpoint_id] += 1
        try:
            for _ in range(RUN):
                if not await self._deliver_next(endpoint_id, lane):
                    return
            await asyncio.to_thread(self._wake, endpoint_id, lane)
        finally:
            self._at_work[endpoint_id] -= 1
            if not self._at_work[endpoint_id]:
                del self._at_work[endpoint_id]

    async def _deliver_next(self, endpoint_id: str, lane: str) -> bool:
        """Send the first of a lane if it is due; whether the next one may follow at once."""
        head = await asyncio.to_thread(self._head, endpoint_id, lane)
        if head is None or not head.works:
            return False
        at = self.now()
        if head.next_attempt_at > at:
            await asyncio.to_thread(self._wake, endpoint_id, lane)
            return False
        body = head.body.encode()
        sealed = zip(head.secret_ids, head.sealed, strict=True)
        secrets = [opened(self.keyring, endpoint_id, name, each) for name, each in sealed]
        outcome = await attempt(
            self.session,
            head.url,
            body=body,
            headers=signed_headers(secrets, message_id=head.event_id, at=at, body=body),
            answer_bytes=self.settings.answer_bytes,
            now=at,
        )
        await asyncio.to_thread(self._record, endpoint_id, lane, head, outcome, at)
        return outcome.succeeded

    def _head(self, endpoint_id: str, lane: str) -> Head | None:
        with self.writers.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            cursor.execute(_HEAD, {"endpoint_id": endpoint_id, "lane": lane, "now": self.now()})
            row = cursor.fetchone()
        return Head(**row) if row else None

    def _record(self, endpoint_id: str, lane: str, head: Head, outcome: Outcome, at: datetime) -> None:
        """Write down an attempt and what follows from it, in one transaction."""
        ended_at = self.now()
        again_at = None
        if not outcome.succeeded:
            again_at = next_attempt_at(
                outcome,
                tries=head.tries + 1,
                delays_s=self.settings.delays_s,
                jitter=self.jitter(),
                now=ended_at,
            )
        status = "succeeded" if outcome.succeeded else "pending" if again_at else "failed"
        named: dict[str, Any] = {
            "endpoint_id": endpoint_id,
            "delivery_id": head.delivery_id,
            "number": head.attempts + 1,
            "at": at,
            "now": at,
            "ended_at": ended_at,
            "latency_ms": outcome.latency_ms,
            "status_code": outcome.status_code,
            "error": outcome.error,
            "excerpt": outcome.excerpt,
            "succeeded": outcome.succeeded,
            "status": status,
            "next_attempt_at": again_at,
        }
        reason = self._reason_to_disable(head, outcome, at)
        with self.writers.connection() as connection:
            # The endpoint first, as whoever changes it does: so none waits for the other.
            connection.execute(_HEALTH, named)
            if reason:
                disable(connection, endpoint_id, now=ended_at, reason=reason)
            if connection.execute(_ATTEMPT, named).rowcount:
                connection.execute(_DELIVERY, named)
            if not outcome.succeeded:
                wake(connection, [(endpoint_id, lane)], now=ended_at)

    def _reason_to_disable(self, head: Head, outcome: Outcome, at: datetime) -> str | None:
        if outcome.gone:
            return "it answered 410: it wants no deliveries any more"
        since = head.failing_since
        if outcome.succeeded or since is None or at - since < self.settings.failing:
            return None
        return f"no delivery has succeeded since {since:%Y-%m-%d %H:%M} UTC; at last {outcome.words()}"

    def _wake(self, endpoint_id: str, lane: str) -> None:
        with self.writers.connection() as connection:
            wake(connection, [(endpoint_id, lane)], now=self.now())

    def _postpone(self, endpoint_id: str, lane: str) -> None:
        head = self._head(endpoint_id, lane)
        if head is None or not head.works:
            return
        at = self.now()
        with self.writers.connection() as connection:
            if head.next_attempt_at <= at:
                later = {"delivery_id": head.delivery_id, "at": at + BUSY}
                connection.execute(_POSTPONE, later)
            wake(connection, [(endpoint_id, lane)], now=at)
