"""Another OpenID provider in place of ours: its tokens count, its keys are fetched and kept.

Its claims may have other names (`external_claims`). Scopes that our table does not have are dropped;
roles of ours that it names add theirs; what it does not say, its tokens do not have. Its key set is read
again every ten minutes, and for a key that is new, but never more often than every ten seconds.
"""

import asyncio
import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, Key, KeySet

from api.errors import Refusal
from api.identity.settings import IdentitySettings
from api.identity.tokens import LONGEST_TOKEN, Claims, InvalidToken, Verified, check_times
from ledger_service.parties.access import access

ALGORITHMS: Final = ("Ed25519", "EdDSA", "ES256", "ES384", "PS256", "RS256")
LONGEST_KEY_SET: Final = 256 * 1024
MOST_KEYS: Final = 100
KEPT_S: Final = 600.0
PAUSE_S: Final = 10.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)
_log = structlog.get_logger(__name__)


class ProviderUnavailable(Refusal):
    """The provider's keys could not be read."""

    status = 503
    code = "overloaded"

    def __init__(self) -> None:
        super().__init__("the identity provider does not answer", headers={"Retry-After": "10"})


class ProviderInsecure(ValueError):
    """A key set that anybody on the way could replace."""

    def __init__(self, url: str) -> None:
        super().__init__(f"the keys of a provider are read over https, not from {url}")


class ProviderKeys:
    """The provider's key set, as it was read last."""

    def __init__(self, url: str) -> None:
        if not _is_safe(url):
            raise ProviderInsecure(url)
        self._url = url
        self._keys: dict[str, Key] = {}
        self._read_at_s = self._tried_at_s = float("-inf")
        self._reading = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None

    async def key(self, kid: object) -> Key | None:
        """A key by its id; raises `ProviderUnavailable` where none was ever read."""
        if time.monotonic() - self._read_at_s > KEPT_S or kid not in self._keys:
            async with self._reading:
                if time.monotonic() - self._tried_at_s > PAUSE_S:
                    await self._read()
        if self._read_at_s == float("-inf"):
            raise ProviderUnavailable
        return self._keys.get(str(kid))

    async def close(self) -> None:
        """End its connections."""
        if self._session is not None:
            await self._session.close()

    async def _read(self) -> None:
        self._tried_at_s = time.monotonic()
        try:
            self._keys = _keys(await self._fetched())
        except (aiohttp.ClientError, TimeoutError, JoseError, ValueError, KeyError, TypeError) as error:
            _log.warning("keys of the identity provider not read", url=self._url, error=str(error))
            return
        self._read_at_s = self._tried_at_s

    async def _fetched(self) -> Any:
        self._session = self._session or aiohttp.ClientSession(timeout=_TIMEOUT)
        async with self._session.get(self._url, allow_redirects=False) as answer:
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            body = b""
            async for part in answer.content.iter_chunked(16_384):
                body += part
                if len(body) > LONGEST_KEY_SET:
                    raise ValueError("the key set is too long")
        return json.loads(body)


class ProviderTokens:
    """Verifies tokens of the provider."""

    def __init__(self, settings: IdentitySettings, *, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._keys = ProviderKeys(settings.external_jwks_url or "")

    async def __call__(self, token: str) -> Verified:
        """Who calls with it; raises `InvalidToken` and `ProviderUnavailable`."""
        settings = self._settings
        claims = self._claims(await self._signed_claims(token))
        audiences = claims.aud if isinstance(claims.aud, list) else [claims.aud]
        if claims.iss != settings.external_issuer or settings.external_audience not in audiences:
            raise InvalidToken
        check_times(claims, now_s=self._clock(), leeway_s=settings.leeway_s)
        ids = (claims.jti, claims.sub, *([claims.sid] if claims.sid else []))
        return Verified(claims.caller(), ids, claims.iat, claims.exp)

    async def close(self) -> None:
        """End its connections."""
        await self._keys.close()

    async def _signed_claims(self, token: str) -> Mapping[str, Any]:
        if len(token) > LONGEST_TOKEN:
            raise InvalidToken
        try:
            header = _header(token)
            key = await self._keys.key(header.get("kid"))
            if key is None:
                raise InvalidToken

            def found(_: GuestProtocol) -> Key:
                return key

            return jwt.decode(token, found, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise InvalidToken from error

    def _claims(self, told: Mapping[str, Any]) -> Claims:
        """Its claims under our names; raises `ValidationError` where one is not what it should be."""
        ours = dict(told)
        for name in ("scope", "roles", "participants", "tenant", "client_id", "kind"):
            ours[name] = told.get(self._settings.external_claims.get(name, name))
        roles = [role for role in _listed(ours["roles"]) if role in access().roles]
        scopes = {scope for scope in _listed(ours["scope"]) if scope in access().scopes}
        scopes = scopes.union(*(access().roles[role].scopes for role in roles))
        ours["scope"] = " ".join(sorted(scopes))
        ours["participants"] = _listed(ours["participants"])
        ours["tenant"] = ours["tenant"] or "live"
        ours["kind"] = ours["kind"] or "person"
        ours["client_id"] = ours["client_id"] or told.get("azp") or "external"
        ours["jti"] = told.get("jti") or f"{told.get('sub')} {told.get('iat')}"
        ours["nbf"] = told.get("nbf", told.get("iat"))
        return Claims.model_validate(ours)


def _listed(value: object) -> list[str]:
    """A claim that is a list, or words in one string, as providers differ in that."""
    if isinstance(value, str):
        return value.split()
    return [str(each) for each in value] if isinstance(value, list) else []


def _header(token: str) -> Mapping[str, Any]:
    first = token.partition(".")[0]
    header = json.loads(urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    if not isinstance(header, dict):
        raise InvalidToken
    return header


def _keys(key_set: Any) -> dict[str, Key]:
    listed = [key for key in key_set["keys"] if key.get("use", "sig") == "sig" and key.get("kid")]
    usable = [key for key in listed[:MOST_KEYS] if key.get("kty") in {"OKP", "EC", "RSA"}]
    return {str(key.kid): key for key in KeySet.import_key_set({"keys": usable}).keys}


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and loopback))
