"""Passwords of people: what may be one, how it is kept, and whether one is right.

Kept as argon2id with the first parameters of OWASP's password storage cheat sheet (46 MiB, one pass).
There are no rules on kinds of characters and no expiry (NIST SP 800-63B): length, and not a common one.
"""

import secrets
import unicodedata
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import psycopg
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from ledger_service.parties.attempts import attempt, attempt_of_nobody
from ledger_service.parties.clients import Actor
from ledger_service.parties.people import (
    Person,
    UnknownPerson,
    normalised,
    person_by_email,
    person_enrolling,
)
from ledger_service.runtime.encryption import Keyring

SHORTEST: Final = 12
LONGEST: Final = 128

_FOLDER: Final = Path(__file__).parent
_SET, _REHASH = ((_FOLDER / f"{name}.sql").read_bytes() for name in ("set_password", "rehash_password"))
_COMMON: Final = frozenset((_FOLDER / "common_passwords.txt").read_text("utf-8").split("\n"))
_HASHER: Final = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
_NOBODY_S_HASH: Final = _HASHER.hash(secrets.token_urlsafe(32))


class PasswordRefused(ValueError):
    """What cannot be a password; says why, to the person who chose it."""


class EnrolmentEnded(LookupError):
    """The enrolment token is unknown, was used, or is too old."""

    def __init__(self) -> None:
        super().__init__("this invitation was used already, or is too old: ask for another one")


def checked_password(password: str, *, email: str) -> str:
    """The password in the form that is hashed (NFKC); raises `PasswordRefused`."""
    chosen = unicodedata.normalize("NFKC", password)
    if not SHORTEST <= len(chosen) <= LONGEST:
        raise PasswordRefused(f"a password has {SHORTEST} to {LONGEST} characters")
    address, folded = normalised(email), chosen.strip().casefold()
    if folded in (address, address.partition("@")[0]):
        raise PasswordRefused("the password is your e-mail address")
    if folded in _COMMON or len(set(folded)) < 4:
        raise PasswordRefused("this password is among the first that anybody would guess")
    return chosen


def set_password(
    connection: psycopg.Connection,
    person: Person,
    password: str,
    *,
    keyring: Keyring,
    at: datetime,
    by: Actor | None = None,
    token: str | None = None,
) -> None:
    """Give a person a password, and make them active; with `token`, only while it counts.

    Raises `PasswordRefused`, `EnrolmentEnded`, `UnknownPerson`.
    """
    chosen = checked_password(password, email=person.email(keyring))
    named = {
        "subject": person.subject,
        "password_hash": _HASHER.hash(chosen),
        "enrolment_hash": sha256(token.encode()).digest() if token is not None else None,
        "at": at,
    }
    if connection.execute(_SET, named).rowcount == 0:
        raise UnknownPerson if token is None else EnrolmentEnded
    (by or Actor(person.subject)).record(connection, "person.password_set", person.subject, {})


def enrol(
    connection: psycopg.Connection, token: str, password: str, *, keyring: Keyring, at: datetime
) -> Person:
    """Use an enrolment token: the person, with a password. Raises as `set_password`."""
    person = person_enrolling(connection, token, at=at)
    if person is None:
        raise EnrolmentEnded
    set_password(connection, person, password, keyring=keyring, at=at, token=token)
    return person


def verify_password(
    connection: psycopg.Connection, email: str, password: str, *, keyring: Keyring, at: datetime
) -> Person | None:
    """Whose address and password these are; None where they are not, or the person is locked out.

    Takes as long for people who do not exist. Commit also where it is None.
    """
    person = person_by_email(connection, email, keyring=keyring)
    known = person.password_hash if person and person.is_active else None
    given = unicodedata.normalize("NFKC", password[: 4 * LONGEST])
    # Before the row is locked: guesses at one person take no longer than guesses at nobody.
    matches = _verifies(known or _NOBODY_S_HASH, given)
    if person is None or known is None:
        attempt_of_nobody(connection)
        return None
    if not attempt(connection, person.subject, lambda: matches, at=at):
        return None
    if _HASHER.check_needs_rehash(known):
        named = {"subject": person.subject, "old": known, "new": _HASHER.hash(given)}
        connection.execute(_REHASH, named)
    return person


def _verifies(known: str, given: str) -> bool:
    try:
        return _HASHER.verify(known, given)
    except (VerifyMismatchError, InvalidHashError, UnicodeError):
        return False
