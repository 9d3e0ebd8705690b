"""kill -9 of the server under load.

What was acknowledged is there once; what was not is there whole or not at all, and a retry settles it.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import numpy as np
import polars as pl
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.books import register_participants
from ledger_service.ledger.transfers import TRANSFER_COLUMNS, create_transfers
from ledger_service.ledger.verification import verify
from ledger_service.runtime.database import Database, Role, Server, create_login_role, prepare
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.postgres_server import LOGIN_ROLE, EmbeddedPostgres

ROUNDS = 3
POSTERS = 3
ACCOUNTS = 50
BATCH = 200
LOAD_S = 0.7
DAY = date(2025, 3, 3)
NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
PATIENCE_S = 20


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server of this test's own, to be killed."""
    embedded = EmbeddedPostgres(tmp_path / "postgres")
    create_login_role(embedded.start())
    yield embedded
    embedded.stop()


@pytest.fixture
def server(embedded: EmbeddedPostgres) -> Server:
    superuser = embedded.start()
    embedded.stop()
    server = Server(make_conninfo(superuser, user=LOGIN_ROLE, dbname="postgres"))
    prepare(server)
    migrate(server)
    with server.connect(Database.LEDGER, Role.APP) as connection:
        open_book(connection)
    return server


def open_book(connection: psycopg.Connection) -> None:
    participant = {
        "participant_id": ["KE-B01"],
        "name": ["Bank"],
        "kind": ["bank"],
        "country": ["KE"],
        "bic": [None],
        "home_currency": ["KES"],
        "has_book": [True],
    }
    register_participants(connection, pl.DataFrame(participant))
    ids = range(1, ACCOUNTS + 1)
    given = {
        "account_id": ids,
        "external_ref": [f"A{number}" for number in ids],
        "chart_code": [2010] * ACCOUNTS,
        "currency": ["KES"] * ACCOUNTS,
        "opened_on": [DAY] * ACCOUNTS,
    }
    absent = {name: [None] * ACCOUNTS for name in ACCOUNT_COLUMNS if name not in given}
    results = create_accounts(connection, book_id=1, accounts=pl.DataFrame(given | absent))
    assert set(results) == {"created"}


def batch(first: int, rng: np.random.Generator) -> pl.DataFrame:
    """Transfers numbered from `first`; every tenth begins a chain of two."""
    debit = rng.integers(1, ACCOUNTS + 1, BATCH)
    number = np.arange(BATCH)
    columns = {
        "transfer_id": [str(UUID(int=first + n)) for n in range(BATCH)],
        "debit_account_id": debit,
        "credit_account_id": (debit + rng.integers(1, ACCOUNTS - 1, BATCH) - 1) % ACCOUNTS + 1,
        "amount_minor": rng.integers(1, 1_000, BATCH),
        "phase": ["single"] * BATCH,
        "pending_id": [None] * BATCH,
        "linked": number % 10 == 0,
        "kind": ["credit_transfer"] * BATCH,
        "payment_id": [None] * BATCH,
        "event_at": [NOON] * BATCH,
        "booked_at": [None] * BATCH,
        "value_date": [DAY] * BATCH,
    }
    return pl.DataFrame(columns, schema=TRANSFER_COLUMNS)


def post_until_the_server_dies(
    server: Server, first: int, started: threading.Semaphore
) -> tuple[list[pl.DataFrame], pl.DataFrame]:
    """Acknowledged batches, and the one that was under way when the connection broke."""
    rng, acknowledged = np.random.default_rng(first), []
    with server.connect(Database.LEDGER, Role.APP) as connection:
        while True:
            transfers = batch(first + len(acknowledged) * BATCH, rng)
            try:
                with connection.transaction():
                    create_transfers(connection, book_id=1, business_date=DAY, transfers=transfers)
            except psycopg.OperationalError:
                return acknowledged, transfers
            acknowledged.append(transfers)
            started.release()


def killed_under_load(
    embedded: EmbeddedPostgres, server: Server, number: int
) -> list[tuple[list[pl.DataFrame], pl.DataFrame]]:
    started = threading.Semaphore(0)
    with ThreadPoolExecutor(POSTERS) as pool:
        posters = [
            pool.submit(
                post_until_the_server_dies, server, 1 + (number * POSTERS + poster) * 10**9, started
            )
            for poster in range(POSTERS)
        ]
        for _ in range(POSTERS):
            assert started.acquire(timeout=PATIENCE_S)
        time.sleep(LOAD_S)
        embedded.kill()
        return [poster.result(PATIENCE_S) for poster in posters]


def present(connection: psycopg.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT transfer_id::text FROM ledger.transfer")}


def test_a_killed_server_keeps_what_it_acknowledged_and_halves_nothing(
    embedded: EmbeddedPostgres, server: Server
) -> None:
    expected: set[str] = set()
    for number in range(ROUNDS):
        work = killed_under_load(embedded, server, number)
        embedded.stop()
        embedded.start()
        acknowledged = [transfers for done, _ in work for transfers in done]
        expected |= {name for transfers in acknowledged for name in transfers["transfer_id"]}
        with server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
            found = present(connection)
            assert expected <= found
            unacknowledged = found - expected
            for _, last in work:
                assert len(unacknowledged & set(last["transfer_id"])) in {0, BATCH}
            for transfers in [last for _, last in work] + acknowledged[-POSTERS:]:
                codes = create_transfers(connection, book_id=1, business_date=DAY, transfers=transfers)
                there_before = set(transfers["transfer_id"]) <= found
                assert set(codes) == {"exists" if there_before else "created"}
                expected |= set(transfers["transfer_id"])
            assert present(connection) == expected
            assert [book.differences for book in verify(connection)] == [()]
