"""Pages of login and account: what they are made of, and what every one of them needs of a request."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

import psycopg
from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.identity.browsers import remember, token_of
from api.identity.endpoints import LOGIN_PAGE, identity_of
from api.identity.service import Identity
from api.identity.sessions import LoginSession, completed_session, find_session
from ledger_service.parties.attempts import clear_failures
from ledger_service.parties.clients import Actor
from ledger_service.parties.people import Person
from ledger_service.runtime.encryption import Keyring

T = TypeVar("T")

FOLDER: Final = Path(__file__).with_name("templates")
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_HEADERS: Final = {"Referrer-Policy": "same-origin"}
"""So that browsers say where a form was sent from."""


def page(
    template: str, /, *, title: str, status: int = 200, wrong: str = "", **content: object
) -> HTMLResponse:
    """A page, with `wrong` said aloud where something was."""
    text = _TEMPLATES.get_template(f"{template}.html").render(title=title, wrong=wrong, **content)
    return HTMLResponse(text, status, _HEADERS)


def onward(next_page: str, token: str | None = None, *, issuer: str) -> HTMLResponse:
    """A page that leads on by itself: browsers apply `form-action` to redirects of a form as well."""
    answer = page("onward", title="You are logged in", next=next_page)
    if token is not None:
        remember(answer, token, issuer=issuer)
    return answer


def see(path: str, *, next_page: str | None = None) -> RedirectResponse:
    """Another page of ours."""
    query = f"?next={quote(next_page, safe='')}" if next_page else ""
    return RedirectResponse(path + query, 303)


def to_login(next_page: str) -> RedirectResponse:
    """Log in first."""
    return see(LOGIN_PAGE, next_page=next_page)


def keyring_of(request: Request) -> Keyring:
    """The keys of personal data."""
    keyring: Keyring = request.app.state.keyring
    return keyring


async def session_of(request: Request) -> LoginSession | None:
    """The browser's session, where it has one that is not over."""
    identity = identity_of(request)
    token = token_of(request, identity.settings.issuer)
    if token is None:
        return None
    return await identity.read(lambda connection: find_session(connection, token, at=identity.now()))


async def done(request: Request, work: Callable[[psycopg.Connection, Identity], T]) -> T:
    """Do `work` in one transaction, where secrets are hashed."""
    identity = identity_of(request)
    return await identity.run(lambda connection: work(connection, identity))


def logged_in(
    connection: psycopg.Connection, session: LoginSession, method: str, identity: Identity
) -> str | None:
    """Complete a login by a second factor: the new token, None where another request was faster."""
    token = completed_session(connection, session, method, at=identity.now())
    if token is not None:
        note_login(connection, session.person, (*session.methods, method))
    return token


def note_login(connection: psycopg.Connection, person: Person, methods: tuple[str, ...]) -> None:
    """What follows a whole login: failures are forgotten, and it is audited."""
    clear_failures(connection, person.subject)
    details = {"methods": list(methods)}
    Actor(person.subject).record(connection, "person.logged_in", person.subject, details)


def asset(name: str, media_type: str) -> Response:
    """The style or the script of the pages."""
    return Response((FOLDER / name).read_bytes(), media_type=media_type)
