"""Revocation: tokens and clients that count no more before they end.

What is revoked stands in the database; each process reads it every `refresh_s` (1 s by default) and
keeps it in memory, because every request asks. So another process lets a revoked token in for that long
at most, plus the time of one query; the process that revokes knows at once. A process that could not
read for `stale_s` lets nobody in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg

from api.errors import Refusal

_FOLDER: Final = Path(__file__).parent
_REVOKE, _REVOKED, _END_SESSIONS, _DISABLED, _SWEEP = (
    (_FOLDER / f"{name}.sql").read_bytes()
    for name in ("revoke", "revoked", "revoke_subject_sessions", "disabled_clients", "sweep_identity")
)


class RevocationsUnknown(Refusal):
    """What was revoked could not be read for too long; nobody is let in on a guess."""

    status = 503
    code = "ledger_unavailable"

    def __init__(self) -> None:
        super().__init__("tokens cannot be checked at the moment", headers={"Retry-After": "1"})


@dataclass(frozen=True, slots=True)
class Revocations:
    """What counts no more, as it was read last."""

    revoked_at_s: Mapping[str, float] = field(default_factory=dict)
    """By jti, session or subject: tokens of it that were issued until then, in seconds since 1970."""
    disabled_clients: frozenset[str] = frozenset()

    def cover(self, ids: Iterable[str], *, client_id: str, issued_at_s: float) -> bool:
        """Whether a token of these ids is revoked."""
        if client_id in self.disabled_clients:
            return True
        revoked = self.revoked_at_s
        return any(each in revoked and issued_at_s <= revoked[each] for each in ids)

    def with_revoked(self, revoked_id: str, at: datetime) -> "Revocations":
        """Also this one."""
        return replace(self, revoked_at_s={**self.revoked_at_s, revoked_id: at.timestamp()})

    def with_disabled(self, client_id: str) -> "Revocations":
        """Also this client."""
        return replace(self, disabled_clients=self.disabled_clients | {client_id})


def read_revocations(connection: psycopg.Connection, *, at: datetime) -> Revocations:
    """What counts no more at a moment."""
    revoked = connection.execute(_REVOKED, {"at": at}).fetchall()
    disabled = connection.execute(_DISABLED).fetchall()
    return Revocations(
        {name: float(moment) for name, moment in revoked}, frozenset(row[0] for row in disabled)
    )


def revoke(
    connection: psycopg.Connection, revoked_id: str, *, at: datetime, token_life: timedelta, reason: str
) -> None:
    """Let no access token of a jti, session or subject that was issued until now count any more.

    A subject may log in again; to keep a person out, disable the person.
    """
    named = {"revoked_id": revoked_id, "at": at, "expires_at": at + token_life, "reason": reason}
    connection.execute(_REVOKE, named)


def revoke_subject(
    connection: psycopg.Connection, subject: str, *, at: datetime, token_life: timedelta, reason: str
) -> None:
    """End all that a person has: access tokens, and the sessions of refresh tokens."""
    revoke(connection, subject, at=at, token_life=token_life, reason=reason)
    named = {"at": at, "reason": reason, "subject": subject}
    connection.execute(_END_SESSIONS, named)


def sweep_identity(connection: psycopg.Connection, *, at: datetime) -> None:
    """Delete what ended a day ago: codes, sessions with refresh tokens, revocations, assertions."""
    connection.execute(_SWEEP, {"ended": at - timedelta(days=1)})
