"""The worker: `python -m api.webhooks` relays events and delivers them, until it is told to stop.

Any number of workers may run. Jobs go through procrastinate; what a dead worker was at is given to
another one, and a job that broke is made anew, because what is to be done stands in the deliveries.
"""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import procrastinate
import psycopg
import structlog
from procrastinate.jobs import DeleteJobCondition
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool

from api.identity.signing_keys import Sealer
from api.webhooks.deliveries import Courier
from api.webhooks.relay import lagging, relay, wake
from api.webhooks.settings import WebhookSettings
from api.webhooks.targets import Policy, open_session
from ledger_service.runtime.database import Database, Role, Server, running_server
from ledger_service.runtime.encryption import Keyring
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.settings import Settings

QUEUE: Final = "webhooks"
TASK: Final = "webhooks.deliver"
POLL_S: Final = 1.0
"""Between two looks for jobs that are due; new ones are notified."""
REPAIR_S: Final = 5.0
"""Between two looks for what dead workers left."""
OVERDUE: Final = timedelta(seconds=60)
SWEEP_EVERY: Final = 120
"""Repairs between two sweeps of old deliveries."""
LAST_S: Final = 10.0
"""For deliveries at work when the worker is told to stop; those not done are sent again."""

_FOLDER: Final = Path(__file__).parent
_STALLED, _OVERDUE, _SWEEP = (
    (_FOLDER / f"{name}.sql").read_bytes() for name in ("release_stalled", "overdue", "sweep")
)
_log = structlog.get_logger(__name__)


def utc_now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


def queue_conninfo(server: Server) -> str:
    """How procrastinate connects: as the application, its tables found by search_path."""
    conninfo = server.url(Database.LEDGER, Role.APP)
    options = conninfo_to_dict(conninfo).get("options") or ""
    return make_conninfo(conninfo, options=f"{options} -c search_path=jobs".strip())


def queue(server: Server, courier: Courier) -> procrastinate.App:
    """The queue of a database with its one task; to be opened by its user."""
    connector = procrastinate.PsycopgConnector(conninfo=queue_conninfo(server), min_size=2, max_size=6)
    app = procrastinate.App(connector=connector)

    @app.task(name=TASK, queue=QUEUE)
    async def deliver(endpoint_id: str, lane: str) -> None:
        await courier.deliver(endpoint_id, lane)

    return app


def relay_all(connection: psycopg.Connection, *, now: Callable[[], datetime]) -> int:
    """Relay what has happened, a batch for each endpoint and book; how many events were read.

    The connection is in autocommit mode. What fails of one endpoint is logged and holds up no other.
    """
    read = 0
    for endpoint_id, book_id in lagging(connection):
        try:
            read += relay(connection, endpoint_id, book_id, now=now())
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except Exception as error:  # a book that cannot be read holds up no other
            _log.error("relay failed", endpoint_id=endpoint_id, book_id=book_id, exc_info=error)
    return read


def repair(connection: psycopg.Connection, *, stalled: timedelta, now: datetime) -> int:
    """Give the lanes of dead workers and of broken jobs new jobs; how many there were."""
    with connection.transaction():
        lanes: Sequence[tuple[str, str]] = connection.execute(_STALLED, {"stalled": stalled}).fetchall()
        if not lanes:
            lanes = connection.execute(_OVERDUE, {"before": now - OVERDUE}).fetchall()
        if lanes:
            wake(connection, lanes, now=now)
    return len(lanes)


async def work(
    server: Server,
    *,
    keyring: Sealer,
    settings: WebhookSettings,
    stopped: asyncio.Event,
    now: Callable[[], datetime] = utc_now,
    jitter: Callable[[], float] = random.random,
) -> None:
    """Relay and deliver the events of one database until `stopped` is set."""
    async with open_courier(
        server, keyring=keyring, settings=settings, now=now, jitter=jitter
    ) as courier:
        app = queue(server, courier)
        async with app.open_async(), asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_relaying(server, settings, now)),
                group.create_task(_repairing(server, settings, now)),
                group.create_task(_delivering(app, settings)),
            ]
            await stopped.wait()
            for task in tasks:
                task.cancel()


