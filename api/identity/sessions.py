"""Login sessions: browsers in which a person logs in, or has.

A browser has 256 random bits in a cookie, of which the hash is kept; after each step of a login it gets
new ones, so that a cookie from before is worth nothing. A session in which a factor is missing counts
for nothing but the next step.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

import psycopg

from ledger_service.parties.people import DEVELOPER, Person, person_by_subject

IDLE: Final = timedelta(minutes=30)
"""After so long without a request a session is over."""
LONGEST: Final = timedelta(hours=12)
"""After so long it is over however active."""
HALF: Final = timedelta(minutes=15)
"""How long a login may take."""
SEEN_EVERY: Final = timedelta(minutes=1)

_FOLDER: Final = Path(__file__).parent
_NEW, _FIND, _SEE, _END, _END_ALL, _CHALLENGE, _USE_CHALLENGE = (
    (_FOLDER / f"{name}.sql").read_bytes()
    for name in (
        "new_login_session",
        "login_session",
        "see_login_session",
        "end_login_session",
        "end_login_sessions",
        "challenge_login_session",
        "use_login_challenge",
    )
)


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A browser's session that is not over."""

    token_hash: bytes
    person: Person
    methods: tuple[str, ...]
    """By what the person has proven who they are."""
    is_whole: bool
    """Whether no factor is missing."""

    @property
    def may_enrol(self) -> bool:
        """Whether factors may be added: by who has proven all there is to prove."""
        return self.is_whole or not self.person.has_second_factor


def needs_second_factor(person: Person) -> bool:
    """Whether this person must prove more than a password."""
    return person.role != DEVELOPER or person.has_second_factor


def may_act(person: Person | None) -> bool:
    """Whether tokens may be issued for a person: active, and with the factors that the role asks for."""
    if person is None or not person.is_active:
        return False
    return person.role == DEVELOPER or person.has_second_factor


def begin_session(
    connection: psycopg.Connection,
    person: Person,
    methods: tuple[str, ...],
    *,
    at: datetime,
    whole: bool,
) -> str:
    """A new session of a person who has proven themselves by these methods; its token."""
    token = secrets.token_urlsafe(32)
    named = {
        "token_hash": _hash(token),
        "subject": person.subject,
        "at": at,
        "expires_at": at + (LONGEST if whole else HALF),
        "authenticated_at": at if whole else None,
        "methods": list(methods),
    }
    connection.execute(_NEW, named)
    return token


def find_session(connection: psycopg.Connection, token: str, *, at: datetime) -> LoginSession | None:
    """The session of a token, whose person is active; None where it is over, or none ever was."""
    hashed = _hash(token)
    named = {"token_hash": hashed, "at": at, "idle_since": at - IDLE}
    row = connection.execute(_FIND, named).fetchone()
    if row is None:
        return None
    subject, _, authenticated_at, methods, last_seen_at = row
    person = person_by_subject(connection, subject)
    if person is None or not person.is_active:
        return None
    if at - last_seen_at > SEEN_EVERY:
        connection.execute(_SEE, {"token_hash": hashed, "at": at})
    return LoginSession(hashed, person, tuple(methods), authenticated_at is not None)


def completed_session(
    connection: psycopg.Connection, session: LoginSession, method: str, *, at: datetime
) -> str | None:
    """Instead of a half session a whole one; None where another request has ended it meanwhile."""
    if not end_session(connection, session, at=at):
        return None
    methods = (*session.methods, method)
    return begin_session(connection, session.person, methods, at=at, whole=True)


def end_session(connection: psycopg.Connection, session: LoginSession, *, at: datetime) -> bool:
    """End a session; False where that has happened already."""
    named = {"token_hash": session.token_hash, "at": at}
    return connection.execute(_END, named).rowcount == 1


def end_sessions(
    connection: psycopg.Connection, subject: str, *, at: datetime, but: LoginSession | None = None
) -> None:
    """End all sessions of a person, or all but one."""
    named = {"subject": subject, "at": at, "but": but.token_hash if but else b""}
    connection.execute(_END_ALL, named)


def keep_challenge(connection: psycopg.Connection, session: LoginSession, challenge: bytes) -> None:
    """Keep the challenge of a ceremony that begins, instead of the one before."""
    named = {"token_hash": session.token_hash, "challenge": challenge}
    connection.execute(_CHALLENGE, named)


def used_challenge(connection: psycopg.Connection, session: LoginSession) -> bytes | None:
    """The challenge of the ceremony under way, this once."""
    row = connection.execute(_USE_CHALLENGE, {"token_hash": session.token_hash}).fetchone()
    return bytes(row[0]) if row and row[0] is not None else None


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()
