"""OAuth2 over HTTP: what clients and browsers send, and what comes back."""

import hashlib
import json
import threading
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest
from joserfc import jws, jwt
from joserfc.jwk import KeySet, OKPKey
from limits.aio.storage import MemoryStorage

from api.identity.clients import ASSERTION_TYPE
from api.identity.oauth_errors import SessionEnded
from api.identity.refresh_tokens import use_token
from api.requests.failures import Failures
from ledger_service.parties.clients import Client, ClientKind, disable_client, rotate_secret
from ledger_service.runtime.database import Server
from tests.api.identity.desk_app import ISSUER, OPS, Desk, Person, as_rows, open_desk

VERIFIER = "a" * 43
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BACK = "https://desk.example/back?from=wgi"


@pytest.fixture
def desk(ledger_database: Server) -> Iterator[Desk]:
    with open_desk(ledger_database) as desk:
        yield desk


@pytest.fixture
def app_client(desk: Desk) -> Client:
    """A public client that finance's people use, one of whom is logged in."""
    desk.people["person-1"] = Person("person-1", frozenset({"accounts:read", "postings:approve"}))
    desk.logged_in = "person-1"
    return desk.new_client(
        kind=ClientKind.SERVICE,
        participants=["*"],
        role="finance",
        redirect_uris=[BACK],
        public=True,
    )[0]


def asking(client: Client, **changed: str) -> dict[str, str]:
    asked = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": BACK,
        "state": "s&1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (asked | changed).items() if value}


def sent_back(desk: Desk, asked: dict[str, str]) -> dict[str, str]:
    answer = desk.http.get("/oauth2/authorize", params=asked)
    assert answer.status_code == 303, answer.text
    place = urlsplit(answer.headers["location"])
    assert f"{place.scheme}://{place.netloc}{place.path}" == "https://desk.example/back"
    told = {name: values[0] for name, values in parse_qs(place.query).items()}
    assert told.pop("from") == "wgi"
    assert told.pop("iss") == ISSUER
    return told


def code_form(client: Client, code: str, **changed: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "client_id": client.client_id,
        "code": code,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    } | changed


def logged_in_tokens(desk: Desk, client: Client) -> dict[str, Any]:
    return desk.token(**code_form(client, sent_back(desk, asking(client))["code"]))


def refused(desk: Desk, form: dict[str, str], **headers: str) -> tuple[int, str]:
    answer = desk.http.post("/oauth2/token", data=form, headers=headers)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error", "error_description"}
    return answer.status_code, answer.json()["error"]


def basic(client_id: str, secret: str) -> str:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + b64encode(pair.encode()).decode()


# A client by itself


def test_a_client_gets_a_token_that_lets_it_in(desk: Desk) -> None:
    client, secret = desk.new_client()
    answer = desk.http.post(
        "/oauth2/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": basic(client.client_id, secret)},
    )
    assert answer.headers["cache-control"] == "no-store"
    content = answer.json()
    assert content["token_type"] == "Bearer"  # noqa: S105  # the kind of token, not one
    assert content["expires_in"] == 600
    assert content["scope"] == "accounts:read transfers:write"
    assert "refresh_token" not in content
    who = desk.http.get("/v1/who", headers={"Authorization": f"Bearer {content['access_token']}"})
    assert who.json() == {"subject": client.client_id, "kind": "partner", "tenant": "sandbox-soko"}


def test_the_secret_may_be_in_the_form(desk: Desk) -> None:
    assert desk.status(desk.own_token(*desk.new_client())) == 200


