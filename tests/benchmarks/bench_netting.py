"""Netting and settlement: positions, clearing, scarce liquidity, and a window closed under posting."""

from collections.abc import Iterator

from tests.benchmarks import (
    liquidity_queue,
    netting_positions,
    obligation_clearing,
    settlement_window,
)


def benchmark() -> Iterator[tuple[str, float, float]]:
    """(name, our seconds, reference seconds) of each part."""
    yield from netting_positions.benchmark()
    yield from obligation_clearing.benchmark()
    yield from liquidity_queue.benchmark()
    yield from settlement_window.benchmark()
