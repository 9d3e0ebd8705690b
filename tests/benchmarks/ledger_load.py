"""Posting against pgbench's TPC-B on the same server, and the ledger at ten million transfers.

A TPC-B transaction is the reference for one transfer: it moves one amount, updates three balances and
writes one line of history; ours updates two, writes the transfer with both entries and the totals after
them, and checks ids, states and limits. The reference has sixteen clients, once with pgbench's default
protocol and once with prepared statements; all are durable, and take turns. What bounds posting is
measured beside it: COPY of the same rows into a table with the same indexes.
"""

import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import UUID

import numpy as np
import polars as pl
import psycopg
from psycopg.conninfo import make_conninfo

from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.balances import balance_at
from ledger_service.ledger.books import register_participants
from ledger_service.ledger.sealing import seal
from ledger_service.ledger.transfers import TRANSFER_COLUMNS, create_transfers
from ledger_service.ledger.verification import verify_in_parallel
from ledger_service.runtime.database import Database, Role, Server, create_login_role, prepare
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.postgres_server import LOGIN_ROLE, EmbeddedPostgres

Row = tuple[str, float, float]
"""What was measured, our seconds, the reference's seconds."""

ROUNDS = 3
PGBENCH = ("--client=16", "--jobs=2", "--no-vacuum", "--time=5")
PGBENCH_SCALE = 20
ACCOUNTS = 10_000
TRANSFERS = 50_000
"""Of each connection, case and round."""
UNIT = 100_000
"""Results are seconds for so many transfers, and for so many TPC-B transactions."""
LOADED = 10_000_000
"""Transfers of the long load; its speed is compared by millions."""
COPIED = 500_000
PROBES = 2_000
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
    held: bool = False


CASES = (
    Case("batches of 1,000 over 10,000 accounts, two books", 1_000, books=(1, 2)),
    Case("batches of 1,000, one hot account a book, two books", 1_000, books=(1, 2), hot=True),
    Case("batches of 1,000 held, then posted, two books", 1_000, books=(1, 2), held=True),
    Case("batches of 1,000 over 10,000 accounts, one book", 1_000),
    Case("batches of 10,000 over 10,000 accounts, two books", 10_000, books=(1, 2)),
    Case("batches of 10,000, every account limited, one book", 10_000, books=(LIMITED_BOOK,)),
    Case("batches of 100 over 10,000 accounts, two books", 100, books=(1, 2)),
)

