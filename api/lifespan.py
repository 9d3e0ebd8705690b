"""What an application has while it runs: connections, posters, sandboxes, identity, webhooks.

Belongs here: how it is opened and closed, and what of it stands in `app.state`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from api.books import Books
from api.idempotency.posting import post_recorded_batch
from api.idempotency.sweep import sweep_forever
from api.identity.caller import LIVE, Authenticate
from api.identity.login import person_of
from api.identity.people_access import access_of
from api.identity.service import Identity, identity_at_work
from api.identity.settings import IdentitySettings
from api.sandbox.tenants import Tenants, kept_fresh
from api.settings import GatewaySettings
from api.webhooks.service import Webhooks
from api.webhooks.settings import WebhookSettings
from ledger_service.ledger.poster import Overload, Poster, PosterOptions
from ledger_service.runtime.database import Database, Role, Server, running_server
from ledger_service.runtime.encryption import Keyring
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.settings import Settings

WAIT_S: Final = 10.0
"""For a connection of a pool."""

SWITCH_S: Final = 0.0005
"""After which a thread that waits gets the interpreter."""


def utc_now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an application runs in; what is None is that of the environment."""

    gateway: GatewaySettings
    server: Server | None = None
    """A server whose ledger is migrated; without one it is run and migrated here."""
    authenticate: Authenticate | None = None
    """Whose a token is; without it the tokens are those that the application issues."""
    now: Callable[[], datetime] = utc_now
    """The live tenant's clock."""
    sandboxes: bool = True
    """Whether sandboxes are open; their database is migrated here."""


@asynccontextmanager
async def at_work(app: FastAPI, given: Surroundings) -> AsyncIterator[None]:
    """For the life of an application."""
    settings = Settings()
    async with AsyncExitStack() as stack:
        server = given.server or stack.enter_context(running_server(settings))
        if given.server is None:
            await asyncio.to_thread(migrate, server)
        # A lane waits for the interpreter after each round trip: not for 5 ms, its default.
        sys.setswitchinterval(SWITCH_S)
        live = await stack.enter_async_context(_open_books(server, given))
        app.state.pool = live.pool
        app.state.books = {LIVE: live}
        if given.sandboxes:
            await asyncio.to_thread(migrate, server.sandbox)
            play = await stack.enter_async_context(_open_books(server.sandbox, given))
            tenants = await stack.enter_async_context(kept_fresh(Tenants(live, play)))
            app.state.books = tenants
            app.state.look_for_tenants = tenants.refresh
        keyring = await asyncio.to_thread(Keyring.open, settings)
        app.state.keyring = keyring
        app.state.webhooks = Webhooks(keyring, WebhookSettings())
        if given.authenticate is None:
            identity = Identity(
                IdentitySettings(),
                keyring=keyring,
                writers=live.writers,
                person_by_subject=access_of,
            )
            app.state.identity = await stack.enter_async_context(identity_at_work(identity))
            app.state.authenticate = identity.authenticate
            app.state.person_of = person_of
        yield


@asynccontextmanager
async def _open_books(server: Server, given: Surroundings) -> AsyncIterator[Books]:
    """The books of a tenant, with the connections to them, for as long as they are needed."""
    settings = given.gateway
    conninfo = server.url(Database.LEDGER, Role.APP)
    options = PosterOptions(
        budget_s=settings.gather_s, capacity=settings.transfers_waiting, overload=Overload.REFUSE
    )
    pool = AsyncConnectionPool(
        conninfo, min_size=1, max_size=settings.connections, open=False, timeout=WAIT_S
    )
    writers = ConnectionPool(conninfo, min_size=1, max_size=settings.writers, open=False, timeout=WAIT_S)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(pool)
        writers.open()
        stack.push_async_callback(asyncio.to_thread, writers.close)
        poster = await stack.enter_async_context(Poster(server, options, post=post_recorded_batch))
        await stack.enter_async_context(_sweeping(pool, settings))
        yield Books(pool, writers, poster, given.now)


@asynccontextmanager
async def _sweeping(pool: AsyncConnectionPool, settings: GatewaySettings) -> AsyncIterator[None]:
    sweep = sweep_forever(pool, hours=settings.idempotency_hours, pause_s=settings.sweep_s)
    task = asyncio.create_task(sweep)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
