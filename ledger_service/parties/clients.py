"""Clients: the programs that may ask for tokens, and their secrets.

Belongs here: the registry, which the command line and the API share. How a client proves at the token
endpoint who it is, and what a token says, is of `api/identity`.

A secret is 256 random bits, shown once and kept as an argon2id hash. Guessing cannot find it, so the
hash needs only the least cost that OWASP's password storage cheat sheet names (19 MiB, two passes):
a token endpoint hashes on every request.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from psycopg.rows import class_row

from ledger_service.parties.access import access, known_scopes, scopes_of_role
from ledger_service.runtime.audit import record_act

EVERY_PARTICIPANT: Final = "*"
LIVE: Final = "live"
SECRET_PREFIX: Final = "wgi_secret_"  # noqa: S105  # what scanners of leaked secrets look for
OVERLAP: Final = timedelta(hours=24)
"""How long the secret before a rotation still counts."""

_FOLDER: Final = Path(__file__).parent
_CLIENTS, _NEW, _ROTATE, _DISABLE, _UNKNOWN_PARTICIPANTS = (
    (_FOLDER / f"{name}.sql").read_bytes()
    for name in ("clients", "new_client", "rotate_secret", "disable_client", "unknown_participants")
)
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY_S_HASH: Final = _HASHER.hash(secrets.token_urlsafe(32))


class ClientKind(StrEnum):
    """Whose program it is."""

    PARTNER = "partner"
    """A fintech's or marketplace's: it reaches the participants that it names."""
    SERVICE = "service"
    """One of ours: it may reach all participants."""


class Grant(StrEnum):
    """How a client comes by a token (RFC 6749)."""

    CLIENT_CREDENTIALS = "client_credentials"
    """By what it is itself."""
    AUTHORIZATION_CODE = "authorization_code"
    """Through a person who logs in."""
    REFRESH_TOKEN = "refresh_token"  # noqa: S105  # the name of a grant
    """Again for the same person, without a login."""


class ClientRefused(ValueError):
    """A client that cannot be registered as it was described."""


class UnknownClient(LookupError):
    """The registry has no such client."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        super().__init__(f"there is no client {client_id}")


class NoSecret(ValueError):
    """A client without a secret has none to rotate: it is public, or signs with its own key."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        super().__init__(f"client {client_id} has no secret, or is disabled")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, for the audit log."""

    name: str
    client_id: str = ""
    """Through which client; none at the command line."""
    request_id: str = ""

    def record(
        self, connection: psycopg.Connection, act: str, subject: str, details: Mapping[str, object]
    ) -> None:
        """Write an act within the caller's transaction."""
        record_act(
            connection,
            act=act,
            actor=self.name,
            subject=subject,
            details=details,
            client=self.client_id,
            request_id=self.request_id,
        )


