"""Tokens: what lets a caller in and what does not; the keys that sign them; another provider's."""

import asyncio
import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from pydantic import ValidationError

from api.identity.caller import Caller, Unauthenticated
from api.identity.provider import ProviderInsecure, ProviderKeys, ProviderTokens, ProviderUnavailable
from api.identity.revocation import Revocations, RevocationsUnknown, revoke, revoke_subject
from api.identity.settings import IdentitySettings
from api.identity.signing_keys import KeySchedule, SigningKey
from api.identity.tokens import Authenticator, InvalidToken, OwnTokens, Verified
from ledger_service.parties.clients import disable_client
from ledger_service.parties.key_rotation import rotate_signing_keys
from ledger_service.runtime.database import Server
from tests.api.identity.desk_app import ISSUER, OPS, SETTINGS, START, Desk, as_rows, open_desk

KNOWN = Caller("client_1", "client_1", "partner", "live", frozenset(), frozenset())
NOW_S = START.timestamp()
LIFE = timedelta(minutes=10)


@pytest.fixture
def desk(ledger_database: Server) -> Iterator[Desk]:
    with open_desk(ledger_database) as desk:
        yield desk


@pytest.fixture(scope="module")
def key() -> OKPKey:
    return OKPKey.generate_key("Ed25519")


def own_tokens(key: OKPKey, now_s: float = NOW_S) -> OwnTokens:
    public = OKPKey.import_key(key.as_dict(private=False))
    schedule = KeySchedule((SigningKey("k1", public, b"", START),))
    return OwnTokens(SETTINGS, lambda: schedule, clock=lambda: now_s)


def claims(**changed: Any) -> dict[str, Any]:
    told = {
        "iss": ISSUER,
        "aud": "wgi-api",
        "sub": "client_1",
        "client_id": "client_1",
        "kind": "partner",
        "tenant": "live",
        "scope": "accounts:read transfers:write",
        "participants": ["KE-F01"],
        "jti": "t1",
        "iat": int(NOW_S),
        "nbf": int(NOW_S),
        "exp": int(NOW_S) + 600,
    }
    return {name: value for name, value in (told | changed).items() if value is not None}


def signed(key: Any, told: dict[str, Any], **header: Any) -> str:
    whole = {"alg": "Ed25519", "kid": "k1", "typ": "at+jwt"} | header
    whole = {name: value for name, value in whole.items() if value is not None}
    return jwt.encode(whole, told, key, algorithms=[whole["alg"]], default_type=None)


def refused(tokens: OwnTokens, token: str) -> bool:
    authenticator = Authenticator(SETTINGS, tokens, Revocations)
    try:
        asyncio.run(authenticator(token))
    except InvalidToken as error:
        return error.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    return False


def test_a_token_of_ours_says_who_calls(key: OKPKey) -> None:
    caller = own_tokens(key).verified(signed(key, claims(sid="s1"))).caller
    assert (caller.client_id, caller.kind, caller.tenant) == ("client_1", "partner", "live")
    assert caller.scopes == {"accounts:read", "transfers:write"}
    assert caller.reaches("KE-F01")
    assert not caller.reaches("KE-F02")


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "another-api"},
        {"aud": ["another-api"]},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"client_id": None},
        {"kind": "king"},
        {"tenant": ""},
        {"tenant": None},
        {"scope": None},
        {"scope": ["accounts:read"]},
        {"participants": None},
        {"participants": "KE-F01"},
        {"jti": None},
        {"exp": None},
        {"exp": "never"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"nbf": int(NOW_S) + 6},
        {"iat": int(NOW_S) + 6},
        {"iat": None},
    ],
)
def test_a_token_that_says_something_else_is_refused(key: OKPKey, changed: dict[str, Any]) -> None:
    assert refused(own_tokens(key), signed(key, claims(**changed)))


def test_a_token_ends_with_little_patience_for_clocks(key: OKPKey) -> None:
    token = signed(key, claims())
    assert not refused(own_tokens(key, NOW_S - 5), token)
    assert refused(own_tokens(key, NOW_S - 5.1), token)
    assert not refused(own_tokens(key, NOW_S + 604.9), token)
    assert refused(own_tokens(key, NOW_S + 605), token)


@pytest.mark.parametrize(
    "header", [{"kid": "k2"}, {"kid": None}, {"kid": ["k1"]}, {"typ": "JWT"}, {"typ": None}]
)
def test_a_header_that_is_not_ours_is_refused(key: OKPKey, header: dict[str, Any]) -> None:
    try:
        token = signed(key, claims(), **header)
    except JoseError:  # the library will not write such a header: it is written by hand
        head = {"alg": "Ed25519", "kid": "k1", "typ": "at+jwt"} | header
        token = f"{part(head)}.{part(claims())}.{'A' * 86}"
    assert refused(own_tokens(key), token)


