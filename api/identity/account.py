"""A person's own account: second factors, recovery codes, the password, the end of sessions.

Factors are added by whoever is logged in wholly, or has none yet: so staff gets its first one.
"""

from collections.abc import Mapping
from typing import Any

import psycopg
import segno
from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from api.identity.browsers import START, check_own_form, forget, next_page
from api.identity.endpoints import form_of, identity_of
from api.identity.login import WRONG, PasskeyAnswer, PasskeyRefused, leading_on
from api.identity.pages import done, keyring_of, logged_in, onward, page, see, session_of, to_login
from api.identity.revocation import revoke_subject
from api.identity.service import Identity
from api.identity.sessions import LoginSession, end_sessions
from api.identity.webauthn_ceremonies import registered, registration_options, relying_party
from ledger_service.parties.clients import Actor
from ledger_service.parties.passwords import PasswordRefused, set_password, verify_password
from ledger_service.parties.second_factors import (
    confirm_totp,
    new_recovery_codes,
    passkeys,
    totp_secret,
    totp_uri,
)

router = APIRouter(include_in_schema=False)


@router.get(START)
async def account_page(request: Request) -> Response:
    """Who is logged in, and what they log in with."""
    session = await session_of(request)
    if session is None or not session.is_whole:
        return to_login(START)
    return await _account_page(request, session)


@router.get("/account/factors")
async def factors_page(request: Request, next: str | None = None) -> Response:
    """What can be added."""
    session = await session_of(request)
    if session is None or not session.may_enrol:
        return to_login(next_page(next))
    return await _factors_page(request, session, next_page(next))


@router.post("/account/totp")
async def add_app(request: Request) -> Response:
    """The first code of an authenticator app."""
    issuer = identity_of(request).settings.issuer
    check_own_form(request)
    form, keyring, session = await form_of(request), keyring_of(request), await session_of(request)
    lead, code = next_page(form.get("next")), form.get("code", "")
    if session is None or not session.may_enrol:
        return to_login(lead)
    subject = session.person.subject

    def work(connection: psycopg.Connection, identity: Identity) -> tuple[bool, str | None]:
        if not confirm_totp(connection, subject, code, keyring=keyring, at=identity.now()):
            return False, None
        return True, _whole(connection, session, "totp", identity)

    confirmed, token = await done(request, work)
    if not confirmed:
        return await _factors_page(request, session, lead, wrong=WRONG)
    return onward(_after_factor(session, lead), token, issuer=issuer)


@router.post("/account/passkey/options")
async def passkey_options(request: Request) -> Mapping[str, Any]:
    """What a browser needs to make a passkey."""
    issuer = identity_of(request).settings.issuer
    check_own_form(request)
    session, party = await session_of(request), relying_party(issuer)
    if session is None or not session.may_enrol or party is None:
        raise PasskeyRefused
    email, name = (of(keyring_of(request)) for of in (session.person.email, session.person.name))
    return await done(
        request,
        lambda connection, _: registration_options(
            connection, session, party=party, email=email, name=name
        ),
    )


@router.post("/account/passkey")
async def add_passkey(request: Request, given: PasskeyAnswer) -> Response:
    """The passkey that a browser made."""
    issuer = identity_of(request).settings.issuer
    check_own_form(request)
    session, party = await session_of(request), relying_party(issuer)
    if session is None or not session.may_enrol or party is None:
        raise PasskeyRefused

    def work(connection: psycopg.Connection, identity: Identity) -> tuple[bool, str | None]:
        kept = registered(
            connection,
            session,
            given.credential,
            party=party,
            name=given.name,
            at=identity.now(),
        )
        return kept, _whole(connection, session, "passkey", identity) if kept else None

    kept, token = await done(request, work)
    if not kept:
        raise PasskeyRefused
    lead = _after_factor(session, next_page(given.next))
    return leading_on(lead, token, issuer=issuer)


@router.get("/account/recovery-codes")
async def recovery_codes_page(request: Request, next: str | None = None) -> Response:
    """What they are for."""
    session, lead = await session_of(request), next_page(next)
    if session is None or not session.is_whole:
        return to_login(lead)
    return page("recovery_codes", title="Recovery codes", codes=[], next=lead)


