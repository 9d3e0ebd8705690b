"""Login as browsers do it without scripts: password, second factor, back to the client with a code."""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import polars as pl
import pyotp
import pytest
from limits.aio.storage import MemoryStorage

from api.identity.login import person_of
from api.identity.people_access import access_of
from api.requests.failures import Failures
from ledger_service.ledger.books import register_participants
from ledger_service.parties.clients import Client, ClientKind
from ledger_service.parties.people import NewPerson, disable_person, new_person, reset_mfa
from ledger_service.runtime.audit import audit_events
from ledger_service.runtime.database import Server
from tests.api.identity.desk_app import ISSUER, OPS, Desk, open_desk

ADDRESS: Final = "clerk@wgi.example"
PASSWORD: Final = "a lorry full of mangoes"  # noqa: S105  # of the tests
WRONG: Final = "not the one"
SHORT: Final = "too short"
VERIFIER: Final = "v" * 43
CHALLENGE: Final = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BACK: Final = "https://desk.example/back"
OURS: Final = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def desk(ledger_database: Server) -> Iterator[Desk]:
    """The desk, at which people of the registry log in."""
    with open_desk(ledger_database) as desk:
        desk.http.app.state.person_of = person_of  # type: ignore[attr-defined]  # under test
        desk.identity.desk = replace(desk.identity.desk, person_by_subject=access_of)
        yield desk


def invited(desk: Desk, **terms: Any) -> str:
    new = NewPerson(**({"email": ADDRESS, "name": "A Clerk", "role": "finance"} | terms))
    with desk.connect() as connection:
        _, token = new_person(connection, new, keyring=desk.keyring, by=OPS, at=desk.now)
    return token


def post(desk: Desk, path: str, headers: dict[str, str] = OURS, **form: str) -> httpx.Response:
    return desk.http.post(path, data=form, headers=headers)


def said(answer: httpx.Response) -> str:
    found = re.search(r'role="alert"[^>]*>([^<]*)<', answer.text)
    return found[1] if found else ""


def leads(answer: httpx.Response) -> str:
    """Where a page leads on by itself."""
    found = re.search(r'content="0;url=([^"]*)"', answer.text)
    assert found is not None, answer.text
    return found[1].replace("&amp;", "&")


def enrolled(desk: Desk, **terms: Any) -> pyotp.TOTP:
    """A person with a password and an app, logged in."""
    token = invited(desk, **terms)
    chosen = post(desk, "/enrol", token=token, password=PASSWORD, again=PASSWORD)
    assert chosen.headers["location"] == "/account/factors?next=%2Faccount"
    shown = desk.http.get("/account/factors").text
    secret = re.search(r"Key: <code>([A-Z2-7 ]+)</code>", shown)
    assert secret is not None
    assert "<svg" in shown
    app = pyotp.TOTP(secret[1].replace(" ", ""))
    confirmed = post(desk, "/account/totp", code=app.at(desk.now), next="/account")
    assert leads(confirmed) == "/account/recovery-codes?next=%2Faccount"
    desk.later(minutes=1)
    return app


def logged_out(desk: Desk) -> None:
    assert post(desk, "/logout").headers["location"] == "/login"


def authorize(client: Client) -> str:
    asked = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": BACK,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return f"/oauth2/authorize?{urlencode(asked)}"


def office(desk: Desk) -> Client:
    """A client that finance's people use."""
    terms = {"kind": ClientKind.SERVICE, "participants": ["*"], "role": "finance", "tenant": "live"}
    return desk.new_client(**terms, redirect_uris=[BACK], public=True)[0]