def test_a_client_may_ask_for_less(desk: Desk) -> None:
    token = desk.own_token(*desk.new_client(), scope="transfers:write")
    answer = desk.http.get("/v1/who", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


@pytest.mark.parametrize("scope", ["limits:propose", "accounts:read money:print", "\x00", "é"])
def test_a_client_cannot_ask_for_more(desk: Desk, scope: str) -> None:
    client, secret = desk.new_client()
    form = {"grant_type": "client_credentials", "scope": scope}
    found = refused(desk, form, Authorization=basic(client.client_id, secret))
    assert found == (400, "invalid_scope")


def test_what_takes_two_people_is_not_given_to_a_program(desk: Desk) -> None:
    client, secret = desk.new_client(role="finance", redirect_uris=[BACK])
    form = {"grant_type": "client_credentials", "scope": "postings:approve"}
    found = refused(desk, form, Authorization=basic(client.client_id, secret))
    assert found == (400, "invalid_scope")


def test_a_wrong_secret_and_an_unknown_or_disabled_client_are_answered_alike(desk: Desk) -> None:
    client, secret = desk.new_client()
    gone, gone_secret = desk.new_client()
    with desk.connect() as connection:
        disable_client(connection, gone.client_id, by=OPS, at=desk.now)
    answers = [
        desk.http.post(
            "/oauth2/token",
            data={"grant_type": "client_credentials"},
            headers={"Authorization": basic(name, proof)},
        )
        for name, proof in (
            (client.client_id, "wrong"),
            ("client_nobody", secret),
            ("nul\x00", secret),
            (gone.client_id, gone_secret),
        )
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert all(answer.headers["www-authenticate"].startswith("Basic ") for answer in answers)


@pytest.mark.parametrize(
    "authorization",
    ["Basic", "Basic !!!", "Basic " + b64encode(b"no colon").decode(), "Bearer x", "Basic /w==", ""],
)
def test_credentials_that_cannot_be_read_prove_nothing(desk: Desk, authorization: str) -> None:
    form = {"grant_type": "client_credentials"}
    assert refused(desk, form, Authorization=authorization) == (401, "invalid_client")


def test_after_a_rotation_the_old_secret_counts_for_a_day(desk: Desk) -> None:
    client, old = desk.new_client()
    with desk.connect() as connection:
        new = rotate_secret(connection, client.client_id, by=OPS, at=desk.now)
    desk.later(hours=23)
    assert desk.own_token(client, old)
    desk.later(hours=2)
    assert desk.own_token(client, new)
    form = {"grant_type": "client_credentials"}
    found = refused(desk, form, Authorization=basic(client.client_id, old))
    assert found == (401, "invalid_client")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "x"}, "unauthorized_client"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "unauthorized_client"),
        ({"client_assertion": "x"}, "invalid_request"),
    ],
)
def test_a_form_that_asks_for_something_else_says_what_is_wrong(
    desk: Desk, changed: dict[str, str], error: str
) -> None:
    client, secret = desk.new_client()
    form = {
        "grant_type": "client_credentials",
        "client_id": client.client_id,
        "client_secret": secret,
    }
    assert refused(desk, form | changed) == (400, error)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("application/x-www-form-urlencoded", b"grant_type=a&grant_type=b"),
        ("application/x-www-form-urlencoded", b"\xff\xfe=%ff"),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 20_000),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(100))),
    ],
)
def test_a_body_that_is_no_form_is_an_invalid_request(desk: Desk, kind: str, body: bytes) -> None:
    answer = desk.http.post("/oauth2/token", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_secret_and_another_proof_together_are_refused(desk: Desk) -> None:
    client, secret = desk.new_client()
    form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
    headers = {"Authorization": basic(client.client_id, secret)}
    assert refused(desk, form, **headers) == (400, "invalid_request")


def test_who_guesses_waits_and_who_is_right_never_does(desk: Desk) -> None:
    failures = Failures(MemoryStorage(), rate="2/hour")
    desk.http.app.state.failures = failures  # type: ignore[attr-defined]  # the application under test
    client, secret = desk.new_client()
    form = {"grant_type": "client_credentials", "client_id": client.client_id}
    answers = [
        desk.http.post("/oauth2/token", data=form | {"client_secret": proof})
        for proof in (secret, secret, secret, "x", "x", secret)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 401, 401, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600


# A client that signs


@pytest.fixture
def signer(desk: Desk) -> tuple[Client, OKPKey]:
    key = OKPKey.generate_key("Ed25519", {"kid": "k1"})
    public = {"keys": [dict(key.as_dict(private=False))]}
    return desk.new_client(public_keys=public)[0], key


def assertion(desk: Desk, signer: tuple[Client, OKPKey], **changed: Any) -> dict[str, str]:
    client, key = signer
    claims = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": f"{ISSUER}/oauth2/token",
        "jti": "once",
        "exp": int(desk.now.timestamp()) + 60,
    }
    claims = {name: value for name, value in (claims | changed).items() if value is not None}
    header = {"alg": "Ed25519", "kid": "k1"}
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": jws.serialize_compact(
            header, json.dumps(claims), key, algorithms=["Ed25519"]
        ),
    }


