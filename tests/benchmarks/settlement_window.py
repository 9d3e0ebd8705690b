"""A window of a million transfers closed, netted and instructed while others post into the same book.

Obligations are accepted by one connection in batches of 1,000 into a scheme's book; when a million of
them stand in the window, another connection closes it, nets it and instructs its agent, while the first
goes on into the next window. The reference of the closing is the least that any netting must do: reading
the window's rows by a bare COPY, with nobody else at work.
"""

import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from uuid import UUID

import numpy as np
import polars as pl
import psycopg

from ledger_service.ledger.books import register_participants
from ledger_service.payments.settlement.acceptance import OBLIGATION_SCHEMA, accept
from ledger_service.payments.settlement.instructions import instruct
from ledger_service.payments.settlement.participants import join
from ledger_service.payments.settlement.positions import NetPosition
from ledger_service.payments.settlement.scheme_book import SchemeBook, operate, operator_book
from ledger_service.payments.settlement.window_obligations import flows_of
from ledger_service.payments.settlement.windows import Window, close, open_first, window
from ledger_service.reference.schemes import scheme_on
from ledger_service.runtime.database import Database, Role, Server
from pipelines.netting.positions import net_flows
from tests.benchmarks.ledger_load import Row, bench_server

OBLIGATIONS = 1_000_000
BANKS = 40
BATCH = 1_000
LOADED_AT_ONCE = 10_000
ALONE_S = 10.0
"""Seconds of posting before the close: the rate that it is compared with."""
UNIT = 100_000
"""Rates are told as seconds for so many obligations."""
SEED = 20260302
DAY = date(2026, 3, 2)
MORNING, EVENING = datetime(2026, 3, 2, 5, tzinfo=UTC), datetime(2026, 3, 2, 20, tzinfo=UTC)
_FIRST_ID = (int(MORNING.timestamp() * 1_000) << 80) | (0x7 << 76) | (0b10 << 62)

_READ = """COPY (SELECT debit_account_id, credit_account_id, amount FROM ledger.transfer
WHERE book_id = {book_id} AND sequence > {event_from} AND sequence <= {event_to})
TO STDOUT (FORMAT binary)"""


@dataclass(frozen=True)
class Closing:
    """Seconds of each step of a close, and what was posted meanwhile."""

    closed_s: float
    netted_s: float
    instructed_s: float
    posted: int

    @property
    def total_s(self) -> float:
        """From the call of the close to the last instruction."""
        return self.closed_s + self.netted_s + self.instructed_s


def _batch(draw: np.random.Generator, first: int, size: int) -> pl.DataFrame:
    """Obligations between random banks, their ids rising as UUIDv7 do."""
    debtor = draw.integers(0, BANKS, size)
    creditor = (debtor + draw.integers(1, BANKS, size)) % BANKS
    names = np.array([f"BANK-{number:02}" for number in range(BANKS)])
    columns = {
        "payment_id": [str(UUID(int=_FIRST_ID + number)) for number in range(first, first + size)],
        "debtor_id": names[debtor],
        "creditor_id": names[creditor],
        "currency": ["KES"] * size,
        "amount_minor": draw.integers(1, 1_000, size),
        "event_at": [MORNING] * size,
        "pvp_partner_id": [None] * size,
    }
    return pl.DataFrame(columns, schema=dict(OBLIGATION_SCHEMA))


def _accept(connection: psycopg.Connection, books: SchemeBook, batch: pl.DataFrame) -> None:
    results = accept(connection, books, batch, at=MORNING)["result"]
    if not (results == "accepted").all():
        raise AssertionError(f"not accepted: {results.value_counts()}")


