"""The verifier of the optimum: that no other clearing of the same obligations clears more.

Belongs here: the proof by prices, computed from the result alone. It shares no code with what clears and
does not trust it: any prices give a valid bound, only the right ones one that the result attains.

Give every party a whole-number price. In a circulation the prices that a ring passes cancel, so that a
minor unit cleared between debtor and creditor may be valued at 1 + price of the creditor - price of the
debtor, and no clearing exceeds the sum of all amounts with a positive value. The prices are shortest
distances in what is left to change: a debt with a remainder costs -1, taking a cleared one back +1. They
exist exactly when no such change gains, and then the bound is what is cleared.
"""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.netting.verification import Rule, differing, in_order, minor

Integers = NDArray[np.int64]

_CYCLE: Final = ("business_date", "window_id", "currency")


def optimum_violations(cleared_obligations: pl.DataFrame, *, longest_path: int = 1_000) -> pl.DataFrame:
    """Windows and currencies in which it is not proven that nothing clears more.

    Takes rows of CLEARED_OBLIGATIONS; returns rows of `VIOLATIONS_SCHEMA`, where `expected` is the
    bound and `found` the value cleared. Prices are searched over paths of so many parties; what is
    optimal needs longer ones only in graphs that are one long chain.
    """
    parts = cleared_obligations.partition_by(_CYCLE, maintain_order=True)
    return in_order(_of_cycle(part, longest_path=longest_path) for part in parts)


def _of_cycle(cleared: pl.DataFrame, *, longest_path: int) -> pl.DataFrame:
    pairs = cleared.group_by("debtor_id", "creditor_id").agg(
        minor(f"{what}_minor").sum().alias(what) for what in ("amount", "cleared")
    )
    parties = pl.concat([pairs["debtor_id"], pairs["creditor_id"]]).unique()
    numbers = pl.DataFrame({"party": parties, "number": np.arange(len(parties))})
    numbered = pairs.join(
        numbers.rename({"party": "debtor_id", "number": "debtor"}), on="debtor_id"
    ).join(numbers.rename({"party": "creditor_id", "number": "creditor"}), on="creditor_id")
    debtor, creditor = numbered["debtor"].to_numpy(), numbered["creditor"].to_numpy()
    more = numbered.select(pl.col("cleared") < pl.col("amount")).to_series().to_numpy()
    less = numbered.select(pl.col("cleared") > 0).to_series().to_numpy()
    prices = _shortest_distances(
        np.concatenate([debtor[more], creditor[less]]),
        np.concatenate([creditor[more], debtor[less]]),
        np.concatenate([np.full(more.sum(), -1), np.full(less.sum(), 1)]),
        parties=len(parties),
        longest_path=longest_path,
    )
    worth = np.maximum(1 + prices[creditor] - prices[debtor], 0)
    bounded = (
        numbered.with_columns(bound=pl.col("amount") * pl.Series(worth).cast(pl.Int128))
        .select(pl.col("bound", "cleared").sum())
        .with_columns(pl.lit(cleared[name][0]).alias(name) for name in _CYCLE)
    )
    expected, found = pl.col("bound"), pl.col("cleared")
    return differing(Rule.NOTHING_CLEARS_MORE, bounded, _CYCLE, expected=expected, found=found)


def _shortest_distances(
    tail: Integers, head: Integers, cost: Integers, *, parties: int, longest_path: int
) -> Integers:
    """Per party the least cost of any path to it (Bellman and Ford), all arcs at once in each round."""
    distances = np.zeros(parties, np.int64)
    if not len(head):
        return distances
    by_head = np.argsort(head, kind="stable")
    tail, cost = tail[by_head], cost[by_head]
    reached, first = np.unique(head[by_head], return_index=True)
    for _ in range(longest_path):
        lower = np.minimum(distances[reached], np.minimum.reduceat(distances[tail] + cost, first))
        if (lower == distances[reached]).all():
            break
        distances[reached] = lower
    return distances