def test_a_client_may_sign_instead_of_sending_a_secret(
    desk: Desk, signer: tuple[Client, OKPKey]
) -> None:
    assert desk.status(desk.token(**assertion(desk, signer))["access_token"]) == 200


def test_an_assertion_counts_once(desk: Desk, signer: tuple[Client, OKPKey]) -> None:
    form = assertion(desk, signer)
    assert refused(desk, form | {"grant_type": "password"}) == (400, "unsupported_grant_type")
    assert refused(desk, form) == (401, "invalid_client")
    assert desk.token(**assertion(desk, signer, jti="twice"))


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://elsewhere.example"},
        {"aud": None},
        {"iss": "client_other"},
        {"sub": "client_other"},
        {"sub": "\ud800"},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 1e300},
        {"exp": 0},
        {"exp": 4102444800},
        {"nbf": 4102444800},
        {"jti": None},
        {"jti": ""},
        {"jti": "\x00"},
        {"jti": 7},
    ],
)
def test_an_assertion_that_is_not_as_it_must_be_proves_nothing(
    desk: Desk, signer: tuple[Client, OKPKey], changed: dict[str, Any]
) -> None:
    assert refused(desk, assertion(desk, signer, **changed)) == (401, "invalid_client")


def test_another_s_signature_proves_nothing(desk: Desk, signer: tuple[Client, OKPKey]) -> None:
    thief = OKPKey.generate_key("Ed25519", {"kid": "k1"})
    assert refused(desk, assertion(desk, (signer[0], thief))) == (401, "invalid_client")
    form = assertion(desk, signer) | {"client_assertion": "not.a.token"}
    assert refused(desk, form) == (401, "invalid_client")


def test_a_client_that_signs_cannot_come_without_signature(
    desk: Desk, signer: tuple[Client, OKPKey]
) -> None:
    form = {"grant_type": "client_credentials", "client_id": signer[0].client_id}
    assert refused(desk, form) == (401, "invalid_client")
    assert refused(desk, form | {"client_secret": "x"}) == (401, "invalid_client")


# People


def test_who_is_not_logged_in_is_sent_to_the_login_page_and_comes_back(
    desk: Desk, app_client: Client
) -> None:
    desk.logged_in = None
    answer = desk.http.get("/oauth2/authorize", params=asking(app_client))
    place = urlsplit(answer.headers["location"])
    assert (answer.status_code, place.path, place.netloc) == (303, "/login", "")
    desk.logged_in = "person-1"
    again = desk.http.get(parse_qs(place.query)["next"][0])
    assert "code=" in again.headers["location"]


