"""An application with nothing but identity, on a real ledger database, whose clock a test moves."""

import os
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from limits.aio.storage import MemoryStorage
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from api.books import Books
from api.errors import register_error_handlers
from api.idempotency.keys import KeysAtWork
from api.identity.account import router as account
from api.identity.caller import Caller, require
from api.identity.client_endpoints import router as clients_router
from api.identity.endpoints import router
from api.identity.grants import PersonAccess
from api.identity.login import router as login
from api.identity.oauth_errors import OAuthError, answer_oauth_error
from api.identity.service import Identity, identity_at_work
from api.identity.settings import IdentitySettings
from api.requests.failures import Failures
from ledger_service.parties.clients import Actor, Client, NewClient, create_client
from ledger_service.runtime.database import Database, Role, Server
from ledger_service.runtime.encryption import Keyring

START = datetime(2025, 6, 30, 12, tzinfo=UTC)
ISSUER = "https://api.wgi.example"
SETTINGS = IdentitySettings(issuer=ISSUER, refresh_s=0.05)
OPS = Actor("ops")


def new_keyring() -> Keyring:
    return Keyring.of({"1": b64encode(os.urandom(32)).decode()}, source="test")


@dataclass
class Person:
    """Who is logged in."""

    subject: str
    scopes: frozenset[str]
    participants: frozenset[str] = frozenset({"*"})


@dataclass
class Desk:
    """The application, its clock, and who is there."""

    server: Server
    keyring: Keyring = field(default_factory=new_keyring)
    now: datetime = START
    people: dict[str, PersonAccess] = field(default_factory=dict)
    logged_in: str | None = None
    http: TestClient = field(init=False)
    identity: Identity = field(init=False)

    def later(self, **passed: float) -> None:
        self.now += timedelta(**passed)

    def connect(self) -> psycopg.Connection:
        return self.server.connect(Database.LEDGER, Role.APP, autocommit=True)

    def new_client(self, **terms: Any) -> tuple[Client, str]:
        given = {"name": "Soko Pay", "participants": ["KE-F01"], "tenant": "sandbox-soko"} | terms
        if "role" not in given and "scopes" not in given:
            given["scopes"] = ["accounts:read", "transfers:write"]
        with self.connect() as connection:
            client, secret = create_client(connection, NewClient(**given), by=OPS, at=self.now)
        return client, secret or ""

    def person(self, connection: psycopg.Connection, subject: str) -> PersonAccess | None:
        return self.people.get(subject)

    async def person_of(self, request: Request) -> PersonAccess | None:
        return self.people.get(self.logged_in or "")

    def token(self, **form: str) -> dict[str, Any]:
        answer = self.http.post("/oauth2/token", data=form)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def own_token(self, client: Client, secret: str, **form: str) -> str:
        return str(
            self.token(
                grant_type="client_credentials",
                client_id=client.client_id,
                client_secret=secret,
                **form,
            )["access_token"]
        )

    def status(self, token: str, path: str = "/v1/who") -> int:
        return self.http.get(path, headers={"Authorization": f"Bearer {token}"}).status_code


def application(desk: Desk, writers: ConnectionPool, settings: IdentitySettings) -> FastAPI:
    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        desk.identity = Identity(
            settings,
            keyring=desk.keyring,
            writers=writers,
            person_by_subject=desk.person,
            now=lambda: desk.now,
        )
        async with identity_at_work(desk.identity) as identity:
            app.state.identity = identity
            app.state.authenticate = identity.authenticate
            yield

    app = FastAPI(lifespan=life)
    app.state.person_of = desk.person_of
    app.state.failures = Failures(MemoryStorage(), rate="60/minute")
    app.state.keyring = desk.keyring
    app.state.keys_at_work = KeysAtWork()
    books = Books(pool=None, writers=writers, poster=None, now=lambda: desk.now)  # type: ignore[arg-type]  # identity posts nothing
    app.state.books = {"live": books, "sandbox-soko": books}
    for each in (router, login, account):
        app.include_router(each)
    app.include_router(clients_router, prefix="/v1")

    @app.get("/v1/who")
    async def who(caller: Annotated[Caller, require("accounts:read")]) -> dict[str, Any]:
        return {"subject": caller.subject, "kind": caller.kind, "tenant": caller.tenant}

    register_error_handlers(app)
    app.add_exception_handler(OAuthError, answer_oauth_error)
    return app


@contextmanager
def open_desk(server: Server, settings: IdentitySettings = SETTINGS) -> Iterator[Desk]:
    desk = Desk(server)
    conninfo = server.url(Database.LEDGER, Role.APP)
    with ConnectionPool(conninfo, min_size=1, max_size=4, open=True) as writers:
        app = application(desk, writers, settings)
        with TestClient(app, base_url=ISSUER, follow_redirects=False) as http:
            desk.http = http
            yield desk


def as_rows(desk: Desk, statement: str, **named: Any) -> list[tuple[Any, ...]]:
    given = {name: Jsonb(value) if isinstance(value, dict) else value for name, value in named.items()}
    with desk.connect() as connection:
        return connection.execute(statement.encode(), given).fetchall()
