"""People who may log in: who they are, what they may do, and how they begin and end.

Belongs here: the registry, which the command line and the login pages share. Passwords are in
`passwords.py`, second factors in `second_factors.py`. Addresses and names are encrypted; a person is
found by a blind index of the address.

Who is invited, or has lost a factor, enrols with a token that is shown once and counts once.
"""

import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import uuid4

import psycopg
from psycopg.rows import class_row

from ledger_service.parties.access import access, scopes_of_role
from ledger_service.parties.clients import EVERY_PARTICIPANT, Actor
from ledger_service.runtime.encryption import Keyring

DEVELOPER: Final = "fintech_developer"
"""The one role that is not of our staff."""
ENROLMENT: Final = timedelta(hours=72)
"""How long an invitation counts."""
LONGEST_TOKEN: Final = timedelta(minutes=65)
"""After this no access token counts, however identity is set up."""
BATCH: Final = 500

_ADDRESS: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)*")
_FOLDER: Final = Path(__file__).parent
_PEOPLE, _NEW, _DISABLE, _RESET, _FORGET, _SEALED, _RESEAL, _UNKNOWN_PARTICIPANTS = (
    (_FOLDER / f"{name}.sql").read_bytes()
    for name in (
        "people",
        "new_person",
        "disable_person",
        "reset_mfa",
        "forget_person",
        "sealed_people",
        "reseal_person",
        "unknown_participants",
    )
)


class PersonRefused(ValueError):
    """A person that cannot be registered as they were described."""