@dataclass(frozen=True, slots=True)
class Client:
    """A program that may ask for tokens."""

    client_id: str
    name: str
    kind: str
    role: str | None
    scopes: Sequence[str]
    """Named one by one; empty where it has a role."""
    participants: Sequence[str]
    tenant: str
    grants: Sequence[str]
    redirect_uris: Sequence[str]
    public_keys: dict[str, Any] | None
    secret_hash: str | None
    previous_secret_hash: str | None
    previous_until: datetime | None
    created_at: datetime
    created_by: str
    disabled_at: datetime | None

    @property
    def is_public(self) -> bool:
        """Whether it can prove nothing: it runs where its user can look into it."""
        return self.secret_hash is None and self.public_keys is None

    @property
    def bound(self) -> frozenset[str]:
        """Scopes that its tokens may have: the most, where a person acts through it.

        What the table has no longer is left out, so that a removed scope is gone at once.
        """
        if self.role is not None:
            return access().roles[self.role].scopes if self.role in access().roles else frozenset()
        return frozenset(self.scopes) & access().scopes.keys()

    @property
    def own_scopes(self) -> frozenset[str]:
        """Scopes of what it does by itself: none that takes a second person's judgement."""
        return self.bound - access().of_people


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    """What a client is to be."""

    name: str
    participants: Sequence[str]
    scopes: Sequence[str] = ()
    role: str | None = None
    kind: ClientKind = ClientKind.PARTNER
    tenant: str = LIVE
    redirect_uris: Sequence[str] = ()
    """Where people come back to; with them the client acts for people too."""
    public: bool = False
    """It runs where its user can look into it, and has no secret."""
    public_keys: dict[str, Any] | None = None
    """JWK set: it signs assertions with the private keys, and has no secret."""

    def checked(self) -> "NewClient":
        """Itself; raises `ClientRefused`, `UnknownScope`, `UnknownRole`."""
        if bool(self.scopes) == (self.role is not None):
            raise ClientRefused("a client has either scopes or a role")
        asked = known_scopes(self.scopes) if self.role is None else scopes_of_role(self.role)
        if not self.redirect_uris and asked <= access().of_people:
            raise ClientRefused("these scopes are of people: give the client a redirect URI")
        if not self.redirect_uris and self.role is None and asked & access().of_people:
            held = ", ".join(sorted(asked & access().of_people))
            raise ClientRefused(f"only people hold {held}: give the client a redirect URI")
        if self.kind is ClientKind.PARTNER and (
            not self.participants or EVERY_PARTICIPANT in self.participants
        ):
            raise ClientRefused("a partner names the participants whose books it reaches")
        if self.public and (self.public_keys or not self.redirect_uris):
            raise ClientRefused("a public client has redirect URIs and no keys")
        for uri in self.redirect_uris:
            _check_redirect_uri(uri)
        if self.public_keys is not None:
            _check_public_keys(self.public_keys)
        return self

    @property
    def grants(self) -> list[Grant]:
        """How it may come by tokens."""
        of_people = [Grant.AUTHORIZATION_CODE, Grant.REFRESH_TOKEN] if self.redirect_uris else []
        return of_people if self.public else [Grant.CLIENT_CREDENTIALS, *of_people]


def create_client(
    connection: psycopg.Connection, new: NewClient, *, by: Actor, at: datetime
) -> tuple[Client, str | None]:
    """Register a client within the caller's transaction: itself, and its secret where it has one.

    Raises `ClientRefused`, also where a participant of a live client is unknown.
    """
    new.checked()
    secret = None if new.public or new.public_keys else SECRET_PREFIX + secrets.token_urlsafe(32)
    client = Client(
        client_id=f"client_{secrets.token_hex(12)}",
        name=new.name,
        kind=new.kind.value,
        role=new.role,
        scopes=sorted(set(new.scopes)),
        participants=sorted(set(new.participants)),
        tenant=new.tenant,
        grants=[grant.value for grant in new.grants],
        redirect_uris=list(new.redirect_uris),
        public_keys=new.public_keys,
        secret_hash=_HASHER.hash(secret) if secret else None,
        previous_secret_hash=None,
        previous_until=None,
        created_at=at,
        created_by=by.name,
        disabled_at=None,
    )
    try:
        _insert(connection, client)
    except psycopg.errors.CheckViolation as error:
        raise ClientRefused(f"the client is not as it must be: {error.diag.constraint_name}") from error
    except (psycopg.DataError, UnicodeError) as error:
        raise ClientRefused("the client has characters that cannot be kept") from error
    held = {"name": new.name, "tenant": new.tenant, "role": new.role, "kind": new.kind.value}
    reach = {"scopes": client.scopes, "participants": client.participants}
    by.record(connection, "client.created", client.client_id, {**held, **reach})
    return client, secret