def part(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_no_other_algorithm_is_taken(key: OKPKey) -> None:
    public = key.as_bytes(encoding="PEM", private=False)
    forged = f"{part({'alg': 'HS256', 'kid': 'k1', 'typ': 'at+jwt'})}.{part(claims())}"
    mac = urlsafe_b64encode(hmac.digest(public, forged.encode(), "sha256")).rstrip(b"=").decode()
    assert refused(own_tokens(key), f"{forged}.{mac}")
    for alg, other in (
        ("RS256", RSAKey.generate_key(2048)),
        ("ES256", ECKey.generate_key("P-256")),
    ):
        assert refused(own_tokens(key), signed(other, claims(), alg=alg))
    for alg in ("none", "None", "EdDSA", ""):
        head = {"alg": alg, "kid": "k1", "typ": "at+jwt"}
        assert refused(own_tokens(key), f"{part(head)}.{part(claims())}.")


def test_a_changed_token_is_refused(key: OKPKey) -> None:
    head, _, signature = signed(key, claims()).split(".")
    assert refused(own_tokens(key), f"{head}.{part(claims(scope='limits:approve'))}.{signature}")
    other = OKPKey.generate_key("Ed25519")
    assert refused(own_tokens(key), signed(other, claims()))


@given(st.one_of(st.text(max_size=200), st.from_regex(r"[A-Za-z0-9_-]{0,60}(\.[A-Za-z0-9_-]{0,60}){2}")))
def test_whatever_is_sent_instead_of_a_token_is_refused(text: str) -> None:
    tokens = OwnTokens(SETTINGS, lambda: KeySchedule(()), clock=lambda: NOW_S)
    assert refused(tokens, text.encode("utf-8", "replace").decode())


@pytest.mark.parametrize(
    "head", [[], {}, 7, None, "x", {"alg": 7}, {"alg": "Ed25519", "kid": {"a": 1}}, {"alg": ["none"]}]
)
def test_a_header_that_is_no_header_is_refused(key: OKPKey, head: object) -> None:
    assert refused(own_tokens(key), f"{part(head)}.{part(claims())}.AAAA")
    deep = urlsafe_b64encode(b"[" * 5_000).rstrip(b"=").decode()
    assert refused(own_tokens(key), f"{deep}.{part(claims())}.AAAA")
    assert refused(own_tokens(key), "a" * 100_000)


# What is remembered, and what is revoked


def test_a_signature_is_checked_once_and_the_end_every_time() -> None:
    checked, now_s = [], NOW_S

    async def verify(token: str) -> Verified:
        checked.append(token)
        return Verified(KNOWN, ("j", "s"), NOW_S, NOW_S + 600)

    authenticator = Authenticator(SETTINGS, verify, Revocations, clock=lambda: now_s)
    for _ in range(3):
        assert asyncio.run(authenticator("a")) is KNOWN
    assert checked == ["a"]
    now_s = NOW_S + 605
    with pytest.raises(InvalidToken):
        asyncio.run(authenticator("a"))


def test_only_so_many_tokens_are_remembered() -> None:
    checked = []

    async def verify(token: str) -> Verified:
        checked.append(token)
        return Verified(KNOWN, (token,), NOW_S, NOW_S + 600)

    settings = SETTINGS.model_copy(update={"verified_tokens": 3})
    authenticator = Authenticator(settings, verify, Revocations, clock=lambda: NOW_S)
    for token in "abcdacd":
        asyncio.run(authenticator(token))
    assert checked == ["a", "b", "c", "d", "a"]


@pytest.mark.parametrize("by", ["jti", "subject"])
def test_another_process_s_revocation_is_known_within_its_refresh(desk: Desk, by: str) -> None:
    client, secret = desk.new_client()
    token = desk.own_token(client, secret)
    assert desk.status(token) == 200
    jti = desk.identity.own_tokens.verified(token).ids[0]
    with desk.connect() as connection:
        if by == "jti":
            revoke(connection, jti, at=desk.now, token_life=LIFE, reason="a test")
        else:
            revoke_subject(connection, client.client_id, at=desk.now, token_life=LIFE, reason="a test")
    assert eventually(lambda: desk.status(token) == 401)
    desk.later(seconds=1)
    assert desk.status(desk.own_token(client, secret)) == 200


def test_a_disabled_client_s_tokens_count_no_more(desk: Desk) -> None:
    client, secret = desk.new_client()
    token = desk.own_token(client, secret)
    assert desk.status(token) == 200
    with desk.connect() as connection:
        disable_client(connection, client.client_id, by=OPS, at=desk.now)
    assert eventually(lambda: desk.status(token) == 401)


def test_with_revocations_not_read_for_long_nobody_is_let_in(key: OKPKey) -> None:
    def unread() -> Revocations:
        raise RevocationsUnknown

    authenticator = Authenticator(SETTINGS, own_tokens(key), unread, clock=lambda: NOW_S)
    with pytest.raises(RevocationsUnknown) as refusal:
        asyncio.run(authenticator(signed(key, claims())))
    assert (refusal.value.status, refusal.value.code) == (503, "ledger_unavailable")


def test_what_a_process_revoked_is_not_forgotten_by_a_reading_that_began_before(desk: Desk) -> None:
    token = desk.own_token(*desk.new_client())
    jti = desk.identity.own_tokens.verified(token).ids[0]
    desk.identity.note_revoked(jti)  # committed a moment after the reading that is under way
    time.sleep(0.2)
    assert desk.status(token) == 401


def test_what_has_ended_is_swept(desk: Desk) -> None:
    with desk.connect() as connection:
        revoke(connection, "old", at=desk.now, token_life=LIFE, reason="a test")
        desk.later(days=2)
        revoke(connection, "new", at=desk.now, token_life=LIFE, reason="a test")
    rows = "SELECT revoked_id FROM gateway.revoked_token"
    assert eventually(lambda: as_rows(desk, rows) == [("new",)])


def eventually(true: Any) -> bool:
    for _ in range(200):
        if true():
            return True
        time.sleep(0.02)
    return False


# Signing keys


def test_the_next_key_is_published_before_it_signs(desk: Desk) -> None:
    first, second = published(desk)
    assert kid_of(desk.own_token(*desk.new_client())) == first
    desk.later(days=30)
    assert kid_of(desk.own_token(*desk.new_client())) == second
    desk.later(seconds=700)
    assert eventually(lambda: len(published(desk)) == 2 and published(desk)[0] == second)


def test_a_key_is_published_until_its_tokens_have_ended(desk: Desk) -> None:
    first, second = published(desk)
    client = desk.new_client()
    desk.later(days=30, seconds=-1)
    token = desk.own_token(*client)
    desk.later(seconds=2)
    assert eventually(lambda: len(published(desk)) == 3)
    assert published(desk)[:2] == [first, second]
    assert desk.status(token) == 200
    desk.later(seconds=700)
    assert eventually(lambda: published(desk)[0] == second)


def test_a_rotation_by_hand_takes_effect_at_once_and_old_tokens_count(desk: Desk) -> None:
    client = desk.new_client()
    token, (first, second) = desk.own_token(*client), published(desk)
    desk.later(seconds=1)
    with desk.connect() as connection:
        assert rotate_signing_keys(connection, by=OPS, at=desk.now)
    assert eventually(lambda: len(published(desk)) == 3)
    assert kid_of(token) == first
    assert kid_of(desk.own_token(*client)) == second
    assert desk.status(token) == 200


def test_after_a_compromise_no_token_signed_before_counts(desk: Desk) -> None:
    client = desk.new_client()
    token, (first, second) = desk.own_token(*client), published(desk)
    assert desk.status(token) == 200
    desk.later(seconds=1)
    with desk.connect() as connection:
        assert rotate_signing_keys(connection, by=OPS, at=desk.now, compromised=True)
    assert eventually(lambda: desk.status(token) == 401)
    assert eventually(lambda: len(published(desk)) == 2 and published(desk)[0] == second)
    assert desk.status(desk.own_token(*client)) == 200
    assert first not in published(desk)


def test_private_keys_are_encrypted(desk: Desk) -> None:
    for kid, public, sealed in as_rows(desk, "SELECT kid, public_jwk, sealed FROM gateway.signing_key"):
        assert "d" not in public
        clear = desk.keyring.decrypt(sealed, context=f"gateway.signing_key {kid}")
        assert json.loads(clear)["d"].encode() not in sealed


def test_processes_agree_on_the_keys(desk: Desk) -> None:
    before = published(desk)
    with open_desk(desk.server) as other:
        other.keyring = desk.keyring
        assert published(other) == before


def published(desk: Desk) -> list[str]:
    return [key["kid"] for key in desk.http.get("/.well-known/jwks.json").json()["keys"]]


def kid_of(token: str) -> str:
    head = token.partition(".")[0]
    return str(json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])


