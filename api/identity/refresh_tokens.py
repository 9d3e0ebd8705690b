"""Refresh tokens: a person's client stays logged in; each token is used once for the next one.

Who uses a token for the second time has a copy: thief or victim, nobody can tell, so the whole session
ends and the person logs in again (RFC 9700, section 4.14.2). That also ends the session of a client that
lost an answer and asks again, which is the price.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg

from api.identity.oauth_errors import OAuthError, OAuthErrorCode, SessionEnded
from api.identity.revocation import revoke

REUSED: Final = "refresh token used twice"
NOT_VALID: Final = "the refresh token is unknown, used, ended, revoked, or another client's"
"""Which of these it is, is not said."""

_FOLDER: Final = Path(__file__).parent
_START, _NEW, _USE, _END, _SESSION_OF = (
    (_FOLDER / f"{name}.sql").read_bytes()
    for name in (
        "start_session",
        "new_refresh_token",
        "use_refresh_token",
        "end_session",
        "session_of_refresh_token",
    )
)


@dataclass(frozen=True, slots=True)
class Session:
    """What follows from one login of a person through one client."""

    session_id: UUID
    client_id: str
    subject: str
    scopes: frozenset[str]
    expires_at: datetime
    """Of the whole session, however often it is refreshed."""


def start_session(
    connection: psycopg.Connection, session: Session, *, at: datetime, life: timedelta
) -> str:
    """Begin a session: its first refresh token."""
    named = {
        "session_id": session.session_id,
        "client_id": session.client_id,
        "subject": session.subject,
        "scopes": sorted(session.scopes),
        "at": at,
        "expires_at": session.expires_at,
    }
    connection.execute(_START, named)
    return next_token(connection, session, at=at, life=life)


def next_token(
    connection: psycopg.Connection, session: Session, *, at: datetime, life: timedelta
) -> str:
    """One more token of a session."""
    token = secrets.token_urlsafe(32)
    named = {
        "token_hash": _hash(token),
        "session_id": session.session_id,
        "at": at,
        "expires_at": min(at + life, session.expires_at),
    }
    connection.execute(_NEW, named)
    return token


def use_token(
    connection: psycopg.Connection,
    token: str,
    *,
    client_id: str,
    at: datetime,
    token_life: timedelta,
) -> Session:
    """The session of a token, which is used up. Raises `OAuthError`, `SessionEnded`: commit them too.

    Another client's token is not touched: knowing it is no reason to end somebody's session.
    """
    named = {"token_hash": _hash(token), "client_id": client_id, "at": at}
    found = connection.execute(_USE, named).fetchone()
    if found is None:
        raise OAuthError(OAuthErrorCode.INVALID_GRANT, NOT_VALID)
    session_id, subject, scopes, session_ends, token_ends, used_before, revoked = found
    if used_before and not revoked:
        end_session(connection, session_id, at=at, token_life=token_life, reason=REUSED)
        raise SessionEnded(NOT_VALID, session_id)
    if used_before or revoked or at >= min(token_ends, session_ends):
        raise OAuthError(OAuthErrorCode.INVALID_GRANT, NOT_VALID)
    return Session(session_id, client_id, subject, frozenset(scopes), session_ends)


def end_session(
    connection: psycopg.Connection, session_id: UUID, *, at: datetime, token_life: timedelta, reason: str
) -> None:
    """No refresh token of a session counts any more, and no access token that came of it."""
    connection.execute(_END, {"session_id": session_id, "at": at, "reason": reason})
    revoke(connection, str(session_id), at=at, token_life=token_life, reason=reason)


def session_of(connection: psycopg.Connection, token: str, *, client_id: str) -> UUID | None:
    """The session of a client's refresh token, used or not."""
    named = {"token_hash": _hash(token), "client_id": client_id}
    row = connection.execute(_SESSION_OF, named).fetchone()
    return row[0] if row else None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