def test_a_person_s_token_is_theirs_through_the_client(desk: Desk, app_client: Client) -> None:
    told = sent_back(desk, asking(app_client))
    assert told["state"] == "s&1"
    tokens = desk.token(**code_form(app_client, told["code"]))
    assert tokens["scope"] == "accounts:read postings:approve"
    who = desk.http.get("/v1/who", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert who.json()["subject"] == "person-1"
    assert who.json()["kind"] == "person"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "money:print"}, "invalid_scope"),
        ({"scope": "transfers:write"}, "invalid_scope"),
        ({"scope": "limits:approve"}, "invalid_scope"),
        ({"state": "x" * 3_000}, "invalid_request"),
    ],
)
def test_a_request_that_is_wrong_goes_back_to_the_client(
    desk: Desk, app_client: Client, changed: dict[str, str], error: str
) -> None:
    told = sent_back(desk, asking(app_client, **changed))
    assert told["error"] == error
    assert "code" not in told


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": ""},
        {"redirect_uri": "https://desk.example/back"},
        {"redirect_uri": BACK + "&x=1"},
        {"redirect_uri": "https://thief.example/"},
        {"client_id": "client_nobody"},
        {"client_id": ""},
    ],
)
def test_nobody_is_sent_where_the_client_is_not_known_to_be(
    desk: Desk, app_client: Client, changed: dict[str, str]
) -> None:
    answer = desk.http.get("/oauth2/authorize", params=asking(app_client, **changed))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "location" not in answer.headers


def test_a_client_may_ask_not_to_show_a_login_page(desk: Desk, app_client: Client) -> None:
    desk.logged_in = None
    assert sent_back(desk, asking(app_client, prompt="none"))["error"] == "login_required"


def test_a_person_who_reaches_none_of_its_books_is_refused(desk: Desk, app_client: Client) -> None:
    desk.people["person-1"] = Person("person-1", frozenset({"accounts:read"}), frozenset())
    assert sent_back(desk, asking(app_client))["error"] == "access_denied"


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "b" * 43},
        {"code_verifier": ""},
        {"code_verifier": CHALLENGE},
        {"redirect_uri": "https://desk.example/other"},
        {"redirect_uri": ""},
    ],
)
def test_a_code_is_worth_nothing_without_what_belongs_to_it(
    desk: Desk, app_client: Client, changed: dict[str, str]
) -> None:
    code = sent_back(desk, asking(app_client))["code"]
    assert refused(desk, code_form(app_client, code, **changed)) == (400, "invalid_grant")
    assert refused(desk, code_form(app_client, code)) == (400, "invalid_grant")


def test_a_code_is_worth_nothing_to_another_client(desk: Desk, app_client: Client) -> None:
    other, _ = desk.new_client(role="finance", redirect_uris=[BACK], public=True)
    code = sent_back(desk, asking(app_client))["code"]
    assert refused(desk, code_form(other, code)) == (400, "invalid_grant")
    assert desk.token(**code_form(app_client, code))


def test_a_code_ends_after_a_minute(desk: Desk, app_client: Client) -> None:
    code = sent_back(desk, asking(app_client))["code"]
    desk.later(seconds=60)
    assert refused(desk, code_form(app_client, code)) == (400, "invalid_grant")


def test_a_code_used_twice_ends_all_that_came_of_it(desk: Desk, app_client: Client) -> None:
    code = sent_back(desk, asking(app_client))["code"]
    tokens = desk.token(**code_form(app_client, code))
    assert desk.status(tokens["access_token"]) == 200
    assert refused(desk, code_form(app_client, code)) == (400, "invalid_grant")
    assert desk.status(tokens["access_token"]) == 401
    assert refused(desk, refresh_form(app_client, tokens)) == (400, "invalid_grant")


# Refreshing


def refresh_form(client: Client, tokens: dict[str, Any], **changed: str) -> dict[str, str]:
    return {
        "grant_type": "refresh_token",
        "client_id": client.client_id,
        "refresh_token": tokens["refresh_token"],
    } | changed


