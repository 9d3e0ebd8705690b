"""The ledger that a caller reaches: the live one, or its sandbox's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from api.directory import Directory
from api.errors import Refusal
from api.identity.caller import LIVE, Caller
from ledger_service.ledger.poster import Poster


@dataclass(frozen=True, slots=True, eq=False)
class Books:
    """The books of a tenant, and the ways to them."""

    pool: AsyncConnectionPool
    """For reads."""
    writers: ConnectionPool
    """For what is written in a transaction of its own."""
    poster: Poster
    """For transfers, which are posted in batches."""
    now: Callable[[], datetime]
    """The tenant's clock, in UTC."""
    directory: Directory = field(default_factory=Directory)
    """Which books and accounts it has."""
    tenant: str = LIVE


class UnknownTenant(Refusal):
    """The caller's sandbox is not there."""

    status = 403
    code = "tenant_not_available"

    def __init__(self, tenant: str) -> None:
        super().__init__(f"the books of tenant {tenant!r} are not available")


def books_of(request: Request, caller: Caller) -> Books:
    """The books of a caller's tenant; raises `UnknownTenant`.

    `app.state.books` holds them by tenant; `live` is always there.
    """
    tenants: Mapping[str, Books] = request.app.state.books
    found = tenants.get(caller.tenant)
    if found is None:
        raise UnknownTenant(caller.tenant)
    return found
