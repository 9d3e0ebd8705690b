"""Ten million items a side, matched by partition from Parquet to Parquet, with the peak of memory.

Each measurement is a process of its own, so that its peak is its own. The reference is the bare joins
over the same partitions of the same files.
"""

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pipelines.reconciliation.partitions import match_partitions, read_partition
from tests.benchmarks.reconciliation_cascade import (
    KIBIBYTES,
    bare_joins,
    cascade_rules,
    ledger_items,
    stated_items,
)

ACCOUNTS = 400


def measure(count: int, *, partitions: int) -> tuple[str, float, float]:
    """(name with seconds and peak memory, our seconds, the joins' seconds)."""
    with tempfile.TemporaryDirectory() as folder:
        _alone(_write, folder, count)
        ours, peak, left = _alone(_match, folder, partitions)
        reference, reference_peak, _ = _alone(_join, folder, partitions)
    name = (
        f"{count:,} x {count:,} by {partitions} partitions from Parquet, {left:,.0f} left, "
        f"peak {peak:.1f} GiB (joins {reference_peak:.1f} GiB)"
    )
    return name, ours, reference


Measured = tuple[float, float, float]


def _alone(work: Callable[[str, int], float], folder: str, number: int) -> Measured:
    """Seconds, peak GiB and answer of a function in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_timed, (work, folder, number))


def _timed(work: Callable[[str, int], float], folder: str, number: int) -> Measured:
    started = time.perf_counter()
    answer = work(folder, number)
    seconds = time.perf_counter() - started
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIBIBYTES, answer


def _write(folder: str, count: int) -> float:
    ledger = ledger_items(count, accounts=ACCOUNTS)
    ledger.write_parquet(Path(folder) / "ledger.parquet")
    stated_items(ledger).write_parquet(Path(folder) / "stated.parquet")
    return ledger.height


def _match(folder: str, partitions: int) -> float:
    """The number of items of either side that are left."""
    figures = match_partitions(
        ledger=Path(folder) / "ledger.parquet",
        stated=Path(folder) / "stated.parquet",
        into=Path(folder) / "matched",
        partitions=partitions,
        passes=cascade_rules().passes,
    )
    return sum(one.ledger_left + one.stated_left for one in figures)


def _join(folder: str, partitions: int) -> float:
    found = 0
    for partition in range(partitions):
        sides = [
            read_partition(Path(folder) / f"{side}.parquet", partition=partition, partitions=partitions)
            for side in ("ledger", "stated")
        ]
        found += bare_joins(*sides)
    return found