def _scheme(connection: psycopg.Connection) -> SchemeBook:
    rows = [
        {
            "participant_id": f"BANK-{number:02}",
            "name": "Bank",
            "kind": "bank",
            "country": "KE",
            "bic": None,
            "home_currency": "KES",
            "has_book": False,
        }
        for number in range(BANKS)
    ]
    schema = dict.fromkeys(rows[0], pl.String) | {"has_book": pl.Boolean}
    register_participants(connection, pl.DataFrame(rows, schema=schema))
    books = operator_book(connection, scheme_on("east-africa", DAY))
    operate(connection, books, opened_on=DAY)
    for row in rows:
        join(connection, books, participant_id=str(row["participant_id"]), opened_on=DAY)
    open_first(connection, books, business_date=DAY, at=MORNING)
    return books


def _post_until(server: Server, books: SchemeBook, posted: "Synchronized[int]", stop: Event) -> None:
    """Post batch after batch in a process of its own, and count what is committed."""
    draw = np.random.default_rng(SEED + 1)
    with server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        for number in count():
            if stop.is_set():
                return
            batch = _batch(draw, OBLIGATIONS + number * BATCH, BATCH)
            _accept(connection, books, batch)
            posted.value += BATCH


def _closing(connection: psycopg.Connection, books: SchemeBook, posted: "Synchronized[int]") -> Closing:
    before, times = posted.value, [time.perf_counter()]
    closed = close(connection, books, number=1, at=EVENING)
    times.append(time.perf_counter())
    flows = flows_of(connection, books, closed)
    nets = net_flows(flows)[1].select("participant_id", "currency", "net_minor")
    times.append(time.perf_counter())
    positions = [NetPosition(*row) for row in nets.iter_rows()]
    instruct(connection, books, number=1, positions=positions, at=EVENING)
    times.append(time.perf_counter())
    if flows["obligations"].sum() < OBLIGATIONS:
        raise AssertionError(f"{flows['obligations'].sum()} obligations in the window")
    return Closing(*np.diff(times).tolist(), posted.value - before)


def _bare_read_s(connection: psycopg.Connection, books: SchemeBook, of: Window) -> float:
    """Seconds of the bare COPY of the window's rows."""
    if of.event_to is None:
        raise AssertionError("the window is open")
    statement = _READ.format(
        book_id=books.book_id, event_from=of.event_from, event_to=of.event_to
    ).encode()
    started = time.perf_counter()
    with connection.cursor().copy(statement) as copy:
        for _ in copy:
            pass
    return time.perf_counter() - started


def benchmark() -> Iterator[Row]:
    """(name, our seconds, reference seconds): the closing, and posting meanwhile against before."""
    draw = np.random.default_rng(SEED)
    work = multiprocessing.get_context("spawn")
    with (
        bench_server() as bench,
        bench.server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection,
    ):
        books = _scheme(connection)
        for first in range(0, OBLIGATIONS, LOADED_AT_ONCE):
            _accept(connection, books, _batch(draw, first, LOADED_AT_ONCE))
        posted, stop = work.Value("q", 0), work.Event()
        poster = work.Process(target=_post_until, args=(bench.server, books, posted, stop), daemon=True)
        poster.start()
        while not posted.value:
            time.sleep(0.05)
        already, started = posted.value, time.perf_counter()
        time.sleep(ALONE_S)
        before = (posted.value - already) / (time.perf_counter() - started)
        closing = _closing(connection, books, posted)
        stop.set()
        poster.join()
        bare_s = _bare_read_s(connection, books, window(connection, books, 1))
    steps = (
        f"closed {closing.closed_s:.3f}, read and netted {closing.netted_s:.2f}, "
        f"instructed {closing.instructed_s:.2f}"
    )
    name = f"a window of {OBLIGATIONS:,} transfers under posting ({steps}), against a bare COPY of it"
    yield (name, closing.total_s, bare_s)
    meanwhile = closing.posted / closing.total_s
    told = f"posting into the book meanwhile {meanwhile:,.0f}/s, before {before:,.0f}/s, for {UNIT:,}"
    yield (told, UNIT / meanwhile, UNIT / before)


if __name__ == "__main__":
    for line in benchmark():
        print(line, flush=True)  # noqa: T201 (run by hand it tells its result)
