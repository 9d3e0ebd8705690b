"""The audit log: privileged acts, chained by SHA-256 so that none can be changed or taken out unseen.

Belongs here: writing an act within the transaction of its effect, reading acts, and proving the chain.
The database numbers, times and hashes; whoever has the hash of an event can prove all before it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg

FIRST_HASH: Final = bytes(32)
"""What the first event is chained to."""

PAGE: Final = 10_000
"""Events that are held at a time."""

_EVENTS: Final = Path(__file__).with_name("audit_events.sql").read_bytes()


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One act."""

    number: int
    at: datetime
    actor: str
    client: str
    act: str
    subject: str
    details: str
    """A JSON object, byte for byte as it is hashed."""
    request_id: str
    previous_hash: bytes
    hash: bytes

    def due_hash(self, previous: bytes) -> bytes:
        """The hash that it must have after an event of hash `previous`."""
        moment = f"{self.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{self.at.microsecond:06}Z"
        who = (self.actor, self.client, self.act, self.subject, self.details, self.request_id)
        encoded = (field.encode() for field in (str(self.number), moment, *who))
        netstrings = b"".join(b"%d:%b," % (len(field), field) for field in encoded)
        return hashlib.sha256(previous + netstrings).digest()


class AuditBroken(RuntimeError):
    """The chain breaks at an event: it, or one before it, was changed or taken out."""

    def __init__(self, number: int, reason: str) -> None:
        self.number = number
        super().__init__(f"the audit log is broken at event {number}: {reason}")


@dataclass(frozen=True, slots=True)
class AuditProof:
    """The chain holds, up to an event."""

    events: int
    hash: bytes
    """Of the last event; keep it elsewhere, and later it proves that nothing before it has changed."""


def record_act(
    connection: psycopg.Connection,
    *,
    act: str,
    actor: str,
    subject: str,
    details: Mapping[str, object] | None = None,
    client: str = "",
    request_id: str = "",
) -> int:
    """Write an act, `<area>.<verb>`, within the caller's transaction; returns its number.

    Acts wait for each other from here until the commit: write last, commit at once. `details` carry no
    secret and no personal data.
    """
    text = json.dumps(details or {}, sort_keys=True, default=str)
    row = connection.execute(
        "SELECT gateway.record_act(%s, %s, %s, %s, %s, %s)",
        [actor, client, act, subject, text, request_id],
    ).fetchone()
    return int(row[0]) if row else 0


def audit_events(
    connection: psycopg.Connection,
    *,
    after: int = 0,
    act: str | None = None,
    actor: str | None = None,
    subject: str | None = None,
    limit: int = PAGE,
) -> list[AuditEvent]:
    """Events in order, those after a number, with such an act, actor or subject."""
    wanted = {"after": after, "act": act, "actor": actor, "subject": subject, "limit": limit}
    rows = connection.execute(_EVENTS, wanted).fetchall()
    return [AuditEvent(*row) for row in rows]


def verify_audit(connection: psycopg.Connection, *, known: AuditProof | None = None) -> AuditProof:
    """Prove the whole chain, and that a proof kept elsewhere is a part of it. Raises `AuditBroken`."""
    number, previous = 0, FIRST_HASH
    for event in _all(connection):
        if event.number != number + 1:
            raise AuditBroken(event.number, f"it follows event {number}")
        if event.previous_hash != previous or event.hash != event.due_hash(previous):
            raise AuditBroken(event.number, "its hash is not that of its content and the one before it")
        number, previous = event.number, event.hash
        if known is not None and number == known.events and previous != known.hash:
            raise AuditBroken(number, "its hash is not the one that was kept")
    if known is not None and number < known.events:
        raise AuditBroken(number + 1, f"there were {known.events} events")
    return AuditProof(number, previous)


def _all(connection: psycopg.Connection) -> Iterator[AuditEvent]:
    after = 0
    while page := audit_events(connection, after=after):
        yield from page
        after = page[-1].number