class UnknownPerson(LookupError):
    """Nobody has this id or address, or they are disabled."""

    def __init__(self) -> None:
        super().__init__("there is no such person, or they are disabled")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may log in, may soon, or might once."""

    subject: str
    role: str
    participants: Sequence[str]
    status: str
    """invited, active or disabled."""
    email_sealed: bytes = field(repr=False)
    name_sealed: bytes = field(repr=False)
    password_hash: str | None = field(repr=False)
    totp_sealed: bytes | None = field(repr=False)
    totp_last_step: int | None
    locked_until: datetime | None
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    passkeys: int

    @property
    def is_active(self) -> bool:
        """Whether they may log in."""
        return self.status == "active"

    @property
    def has_totp(self) -> bool:
        """Whether an authenticator app was confirmed."""
        return self.totp_last_step is not None

    @property
    def has_second_factor(self) -> bool:
        """Whether they can log in wholly."""
        return self.has_totp or self.passkeys > 0

    @property
    def scopes(self) -> frozenset[str]:
        """Those of their role; none where the table has it no longer."""
        return access().roles[self.role].scopes if self.role in access().roles else frozenset()

    def email(self, keyring: Keyring) -> str:
        """Their address. Raises as `Keyring.decrypt`."""
        return keyring.decrypt(self.email_sealed, context=f"person.email {self.subject}").decode()

    def name(self, keyring: Keyring) -> str:
        """What people call them. Raises as `Keyring.decrypt`."""
        return keyring.decrypt(self.name_sealed, context=f"person.name {self.subject}").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """Who a person is to be."""

    email: str
    name: str
    role: str
    participants: Sequence[str] = ()
    """Whose books they reach; all of them where staff names none."""

    def checked(self) -> "NewPerson":
        """Itself; raises `PersonRefused`, `UnknownRole`."""
        scopes_of_role(self.role)
        address = normalised(self.email)
        if len(address) > 254 or not _ADDRESS.fullmatch(address) or not address.isprintable():
            raise PersonRefused("this is no e-mail address")
        if not 1 <= len(self.name.strip()) <= 200 or not self.name.isprintable():
            raise PersonRefused("a name has 1 to 200 characters")
        if self.role == DEVELOPER and (not self.participants or EVERY_PARTICIPANT in self.participants):
            raise PersonRefused("a developer of a fintech names the participants whose books they reach")
        return self


def normalised(email: str) -> str:
    """An address in the form in which equal ones are equal."""
    return unicodedata.normalize("NFKC", email).strip().casefold()


def new_person(
    connection: psycopg.Connection, new: NewPerson, *, keyring: Keyring, by: Actor, at: datetime
) -> tuple[Person, str]:
    """Invite a person within the caller's transaction: themselves, and the token to enrol with.

    Raises `PersonRefused`, also where the address is taken or a participant unknown; `UnknownRole`.
    """
    new.checked()
    participants = sorted(set(new.participants)) or [EVERY_PARTICIPANT]
    unknown = connection.execute(_UNKNOWN_PARTICIPANTS, {"participants": participants}).fetchall()
    if unknown:
        raise PersonRefused(f"there is no participant {', '.join(str(row[0]) for row in unknown)}")
    subject, token = str(uuid4()), secrets.token_urlsafe(32)
    named = {
        "subject": subject,
        "email_sealed": keyring.encrypt(new.email.strip().encode(), context=f"person.email {subject}"),
        "email_index": _index(new.email, keyring),
        "name_sealed": keyring.encrypt(new.name.strip().encode(), context=f"person.name {subject}"),
        "role": new.role,
        "participants": participants,
        "at": at,
        "by": by.name,
        **_enrolment(token, at),
    }
    if connection.execute(_NEW, named).rowcount == 0:
        raise PersonRefused("a person has this address already")
    by.record(connection, "person.created", subject, {"role": new.role, "participants": participants})
    return _known(connection, subject), token


def people(connection: psycopg.Connection) -> list[Person]:
    """Everybody, in the order of their registration."""
    return _selected(connection)


def person_by_subject(connection: psycopg.Connection, subject: str) -> Person | None:
    """Who has this id, active or not."""
    found = _selected(connection, subject=subject)
    return found[0] if found else None


def person_by_email(connection: psycopg.Connection, email: str, *, keyring: Keyring) -> Person | None:
    """Who has this address, active or not."""
    found = _selected(connection, email_index=_index(email, keyring))
    return found[0] if found else None


def person_enrolling(connection: psycopg.Connection, token: str, *, at: datetime) -> Person | None:
    """Whom an enrolment token was given to; None once it was used, or is too old."""
    found = _selected(connection, enrolment_hash=sha256(token.encode()).digest(), at=at)
    return found[0] if found else None


def disable_person(connection: psycopg.Connection, subject: str, *, by: Actor, at: datetime) -> None:
    """No login any more, and nothing counts that they have; for good. Raises `UnknownPerson`."""
    if connection.execute(_DISABLE, {"subject": subject, "at": at}).rowcount == 0:
        raise UnknownPerson
    _forget(connection, subject, at=at, reason="the person was disabled")
    by.record(connection, "person.disabled", subject, {})


def reset_mfa(connection: psycopg.Connection, subject: str, *, by: Actor, at: datetime) -> str:
    """Take factors and password away, end all that they have; the token to enrol anew with.

    The password goes too: otherwise whoever has it alone could enrol in the person's place.
    Raises `UnknownPerson`.
    """
    token = secrets.token_urlsafe(32)
    named = {"subject": subject, **_enrolment(token, at)}
    if connection.execute(_RESET, named).rowcount == 0:
        raise UnknownPerson
    _forget(connection, subject, at=at, reason="the person enrols anew")
    by.record(connection, "person.mfa_reset", subject, {})
    return token


def reencrypt(connection: psycopg.Connection, *, keyring: Keyring, by: Actor, batch: int = BATCH) -> int:
    """Bring what is encrypted of people under the current key; how many were under another.

    Commits after each batch, so that it can be repeated where it was interrupted.
    """
    after, changed = "", 0
    while rows := connection.execute(_SEALED, {"after": after, "batch": batch}).fetchall():
        stale = []
        for subject, *sealed in rows:
            rewrapped = [keyring.rewrapped(value) if value else None for value in sealed]
            if rewrapped != sealed:
                stale.append((subject, *rewrapped))
        names = ("subject", "email_sealed", "name_sealed", "totp_sealed")
        with connection.cursor() as cursor:
            cursor.executemany(_RESEAL, [dict(zip(names, row, strict=True)) for row in stale])
        connection.commit()
        after, changed = rows[-1][0], changed + len(stale)
    by.record(connection, "people.reencrypted", keyring.current, {"people": changed})
    return changed


def _forget(connection: psycopg.Connection, subject: str, *, at: datetime, reason: str) -> None:
    tokens_end = at + LONGEST_TOKEN
    named = {"subject": subject, "at": at, "tokens_end": tokens_end, "reason": reason}
    connection.execute(_FORGET, named)


def _enrolment(token: str, at: datetime) -> dict[str, object]:
    hashed = sha256(token.encode()).digest()
    return {"enrolment_hash": hashed, "enrolment_expires_at": at + ENROLMENT}


def _index(email: str, keyring: Keyring) -> bytes:
    return keyring.blind_index(normalised(email), context="person.email")


def _known(connection: psycopg.Connection, subject: str) -> Person:
    found = person_by_subject(connection, subject)
    if found is None:
        raise UnknownPerson
    return found


def _selected(connection: psycopg.Connection, **wanted: object) -> list[Person]:
    named = {"subject": None, "email_index": None, "enrolment_hash": None, "at": None} | wanted
    with connection.cursor(row_factory=class_row(Person)) as cursor:
        return cursor.execute(_PEOPLE, named).fetchall()
