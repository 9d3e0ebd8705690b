"""One transfer per call: 256 concurrent callers of a poster beside sixteen clients of pgbench's TPC-B.

Each caller is a coroutine that posts a transfer, waits for its answer, and posts the next; an answer
comes after the commit. The reference has pgbench's default protocol; with prepared statements it is
a row of its own. All are durable, on one server, in turns.
"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass

from ledger_service.ledger.poster import Poster, PosterOptions, Transfer
from ledger_service.runtime.database import Server
from tests.benchmarks.ledger_load import DAY, Bench, Row, bench_server, transfers_between_accounts

CALLERS = 256
ROUNDS = 3
TRANSFERS = 30_000
"""Of each case and round."""
WARMING = 4_000
"""Transfers before the clock starts: sessions connect and plan."""
UNIT = 100_000
"""Results are seconds for so many transfers, and for so many TPC-B transactions."""


@dataclass(frozen=True)
class Case:
    """One way of posting; callers go round the books."""

    name: str
    books: tuple[int, ...] = (1,)
    hot: bool = False
    lanes: int = 4


CASES = (
    Case("over 10,000 accounts, one book"),
    Case("all to one account, one book", hot=True),
    Case("over 10,000 accounts, two books, a lane each", books=(1, 2)),
    Case("over 10,000 accounts, two books, one lane for both", books=(1, 2), lanes=1),
    Case("one hot account in each of two books, a lane each", books=(1, 2), hot=True),
)


def _work(case: Case, number: int) -> Iterator[tuple[int, Transfer]]:
    """So many transfers, each with its book."""
    columns = transfers_between_accounts(number, hot=case.hot).drop("linked").iter_rows(named=True)
    made = [Transfer(**row) for row in columns]
    return ((case.books[n % len(case.books)], transfer) for n, transfer in enumerate(made))


async def _post_all(poster: Poster, work: Iterator[tuple[int, Transfer]]) -> None:
    async def caller() -> None:
        for book_id, transfer in work:
            result = await poster.post(book_id, DAY, transfer)
            if result != "created":
                raise AssertionError(f"not created: {result}")

    await asyncio.gather(*(caller() for _ in range(CALLERS)))


async def _rates(server: Server, case: Case) -> tuple[float, float]:
    """Transfers a second, and processor seconds of this process a second."""
    loop = asyncio.get_running_loop()
    async with Poster(server, PosterOptions(lanes=case.lanes)) as poster:
        await _post_all(poster, _work(case, WARMING))
        work = _work(case, TRANSFERS)
        started, used = loop.time(), sum(os.times()[:2])
        await _post_all(poster, work)
        elapsed = loop.time() - started
        return TRANSFERS / elapsed, (sum(os.times()[:2]) - used) / elapsed


def _round(bench: Bench) -> tuple[tuple[float, float], ...]:
    references = (bench.tpcb_per_second(), bench.tpcb_per_second("--protocol=prepared"))
    ours = (asyncio.run(_rates(bench.server, case)) for case in CASES)
    return (*((reference, 0.0) for reference in references), *ours)


def benchmark() -> Iterator[Row]:
    """Best of some rounds each: (name, our seconds, reference seconds) per `UNIT`."""
    with bench_server() as bench:
        (simple, _), (prepared, _), *ours = map(
            max, zip(*(_round(bench) for _ in range(ROUNDS)), strict=True)
        )
    yield (f"TPC-B, 16 clients, prepared: {prepared:,.0f}/s", UNIT / prepared, UNIT / simple)
    for case, (rate, processor) in zip(CASES, ours, strict=True):
        ratios = f"{rate / simple:.1f} x TPC-B, {rate / prepared:.1f} x prepared"
        told = f"{CALLERS} callers, {case.name}: {rate:,.0f}/s, {ratios}"
        yield (f"{told}; {processor:.0%} of a core in Python", UNIT / rate, UNIT / simple)


if __name__ == "__main__":
    for line in benchmark():
        print(line, flush=True)  # noqa: T201 (run by hand it tells its result)