def test_a_refresh_token_is_used_once_for_the_next_one(desk: Desk, app_client: Client) -> None:
    first = logged_in_tokens(desk, app_client)
    second = desk.token(**refresh_form(app_client, first))
    third = desk.token(**refresh_form(app_client, second))
    assert len({each["refresh_token"] for each in (first, second, third)}) == 3
    assert desk.status(third["access_token"]) == 200


def test_a_stolen_refresh_token_ends_the_session_for_both(desk: Desk, app_client: Client) -> None:
    first = logged_in_tokens(desk, app_client)
    second = desk.token(**refresh_form(app_client, first))
    assert refused(desk, refresh_form(app_client, first)) == (400, "invalid_grant")
    assert refused(desk, refresh_form(app_client, second)) == (400, "invalid_grant")
    assert desk.status(first["access_token"]) == 401
    assert desk.status(second["access_token"]) == 401
    reasons = as_rows(desk, "SELECT revoked_reason FROM gateway.token_session")
    assert reasons == [("refresh token used twice",)]
    desk.later(seconds=2)
    assert desk.status(logged_in_tokens(desk, app_client)["access_token"]) == 200


def test_of_many_uses_at_the_same_time_one_is_the_first(desk: Desk, app_client: Client) -> None:
    tokens = logged_in_tokens(desk, app_client)
    found: list[int] = []

    def use() -> None:
        answer = desk.http.post("/oauth2/token", data=refresh_form(app_client, tokens))
        found.append(answer.status_code)

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200, 400, 400, 400, 400, 400]


def test_a_second_use_waits_for_the_first_to_be_written(desk: Desk, app_client: Client) -> None:
    tokens = logged_in_tokens(desk, app_client)
    terms = {"client_id": app_client.client_id, "at": desk.now, "token_life": timedelta(minutes=10)}
    ended: list[bool] = []

    def second() -> None:
        with desk.connect() as connection, pytest.raises(SessionEnded):
            use_token(connection, tokens["refresh_token"], **terms)
        ended.append(True)

    with desk.connect() as connection, connection.transaction():
        use_token(connection, tokens["refresh_token"], **terms)
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join()
    assert ended


def test_another_client_s_try_does_not_end_the_session(desk: Desk, app_client: Client) -> None:
    other, _ = desk.new_client(role="finance", redirect_uris=[BACK], public=True)
    tokens = logged_in_tokens(desk, app_client)
    assert refused(desk, refresh_form(other, tokens)) == (400, "invalid_grant")
    assert desk.token(**refresh_form(app_client, tokens))


def test_a_refresh_may_ask_for_less_and_not_for_more(desk: Desk, app_client: Client) -> None:
    tokens = logged_in_tokens(desk, app_client)
    less = desk.token(**refresh_form(app_client, tokens, scope="accounts:read"))
    assert less["scope"] == "accounts:read"
    again = desk.token(**refresh_form(app_client, less))
    assert again["scope"] == "accounts:read postings:approve"
    form = refresh_form(app_client, again, scope="postings:propose")
    assert refused(desk, form) == (400, "invalid_scope")


def test_what_a_role_lost_is_lost_at_the_next_refresh(desk: Desk, app_client: Client) -> None:
    tokens = logged_in_tokens(desk, app_client)
    desk.people["person-1"] = Person("person-1", frozenset({"accounts:read"}))
    tokens = desk.token(**refresh_form(app_client, tokens))
    assert tokens["scope"] == "accounts:read"
    del desk.people["person-1"]
    assert refused(desk, refresh_form(app_client, tokens)) == (400, "invalid_grant")


def test_a_refresh_token_ends_when_it_is_not_used(desk: Desk, app_client: Client) -> None:
    tokens = logged_in_tokens(desk, app_client)
    desk.later(hours=72)
    assert refused(desk, refresh_form(app_client, tokens)) == (400, "invalid_grant")