def _insert(connection: psycopg.Connection, client: Client) -> None:
    if client.tenant == LIVE:
        unknown = connection.execute(_UNKNOWN_PARTICIPANTS, {"participants": client.participants})
        if names := [str(row[0]) for row in unknown]:
            raise ClientRefused(f"there is no participant {', '.join(names)}")
    named = {name: getattr(client, name) for name in Client.__slots__}
    named["public_keys"] = json.dumps(client.public_keys) if client.public_keys else None
    connection.execute(_NEW, named)


def clients(connection: psycopg.Connection) -> list[Client]:
    """All clients, in the order of their registration."""
    return _selected(connection, None)


def client(connection: psycopg.Connection, client_id: str) -> Client:
    """One client, disabled or not; raises `UnknownClient`."""
    found = _selected(connection, client_id)
    if not found:
        raise UnknownClient(client_id)
    return found[0]


def rotate_secret(
    connection: psycopg.Connection,
    client_id: str,
    *,
    by: Actor,
    at: datetime,
    overlap: timedelta = OVERLAP,
) -> str:
    """A new secret; the one before counts for `overlap` more. Raises `UnknownClient`, `NoSecret`."""
    found = client(connection, client_id)
    secret = SECRET_PREFIX + secrets.token_urlsafe(32)
    named = {"client_id": client_id, "secret_hash": _HASHER.hash(secret), "until": at + overlap}
    if connection.execute(_ROTATE, named).rowcount == 0:
        raise NoSecret(found.client_id)
    by.record(connection, "client.secret_rotated", client_id, {"overlap_s": overlap.total_seconds()})
    return secret


def disable_client(connection: psycopg.Connection, client_id: str, *, by: Actor, at: datetime) -> Client:
    """No token for it any more, and none that it has counts; for good. Raises `UnknownClient`."""
    found = client(connection, client_id)
    if connection.execute(_DISABLE, {"client_id": client_id, "at": at}).rowcount:
        by.record(connection, "client.disabled", client_id, {})
    return replace(found, disabled_at=found.disabled_at or at)


def secret_matches(found: Client | None, secret: str, *, at: datetime) -> bool:
    """Whether a secret is this client's; as slow for a client that does not exist."""
    hashes = [found.secret_hash] if found and found.secret_hash else [_NOBODY_S_HASH]
    if found and found.previous_secret_hash and found.previous_until and at < found.previous_until:
        hashes.append(found.previous_secret_hash)
    matches = any([_verifies(known, secret) for known in hashes])  # noqa: C419  # every hash is tried
    return matches and found is not None


def _verifies(known: str, secret: str) -> bool:
    try:
        return _HASHER.verify(known, secret)
    except (VerifyMismatchError, InvalidHashError):
        return False


def _selected(connection: psycopg.Connection, client_id: str | None) -> list[Client]:
    with connection.cursor(row_factory=class_row(Client)) as cursor:
        return cursor.execute(_CLIENTS, {"client_id": client_id}).fetchall()


def _check_redirect_uri(uri: str) -> None:
    """RFC 9700, section 2.1: https, or http to the person's own machine; nothing after a #."""
    refused = ClientRefused(f"{uri!a} is no redirect URI: https, or http on loopback, without fragment")
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise refused from error
    host = parts.hostname or ""
    loopback = host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)
    safe = parts.scheme == "https" or (parts.scheme == "http" and loopback)
    if not (safe and host) or "#" in uri or parts.username is not None or not uri.isprintable():
        raise refused


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _check_public_keys(keys: dict[str, Any]) -> None:
    listed = keys.get("keys")
    if not isinstance(listed, list) or not 1 <= len(listed) <= 10:
        raise ClientRefused("the public keys are a JWK set of one to ten keys")
    for key in listed:
        if not isinstance(key, dict) or not key.get("kid"):
            raise ClientRefused("each public key has a kid")
        if key.get("kty") not in {"OKP", "EC", "RSA"} or {"d", "p", "q", "k"} & key.keys():
            raise ClientRefused("public keys are OKP, EC or RSA without their private part")
