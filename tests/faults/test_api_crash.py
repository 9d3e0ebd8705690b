"""kill -9 of the gateway and of the database under 1,000 payments at once: each is made exactly once."""

import asyncio
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast
from uuid import uuid4

import httpx
import polars as pl
import pytest

from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.verification import verify
from ledger_service.runtime.database import Database, Role, Server
from ledger_service.runtime.postgres_server import EmbeddedPostgres
from tests.api.served_gateway import listening, serving
from tests.faults.load import ACCOUNTS, DAY

PAYMENTS = 1_000
ACROSS_EVERY = 4
"""Of the payments one goes to the other book."""
KILLED_AT = {150: "gateway", 450: "database", 800: "gateway"}
"""What is killed once so many payments are in the books."""
PAUSE_S = 0.2
PATIENCE_S = 300
ATTEMPT_S = 5.0

_MADE = b"SELECT count(*) FROM gateway.idempotency_record"


@pytest.fixture
def clearing(server: Server) -> Server:
    """The two books, with clearing accounts for each other."""
    with server.connect(Database.LEDGER, Role.APP) as connection:
        for book_id, other in ((1, "KE-B02"), (2, "KE-B01")):
            row = {"account_id": 1_000, "external_ref": f"clearing:{other}:KES", "chart_code": 1210}
            row |= {"currency": "KES", "counterparty_id": other, "opened_on": DAY}
            accounts = pl.DataFrame([row], schema=ACCOUNT_COLUMNS)
            assert create_accounts(connection, book_id=book_id, accounts=accounts).to_list() == [
                "created"
            ]
    return server


class Crashes:
    """The gateway's process, and what is killed when."""

    def __init__(self, embedded: EmbeddedPostgres, server: Server, bound: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        self.killed: Counter[str] = Counter()
        self._embedded = embedded
        self._server = server
        self._bound = bound
        self._gateway: subprocess.Popen[bytes] = serving(server, bound)

    def when_due(self, finished: threading.Event) -> None:
        """Kill each at its number of payments in the books, and start it again."""
        for number, what in KILLED_AT.items():
            with self._server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
                while connection.execute(_MADE).fetchall() < [(number,)]:
                    if finished.is_set():
                        return
            self.killed[what] += 1
            if what == "database":
                self._restart_database()
            else:
                self._restart_gateway()

    def end(self) -> None:
        self._gateway.kill()
        self._gateway.wait()

    def _restart_gateway(self) -> None:
        self.end()
        self._gateway = serving(self._server, self._bound)

    def _restart_database(self) -> None:
        self._embedded.kill()
        self._embedded.stop()
        self._embedded.start()


@pytest.fixture
def crashes(embedded: EmbeddedPostgres, clearing: Server) -> Iterator[Crashes]:
    with listening() as bound:
        crashes = Crashes(embedded, clearing, bound)
        yield crashes
        crashes.end()


def payment(number: int) -> dict[str, object]:
    """Each has accounts, an amount and a reference of its own."""
    debtor, creditor = number % ACCOUNTS + 1, (number + 7) % ACCOUNTS + 1
    other = "KE-B02" if number % ACROSS_EVERY == 0 else "KE-B01"
    return {
        "debtor": {"participant_id": "KE-B01", "account": f"A{debtor}"},
        "creditor": {"participant_id": other, "account": f"A{creditor}"},
        "amount": f"{number + 1}.00",
        "currency": "KES",
        "reference": f"payment {number}",
    }


async def paid(client: httpx.AsyncClient, number: int) -> tuple[str, int]:
    """Pay until it is acknowledged, with one key; the payment's id, and how many attempts it took."""
    headers = {"Idempotency-Key": str(uuid4())}
    for attempt in range(1, 10_000):
        try:
            answer = await client.post("/v1/payments", json=payment(number), headers=headers)
        except httpx.TransportError:
            await asyncio.sleep(PAUSE_S)
            continue
        if answer.status_code == 201:
            return str(cast("dict[str, Any]", answer.json())["id"]), attempt
        assert answer.status_code in {409, 429, 503, 504}, answer.text
        await asyncio.sleep(PAUSE_S)
    raise AssertionError("never acknowledged")


async def all_paid(crashes: Crashes) -> list[tuple[str, int]]:
    limits = httpx.Limits(max_connections=PAYMENTS)
    timeout = httpx.Timeout(ATTEMPT_S, pool=PATIENCE_S)
    headers = {"Authorization": "Bearer first"}
    async with (
        asyncio.timeout(PATIENCE_S),
        httpx.AsyncClient(
            base_url=crashes.url, headers=headers, limits=limits, timeout=timeout
        ) as client,
    ):
        finished = threading.Event()
        killing = asyncio.create_task(asyncio.to_thread(crashes.when_due, finished))
        made = await asyncio.gather(*(paid(client, n) for n in range(PAYMENTS)))
        finished.set()
        await killing
    return made


def test_each_payment_is_made_once_whatever_is_killed(crashes: Crashes, clearing: Server) -> None:
    made = asyncio.run(all_paid(crashes))
    assert crashes.killed == Counter(KILLED_AT.values())
    assert sum(attempts > 1 for _, attempts in made) > PAYMENTS // 10
    statement = """
        SELECT t.book_id, t.payment_id::text, f.reference, t.amount
        FROM ledger.transfer t JOIN gateway.transfer_reference f USING (book_id, transfer_id)"""
    with clearing.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        found = connection.execute(statement).fetchall()
        transfers = connection.execute("SELECT count(*) FROM ledger.transfer").fetchone()
        records = connection.execute(_MADE).fetchone()
        assert [book.differences for book in verify(connection)] == [(), ()]
    expected = [
        (book_id, payment_id, f"payment {number}", 100 * (number + 1))
        for number, (payment_id, _) in enumerate(made)
        for book_id in ((1, 2) if number % ACROSS_EVERY == 0 else (1,))
    ]
    assert sorted(found) == sorted(expected)
    assert transfers == (len(expected),)
    assert records == (PAYMENTS,)