def test_a_session_ends_however_often_it_is_refreshed(desk: Desk, app_client: Client) -> None:
    tokens = logged_in_tokens(desk, app_client)
    for _ in range(14):
        desk.later(hours=50)
        tokens = desk.token(**refresh_form(app_client, tokens))
    desk.later(hours=50)
    assert refused(desk, refresh_form(app_client, tokens)) == (400, "invalid_grant")


def test_no_token_or_code_stands_in_the_database(desk: Desk, app_client: Client) -> None:
    code = sent_back(desk, asking(app_client))["code"]
    tokens = desk.token(**code_form(app_client, code))
    kept = ""
    for table in ("authorization_code", "token_session", "refresh_token", "revoked_token"):
        kept += str(as_rows(desk, f"SELECT to_jsonb(t)::text FROM gateway.{table} t"))
    for secret in (code, tokens["access_token"], tokens["refresh_token"], VERIFIER):
        assert secret not in kept


# Ending and asking


def test_a_client_ends_its_token(desk: Desk) -> None:
    client, secret = desk.new_client()
    token, other = desk.own_token(client, secret), desk.own_token(client, secret)
    headers = {"Authorization": basic(client.client_id, secret)}
    answer = desk.http.post("/oauth2/revoke", data={"token": token}, headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    assert (desk.status(token), desk.status(other)) == (401, 200)


def test_ending_a_refresh_token_ends_the_session(desk: Desk, app_client: Client) -> None:
    tokens = logged_in_tokens(desk, app_client)
    form = {"token": tokens["refresh_token"], "client_id": app_client.client_id}
    assert desk.http.post("/oauth2/revoke", data=form).status_code == 200
    assert desk.status(tokens["access_token"]) == 401
    assert refused(desk, refresh_form(app_client, tokens)) == (400, "invalid_grant")


def test_nobody_ends_another_client_s_token(desk: Desk) -> None:
    token = desk.own_token(*desk.new_client())
    thief, secret = desk.new_client()
    headers = {"Authorization": basic(thief.client_id, secret)}
    answers = [
        desk.http.post("/oauth2/revoke", data={"token": value}, headers=headers).status_code
        for value in (token, "nonsense")
    ]
    assert answers == [200, 200]
    assert desk.status(token) == 200
    assert desk.http.post("/oauth2/revoke", headers=headers, data={"a": "b"}).status_code == 400


def test_a_partner_asks_about_its_own_tokens_and_a_service_about_all(desk: Desk) -> None:
    partner, stranger = desk.new_client(), desk.new_client()
    service = desk.new_client(kind=ClientKind.SERVICE, participants=["*"])
    token = desk.own_token(*partner)

    def asked(client: Client, secret: str) -> dict[str, Any]:
        headers = {"Authorization": basic(client.client_id, secret)}
        answer = desk.http.post("/oauth2/introspect", data={"token": token}, headers=headers)
        content: dict[str, Any] = answer.json()
        return content

    assert asked(*partner)["active"] is True
    assert asked(*service)["sub"] == partner[0].client_id
    assert asked(*stranger) == {"active": False}
    desk.later(seconds=700)
    assert asked(*partner) == {"active": False}


def test_others_verify_tokens_with_the_published_keys(desk: Desk) -> None:
    token = desk.own_token(*desk.new_client())
    published = desk.http.get("/.well-known/jwks.json").json()
    assert all("d" not in key for key in published["keys"])
    claims = jwt.decode(token, KeySet.import_key_set(published), algorithms=["Ed25519"]).claims
    assert (claims["iss"], claims["aud"]) == (ISSUER, "wgi-api")


def test_the_server_describes_itself(desk: Desk) -> None:
    told = desk.http.get("/.well-known/oauth-authorization-server").json()
    assert told["issuer"] == ISSUER
    for name in ("token", "revocation", "introspection", "authorization"):
        path = urlsplit(told[f"{name}_endpoint"]).path
        assert path in desk.http.get("/openapi.json").json()["paths"]
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert "transfers:write" in told["scopes_supported"]