def code_of(answer: httpx.Response) -> str:
    assert answer.headers["location"].startswith(BACK), answer.headers
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def test_a_person_goes_from_a_client_through_the_login_back_with_a_code_for_tokens(desk: Desk) -> None:
    client = office(desk)
    app = enrolled(desk)
    logged_out(desk)
    sent = desk.http.get(authorize(client)).headers["location"]
    assert sent.startswith("/login?next=")
    lead = parse_qs(urlsplit(sent).query)["next"][0]
    assert desk.http.get(sent).status_code == 200
    second = post(desk, "/login", email=ADDRESS.upper(), password=PASSWORD, next=lead)
    assert second.headers["location"].startswith("/login/factor?next=%2Foauth2%2Fauthorize")
    assert desk.http.get(lead).headers["location"].startswith("/login"), "half a login is none"
    done = post(desk, "/login/factor", kind="totp", code=app.at(desk.now), next=lead)
    assert leads(done) == lead == authorize(client)
    code = code_of(desk.http.get(leads(done)))
    tokens = desk.token(
        grant_type="authorization_code",
        client_id=client.client_id,
        code=code,
        redirect_uri=BACK,
        code_verifier=VERIFIER,
    )
    assert "postings:approve" in tokens["scope"]
    who = desk.http.get("/v1/who", headers={"Authorization": f"Bearer {tokens['access_token']}"}).json()
    assert (who["kind"], who["tenant"]) == ("person", "live")


def test_staff_without_a_second_factor_gets_nowhere_but_to_one(desk: Desk) -> None:
    token = invited(desk)
    post(desk, "/enrol", token=token, password=PASSWORD, again=PASSWORD)
    logged_out(desk)
    answer = post(desk, "/login", email=ADDRESS, password=PASSWORD)
    assert answer.headers["location"].startswith("/account/factors")
    for page in ("/account", "/account/recovery-codes"):
        assert desk.http.get(page).headers["location"].startswith("/login")
    assert desk.http.get(authorize(office(desk))).headers["location"].startswith("/login")


def test_a_password_alone_adds_no_factor_where_there_is_one(desk: Desk) -> None:
    enrolled(desk)
    logged_out(desk)
    post(desk, "/login", email=ADDRESS, password=PASSWORD)
    assert desk.http.get("/account/factors").headers["location"].startswith("/login")
    answer = desk.http.post("/account/passkey/options", json={}, headers=OURS)
    assert (answer.status_code, answer.json()["code"]) == (422, "passkey_refused")


def test_a_developer_may_log_in_by_password_alone_until_they_have_a_factor(desk: Desk) -> None:
    fintech = {"participant_id": "KE-F01", "name": "Fintech", "kind": "fintech", "country": "KE"}
    fintech |= {"home_currency": "KES"}
    frame = pl.DataFrame([fintech]).with_columns(bic=pl.lit(None, pl.String), has_book=True)
    with desk.connect() as connection:
        register_participants(connection, frame)
    developer = {"role": "fintech_developer", "participants": ["KE-F01"]}
    token = invited(desk, **developer)
    assert leads(post(desk, "/enrol", token=token, password=PASSWORD, again=PASSWORD)) == "/account"
    assert "A Clerk" in desk.http.get("/account").text


@pytest.mark.parametrize(
    ("email", "password"), [(ADDRESS, "another password"), ("nobody@wgi.example", PASSWORD), ("", "")]
)
def test_what_is_wrong_is_one_sentence_whatever_it_is(desk: Desk, email: str, password: str) -> None:
    enrolled(desk)
    logged_out(desk)
    answer = post(desk, "/login", email=email, password=password)
    assert answer.status_code == 401
    assert said(answer).startswith("This is not right")
    assert "wgi_session" not in answer.headers.get("set-cookie", "")


def test_a_code_counts_once_and_a_recovery_code_does_instead(desk: Desk) -> None:
    app = enrolled(desk)
    codes = re.findall(
        r"<code>([0-9a-z-]{19})</code>", post(desk, "/account/recovery-codes", next="/account").text
    )
    assert len(codes) == 10
    used = app.at(desk.now)
    for attempt, right in ((used, True), (used, False)):
        logged_out(desk)
        post(desk, "/login", email=ADDRESS, password=PASSWORD)
        answer = post(desk, "/login/factor", kind="totp", code=attempt)
        assert (answer.status_code == 200) == right
    for right in (True, False):
        logged_out(desk)
        post(desk, "/login", email=ADDRESS, password=PASSWORD)
        answer = post(desk, "/login/factor", kind="recovery_code", code=codes[3].upper())
        assert (answer.status_code == 200) == right