_random = np.random.default_rng(SEED)
_issued = count((time.time_ns() // 1_000_000 << 80) + 0x7000_8000_000000000000, 1 << 80)
"""UUIDv7s from now on, one a millisecond: as callers make them."""


def transfers_between_accounts(size: int, *, hot: bool) -> pl.DataFrame:
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


def _posts(holds: pl.DataFrame) -> pl.DataFrame:
    """Posts each of a batch of holds, whole."""
    ids = [str(UUID(int=next(_issued))) for _ in range(holds.height)]
    return holds.with_columns(
        transfer_id=pl.Series(ids), phase=pl.lit("post"), pending_id=pl.col("transfer_id")
    )


def _batches(case: Case) -> list[pl.DataFrame]:
    """The batches of one connection, `TRANSFERS` in all; a hold and its posting are two of them."""
    number = TRANSFERS // case.size
    if not case.held:
        return [transfers_between_accounts(case.size, hot=case.hot) for _ in range(number)]
    holds = [
        transfers_between_accounts(case.size, hot=False).with_columns(phase=pl.lit("pending"))
        for _ in range(number // 2)
    ]
    return holds + [_posts(batch) for batch in holds]


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
    """Books 1, 2, 4 and 5 without limits, book 3 with a credit line on every account."""
    limits = (None, None, CREDIT_LINE, None, None)
    row = {"name": "Bank", "kind": "bank", "country": "KE", "home_currency": "KES", "has_book": True}
    participants = pl.DataFrame(
        [row | {"participant_id": f"KE-B{number}", "bic": None} for number in range(len(limits))]
    )
    register_participants(connection, participants)
    for book_id, limit in enumerate(limits, start=1):
        create_accounts(connection, book_id=book_id, accounts=_accounts(limit))


@dataclass(frozen=True)
class Bench:
    """A server with the ledger and pgbench's database on it."""

    server: Server
    superuser: str
    pgbench: Path

    @property
    def tpcb(self) -> str:
        """pgbench's own database."""
        return make_conninfo(self.superuser, dbname="tpcb")

    def tpcb_per_second(self, *options: str) -> float:
        """Transactions a second of one run of pgbench."""
        found = re.search(r"tps = ([0-9.]+)", _run(self.pgbench, *PGBENCH, *options, self.tpcb))
        if found is None:
            raise ValueError("pgbench printed no rate")
        return float(found[1])

    def wal_bytes(self) -> int:
        """Bytes of WAL written so far."""
        with psycopg.connect(self.superuser) as connection:
            row = connection.execute("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn").fetchone()
        return int(row[0]) if row else 0


@contextmanager
def bench_server() -> Iterator[Bench]:
    """An embedded server with five books of accounts, and pgbench's tables."""
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
            bench = Bench(server, superuser, embedded.binaries / "pgbench")
            _run(bench.pgbench, "--initialize", "--quiet", f"--scale={PGBENCH_SCALE}", bench.tpcb)
            yield bench
        finally:
            embedded.stop()


def _run(program: Path, *arguments: str) -> str:
    finished = subprocess.run([program, *arguments], check=True, capture_output=True, text=True)
    return finished.stdout


def _load(server: Server, book_id: int, batches: list[pl.DataFrame]) -> None:
    with server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        for batch in batches:
            results = create_transfers(connection, book_id=book_id, business_date=DAY, transfers=batch)
            if not (results == "created").all():
                raise AssertionError(f"not created: {results.value_counts()}")


def _transfers_per_second(server: Server, case: Case) -> float:
    work = {book_id: _batches(case) for book_id in case.books}
    with ThreadPoolExecutor(len(work)) as pool:
        started = time.perf_counter()
        for loading in [pool.submit(_load, server, *item) for item in work.items()]:
            loading.result()
        return TRANSFERS * len(work) / (time.perf_counter() - started)


def _posting(bench: Bench) -> Iterator[Row]:
    """Each case beside pgbench, best of some rounds in turns."""
    rounds = []
    for _ in range(ROUNDS):
        references = (bench.tpcb_per_second(), bench.tpcb_per_second("--protocol=prepared"))
        rounds.append((*references, *(_transfers_per_second(bench.server, case) for case in CASES)))
    simple, prepared, *ours = (max(rates) for rates in zip(*rounds, strict=True))
    yield (f"TPC-B, 16 clients, prepared: {prepared:,.0f}/s", UNIT / prepared, UNIT / simple)
    for case, rate in zip(CASES, ours, strict=True):
        ratios = f"{rate / simple:.1f} x TPC-B, {rate / prepared:.1f} x prepared"
        yield (f"{case.name}: {rate:,.0f}/s, {ratios}", UNIT / rate, UNIT / simple)


def _copying(bench: Bench) -> Iterator[Row]:
    """COPY of the same rows into a table with the same indexes, and WAL a transfer."""
    before = bench.wal_bytes()
    rate = _transfers_per_second(bench.server, CASES[0])
    written = (bench.wal_bytes() - before) / (TRANSFERS * len(CASES[0].books))
    with psycopg.connect(bench.server.url(Database.LEDGER, Role.OWNER), autocommit=True) as connection:
        connection.execute("CREATE TABLE copied (LIKE ledger.transfer INCLUDING ALL)")
        rows = f"(SELECT * FROM ledger.transfer LIMIT {COPIED})"
        with connection.cursor().copy(f"COPY {rows} TO STDOUT (FORMAT binary)") as copy:
            content = [bytes(block) for block in copy]
        started = time.perf_counter()
        with connection.cursor().copy("COPY copied FROM STDIN (FORMAT binary)") as copy:
            for block in content:
                copy.write(block)
        copied = COPIED / (time.perf_counter() - started)
        connection.execute("DROP TABLE copied")
    name = f"posting beside COPY of such rows, {copied:,.0f}/s on one; {written:,.0f} B of WAL each"
    yield (name, UNIT / rate, UNIT / copied)


def _loading(bench: Bench) -> Iterator[Row]:
    """Ten million transfers into two books at once: the last million beside the first."""

    def load(book_id: int) -> list[float]:
        seconds = []
        with bench.server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
            for _ in range(LOADED // 2 // 10_000):
                batch = transfers_between_accounts(10_000, hot=False)
                started = time.perf_counter()
                create_transfers(connection, book_id=book_id, business_date=DAY, transfers=batch)
                seconds.append(time.perf_counter() - started)
        return seconds

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(load, (4, 5)))
    million = 50  # batches of each book
    first, *_, last = (
        sum(sum(book[at : at + million]) for book in both) / 2 for at in range(0, len(both[0]), million)
    )
    yield (f"last million of {LOADED:,} beside the first", last, first)


def _probing(bench: Bench) -> Iterator[Row]:
    """Balances at times drawn evenly over the load, beside the least that a round trip costs."""
    accounts = _random.integers(1, ACCOUNTS + 1, PROBES).tolist()
    with bench.server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        row = connection.execute(
            "SELECT min(booked_at), max(booked_at) FROM ledger.transfer WHERE book_id = 4"
        ).fetchone()
        begun, ended = row if row else (NOON, NOON)
        span = (ended - begun) / timedelta(microseconds=1)
        times = [begun + timedelta(microseconds=n * span) for n in _random.random(PROBES)]
        ours = _each(lambda n: balance_at(connection, book_id=4, account_id=accounts[n], at=times[n]))
        reference = _each(lambda n: connection.execute("SELECT %s", [n]).fetchone())
    median, slow = np.median(ours) * 1_000, np.quantile(ours, 0.99) * 1_000
    name = f"balance at a time, median {median:.2f} ms, 99 % under {slow:.2f} ms, beside a SELECT"
    yield (name, float(np.mean(ours)), float(np.mean(reference)))


def _verifying(bench: Bench) -> Iterator[Row]:
    """All transfers verified by two processes, and sealed, beside reading them by bare COPY."""
    with bench.server.connect(Database.LEDGER, Role.CLOSE, autocommit=True) as connection:
        books = [book_id for (book_id,) in connection.execute("SELECT book_id FROM ledger.book")]
        started = time.perf_counter()
        for book_id in books:
            seal(connection, book_id=book_id, sealed_at=NOON)
        sealing = time.perf_counter() - started
    started = time.perf_counter()
    found = list(verify_in_parallel(bench.server, processes=2))
    verifying = time.perf_counter() - started
    if any(book.differences for book in found):
        raise AssertionError(f"differs: {found}")
    number = sum(book.transfers for book in found)
    started = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        for reading in [pool.submit(_read_all, bench.server, book_id) for book_id in books]:
            reading.result()
    reading_all = time.perf_counter() - started
    name = f"verify {number:,} transfers, {number / verifying:,.0f}/s, beside COPY of them"
    yield (name, verifying, reading_all)
    yield (f"seal them, {number / sealing:,.0f}/s, beside COPY of them", sealing, reading_all)


def _read_all(server: Server, book_id: int) -> None:
    """Bare COPY of a book's transfers, thrown away."""
    with server.connect(Database.LEDGER, Role.CLOSE) as connection:
        statement = "COPY (SELECT * FROM ledger.transfer WHERE book_id = {}) TO STDOUT (FORMAT binary)"
        with connection.cursor().copy(psycopg.sql.SQL(statement).format(book_id)) as copy:
            while copy.read():
                pass


def _each(call: Callable[[int], object]) -> list[float]:
    """Seconds of each of `PROBES` calls."""
    seconds = []
    for number in range(PROBES):
        started = time.perf_counter()
        call(number)
        seconds.append(time.perf_counter() - started)
    return seconds


def benchmark() -> Iterator[Row]:
    """Rows (name, our seconds, reference seconds), posting per `UNIT` transfers."""
    with bench_server() as bench:
        yield from _posting(bench)
        yield from _copying(bench)
        yield from _loading(bench)
        yield from _probing(bench)
        yield from _verifying(bench)


if __name__ == "__main__":
    for line in benchmark():
        print(line, flush=True)  # noqa: T201 (run by hand it tells its result)