@asynccontextmanager
async def open_courier(
    server: Server,
    *,
    keyring: Sealer,
    settings: WebhookSettings,
    now: Callable[[], datetime],
    jitter: Callable[[], float],
) -> AsyncIterator[Courier]:
    """What delivers for one database, with its connections."""
    conninfo = server.url(Database.LEDGER, Role.APP)
    async with AsyncExitStack() as stack:
        writers = ConnectionPool(conninfo, min_size=1, max_size=8, open=False)
        await asyncio.to_thread(writers.open)
        stack.push_async_callback(asyncio.to_thread, writers.close)
        session = open_session(Policy.of(settings), attempt_s=settings.attempt_s)
        await stack.enter_async_context(session)
        yield Courier(writers, session, keyring, settings, now, jitter)


async def _delivering(app: procrastinate.App, settings: WebhookSettings) -> None:
    while True:
        try:
            await app.run_worker_async(
                queues=[QUEUE],
                concurrency=settings.at_a_time,
                fetch_job_polling_interval=POLL_S,
                delete_jobs=DeleteJobCondition.ALWAYS,
                install_signal_handlers=False,
                update_heartbeat_interval=settings.heartbeat_s,
                stalled_worker_timeout=settings.stalled_s,
                shutdown_graceful_timeout=LAST_S,
            )
        except procrastinate.exceptions.ConnectorException as error:
            _log.warning("the queue cannot be read now", error=str(error))
            await asyncio.sleep(REPAIR_S)


async def _relaying(server: Server, settings: WebhookSettings, now: Callable[[], datetime]) -> None:
    def step(connection: psycopg.Connection) -> int:
        return relay_all(connection, now=now)

    while True:
        try:
            with server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
                while True:
                    if not await _finished(step, connection):
                        await asyncio.sleep(settings.relay_pause_s)
        except (psycopg.OperationalError, psycopg.InterfaceError, ConnectionError) as error:
            _log.warning("the books cannot be read now", error=str(error))
            await asyncio.sleep(REPAIR_S)


async def _repairing(server: Server, settings: WebhookSettings, now: Callable[[], datetime]) -> None:
    stalled, retention = timedelta(seconds=settings.stalled_s), timedelta(days=settings.retention_days)

    def step(connection: psycopg.Connection) -> int:
        return repair(connection, stalled=stalled, now=now())

    def sweep(connection: psycopg.Connection) -> int:
        return connection.execute(_SWEEP, {"retention": retention}).rowcount

    pause_s = min(REPAIR_S, settings.stalled_s / 2)
    while True:
        try:
            with server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
                while True:
                    await _finished(sweep, connection)
                    for _ in range(SWEEP_EVERY):
                        await _finished(step, connection)
                        await asyncio.sleep(pause_s)
        except (psycopg.OperationalError, psycopg.InterfaceError, ConnectionError) as error:
            _log.warning("the queue cannot be repaired now", error=str(error))
            await asyncio.sleep(REPAIR_S)


async def _finished(step: Callable[[psycopg.Connection], int], connection: psycopg.Connection) -> int:
    """Run a step in a thread, to its end even when told to stop: its connection is closed behind it."""
    task = asyncio.ensure_future(asyncio.to_thread(step, connection))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def has_webhooks(server: Server) -> bool:
    """Whether a database is there and has what the worker works on."""
    try:
        with server.connect(Database.LEDGER, Role.OWNER) as connection:
            found = connection.execute("SELECT to_regclass('gateway.webhook_delivery')").fetchone()
    except ConnectionError:
        return False
    return found is not None and found[0] is not None


async def work_on_all(servers: Sequence[Server], *, keyring: Sealer, settings: WebhookSettings) -> None:
    """Work on several databases, live and sandbox, until SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with asyncio.TaskGroup() as group:
        for server in servers:
            group.create_task(_work_when_there(server, keyring, settings, stopped))


async def _work_when_there(
    server: Server, keyring: Sealer, settings: WebhookSettings, stopped: asyncio.Event
) -> None:
    """A sandbox's database is made by the first API that opens sandboxes."""
    while not stopped.is_set():
        if await asyncio.to_thread(has_webhooks, server):
            await work(server, keyring=keyring, settings=settings, stopped=stopped)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), REPAIR_S)


def main() -> None:
    """Work on the databases that the environment names."""
    settings = Settings()
    with running_server(settings) as server:
        migrate(server)
        both = (server, server.sandbox)
        asyncio.run(work_on_all(both, keyring=Keyring.open(settings), settings=WebhookSettings()))
