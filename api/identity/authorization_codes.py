"""Authorization codes: what a person's browser carries from the login to a client (RFC 6749, 4.1).

PKCE with S256 is required of every client (RFC 7636, RFC 9700). A code counts once, for a minute; used
twice, all that came of it ends.
"""

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID, uuid4

import psycopg

from api.identity.oauth_errors import OAuthError, OAuthErrorCode, SessionEnded
from api.identity.refresh_tokens import end_session
from ledger_service.parties.access import access
from ledger_service.parties.clients import Client, Grant

_FOLDER: Final = Path(__file__).parent
_NEW, _USE = (
    (_FOLDER / f"{name}.sql").read_bytes()
    for name in ("new_authorization_code", "use_authorization_code")
)
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_LONGEST_STATE: Final = 2_000
_NOT_VALID: Final = (
    "the code is unknown, used, ended, or not for this client, redirect_uri and code_verifier"
)


class RedirectRefused(OAuthError):
    """Where the person would be sent is not known to be the client's: they are told, not sent."""

    def __init__(self, description: str) -> None:
        super().__init__(OAuthErrorCode.INVALID_REQUEST, description)


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request for a code whose client and redirect URI are known to belong together."""

    client: Client
    redirect_uri: str
    state: str | None
    parameters: Mapping[str, str]

    def checked(self) -> "AuthorizationRequest":
        """Itself; raises `OAuthError`, which the client is told by redirect."""
        asked = self.parameters
        if asked.get("response_type") != "code":
            code = OAuthErrorCode.UNSUPPORTED_RESPONSE_TYPE
            raise OAuthError(code, "response_type must be code")
        if Grant.AUTHORIZATION_CODE not in self.client.grants:
            code = OAuthErrorCode.UNAUTHORIZED_CLIENT
            raise OAuthError(code, "this client does not act for people")
        if asked.get("code_challenge_method") != "S256":
            message = "code_challenge_method must be S256"
            raise OAuthError(OAuthErrorCode.INVALID_REQUEST, message)
        if not _CHALLENGE.fullmatch(asked.get("code_challenge", "")):
            message = "code_challenge must be the base64url of a SHA-256, without padding"
            raise OAuthError(OAuthErrorCode.INVALID_REQUEST, message)
        if len(self.state or "") > _LONGEST_STATE:
            raise OAuthError(OAuthErrorCode.INVALID_REQUEST, "state is too long")
        self.scopes(access().scopes.keys())
        return self

    def scopes(self, of_person: Set[str]) -> frozenset[str]:
        """What the token will have: asked for, of the client, and of the person's role."""
        return allowed_scopes(self.parameters.get("scope"), self.client.bound & of_person)

    def answer(self, issuer: str, **parameters: str) -> str:
        """The redirect URI with an answer, its state, and who answers (RFC 9207)."""
        parts = urlsplit(self.redirect_uri)
        query = parse_qsl(parts.query, keep_blank_values=True) + list(parameters.items())
        if self.state is not None:
            query.append(("state", self.state))
        query.append(("iss", issuer))
        return urlunsplit(parts._replace(query=urlencode(query)))


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What a code stands for."""

    subject: str
    scopes: frozenset[str]
    session_id: UUID


def allowed_scopes(asked: str | None, most: Set[str]) -> frozenset[str]:
    """The scopes asked for, or the most where none are; raises `OAuthError` beyond that."""
    wanted = frozenset((asked or "").split()) or frozenset(most)
    if not wanted or wanted - most:
        beyond = " ".join(sorted(wanted - most)) or "any scope"
        raise OAuthError(OAuthErrorCode.INVALID_SCOPE, f"not allowed here: {beyond[:200]!a}")
    return wanted


def authorization_request(client: Client | None, parameters: Mapping[str, str]) -> AuthorizationRequest:
    """A request with a redirect URI that is the client's; raises `RedirectRefused`."""
    if client is None or client.disabled_at is not None:
        raise RedirectRefused("there is no such client")
    redirect_uri = parameters.get("redirect_uri", "")
    if redirect_uri not in client.redirect_uris:
        raise RedirectRefused("the redirect_uri is not one of the client's, character by character")
    return AuthorizationRequest(client, redirect_uri, parameters.get("state"), parameters)


def issue_code(
    connection: psycopg.Connection,
    request: AuthorizationRequest,
    *,
    subject: str,
    scopes: Set[str],
    at: datetime,
    life: timedelta,
) -> str:
    """A code for a person, within the caller's transaction."""
    code = secrets.token_urlsafe(32)
    named = {
        "code_hash": _hash(code),
        "client_id": request.client.client_id,
        "subject": subject,
        "redirect_uri": request.redirect_uri,
        "code_challenge": request.parameters["code_challenge"],
        "scopes": sorted(scopes),
        "session_id": uuid4(),
        "at": at,
        "expires_at": at + life,
    }
    connection.execute(_NEW, named)
    return code


def redeem_code(
    connection: psycopg.Connection,
    client: Client,
    parameters: Mapping[str, str],
    *,
    at: datetime,
    token_life: timedelta,
) -> Redeemed:
    """What a client's code stands for. Raises `OAuthError` and `SessionEnded`, to be committed too:

    a code is used up by the first try, and by a wrong one.
    """
    code = parameters.get("code", "")
    named = {"code_hash": _hash(code), "client_id": client.client_id, "at": at}
    row = connection.execute(_USE, named).fetchone()
    if row is None:
        raise OAuthError(OAuthErrorCode.INVALID_GRANT, _NOT_VALID)
    subject, redirect_uri, challenge, scopes, session_id, expires_at, used_before = row
    if used_before:
        end_session(connection, session_id, at=at, token_life=token_life, reason="code used twice")
        raise SessionEnded(_NOT_VALID, session_id)
    verifier = parameters.get("code_verifier", "")
    right = (
        redirect_uri == parameters.get("redirect_uri", "")
        and bool(_VERIFIER.fullmatch(verifier))
        and compare_digest(challenge.encode(), _s256(verifier))
        and at < expires_at
    )
    if not right:
        raise OAuthError(OAuthErrorCode.INVALID_GRANT, _NOT_VALID)
    return Redeemed(subject, frozenset(scopes), session_id)


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


def _s256(verifier: str) -> bytes:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
