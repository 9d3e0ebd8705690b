"""Bank files: written beside an independent library and a bare write, read beside a bare parser."""

from collections.abc import Iterator

from tests.benchmarks import file_writing, statement_reading, swift_reading


def benchmark() -> Iterator[tuple[str, float, float]]:
    """(name, our seconds, reference seconds) of writing and of reading."""
    yield from file_writing.benchmark()
    yield from statement_reading.benchmark()
    yield from swift_reading.benchmark()
