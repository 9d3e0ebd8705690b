"""Second factors: authenticator apps (RFC 6238), passkeys, and recovery codes for when they are lost.

The ceremonies of WebAuthn are of `api/identity`; here is what is kept of a passkey. All that proves a
factor runs through `attempts.attempt`, and each code counts once.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import psycopg
import pyotp
from psycopg.rows import class_row

from ledger_service.parties.attempts import attempt
from ledger_service.parties.clients import Actor
from ledger_service.parties.people import Person, UnknownPerson, person_by_subject
from ledger_service.runtime.encryption import Keyring

ISSUER: Final = "Wekeza Global Infrastructure"
STEP_S: Final = 30
DRIFT_STEPS: Final = 1
"""By how many steps a telephone's clock may differ."""
RECOVERY_CODES: Final = 10

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: nothing in it is taken for something else."""
_CODE_LENGTH: Final = 16
_FOLDER: Final = Path(__file__).parent
_START, _CONFIRM, _USE, _NEW_CODES, _USE_CODE, _NEW_PASSKEY, _PASSKEYS, _USE_PASSKEY = (
    (_FOLDER / f"{name}.sql").read_bytes()
    for name in (
        "start_totp",
        "confirm_totp",
        "use_totp",
        "new_recovery_codes",
        "use_recovery_code",
        "new_passkey",
        "passkeys",
        "use_passkey",
    )
)


@dataclass(frozen=True, slots=True)
class Passkey:
    """A credential of WebAuthn."""

    credential_id: bytes
    public_key: bytes
    """COSE."""
    sign_count: int
    transports: Sequence[str]
    name: str
    created_at: datetime
    last_used_at: datetime | None = None


def totp_secret(connection: psycopg.Connection, subject: str, *, keyring: Keyring) -> str:
    """The secret that a person is to bring into an app, until it is confirmed: the same every time.

    Raises `UnknownPerson`, also where an app was confirmed already.
    """
    context = _context(subject)
    sealed = keyring.encrypt(pyotp.random_base32().encode(), context=context)
    connection.execute(_START, {"subject": subject, "totp_sealed": sealed})
    person = person_by_subject(connection, subject)
    if person is None or person.totp_sealed is None or person.has_totp:
        raise UnknownPerson
    return keyring.decrypt(person.totp_sealed, context=context).decode()


def totp_uri(secret: str, *, email: str) -> str:
    """What apps read (otpauth://)."""
    return pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=email, issuer_name=ISSUER)


def confirm_totp(
    connection: psycopg.Connection, subject: str, code: str, *, keyring: Keyring, at: datetime
) -> bool:
    """Whether an app shows the right code; from then on it is a factor."""
    confirmed = attempt(
        connection,
        subject,
        lambda: _takes(connection, subject, code, keyring=keyring, at=at, statement=_CONFIRM),
        at=at,
    )
    if confirmed:
        Actor(subject).record(connection, "person.factor_added", subject, {"kind": "totp"})
    return confirmed


def verify_totp(
    connection: psycopg.Connection, subject: str, code: str, *, keyring: Keyring, at: datetime
) -> bool:
    """Whether this is a code of the person's app; a step counts once, and none before it after."""
    return attempt(
        connection,
        subject,
        lambda: _takes(connection, subject, code, keyring=keyring, at=at, statement=_USE),
        at=at,
    )


def new_recovery_codes(connection: psycopg.Connection, subject: str) -> list[str]:
    """Ten codes, to be shown once, instead of those before."""
    codes = [
        "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH)) for _ in range(RECOVERY_CODES)
    ]
    hashes = [_code_hash(subject, code) for code in codes]
    connection.execute(_NEW_CODES, {"subject": subject, "hashes": hashes})
    Actor(subject).record(connection, "person.recovery_codes_made", subject, {})
    return ["-".join(code[at : at + 4] for at in range(0, _CODE_LENGTH, 4)) for code in codes]


def use_recovery_code(connection: psycopg.Connection, subject: str, code: str, *, at: datetime) -> bool:
    """Whether this is one of the person's codes that was not used yet; now it is."""
    plain = code.replace("-", "").replace(" ", "").lower()
    # Crockford: what people write instead.
    plain = plain.translate(str.maketrans("oil", "011"))
    named = {"subject": subject, "code_hash": _code_hash(subject, plain), "at": at}
    used = attempt(
        connection, subject, lambda: connection.execute(_USE_CODE, named).rowcount == 1, at=at
    )
    if used:
        Actor(subject).record(connection, "person.recovery_code_used", subject, {})
    return used


def passkeys(connection: psycopg.Connection, subject: str) -> list[Passkey]:
    """A person's passkeys, in the order in which they came."""
    with connection.cursor(row_factory=class_row(Passkey)) as cursor:
        return cursor.execute(_PASSKEYS, {"subject": subject}).fetchall()


def add_passkey(connection: psycopg.Connection, person: Person, new: Passkey) -> bool:
    """Keep a passkey; False where it is kept already."""
    named = {
        "credential_id": new.credential_id,
        "subject": person.subject,
        "public_key": new.public_key,
        "sign_count": new.sign_count,
        "transports": list(new.transports),
        "name": new.name,
        "at": new.created_at,
    }
    if connection.execute(_NEW_PASSKEY, named).rowcount == 0:
        return False
    details = {"kind": "passkey"}
    Actor(person.subject).record(connection, "person.factor_added", person.subject, details)
    return True


def use_passkey(
    connection: psycopg.Connection, subject: str, used: Passkey, *, sign_count: int, at: datetime
) -> bool:
    """Note a use; False where the authenticator counted less than before, as a copy of it would."""
    named = {"subject": subject, "credential_id": used.credential_id, "sign_count": sign_count}
    return connection.execute(_USE_PASSKEY, {**named, "at": at}).rowcount == 1


def _takes(
    connection: psycopg.Connection,
    subject: str,
    code: str,
    *,
    keyring: Keyring,
    at: datetime,
    statement: bytes,
) -> bool:
    person = person_by_subject(connection, subject)
    if person is None or person.totp_sealed is None:
        return False
    secret = keyring.decrypt(person.totp_sealed, context=_context(subject)).decode()
    given, now = code.replace(" ", ""), int(at.timestamp()) // STEP_S
    app = pyotp.TOTP(secret, interval=STEP_S)
    steps = range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1)
    shown = [
        step
        for step in steps
        if hmac.compare_digest(app.generate_otp(step).encode(), given.encode("utf-8", "replace"))
    ]
    named = {"subject": subject, "totp_sealed": person.totp_sealed}
    return any(connection.execute(statement, {**named, "step": step}).rowcount == 1 for step in shown)


def _context(subject: str) -> str:
    return f"person.totp {subject}"


def _code_hash(subject: str, code: str) -> bytes:
    return sha256(f"{subject} {code}".encode()).digest()
