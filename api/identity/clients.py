"""How a client proves at the OAuth2 endpoints who it is: by secret, or by a signed assertion.

`client_secret_basic` and `client_secret_post` (RFC 6749, section 2.3.1), `private_key_jwt` (RFC 7523),
and `none` for public clients. A wrong secret, an unknown and a disabled client are answered alike, after
the same time.
"""

import binascii
import json
from base64 import b64decode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote_plus

import psycopg
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from api.identity.oauth_errors import OAuthError, OAuthErrorCode
from ledger_service.parties.clients import Client, UnknownClient, client, secret_matches

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHMS: Final = ("Ed25519", "EdDSA", "ES256", "PS256", "RS256")
LONGEST_ASSERTION_LIFE: Final = timedelta(minutes=10)
_LEEWAY: Final = timedelta(seconds=5)
_LONGEST: Final = 8_192
_USE_ASSERTION: Final = Path(__file__).with_name("use_assertion.sql").read_bytes()


class Method(StrEnum):
    """How a client authenticates."""

    BASIC = "client_secret_basic"
    """Secret in the Authorization header."""
    POST = "client_secret_post"
    """Secret in the form."""
    PRIVATE_KEY = "private_key_jwt"
    """An assertion that it signed."""
    NONE = "none"
    """Not at all: a public client says its name."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client brought."""

    method: Method
    client_id: str
    proof: str
    """Secret or assertion; empty for `Method.NONE`."""

    def refusal(self) -> OAuthError:
        """The one answer to everything that is wrong with it."""
        message = "the client is unknown or disabled, or did not prove who it is"
        basic = self.method is Method.BASIC
        return OAuthError(OAuthErrorCode.INVALID_CLIENT, message, basic=basic)


def credentials_of(authorization: str | None, form: Mapping[str, str]) -> Credentials:
    """The credentials of a request, exactly one kind; raises `OAuthError`."""
    asserted = not form.keys().isdisjoint({"client_assertion", "client_assertion_type"})
    brought = [authorization is not None, "client_secret" in form, asserted]
    if sum(brought) > 1:
        message = "a client authenticates in one way"
        raise OAuthError(OAuthErrorCode.INVALID_REQUEST, message)
    if authorization is not None:
        return _basic(authorization, form)
    if asserted:
        return _assertion(form)
    if not form.get("client_id"):
        message = "the request says nothing of its client"
        raise OAuthError(OAuthErrorCode.INVALID_CLIENT, message, basic=True)
    if "client_secret" in form:
        return Credentials(Method.POST, form["client_id"], form["client_secret"])
    return Credentials(Method.NONE, form["client_id"], "")


def authenticated(
    connection: psycopg.Connection,
    credentials: Credentials,
    *,
    at: datetime,
    audiences: Collection[str],
) -> Client:
    """The client that these credentials prove; raises `OAuthError`, to be committed too.

    `audiences` are the names by which an assertion may address this server.
    """
    try:
        found: Client | None = client(connection, credentials.client_id)
    except (UnknownClient, psycopg.DataError, UnicodeError):  # as NUL, and half of a character
        found = None
    proven = _proven(connection, found, credentials, at=at, audiences=audiences)
    if found is None or not proven or found.disabled_at is not None:
        raise credentials.refusal()
    return found


def _proven(
    connection: psycopg.Connection,
    found: Client | None,
    credentials: Credentials,
    *,
    at: datetime,
    audiences: Collection[str],
) -> bool:
    if credentials.method in {Method.BASIC, Method.POST}:
        return secret_matches(found, credentials.proof, at=at)
    if found is None:
        return False
    if credentials.method is Method.NONE:
        return found.is_public
    ends = _asserted_until(found, credentials.proof, at=at, audiences=audiences)
    return ends is not None and _first_use(connection, credentials, ends)


def _asserted_until(
    found: Client, assertion: str, *, at: datetime, audiences: Collection[str]
) -> datetime | None:
    """When an assertion ends that proves this client; None where it does not."""
    try:
        keys = KeySet.import_key_set({"keys": (found.public_keys or {}).get("keys", [])})
        claims = jwt.decode(assertion, keys, algorithms=ASSERTION_ALGORITHMS).claims
        ends = datetime.fromtimestamp(claims["exp"], UTC)
        begins = datetime.fromtimestamp(claims.get("nbf", 0), UTC)
    except (JoseError, ValueError, TypeError, KeyError, OverflowError, OSError, RecursionError):
        return None
    named = claims.get("aud")
    addressed = set(named if isinstance(named, list) else [named]) & set(audiences)
    right = (
        claims.get("iss") == claims.get("sub") == found.client_id
        and bool(addressed)
        and begins <= at + _LEEWAY
        and at < ends <= at + LONGEST_ASSERTION_LIFE + _LEEWAY
    )
    return ends if right else None


def _first_use(connection: psycopg.Connection, credentials: Credentials, ends: datetime) -> bool:
    jti = _unverified(credentials.proof).get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= 255 or not jti.isprintable():
        return False
    named = {"client_id": credentials.client_id, "jti": jti, "expires_at": ends}
    return connection.execute(_USE_ASSERTION, named).rowcount == 1


def _basic(authorization: str, form: Mapping[str, str]) -> Credentials:
    kind, _, encoded = authorization.partition(" ")
    nobody = Credentials(Method.BASIC, "", "")
    if kind.lower() != "basic":
        raise nobody.refusal()
    try:
        client_id, colon, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise nobody.refusal() from None
    client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    if not colon or form.get("client_id", client_id) != client_id:
        raise nobody.refusal()
    return Credentials(Method.BASIC, client_id, secret)


def _assertion(form: Mapping[str, str]) -> Credentials:
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        message = f"client_assertion_type must be {ASSERTION_TYPE}"
        raise OAuthError(OAuthErrorCode.INVALID_REQUEST, message)
    assertion = form.get("client_assertion", "")
    subject = str(_unverified(assertion).get("sub", ""))
    credentials = Credentials(Method.PRIVATE_KEY, subject, assertion)
    if form.get("client_id", subject) != subject:
        raise credentials.refusal()
    return credentials


def _unverified(assertion: str) -> dict[str, Any]:
    """What an assertion claims, before anybody checked."""
    try:
        if len(assertion) > _LONGEST:
            return {}
        claims = json.loads(jws.extract_compact(assertion.encode()).payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
