"""A ledger with a book, an endpoint that is told about it, and a courier with a clock of its own."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import psycopg

from api.identifiers import uuid7
from api.webhooks import subscriptions
from api.webhooks.deliveries import Courier
from api.webhooks.events import EventType, Ordering
from api.webhooks.relay import lagging, relay
from api.webhooks.secrets import opened
from api.webhooks.settings import WebhookSettings
from api.webhooks.subscriptions import Endpoint
from api.webhooks.worker import open_courier
from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.books import register_participants
from ledger_service.ledger.transfers import create_transfers
from ledger_service.runtime.database import Database, Role, Server
from ledger_service.runtime.encryption import Keyring

DAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEYRING = Keyring.of({"first": b64encode(bytes(range(32))).decode()}, source="the test")
SETTINGS = WebhookSettings(loopback=True, attempt_s=5.0)
ACCOUNTS = ("cash", "A-2", "A-3", "A-4")


def connect(server: Server) -> psycopg.Connection:
    """As the application."""
    return server.connect(Database.LEDGER, Role.APP, autocommit=True)


def open_book(connection: psycopg.Connection, participant_id: str = "KE-B01") -> int:
    """A book with four accounts: cash, and three of customers."""
    bank = {
        "participant_id": participant_id,
        "name": "Bank",
        "kind": "bank",
        "country": "KE",
        "bic": None,
        "home_currency": "KES",
        "has_book": True,
    }
    types = dict.fromkeys(bank, pl.String) | {"has_book": pl.Boolean}
    book_id = register_participants(connection, pl.DataFrame([bank], schema=types))[participant_id]
    rows = [
        (number, name, 1010 if number == 1 else 2010, "KES", None, None, None, None, DAY, None, None)
        for number, name in enumerate(ACCOUNTS, start=1)
    ]
    accounts = pl.DataFrame(rows, schema=ACCOUNT_COLUMNS, orient="row")
    assert set(create_accounts(connection, book_id=book_id, accounts=accounts)) == {"created"}
    return book_id


def post(
    connection: psycopg.Connection,
    book_id: int,
    debit: int | None,
    credit: int | None,
    minor: int,
    **more: Any,
) -> str:
    """Post one transfer; its id."""
    transfer_id = uuid7()
    item = {
        "transfer_id": transfer_id,
        "debit_account_id": debit,
        "credit_account_id": credit,
        "amount_minor": minor,
        "phase": "single",
        "pending_id": None,
        "linked": False,
        "kind": "credit_transfer",
        "payment_id": None,
        "event_at": NOON,
        "booked_at": None,
        "value_date": DAY,
        **more,
    }
    frame = pl.DataFrame([item], infer_schema_length=None)
    codes = create_transfers(connection, book_id=book_id, business_date=DAY, transfers=frame)
    assert codes.to_list() == ["created"]
    return transfer_id


@dataclass
class Desk:
    """What a test works with."""

    server: Server
    connection: psycopg.Connection
    book_id: int
    settings: WebhookSettings = SETTINGS
    now: datetime = NOON
    jitter: float = 0.0
    endpoints: list[str] = field(default_factory=list)

    def later(self, **passed: float) -> None:
        """Let time pass."""
        self.now += timedelta(**passed)

    def subscribe(
        self,
        url: str,
        *types: EventType,
        ordering: Ordering = Ordering.ACCOUNT,
        participants: tuple[str, ...] = ("KE-B01",),
        tenant: str = "live",
    ) -> str:
        """A new endpoint, told from now on; its id."""
        new = Endpoint(
            uuid7(), tenant, url, "", [*(types or EventType)], [*participants], ordering, self.now
        )
        with self.connection.transaction():
            subscriptions.create(self.connection, KEYRING, new, client_id="shop", most=50)
        self.endpoints.append(new.endpoint_id)
        return new.endpoint_id

    def secrets(self, endpoint_id: str) -> list[str]:
        """Those of an endpoint, oldest first."""
        rows = self.rows(
            "SELECT secret_id::text, sealed FROM gateway.webhook_secret WHERE endpoint_id = %s "
            "ORDER BY created_at, secret_id",
            endpoint_id,
        )
        return [opened(KEYRING, endpoint_id, secret_id, sealed) for secret_id, sealed in rows]

    def relay(self) -> None:
        """Relay all there is."""
        while found := lagging(self.connection):
            for endpoint_id, book_id in found:
                relay(self.connection, endpoint_id, book_id, now=self.now)

    def deliver(self) -> None:
        """Work on all jobs that are due by the desk's clock, until there are none."""

        async def run() -> None:
            async with self.courier() as courier:
                while jobs := self._due_jobs():
                    await asyncio.gather(*(courier.deliver(*job) for job in jobs))

        asyncio.run(run())

    def run(self) -> None:
        """Relay and deliver."""
        self.relay()
        self.deliver()

    @asynccontextmanager
    async def courier(self) -> AsyncIterator[Courier]:
        """On the desk's clock."""
        async with open_courier(
            self.server,
            keyring=KEYRING,
            settings=self.settings,
            now=lambda: self.now,
            jitter=lambda: self.jitter,
        ) as courier:
            yield courier

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What a query finds."""
        return self.connection.execute(statement.encode(), parameters).fetchall()

    def deliveries(self) -> list[tuple[str, str, int]]:
        """Type, status and number of attempts of each, in the order of their events."""
        return self.rows(
            "SELECT event_type, status, attempts FROM gateway.webhook_delivery "
            "ORDER BY endpoint_id, position, delivery_id"
        )

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """As it is now."""
        return subscriptions.endpoint(self.connection, subscriptions.Reach("live", None), endpoint_id)

    def _due_jobs(self) -> list[tuple[str, str]]:
        """Taken from the queue, as a worker does."""
        return [
            (endpoint_id, lane)
            for endpoint_id, lane in self.rows(
                "DELETE FROM jobs.procrastinate_jobs "
                "WHERE status = 'todo' AND coalesce(scheduled_at, %s) <= %s "
                "RETURNING args ->> 'endpoint_id', args ->> 'lane'",
                self.now,
                self.now,
            )
        ]
