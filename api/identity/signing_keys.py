"""Signing keys: Ed25519, made in the database, published before they sign, kept until their tokens end.

Each key signs from its moment on until the next one's. There is always a next one: it is made, and
published, as soon as the one before it begins to sign, so a verifier that reads the key set now and then
knows it in time. Private parts are encrypted; only a process that signs opens them.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import psycopg
from joserfc.jwk import OKPKey

ALGORITHM: Final = "Ed25519"
"""RFC 9864: EdDSA over Curve25519, fully specified."""

_FOLDER: Final = Path(__file__).parent
_KEYS, _NEW_KEY = (
    (_FOLDER / f"{name}.sql").read_bytes() for name in ("signing_keys", "new_signing_key")
)


class Sealer(Protocol):
    """What encrypts private keys: a `Keyring`."""

    def encrypt(self, clear: bytes, *, context: str) -> bytes:
        """Sealed for this context."""

    def decrypt(self, sealed: bytes, *, context: str) -> bytes:
        """What was sealed for this context."""


class NoSigningKey(RuntimeError):
    """No key signs at this moment; keys are made when the gateway starts."""

    def __init__(self) -> None:
        super().__init__("no signing key signs at this moment")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key; the private part stays sealed until it signs."""

    kid: str
    public: OKPKey
    sealed: bytes
    signs_from: datetime

    def private(self, keyring: Sealer) -> OKPKey:
        """The key that signs."""
        return OKPKey.import_key(json.loads(keyring.decrypt(self.sealed, context=_context(self.kid))))


@dataclass(frozen=True, slots=True)
class KeySchedule:
    """The keys that count, in the order in which they sign."""

    keys: tuple[SigningKey, ...]
    """Not those that are distrusted, or whose tokens have all ended."""

    @property
    def kids(self) -> frozenset[str]:
        """Their ids."""
        return frozenset(key.kid for key in self.keys)

    def signing(self, at: datetime) -> SigningKey:
        """The key that signs at a moment; raises `NoSigningKey`."""
        begun = [key for key in self.keys if key.signs_from <= at]
        if not begun:
            raise NoSigningKey
        return begun[-1]

    def key(self, kid: object) -> OKPKey | None:
        """A public key."""
        return next((key.public for key in self.keys if key.kid == kid), None)

    def published(self) -> dict[str, Any]:
        """JWK set (RFC 7517)."""
        return {
            "keys": [
                key.public.as_dict(private=False, kid=key.kid, alg=ALGORITHM, use="sig")
                for key in self.keys
            ]
        }


def read_schedule(connection: psycopg.Connection, *, at: datetime, token_life: timedelta) -> KeySchedule:
    """The keys that count at a moment, where tokens of a key live at most so long."""
    rows = connection.execute(_KEYS, {"ended": at - token_life}).fetchall()
    return KeySchedule(
        tuple(
            SigningKey(kid, OKPKey.import_key(jwk), bytes(sealed), signs_from)
            for kid, jwk, sealed, signs_from in rows
        )
    )


def keep_keys_coming(
    connection: psycopg.Connection,
    keyring: Sealer,
    *,
    at: datetime,
    age: timedelta,
    ahead: timedelta,
) -> int:
    """Make the keys that are missing: one that signs now, and the next one. Returns how many.

    A key signs for `age`, and is published for `ahead` at least before it does. One process at a time.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('gateway.signing_key', 8))")
        moments: list[datetime] = [
            row[0]
            for row in connection.execute(
                "SELECT signs_from FROM gateway.signing_key WHERE distrusted_at IS NULL"
            )
        ]
        missing: list[datetime] = []
        begun = [moment for moment in moments if moment <= at]
        if not begun:
            missing.append(at)
        if len(begun) == len(moments):
            missing.append(max(max(begun, default=at) + age, at + ahead))
        for moment in missing:
            _make(connection, keyring, at=at, signs_from=moment)
    return len(missing)


def _make(
    connection: psycopg.Connection, keyring: Sealer, *, at: datetime, signs_from: datetime
) -> None:
    key = OKPKey.generate_key("Ed25519")
    kid = key.thumbprint()
    named = {
        "kid": kid,
        "public_jwk": json.dumps(key.as_dict(private=False)),
        "sealed": keyring.encrypt(json.dumps(key.as_dict(private=True)).encode(), context=_context(kid)),
        "at": at,
        "signs_from": signs_from,
    }
    connection.execute(_NEW_KEY, named)


def _context(kid: str) -> str:
    return f"gateway.signing_key {kid}"


KeysOf = Callable[[], KeySchedule]
"""The keys as they were read last."""