# Another provider


class Provider:
    """A provider's key set on loopback."""

    def __init__(self) -> None:
        self.keys = {"a": OKPKey.generate_key("Ed25519", {"kid": "a"})}
        self.reads = 0
        self.body: bytes | None = None
        self.url = ""

    async def key_set(self, request: web.Request) -> web.Response:
        self.reads += 1
        keys = [key.as_dict(private=False) for key in self.keys.values()]
        return web.Response(body=self.body or json.dumps({"keys": keys}).encode())


@asynccontextmanager
async def serving() -> AsyncIterator[Provider]:
    provider, app = Provider(), web.Application()
    app.router.add_get("/keys", provider.key_set)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    provider.url = f"http://127.0.0.1:{port}/keys"
    try:
        yield provider
    finally:
        await runner.cleanup()


def external(provider: Provider) -> ProviderTokens:
    settings = IdentitySettings(
        external_issuer="https://login.example",
        external_jwks_url=provider.url,
        external_audience="wgi",
        external_claims={"roles": "groups", "client_id": "azp", "participants": "wgi_participants"},
    )
    return ProviderTokens(settings, clock=lambda: NOW_S)


def their_claims(**changed: Any) -> dict[str, Any]:
    told = {
        "iss": "https://login.example",
        "aud": ["wgi", "other"],
        "sub": "u-1",
        "azp": "desk",
        "groups": ["auditor", "cleaners"],
        "scope": "openid transfers:write",
        "wgi_participants": ["*"],
        "iat": int(NOW_S),
        "exp": int(NOW_S) + 300,
    }
    return {name: value for name, value in (told | changed).items() if value is not None}


