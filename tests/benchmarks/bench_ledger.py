"""Posting against pgbench's TPC-B on the same server: both durable, in turns.

A TPC-B transaction is the reference for one transfer: it moves one amount, updates three balances and
writes one line of history; ours updates two, writes the transfer and two entries with the totals after
them, and checks ids, states and limits. The reference has eight clients and prepared statements.
"""

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from uuid import UUID

import numpy as np
import polars as pl
import psycopg
from psycopg.conninfo import make_conninfo

from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.books import register_participants
from ledger_service.ledger.transfers import TRANSFER_COLUMNS, create_transfers
from ledger_service.runtime.database import Database, Role, Server, create_login_role, prepare
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.postgres_server import LOGIN_ROLE, EmbeddedPostgres

ROUNDS = 3
PGBENCH = ("--client=8", "--jobs=2", "--protocol=prepared", "--no-vacuum", "--time=5")
PGBENCH_SCALE = 20
ACCOUNTS = 10_000
TRANSFERS = 50_000
"""Of each connection, case and round."""
UNIT = 100_000
"""Results are seconds for so many transfers, and for so many TPC-B transactions."""
DAY = date(2025, 3, 3)
NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
SEED = 20250303
CREDIT_LINE = 10**12
LIMITED_BOOK = 3


@dataclass(frozen=True)
class Case:
    """One way of loading; `books` are loaded at the same time, each on its own connection."""

    name: str
    size: int
    books: tuple[int, ...] = (1,)
    hot: bool = False


CASES = (
    Case("batches of 10,000 over 10,000 accounts", 10_000),
    Case("batches of 10,000, all to one account", 10_000, hot=True),
    Case("batches of 10,000, every account limited", 10_000, books=(LIMITED_BOOK,)),
    Case("batches of 10,000, two books at once", 10_000, books=(1, 2)),
    Case("batches of 1,000 over 10,000 accounts", 1_000),
    Case("batches of 1,000, two books at once", 1_000, books=(1, 2)),
    Case("batches of 100 over 10,000 accounts", 100),
)

_random = np.random.default_rng(SEED)
_issued = count(0x01950000_0000_7000_8000_000000000000, 1 << 80)


def _batch(size: int, *, hot: bool) -> pl.DataFrame:
    """Transfers between accounts drawn evenly, or all to account 1; ids rise as UUIDv7 do."""
    debit = _random.integers(2, ACCOUNTS + 1, size)
    credit = (debit + _random.integers(1, ACCOUNTS, size) - 1) % ACCOUNTS + 1
    ids = [str(UUID(int=next(_issued))) for _ in range(size)]
    columns = {
        "transfer_id": ids,
        "debit_account_id": debit,
        "credit_account_id": np.ones(size, dtype=np.int64) if hot else credit,
        "amount_minor": _random.integers(1, 1_000, size),
        "phase": ["single"] * size,
        "pending_id": [None] * size,
        "linked": [False] * size,
        "kind": ["credit_transfer"] * size,
        "payment_id": ids,
        "event_at": [NOON] * size,
        "booked_at": [None] * size,
        "value_date": [DAY] * size,
    }
    return pl.DataFrame(columns, schema=TRANSFER_COLUMNS)


def _accounts(debit_limit: int | None) -> pl.DataFrame:
    ids = range(1, ACCOUNTS + 1)
    given = {
        "account_id": ids,
        "external_ref": [f"A{number}" for number in ids],
        "chart_code": [2010] * ACCOUNTS,
        "currency": ["KES"] * ACCOUNTS,
        "opened_on": [DAY] * ACCOUNTS,
        "debit_limit": [debit_limit] * ACCOUNTS,
    }
    absent = {name: [None] * ACCOUNTS for name in ACCOUNT_COLUMNS if name not in given}
    return pl.DataFrame(given | absent).select(
        pl.col(name).cast(kind) for name, kind in ACCOUNT_COLUMNS.items()
    )


def _open_books(connection: psycopg.Connection) -> None:
    """Books 1 and 2 without limits, book 3 with a credit line on every account."""
    limits = (None, None, CREDIT_LINE)
    row = {"name": "Bank", "kind": "bank", "country": "KE", "home_currency": "KES", "has_book": True}
    participants = pl.DataFrame(
        [row | {"participant_id": f"KE-B{number}", "bic": None} for number in range(len(limits))]
    )
    register_participants(connection, participants)
    for book_id, limit in enumerate(limits, start=1):
        create_accounts(connection, book_id=book_id, accounts=_accounts(limit))


@contextmanager
def _servers() -> Iterator[tuple[Server, Path, str]]:
    """The ledger, pgbench's program and its database's URL, on one embedded server."""
    with tempfile.TemporaryDirectory(prefix="wgi-bench-") as folder:
        embedded = EmbeddedPostgres(Path(folder))
        superuser = embedded.start()
        try:
            create_login_role(superuser)
            server = Server(make_conninfo(superuser, user=LOGIN_ROLE, dbname="postgres"))
            prepare(server)
            migrate(server)
            with server.connect(Database.LEDGER, Role.APP) as connection:
                _open_books(connection)
            with psycopg.connect(superuser, autocommit=True) as connection:
                connection.execute("CREATE DATABASE tpcb")
            pgbench, tpcb = embedded.binaries / "pgbench", make_conninfo(superuser, dbname="tpcb")
            _run(pgbench, "--initialize", "--quiet", f"--scale={PGBENCH_SCALE}", tpcb)
            yield server, pgbench, tpcb
        finally:
            embedded.stop()


def _run(program: Path, *arguments: str) -> str:
    finished = subprocess.run([program, *arguments], check=True, capture_output=True, text=True)
    return finished.stdout


def _tpcb_per_second(pgbench: Path, tpcb: str) -> float:
    found = re.search(r"tps = ([0-9.]+)", _run(pgbench, *PGBENCH, tpcb))
    if found is None:
        raise ValueError("pgbench printed no rate")
    return float(found[1])


def _load(server: Server, book_id: int, batches: list[pl.DataFrame]) -> None:
    with server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        for batch in batches:
            results = create_transfers(connection, book_id=book_id, business_date=DAY, transfers=batch)
            if not (results == "created").all():
                raise AssertionError(f"not created: {results.value_counts()}")


def _transfers_per_second(server: Server, case: Case) -> float:
    work = {
        book_id: [_batch(case.size, hot=case.hot) for _ in range(TRANSFERS // case.size)]
        for book_id in case.books
    }
    with ThreadPoolExecutor(len(work)) as pool:
        started = time.perf_counter()
        for loading in [pool.submit(_load, server, *item) for item in work.items()]:
            loading.result()
        return TRANSFERS * len(work) / (time.perf_counter() - started)


def benchmark() -> list[tuple[str, float, float]]:
    """Best of some rounds each, in turns: (name, our seconds, reference seconds) per `UNIT`."""
    with _servers() as (server, pgbench, tpcb):
        rounds = [
            (
                _tpcb_per_second(pgbench, tpcb),
                *(_transfers_per_second(server, case) for case in CASES),
            )
            for _ in range(ROUNDS)
        ]
    reference, *ours = (max(rates) for rates in zip(*rounds, strict=True))
    return [
        (
            f"posting: {case.name}: {rate:,.0f}/s, {rate / reference:.1f} x TPC-B's {reference:,.0f}/s",
            UNIT / rate,
            UNIT / reference,
        )
        for case, rate in zip(CASES, ours, strict=True)
    ]


if __name__ == "__main__":
    for line in benchmark():
        print(line)  # noqa: T201 (run by hand it tells its result)
