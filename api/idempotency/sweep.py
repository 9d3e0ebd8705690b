"""The sweep: records older than the retention are deleted, now and then."""

import asyncio
from pathlib import Path

import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool

LIMIT = 10_000
"""Records of one transaction."""

_SWEEP = Path(__file__).with_name("sweep.sql").read_bytes()
_log = structlog.get_logger(__name__)


async def sweep_once(pool: AsyncConnectionPool, *, hours: int) -> int:
    """Delete what is older than `hours` (24 at least); returns how many records that were."""
    swept = 0
    async with pool.connection() as connection:
        while True:
            cursor = await connection.execute(_SWEEP, {"hours": hours, "limit": LIMIT})
            row = await cursor.fetchone()
            await connection.commit()
            found = int(row[0]) if row else 0
            swept += found
            if found < LIMIT:
                return swept


async def sweep_forever(pool: AsyncConnectionPool, *, hours: int, pause_s: float) -> None:
    """Sweep every `pause_s` until cancelled; a database that is away is tried again the next time."""
    while True:
        await asyncio.sleep(pause_s)
        try:
            await sweep_once(pool, hours=hours)
        except (psycopg.Error, TimeoutError) as error:
            _log.warning("sweep of idempotency records failed", error=str(error).strip())
