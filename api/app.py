"""The application: routers, what stands before them, and the ledger for the length of its life."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final

from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from api.accounts.endpoints import router as accounts
from api.accounts.holdings import router as holdings
from api.approvals.endpoints import router as approvals
from api.audit.endpoints import router as audit
from api.books import Books
from api.description import describe
from api.documentation.endpoints import router as documentation
from api.errors import register_error_handlers
from api.holds.endpoints import router as holds
from api.idempotency.keys import KeysAtWork
from api.idempotency.posting import post_recorded_batch
from api.idempotency.sweep import sweep_forever
from api.identity.caller import LIVE, Authenticate, Caller, Unauthenticated
from api.participants.endpoints import router as participants
from api.payments.endpoints import router as payments
from api.requests.stack import add_middleware
from api.sandbox.endpoints import router as sandbox
from api.sandbox.tenants import Tenants, kept_fresh
from api.service.endpoints import router as service
from api.settings import GatewaySettings
from api.statements.endpoints import router as statements
from api.transfers.endpoints import router as transfers
from ledger_service.ledger.poster import Overload, Poster, PosterOptions
from ledger_service.runtime.database import Database, Role, Server, running_server
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.settings import Settings

ROUTERS: Final = (
    participants,
    accounts,
    holdings,
    statements,
    transfers,
    holds,
    payments,
    approvals,
    audit,
    sandbox,
)
"""Of version 1, in the order of their documentation."""


def create_app(
    settings: GatewaySettings | None = None,
    *,
    server: Server | None = None,
    authenticate: Authenticate | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sandboxes: bool = False,
) -> FastAPI:
    """The application on a migrated `server`; without one it runs and migrates that of the settings.

    `authenticate` says whose a token is; without it nobody is let in. `now` is the live tenant's clock.
    With `sandboxes` those of the server are open too, and its sandbox database is migrated.
    """
    chosen = settings or GatewaySettings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            found = server or stack.enter_context(running_server(Settings()))
            if server is None:
                await asyncio.to_thread(migrate, found)
            books = await stack.enter_async_context(open_books(found, chosen, now=now))
            app.state.books = {LIVE: books}
            # A lane waits for the interpreter after each round trip: not for 5 ms, its default.
            sys.setswitchinterval(SWITCH_S)
            app.state.pool = books.pool
            await stack.enter_async_context(_sweeping(books.pool, chosen))
            if sandboxes:
                await asyncio.to_thread(migrate, found.sandbox)
                play = await stack.enter_async_context(open_books(found.sandbox, chosen, now=now))
                await stack.enter_async_context(_sweeping(play.pool, chosen))
                tenants = Tenants(books, play)
                app.state.books = await stack.enter_async_context(kept_fresh(tenants))
            yield

    app = FastAPI(
        title="Wekeza Global Infrastructure",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = chosen
    app.state.keys_at_work = KeysAtWork()
    app.state.authenticate = authenticate or _nobody
    # Routes are tried in order: those that are asked most stand first.
    for router in (service, documentation):
        app.include_router(router)
    for router in ROUTERS:
        app.include_router(router, prefix="/v1")
    register_error_handlers(app)
    add_middleware(app, chosen)
    describe(app)
    return app


@asynccontextmanager
async def open_books(
    server: Server, settings: GatewaySettings, *, now: Callable[[], datetime]
) -> AsyncIterator[Books]:
    """The books of a tenant, with the connections to them, for as long as they are needed."""
    conninfo = server.url(Database.LEDGER, Role.APP)
    options = PosterOptions(capacity=settings.transfers_waiting, overload=Overload.REFUSE)
    pool = AsyncConnectionPool(
        conninfo, min_size=1, max_size=settings.connections, open=False, timeout=WAIT_S
    )
    writers = ConnectionPool(conninfo, min_size=1, max_size=settings.writers, open=False, timeout=WAIT_S)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(pool)
        writers.open()
        stack.push_async_callback(asyncio.to_thread, writers.close)
        poster = await stack.enter_async_context(Poster(server, options, post=post_recorded_batch))
        yield Books(pool, writers, poster, now)


WAIT_S = 10.0
"""For a connection of a pool."""

SWITCH_S = 0.0005
"""After which a thread that waits gets the interpreter."""


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


async def _nobody(_: str) -> Caller:
    raise Unauthenticated("no way to verify tokens is set up")


app = create_app()