def test_too_many_wrong_attempts_lock_the_right_password_out(desk: Desk) -> None:
    enrolled(desk)
    logged_out(desk)
    for _ in range(5):
        post(desk, "/login", email=ADDRESS, password=WRONG)
    assert post(desk, "/login", email=ADDRESS, password=PASSWORD).status_code == 401
    desk.later(minutes=2)
    assert post(desk, "/login", email=ADDRESS, password=PASSWORD).status_code == 303


def test_an_address_that_is_wrong_too_often_waits(desk: Desk) -> None:
    desk.http.app.state.failures = Failures(MemoryStorage(), rate="2/hour")  # type: ignore[attr-defined]  # under test
    answers = [post(desk, "/login", email="x@wgi.example", password=WRONG) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert "Too many wrong attempts" in said(answers[-1])


def test_each_step_changes_the_cookie_and_the_one_before_is_worth_nothing(desk: Desk) -> None:
    app = enrolled(desk)
    logged_out(desk)
    desk.http.cookies.set("__Host-wgi_session", "chosen-by-an-attacker", domain="api.wgi.example")
    post(desk, "/login", email=ADDRESS, password=PASSWORD)
    half = desk.http.cookies["__Host-wgi_session"]
    assert half != "chosen-by-an-attacker"
    answer = post(desk, "/login/factor", kind="totp", code=app.at(desk.now))
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "Secure" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]
    assert desk.http.get("/account").status_code == 200
    desk.http.cookies.clear()
    desk.http.cookies.set("__Host-wgi_session", half)
    assert desk.http.get("/account").headers["location"].startswith("/login")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
     {"Origin": "https://evil.example"}, {"Origin": "null"}],
)  # fmt: skip
@pytest.mark.parametrize(
    "path", ["/login", "/login/factor", "/enrol", "/logout", "/logout/everywhere", "/account/totp",
             "/account/password", "/account/recovery-codes"],
)  # fmt: skip
def test_a_form_of_another_site_is_refused(desk: Desk, path: str, headers: dict[str, str]) -> None:
    answer = post(desk, path, headers, email=ADDRESS, password=PASSWORD, token=WRONG)
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_form")


def test_an_origin_of_our_own_does_where_the_browser_says_no_more(desk: Desk) -> None:
    assert post(desk, "/login", {"Origin": ISSUER}, email="x", password=WRONG).status_code == 401


@pytest.mark.parametrize(
    "lead",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/account\nLocation: x",
     "/v1/accounts", "/oauth2/authorize", "javascript:alert(1)", "/accountant//evil",
     "/account/" + "a" * 5_000],
)  # fmt: skip
def test_a_login_leads_to_no_page_but_ours(desk: Desk, lead: str) -> None:
    enrolled(desk)
    answer = desk.http.get("/login", params={"next": lead})
    assert leads(answer) == "/account"


def test_a_session_ends_with_idleness_and_after_half_a_day(desk: Desk) -> None:
    enrolled(desk)
    for _ in range(25):
        desk.later(minutes=28)
        assert desk.http.get("/account").status_code == 200
    desk.later(minutes=31)
    assert desk.http.get("/account").status_code == 303
    enrolled(desk, email="other@wgi.example")
    for _ in range(26):
        desk.later(minutes=28)
        last = desk.http.get("/account").status_code
    assert last == 303