def test_another_provider_s_token_has_our_scopes_by_its_roles() -> None:
    async def scenario() -> None:
        async with serving() as provider:
            tokens = external(provider)
            token = signed(provider.keys["a"], their_claims(), kid="a", typ="JWT")
            caller = (await tokens(token)).caller
            assert (caller.subject, caller.client_id, caller.kind) == ("u-1", "desk", "person")
            assert "audit:read" in caller.scopes
            assert "transfers:write" in caller.scopes
            assert "openid" not in caller.scopes
            assert caller.participants == {"*"}
            await tokens.close()

    asyncio.run(scenario())


def test_what_another_provider_does_not_say_its_tokens_do_not_have() -> None:
    async def scenario() -> None:
        async with serving() as provider:
            tokens = external(provider)
            told = their_claims(groups=None, scope=None, wgi_participants=None)
            caller = (await tokens(signed(provider.keys["a"], told, kid="a"))).caller
            assert caller.scopes == caller.participants == frozenset()
            await tokens.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "other"},
        {"exp": int(NOW_S) - 60},
        {"sub": None},
        {"exp": None},
        {"kind": "king"},
    ],
)
def test_another_provider_s_wrong_token_is_refused(changed: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with serving() as provider:
            tokens = external(provider)
            token = signed(provider.keys["a"], their_claims(**changed), kid="a")
            with pytest.raises((Unauthenticated, ValidationError)):
                await tokens(token)
            stranger = OKPKey.generate_key("Ed25519")
            with pytest.raises(InvalidToken):
                await tokens(signed(stranger, their_claims(), kid="a"))
            await tokens.close()

    asyncio.run(scenario())


def test_unknown_keys_do_not_make_us_ask_the_provider_again_and_again() -> None:
    async def scenario() -> None:
        async with serving() as provider:
            tokens = external(provider)
            for number in range(20):
                with pytest.raises(InvalidToken):
                    await tokens(signed(provider.keys["a"], their_claims(), kid=f"x{number}"))
            assert provider.reads == 1
            await tokens.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("body", [b"", b"[]", b'{"keys": 7}', b"x" * 300_000, b'{"keys": [{"kty": 1}]}'])
def test_a_key_set_that_cannot_be_read_lets_nobody_in(body: bytes) -> None:
    async def scenario() -> None:
        async with serving() as provider:
            provider.body = body or b" "
            tokens = external(provider)
            with pytest.raises((ProviderUnavailable, InvalidToken)):
                await tokens(signed(provider.keys["a"], their_claims(), kid="a"))
            await tokens.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("url", ["http://login.example/keys", "ftp://127.0.0.1/keys", "keys", ""])
def test_keys_are_read_over_https_alone(url: str) -> None:
    with pytest.raises(ProviderInsecure):
        ProviderKeys(url)


def test_half_a_provider_is_a_setting_that_cannot_be() -> None:
    with pytest.raises(ValidationError, match="an issuer, a JWKS URL and an audience"):
        IdentitySettings(external_issuer="https://login.example")
