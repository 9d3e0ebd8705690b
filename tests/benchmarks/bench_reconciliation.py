"""Reconciliation against the bare joins: a million ledger entries, a million statement entries.

The reference is what the same passes cost as plain Polars joins, which pair an item as often as it
finds a partner; ours pairs every item once and says by which pass.
"""

import random
import time
from datetime import date, timedelta

import polars as pl

from pipelines.reconciliation.matching import ITEM_SCHEMA, match_items
from pipelines.reconciliation.rules import load_rules

ITEMS = 1_000_000
ACCOUNTS = 40
SEED = 20260302
ROUNDS = 3
WITHOUT_REFERENCE = 10
"""Every tenth statement entry has lost its reference."""

MATCH_KEYS = ["account", "end_to_end_id", "signed_minor", "value_date"]


def _sides() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Equal items on both sides, the stated ones shuffled and partly without reference."""
    draw = random.Random(SEED)
    first = date(2026, 3, 2)
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    ledger = pl.DataFrame(
        {
            "signed_minor": [draw.randint(100, 5_000_000) * draw.choice((-1, 1)) for _ in range(ITEMS)],
            "account": [draw.randrange(ACCOUNTS) for _ in range(ITEMS)],
            "value_date": [first + timedelta(days=draw.randrange(2)) for _ in range(ITEMS)],
        }
    ).with_columns(
        item=number,
        relation=pl.col("account") // 2,
        end_to_end_id=pl.format("E2E{}", number.cast(pl.String).str.zfill(12)),
    )
    stated = ledger.sample(fraction=1, shuffle=True, seed=SEED).with_columns(
        item=number, end_to_end_id=pl.when(number % WITHOUT_REFERENCE != 0).then("end_to_end_id")
    )
    return ledger.select(list(ITEM_SCHEMA)), stated.select(list(ITEM_SCHEMA))


def _bare_joins(ledger: pl.DataFrame, stated: pl.DataFrame) -> int:
    """Exact join, what is left of both sides, join by amount within two days; returns pairs."""
    exact = ledger.join(stated, on=MATCH_KEYS)
    left, right = (
        ledger.join(stated, on=MATCH_KEYS, how="anti"),
        stated.join(ledger, on=MATCH_KEYS, how="anti"),
    )
    near = left.join(right, on=["account", "signed_minor"]).filter(
        (pl.col("value_date") - pl.col("value_date_right")).abs() <= pl.duration(days=2)
    )
    return exact.height + near.height


def benchmark() -> list[tuple[str, float, float]]:
    """Best of three each: (name, our seconds, reference seconds)."""
    ledger, stated = _sides()
    passes = load_rules().passes
    ours, reference = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        pairing = match_items(ledger, stated, passes=passes)
        ours.append(time.perf_counter() - started)
        started = time.perf_counter()
        pairs = _bare_joins(ledger, stated)
        reference.append(time.perf_counter() - started)
    if pairing.pairs.height > pairs:
        raise AssertionError(f"{pairing.pairs.height} pairs, the bare joins find at most {pairs}")
    return [("reconciliation: match 1M x 1M, exact and tolerance", min(ours), min(reference))]


if __name__ == "__main__":
    for line in benchmark():
        print(line)  # noqa: T201 (run by hand it tells its result)
