"""Every route of the gateway asks for a scope of the table, and lets nobody in without it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from api.app import create_app
from api.identity.caller import Caller, Unauthenticated
from ledger_service.parties.access import access

OPEN: Final = {("GET", "/v1/health")}
"""Routes below /v1 that anybody may ask."""
EXAMPLE: Final = "019ab0c1-7d6e-7c11-8000-000000000001"
VERBS: Final = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True)
class Guarded:
    """A route, and the scope that its documentation names."""

    method: str
    path: str
    scopes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def example(self) -> str:
        return re.sub(r"\{[^}]*\}", EXAMPLE, self.path)


def routes(app: FastAPI) -> list[Guarded]:
    return [
        Guarded(verb.upper(), path, tuple(scopes_of(operations[verb])))
        for path, operations in app.openapi()["paths"].items()
        for verb in VERBS
        if verb in operations and path.startswith("/v1/") and (verb.upper(), path) not in OPEN
    ]


def scopes_of(operation: dict[str, list[dict[str, list[str]]]]) -> set[str]:
    return {scope for way in operation.get("security", []) for scope in way.get("OAuth2", [])}


async def authenticate(token: str) -> Caller:
    """A token here is the list of its scopes."""
    if token == "ended":  # noqa: S105  # no secret
        raise Unauthenticated
    scopes = frozenset(token.split(","))
    return Caller("client_1", "person_1", "person", "live", scopes, frozenset({"*"}))


APP: Final = create_app(authenticate=authenticate)
ROUTES: Final = routes(APP)
EACH: Final = pytest.mark.parametrize("route", ROUTES, ids=str)


@pytest.fixture(scope="module")
def http() -> Iterator[TestClient]:
    """The gateway without its books: who is let in finds nothing there, and nothing has an effect."""
    with capture_logs():  # of failures for want of books, whose tracebacks take seconds to draw
        yield TestClient(APP, raise_server_exceptions=False)


def asked(http: TestClient, route: Guarded, token: str | None) -> tuple[int, str]:
    headers = {"Idempotency-Key": "k"} | ({"Authorization": f"Bearer {token}"} if token else {})
    body = {} if route.method in {"POST", "PUT", "PATCH"} else None
    answer = http.request(route.method, route.example, headers=headers, json=body)
    kind = answer.headers.get("content-type", "")
    return answer.status_code, answer.json().get("code", "") if "json" in kind else ""


def test_there_are_routes() -> None:
    assert len(ROUTES) >= 10


@EACH
def test_a_route_asks_for_one_scope_of_the_table(route: Guarded) -> None:
    assert len(route.scopes) == 1
    assert route.scopes[0] in access().scopes


@EACH
def test_without_a_token_nobody_is_let_in(http: TestClient, route: Guarded) -> None:
    assert asked(http, route, None) == (401, "unauthenticated")
    assert asked(http, route, "ended") == (401, "unauthenticated")


@EACH
def test_every_other_scope_together_does_not_do(http: TestClient, route: Guarded) -> None:
    others = ",".join(sorted(access().scopes.keys() - set(route.scopes)))
    assert asked(http, route, others) == (403, "scope_missing")


@pytest.mark.parametrize("role", list(access().roles))
@EACH
def test_a_role_passes_where_it_has_the_scope_and_nowhere_else(
    http: TestClient, route: Guarded, role: str
) -> None:
    scopes = access().roles[role].scopes
    status, code = asked(http, route, ",".join(sorted(scopes)))
    refused = status == 401 or code == "scope_missing"
    assert refused == (not set(route.scopes) <= scopes)


def test_what_anybody_may_ask_is_named_here() -> None:
    documented = APP.openapi()["paths"]
    for method, path in OPEN:
        assert path not in documented or not scopes_of(documented[path][method.lower()])
