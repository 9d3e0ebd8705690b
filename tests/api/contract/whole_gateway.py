"""The whole gateway on a socket, with identity, webhooks and a sandbox: for what is asked of all routes.

Who calls holds every scope: by the token `live` in the books of two small banks, by `play` in a sandbox.
"""

import base64
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import uvicorn

from api.app import create_app
from api.identity.caller import EVERY_PARTICIPANT, LIVE, Caller, Unauthenticated
from api.settings import GatewaySettings
from ledger_service.parties.access import access
from ledger_service.parties.clients import Actor, ClientKind, NewClient, create_client
from ledger_service.parties.sandboxes import make_sandbox
from ledger_service.runtime.database import Database, Role, Server
from ledger_service.runtime.migrations import migrate
from tests.api.gateway import fill
from tests.api.served_gateway import listening

TENANTS: Final = {"live": LIVE, "play": "demo"}
"""By token; the examples of the document are of the sandbox of that name."""


@dataclass(frozen=True, slots=True)
class WholeGateway:
    """Where it answers, and what a client brings to the token endpoint."""

    url: str
    basic: str
    """`Authorization` of a client with a secret."""


async def _caller(token: str) -> Caller:
    if token not in TENANTS:
        raise Unauthenticated("the token is not valid")
    scopes = frozenset(access().scopes)
    return Caller("checker", token, "person", TENANTS[token], scopes, frozenset({EVERY_PARTICIPANT}))


@contextmanager
def whole_gateway(server: Server) -> Iterator[WholeGateway]:
    """Serve everything, on a migrated and empty ledger, from a thread."""
    fill(server)
    migrate(server.sandbox)
    with server.sandbox.connect(Database.LEDGER, Role.APP) as connection:
        make_sandbox(connection, TENANTS["play"], at=datetime.now(UTC))
    basic = _registered(server)
    app = create_app(GatewaySettings(rate="1000000/second"), server=server, sandboxes=True)
    with listening() as bound:
        served = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
        thread = threading.Thread(target=served.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            while not served.started:
                if not thread.is_alive():
                    raise RuntimeError("the gateway did not start")
                time.sleep(0.02)
            app.state.authenticate = _caller
            yield WholeGateway(f"http://127.0.0.1:{bound.getsockname()[1]}", basic)
        finally:
            served.should_exit = True
            thread.join()


def _registered(server: Server) -> str:
    new = NewClient(
        name="Checker",
        participants=[EVERY_PARTICIPANT],
        scopes=["accounts:read"],
        kind=ClientKind.SERVICE,
        redirect_uris=["https://client.example/back"],
    )
    with server.connect(Database.LEDGER, Role.APP) as connection:
        client, secret = create_client(connection, new, by=Actor("test"), at=datetime.now(UTC))
    return "Basic " + base64.b64encode(f"{client.client_id}:{secret}".encode()).decode()