def test_who_is_disabled_is_out_at_once(desk: Desk) -> None:
    client = office(desk)
    enrolled(desk)
    code = code_of(desk.http.get(authorize(client)))
    form = {"grant_type": "authorization_code", "client_id": client.client_id, "code": code}
    form |= {"redirect_uri": BACK, "code_verifier": VERIFIER}
    with desk.connect() as connection:
        row = connection.execute("SELECT subject FROM gateway.person").fetchone()
        assert row is not None
        disable_person(connection, row[0], by=OPS, at=desk.now)
    assert desk.http.get("/account").status_code == 303
    assert desk.http.post("/oauth2/token", data=form).json()["error"] == "invalid_grant"


def test_a_reset_ends_the_session_and_the_new_link_enrols_anew(desk: Desk) -> None:
    enrolled(desk)
    with desk.connect() as connection:
        row = connection.execute("SELECT subject FROM gateway.person").fetchone()
        assert row is not None
        token = reset_mfa(connection, row[0], by=OPS, at=desk.now)
    assert desk.http.get("/account").status_code == 303
    assert "A Clerk" in desk.http.get("/enrol", params={"token": token}).text
    for again, wrong in ((PASSWORD, "not the same"), (SHORT, "12 to 128")):
        answer = post(desk, "/enrol", token=token, password=SHORT, again=again)
        assert wrong in said(answer)
    assert post(desk, "/enrol", token=token, password=PASSWORD, again=PASSWORD).status_code == 303
    ended = desk.http.get("/enrol", params={"token": token})
    assert ended.status_code == 410
    assert "used already" in said(ended)


def test_another_password_logs_other_browsers_out(desk: Desk) -> None:
    app = enrolled(desk)
    here = dict(desk.http.cookies)
    desk.http.cookies.clear()
    post(desk, "/login", email=ADDRESS, password=PASSWORD)
    post(desk, "/login/factor", kind="totp", code=app.at(desk.now))
    chosen = "a bus full of pineapples"
    for now, new, wrong in (
        ("not it", chosen, "This is not right"),
        (PASSWORD, "password1234", "among the first"),
        (PASSWORD, chosen, ""),
    ):
        assert said(post(desk, "/account/password", password=now, chosen=new)).find(wrong) >= 0
    assert desk.http.get("/account").status_code == 200
    desk.http.cookies.clear()
    desk.http.cookies.update(here)
    assert desk.http.get("/account").status_code == 303
    assert post(desk, "/login", email=ADDRESS, password=PASSWORD).status_code == 401
    assert post(desk, "/login", email=ADDRESS, password=chosen).status_code == 303


def test_logging_out_everywhere_ends_sessions_and_tokens(desk: Desk) -> None:
    client = office(desk)
    enrolled(desk)
    tokens = desk.token(
        grant_type="authorization_code",
        client_id=client.client_id,
        code=code_of(desk.http.get(authorize(client))),
        redirect_uri=BACK,
        code_verifier=VERIFIER,
    )
    assert desk.status(tokens["access_token"]) == 200
    here = dict(desk.http.cookies)
    post(desk, "/logout/everywhere")
    desk.http.cookies.update(here)
    assert desk.http.get("/account").status_code == 303
    assert desk.status(tokens["access_token"]) == 401
    refresh = {"grant_type": "refresh_token", "client_id": client.client_id}
    again = desk.http.post("/oauth2/token", data=refresh | {"refresh_token": tokens["refresh_token"]})
    assert again.json()["error"] == "invalid_grant"


def test_logins_are_audited_with_their_methods(desk: Desk) -> None:
    app = enrolled(desk)
    logged_out(desk)
    post(desk, "/login", email=ADDRESS, password=PASSWORD)
    post(desk, "/login/factor", kind="totp", code=app.at(desk.now))
    with desk.connect() as connection:
        acts = audit_events(connection, act="person.logged_in")
    assert [act.details for act in acts] == ['{"methods": ["password", "totp"]}'] * 2


def test_pages_escape_what_people_are_called(desk: Desk) -> None:
    token = invited(desk, name="<script>alert(1)</script>")
    shown = desk.http.get("/enrol", params={"token": token}).text
    assert "&lt;script&gt;" in shown
    assert "<script>alert" not in shown
