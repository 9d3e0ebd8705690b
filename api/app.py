"""The application: routers, errors, and the database for the length of its life.

It answers reads only: until callers are authenticated, no request moves money, no answer carries
personal data, and `wgi up` listens on loopback.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool

from api.errors import register_error_handlers
from api.ledger.endpoints import router
from ledger_service.runtime.database import Database, Role, running_server
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.settings import Settings


@asynccontextmanager
async def _database(app: FastAPI) -> AsyncIterator[None]:
    with running_server(Settings()) as server:
        migrate(server)
        conninfo = server.url(Database.LEDGER, Role.APP)
        async with AsyncConnectionPool(conninfo, min_size=1, max_size=10) as pool:
            app.state.pool = pool
            yield


app = FastAPI(
    title="Wekeza Global Infrastructure",
    version="1",
    description="Read access to the books: participants, business days, accounts, transfers. "
    "Amounts are integer minor units as strings, beside their currency.",
    lifespan=_database,
    docs_url="/",
    redoc_url=None,
)
app.include_router(router, prefix="/v1")
register_error_handlers(app)
