"""The books of every tenant: the live ones, and each sandbox's over connections that they share.

The clocks of sandboxes are read every second, so that what one process sets another one has soon.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from api.books import Books
from api.directory import Directory
from api.identity.caller import LIVE

EVERY_S: Final = 1.0

_CLOCKS: Final = "SELECT tenant, clock_ahead, emptied_at FROM sandbox.tenant"
_log = structlog.get_logger(__name__)


class Tenants(Mapping[str, Books]):
    """Books by tenant."""

    def __init__(self, live: Books, play: Books) -> None:
        self._play = play
        self._books: dict[str, Books] = {LIVE: live}
        self._ahead: dict[str, timedelta] = {}
        self._emptied: dict[str, datetime | None] = {}

    def __getitem__(self, tenant: str) -> Books:
        return self._books[tenant]

    def __iter__(self) -> Iterator[str]:
        return iter(self._books)

    def __len__(self) -> int:
        return len(self._books)

    async def refresh(self) -> None:
        """Read which sandboxes there are, and their clocks."""
        async with self._play.pool.connection() as connection:
            cursor = await connection.execute(_CLOCKS)
            rows = await cursor.fetchall()
        for tenant, ahead, emptied_at in rows:
            self._ahead[tenant] = ahead
            if tenant not in self._books:
                self._books[tenant] = replace(
                    self._play, tenant=tenant, now=partial(self._now, tenant), directory=Directory()
                )
            elif self._emptied.get(tenant) != emptied_at:
                self._books[tenant].directory.forget()
            self._emptied[tenant] = emptied_at

    def _now(self, tenant: str) -> datetime:
        return datetime.now(UTC) + self._ahead[tenant]


@asynccontextmanager
async def kept_fresh(tenants: Tenants) -> AsyncIterator[Tenants]:
    """For the life of the application: read first, then every `EVERY_S`."""
    await tenants.refresh()
    watching = asyncio.create_task(_watch(tenants))
    try:
        yield tenants
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _watch(tenants: Tenants) -> None:
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            await tenants.refresh()
        except (psycopg.Error, PoolTimeout, TimeoutError) as error:
            _log.warning("the clocks of sandboxes could not be read", error=str(error).strip())
