"""Login: password, then the second factor; and how who is invited gets both.

Forms work without scripts; passkeys need one. What is wrong is said in one sentence, which is the same
for a wrong password, an unknown address and a person who is locked out.
"""

from collections.abc import Mapping
from typing import Any, Final

import psycopg
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from api.contents import as_json
from api.errors import Refusal
from api.identity.browsers import check_own_form, forget, next_page, remember, token_of
from api.identity.endpoints import form_of, identity_of
from api.identity.grants import PersonAccess
from api.identity.pages import (
    asset,
    done,
    keyring_of,
    logged_in,
    note_login,
    onward,
    page,
    see,
    session_of,
    to_login,
)
from api.identity.people_access import LoggedIn
from api.identity.service import Identity
from api.identity.sessions import (
    begin_session,
    end_session,
    find_session,
    may_act,
    needs_second_factor,
)
from api.identity.webauthn_ceremonies import authenticated, authentication_options, relying_party
from api.requests.failures import TooManyFailures, failures_of
from ledger_service.parties.passwords import EnrolmentEnded, PasswordRefused, enrol, verify_password
from ledger_service.parties.people import Person, person_enrolling
from ledger_service.parties.second_factors import use_recovery_code, verify_totp

router = APIRouter(include_in_schema=False)

WRONG: Final = "This is not right, or there were too many attempts. Wait a minute, then try again."


class PasskeyRefused(Refusal):
    """A passkey has not proven who its person is, or could not be added."""

    code = "passkey_refused"

    def __init__(self) -> None:
        super().__init__("the passkey was not accepted: try again")


class PasskeyAnswer(BaseModel):
    """What a browser brings back from an authenticator."""

    credential: dict[str, Any]
    next: str | None = None
    name: str = ""


async def person_of(request: Request) -> PersonAccess | None:
    """Who is logged in at this browser, wholly, and may act (`app.state.person_of`)."""
    session = await session_of(request)
    if session is None or not session.is_whole or not may_act(session.person):
        return None
    return LoggedIn.of(session.person)


@router.get("/login/page.css")
async def style() -> Response:
    """How the pages look."""
    return asset("page.css", "text/css")


@router.get("/login/page.js")
async def script() -> Response:
    """Passkeys."""
    return asset("page.js", "text/javascript")


@router.get("/login")
async def login_page(request: Request, next: str | None = None) -> Response:
    """The first step; whoever is logged in goes on."""
    session = await session_of(request)
    if session is not None and session.is_whole:
        return onward(next_page(next), issuer=identity_of(request).settings.issuer)
    return _login_page(next_page(next))


@router.post("/login")
async def log_in(request: Request) -> Response:
    """Address and password."""
    issuer = identity_of(request).settings.issuer
    check_own_form(request)
    form, keyring = await form_of(request), keyring_of(request)
    email, password = form.get("email", ""), form.get("password", "")
    lead, before = next_page(form.get("next")), token_of(request, issuer)
    try:
        await failures_of(request).check(request)
    except TooManyFailures as error:
        return _login_page(lead, email=email, wrong=str(error), status=error.status)

    def work(connection: psycopg.Connection, identity: Identity) -> tuple[Person, str] | None:
        at = identity.now()
        person = verify_password(connection, email, password, keyring=keyring, at=at)
        if person is None:
            return None
        if before and (old := find_session(connection, before, at=at)):
            end_session(connection, old, at=at)
        return person, _begun(connection, person, identity)

    found = await done(request, work)
    if found is None:
        await failures_of(request).failed(request)
        return _login_page(lead, email=email, wrong=WRONG, status=401)
    return _after_password(found[0], found[1], lead, issuer=issuer)


@router.get("/login/factor")
async def factor_page(request: Request, next: str | None = None) -> Response:
    """The second step."""
    return await _factor_page(request, next_page(next))


@router.post("/login/factor")
async def give_factor(request: Request) -> Response:
    """A code of an app, or a recovery code."""
    issuer = identity_of(request).settings.issuer
    check_own_form(request)
    form, keyring = await form_of(request), keyring_of(request)
    lead, code, session = next_page(form.get("next")), form.get("code", ""), await session_of(request)
    method = "recovery_code" if form.get("kind") == "recovery_code" else "totp"
    if session is None or session.is_whole:
        return to_login(lead)
    subject = session.person.subject

    def work(connection: psycopg.Connection, identity: Identity) -> str | None:
        at = identity.now()
        if method == "totp":
            proven = verify_totp(connection, subject, code, keyring=keyring, at=at)
        else:
            proven = use_recovery_code(connection, subject, code, at=at)
        return logged_in(connection, session, method, identity) if proven else None

    token = await done(request, work)
    if token is None:
        return await _factor_page(request, lead, wrong=WRONG)
    return onward(lead, token, issuer=issuer)


