"""Reconciliation against references in the same run: joins of a million items, of ten million by
partition in bounded memory, and subset sums proved to be unique.

The parts stand in `reconciliation_*.py` beside this file.
"""

from tests.benchmarks import (
    reconciliation_cascade,
    reconciliation_partitions,
    reconciliation_subset_sums,
)

ITEMS = 1_000_000
ROUNDS = 3
PARTITIONS = 8
BATCHES = 3


def benchmark() -> list[tuple[str, float, float]]:
    """Best of some rounds each: (name, our seconds, reference seconds)."""
    return [
        reconciliation_cascade.measure(ITEMS, rounds=ROUNDS),
        reconciliation_partitions.measure(10 * ITEMS, partitions=PARTITIONS),
        reconciliation_subset_sums.measure(BATCHES),
    ]


if __name__ == "__main__":
    for line in benchmark():
        print(line)  # noqa: T201 (run by hand it tells its result)
