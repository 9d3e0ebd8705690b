"""The ledger: batches, a long load, probes, verification; and single transfers through the poster."""

from collections.abc import Iterator

from tests.benchmarks import ledger_load, poster
from tests.benchmarks.ledger_load import Row


def benchmark() -> Iterator[Row]:
    """Rows (name, our seconds, reference seconds)."""
    yield from ledger_load.benchmark()
    yield from poster.benchmark()