@router.post("/login/passkey/options")
async def passkey_options(request: Request) -> Mapping[str, Any]:
    """What a browser needs to ask for a passkey."""
    issuer = identity_of(request).settings.issuer
    check_own_form(request)
    session, party = await session_of(request), relying_party(issuer)
    if session is None or session.is_whole or party is None or not session.person.passkeys:
        raise PasskeyRefused
    return await done(
        request, lambda connection, _: authentication_options(connection, session, party=party)
    )


@router.post("/login/passkey")
async def give_passkey(request: Request, given: PasskeyAnswer) -> Response:
    """A passkey's answer."""
    issuer = identity_of(request).settings.issuer
    check_own_form(request)
    session, party = await session_of(request), relying_party(issuer)
    if session is None or session.is_whole or party is None:
        raise PasskeyRefused

    def work(connection: psycopg.Connection, identity: Identity) -> str | None:
        proven = authenticated(
            connection,
            session,
            given.credential,
            party=party,
            at=identity.now(),
        )
        return logged_in(connection, session, "passkey", identity) if proven else None

    token = await done(request, work)
    if token is None:
        raise PasskeyRefused
    return leading_on(next_page(given.next), token, issuer=issuer)


@router.get("/enrol")
async def enrol_page(request: Request, token: str = "") -> Response:
    """For who was invited."""
    return await _enrol_page(request, token)


@router.post("/enrol")
async def choose_password(request: Request) -> Response:
    """The password that somebody invited has chosen."""
    issuer = identity_of(request).settings.issuer
    check_own_form(request)
    form, keyring = await form_of(request), keyring_of(request)
    token, password = form.get("token", ""), form.get("password", "")
    if password != form.get("again", ""):
        return await _enrol_page(request, token, wrong="The two are not the same.")

    def work(connection: psycopg.Connection, identity: Identity) -> tuple[Person, str]:
        person = enrol(connection, token, password, keyring=keyring, at=identity.now())
        return person, _begun(connection, person, identity)

    try:
        person, cookie = await done(request, work)
    except PasswordRefused as error:
        return await _enrol_page(request, token, wrong=f"Choose another one: {error}.")
    except EnrolmentEnded:
        return await _enrol_page(request, token)
    return _after_password(person, cookie, next_page(None), issuer=issuer)


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """End the session of this browser."""
    issuer = identity_of(request).settings.issuer
    check_own_form(request)
    if (session := await session_of(request)) is not None:
        await done(
            request, lambda connection, identity: end_session(connection, session, at=identity.now())
        )
    answer = see("/login")
    forget(answer, issuer=issuer)
    return answer


def leading_on(path: str, token: str | None, *, issuer: str) -> Response:
    """To a script: where to go on."""
    answer = as_json({"next": path})
    if token is not None:
        remember(answer, token, issuer=issuer)
    return answer


def _begun(connection: psycopg.Connection, person: Person, identity: Identity) -> str:
    """A session after the password: whole where nothing more is asked of this person."""
    whole = not needs_second_factor(person)
    if whole:
        note_login(connection, person, ("password",))
    return begin_session(connection, person, ("password",), at=identity.now(), whole=whole)


def _after_password(person: Person, token: str, lead: str, *, issuer: str) -> Response:
    if not needs_second_factor(person):
        return onward(lead, token, issuer=issuer)
    answer = see("/login/factor" if person.has_second_factor else "/account/factors", next_page=lead)
    remember(answer, token, issuer=issuer)
    return answer


def _login_page(lead: str, *, email: str = "", wrong: str = "", status: int = 200) -> Response:
    return page("login", title="Log in", next=lead, email=email, wrong=wrong, status=status)


async def _factor_page(request: Request, lead: str, *, wrong: str = "") -> Response:
    session = await session_of(request)
    if session is None or session.is_whole:
        return to_login(lead)
    if not session.person.has_second_factor:
        return see("/account/factors", next_page=lead)
    offered = relying_party(identity_of(request).settings.issuer) is not None
    return page(
        "factor",
        title="Your second factor",
        status=401 if wrong else 200,
        wrong=wrong,
        next=lead,
        has_totp=session.person.has_totp,
        has_passkeys=offered and session.person.passkeys > 0,
    )


async def _enrol_page(request: Request, token: str, *, wrong: str = "") -> Response:
    identity, keyring = identity_of(request), keyring_of(request)
    person = await identity.read(
        lambda connection: person_enrolling(connection, token, at=identity.now())
    )
    if person is None:
        ended = f"{str(EnrolmentEnded()).capitalize()}."
        return page("ended", title="This link does not count any more", status=410, wrong=ended)
    return page(
        "enrol",
        title="Welcome",
        status=422 if wrong else 200,
        wrong=wrong,
        token=token,
        name=person.name(keyring),
        email=person.email(keyring),
    )
