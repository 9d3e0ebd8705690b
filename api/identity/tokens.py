"""Access tokens: JWTs (RFC 9068) of ten minutes, signed with Ed25519; and who calls with one.

Belongs here: what a token says, issuing one, and the `Authenticator` that every request passes. A
verified token is remembered by its SHA-256 until it ends, so that a signature is checked once; whether
it is revoked is asked of memory every time.
"""

import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias
from uuid import UUID, uuid4

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, OKPKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.identity.caller import Caller, Unauthenticated
from api.identity.revocation import Revocations
from api.identity.settings import IdentitySettings
from api.identity.signing_keys import ALGORITHM, KeySchedule, KeysOf, Sealer

TOKEN_TYPE: Final = "at+jwt"  # noqa: S105  # media type, RFC 9068
LONGEST_TOKEN: Final = 8_192

Kind: TypeAlias = Literal["partner", "person", "service"]


class InvalidToken(Unauthenticated):
    """A token that does not count: not ours, changed, ended, or revoked. Which, it does not say."""

    def __init__(self) -> None:
        super().__init__("the token is not valid, or not any more")
        self.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What a token is to say."""

    client_id: str
    subject: str
    kind: Kind
    tenant: str
    scopes: frozenset[str]
    participants: frozenset[str]
    session_id: UUID | None = None
    """Of a person's tokens: what follows from one login."""


class Claims(BaseModel):
    """What an access token says, after its signature was verified."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)

    iss: str
    aud: str | list[str]
    sub: Annotated[str, Field(min_length=1, max_length=255)]
    client_id: Annotated[str, Field(min_length=1, max_length=255)]
    kind: Kind
    tenant: Annotated[str, Field(min_length=1)]
    scope: str
    participants: list[str]
    jti: Annotated[str, Field(min_length=1, max_length=255)]
    iat: int | float
    nbf: int | float
    exp: int | float
    sid: str | None = None

    def caller(self) -> Caller:
        """Who it makes a caller of."""
        return Caller(
            client_id=self.client_id,
            subject=self.sub,
            kind=self.kind,
            tenant=self.tenant,
            scopes=frozenset(self.scope.split()),
            participants=frozenset(self.participants),
        )


@dataclass(frozen=True, slots=True)
class Verified:
    """A caller, and what may end the token that it came with."""

    caller: Caller
    ids: tuple[str, ...]
    """By which it can be revoked: jti, session, subject."""
    issued_at_s: float
    expires_at_s: float


Verify: TypeAlias = Callable[[str], Awaitable[Verified]]
"""Checks signature, issuer, audience and times of a token; raises `InvalidToken`."""


class TokenIssuer:
    """Signs access tokens with the key whose time it is."""

    def __init__(self, settings: IdentitySettings, keys: KeysOf, keyring: Sealer) -> None:
        self._settings = settings
        self._keys = keys
        self._keyring = keyring
        self._opened: tuple[str, OKPKey] | None = None

    def issue(self, granted: Granted, *, at: datetime) -> tuple[str, str]:
        """A token, and its jti."""
        issued_at_s, jti = int(at.timestamp()), str(uuid4())
        claims: dict[str, object] = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": granted.subject,
            "client_id": granted.client_id,
            "kind": granted.kind,
            "tenant": granted.tenant,
            "scope": " ".join(sorted(granted.scopes)),
            "participants": sorted(granted.participants),
            "jti": jti,
            "iat": issued_at_s,
            "nbf": issued_at_s,
            "exp": issued_at_s + self._settings.access_token_s,
        }
        if granted.session_id is not None:
            claims["sid"] = str(granted.session_id)
        kid, key = self._signing(at)
        header = {"alg": ALGORITHM, "kid": kid, "typ": TOKEN_TYPE}
        return jwt.encode(header, claims, key, algorithms=[ALGORITHM]), jti

    def _signing(self, at: datetime) -> tuple[str, OKPKey]:
        key = self._keys().signing(at)
        if self._opened is None or self._opened[0] != key.kid:
            self._opened = (key.kid, key.private(self._keyring))
        return self._opened


class OwnTokens:
    """Verifies tokens of this gateway."""

    def __init__(
        self, settings: IdentitySettings, keys: KeysOf, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock

    async def __call__(self, token: str) -> Verified:
        """Who calls with it; raises `InvalidToken`."""
        return self.verified(token)

    def verified(self, token: str) -> Verified:
        """The same at once: nothing is waited for."""
        settings = self._settings
        claims = Claims.model_validate(self._signed_claims(token))
        audiences = claims.aud if isinstance(claims.aud, list) else [claims.aud]
        if claims.iss != settings.issuer or settings.audience not in audiences:
            raise InvalidToken
        check_times(claims, now_s=self._clock(), leeway_s=settings.leeway_s)
        ids = (claims.jti, claims.sub, *([claims.sid] if claims.sid else []))
        return Verified(claims.caller(), ids, claims.iat, claims.exp)

    def _signed_claims(self, token: str) -> object:
        if len(token) > LONGEST_TOKEN:
            raise InvalidToken
        schedule = self._keys()
        try:
            decoded = jwt.decode(token, lambda signed: _key(schedule, signed), algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise InvalidToken from error
        if decoded.header.get("typ") != TOKEN_TYPE:
            raise InvalidToken
        return decoded.claims


def check_times(claims: Claims, *, now_s: float, leeway_s: float) -> None:
    """Whether a token counts at a moment; raises `InvalidToken`."""
    begun = max(claims.nbf, claims.iat) <= now_s + leeway_s
    if not begun or now_s >= claims.exp + leeway_s:
        raise InvalidToken


class Authenticator:
    """The caller of a bearer token: what `app.state.authenticate` is."""

    def __init__(
        self,
        settings: IdentitySettings,
        verify: Verify,
        revocations: Callable[[], Revocations],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._verify = verify
        self._revocations = revocations
        self._clock = clock
        self._verified: dict[bytes, Verified] = {}

    async def __call__(self, token: str) -> Caller:
        """Who calls; raises `InvalidToken` and `RevocationsUnknown`."""
        digest = hashlib.sha256(token.encode()).digest()
        verified = self._verified.get(digest)
        if verified is None:
            verified = await self._first_seen(token, digest)
        elif self._clock() >= verified.expires_at_s + self._settings.leeway_s:
            del self._verified[digest]
            raise InvalidToken
        caller = verified.caller
        if self._revocations().cover(
            verified.ids, client_id=caller.client_id, issued_at_s=verified.issued_at_s
        ):
            raise InvalidToken
        return caller

    def forget(self) -> None:
        """Verify every token again: a key that signed some counts no more."""
        self._verified.clear()

    async def _first_seen(self, token: str, digest: bytes) -> Verified:
        try:
            verified = await self._verify(token)
        except ValidationError as error:
            raise InvalidToken from error
        while len(self._verified) >= self._settings.verified_tokens:
            del self._verified[next(iter(self._verified))]
        self._verified[digest] = verified
        return verified


def _key(schedule: KeySchedule, signed: GuestProtocol) -> OKPKey:
    key = schedule.key(signed.headers().get("kid"))
    if key is None:
        raise InvalidToken
    return key
