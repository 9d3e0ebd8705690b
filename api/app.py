"""The application: its routers, what stands before them, and how failures read."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

from fastapi import FastAPI

from api.accounts.endpoints import router as accounts
from api.accounts.holdings import router as holdings
from api.approvals.endpoints import router as approvals
from api.audit.endpoints import router as audit
from api.description import describe
from api.documentation.endpoints import router as documentation
from api.errors import register_error_handlers
from api.holds.endpoints import direct as new_holds
from api.holds.endpoints import router as holds
from api.idempotency.keys import KeysAtWork
from api.identity.account import router as account
from api.identity.caller import Authenticate, Caller, Unauthenticated
from api.identity.client_endpoints import router as clients
from api.identity.endpoints import router as oauth2
from api.identity.login import router as login
from api.identity.oauth_errors import OAuthError, answer_oauth_error
from api.lifespan import Surroundings, at_work, utc_now
from api.participants.endpoints import router as participants
from api.payments.endpoints import direct as new_payments
from api.payments.endpoints import router as payments
from api.requests.stack import add_middleware
from api.sandbox.endpoints import router as sandbox
from api.service.endpoints import router as service
from api.settings import GatewaySettings
from api.statements.endpoints import router as statements
from api.transfers.endpoints import direct as new_transfers
from api.transfers.endpoints import router as transfers
from api.webhooks.endpoints import router as webhooks
from ledger_service.runtime.database import Server

DIRECT: Final = (new_transfers, new_payments, new_holds)
"""What is asked thousands of times a second. Its routes are the application's own and stand first: each
router that a request passes on its way to another one costs as much as reading its body."""

ROUTERS: Final = (
    transfers,
    payments,
    holds,
    participants,
    accounts,
    holdings,
    statements,
    approvals,
    webhooks,
    sandbox,
    clients,
    audit,
)
"""Of version 1. Routes are tried in order: those that are asked most stand first."""


def create_app(
    settings: GatewaySettings | None = None,
    *,
    server: Server | None = None,
    authenticate: Authenticate | None = None,
    now: Callable[[], datetime] = utc_now,
    sandboxes: bool | None = None,
) -> FastAPI:
    """The application on a migrated `server`; without one it runs and migrates that of the settings.

    `authenticate` says whose a token is; without it the tokens are its own. `now` is the live tenant's
    clock. `sandboxes` are open where no server is given, and where it is asked for.
    """
    chosen = settings or GatewaySettings()
    given = Surroundings(
        gateway=chosen,
        server=server,
        authenticate=authenticate,
        now=now,
        sandboxes=server is None if sandboxes is None else sandboxes,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with at_work(app, given):
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
    app.state.books = {}
    app.state.look_for_tenants = _no_more_tenants
    for direct in DIRECT:
        app.router.routes.extend(direct.routes)
    for router in (service, documentation, oauth2, login, account):
        app.include_router(router)
    for router in ROUTERS:
        app.include_router(router, prefix="/v1")
    register_error_handlers(app)
    app.add_exception_handler(OAuthError, answer_oauth_error)
    add_middleware(app, chosen)
    describe(app)
    return app


async def _no_more_tenants() -> None:
    """An application without sandboxes knows its tenants."""


async def _nobody(_: str) -> Caller:
    raise Unauthenticated("tokens cannot be verified yet")


app = create_app()