@router.post("/account/recovery-codes")
async def make_recovery_codes(request: Request) -> Response:
    """Ten of them, shown this once."""
    check_own_form(request)
    form, session = await form_of(request), await session_of(request)
    lead = next_page(form.get("next"))
    if session is None or not session.is_whole:
        return to_login(lead)
    subject = session.person.subject
    codes = await done(request, lambda connection, _: new_recovery_codes(connection, subject))
    return page("recovery_codes", title="Your recovery codes", codes=codes, next=lead)


@router.post("/account/password")
async def change_password(request: Request) -> Response:
    """Another password; other browsers are logged out."""
    check_own_form(request)
    form, keyring, session = await form_of(request), keyring_of(request), await session_of(request)
    if session is None or not session.is_whole:
        return to_login(START)
    now, chosen, email = form.get("password", ""), form.get("chosen", ""), session.person.email(keyring)

    def work(connection: psycopg.Connection, identity: Identity) -> bool:
        at = identity.now()
        person = verify_password(connection, email, now, keyring=keyring, at=at)
        if person is None:
            return False
        set_password(connection, person, chosen, keyring=keyring, at=at)
        end_sessions(connection, person.subject, at=at, but=session)
        return True

    try:
        changed = await done(request, work)
    except PasswordRefused as error:
        return await _account_page(request, session, wrong=f"Choose another one: {error}.")
    if not changed:
        return await _account_page(request, session, wrong=WRONG)
    told = "The password is changed; other browsers are logged out."
    return await _account_page(request, session, told=told)


@router.post("/logout/everywhere")
async def log_out_everywhere(request: Request) -> Response:
    """End all sessions of the person, and all tokens with which programs act for them."""
    identity = identity_of(request)
    check_own_form(request)
    session = await session_of(request)
    answer = see("/login")
    forget(answer, issuer=identity.settings.issuer)
    if session is None or not session.is_whole:
        return answer
    subject = session.person.subject

    def work(connection: psycopg.Connection, identity: Identity) -> None:
        at, life = identity.now(), identity.desk.token_life
        end_sessions(connection, subject, at=at)
        reason = "the person logged out everywhere"
        revoke_subject(connection, subject, at=at, token_life=life, reason=reason)
        Actor(subject).record(connection, "person.logged_out", subject, {})

    await done(request, work)
    identity.note_revoked(subject)
    return answer


def _whole(
    connection: psycopg.Connection, session: LoginSession, method: str, identity: Identity
) -> str | None:
    """The token of a login that the factor just added completes; None where it was whole before."""
    return None if session.is_whole else logged_in(connection, session, method, identity)


def _after_factor(session: LoginSession, lead: str) -> str:
    """Who has their first factor is offered recovery codes."""
    if session.person.has_second_factor:
        return lead
    return see(f"{START}/recovery-codes", next_page=lead).headers["location"]


async def _factors_page(
    request: Request, session: LoginSession, lead: str, *, wrong: str = ""
) -> Response:
    keyring, person = keyring_of(request), session.person
    content: dict[str, object] = {"secret": "", "uri": "", "qr": ""}
    if not person.has_totp:
        secret = await done(
            request, lambda connection, _: totp_secret(connection, person.subject, keyring=keyring)
        )
        uri = totp_uri(secret, email=person.email(keyring))
        drawn = segno.make(uri, error="m").svg_inline(scale=5, border=2)
        spaced = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
        content = {"secret": spaced, "uri": uri, "qr": Markup(drawn)}  # noqa: S704  # the library's own
    return page(
        "factors",
        title="Your second factor" if not session.is_whole else "Add a second factor",
        status=401 if wrong else 200,
        wrong=wrong,
        next=lead,
        needed=not session.is_whole,
        passkeys_offered=relying_party(identity_of(request).settings.issuer) is not None,
        **content,
    )


async def _account_page(
    request: Request, session: LoginSession, *, wrong: str = "", told: str = ""
) -> Response:
    person, keyring = session.person, keyring_of(request)
    kept = await identity_of(request).read(lambda connection: passkeys(connection, person.subject))
    factors = [f"{key.name}, since {key.created_at:%Y-%m-%d}" for key in kept]
    return page(
        "account",
        title="Your account",
        status=422 if wrong else 200,
        wrong=wrong,
        done=told,
        name=person.name(keyring),
        email=person.email(keyring),
        role=person.role.replace("_", " "),
        factors=[*(["Authenticator app"] if person.has_totp else []), *factors],
    )
