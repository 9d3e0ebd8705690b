"""Netting against the bare group-bys: a million obligations to bilateral and multilateral nets.

The reference is three Polars group-bys over all obligations: per pair and direction, per debtor, per
creditor. It gives gross sums only, in 64 bits that wrap, without signs, refs or evidence; ours gives
the lake's tables.
"""

import random
import time
from collections.abc import Callable
from datetime import date

import polars as pl

from pipelines.netting.positions import net, net_positions
from pipelines.netting.tables import OBLIGATIONS

OBLIGATION_COUNT = 1_000_000
PARTICIPANT_COUNT = 40
SEED = 20260302
ROUNDS = 5
CYCLE = ["window_id", "currency"]
CURRENCIES = ["KES", "NGN", "UGX", "TZS", "XOF", "ZAR"]
WINDOWS = ["w1", "w2", "w3", "w4"]


def _obligations() -> pl.DataFrame:
    """Between random pairs; a book's clearing accounts numbered by counterparty and currency."""
    draw = random.Random(SEED)
    pairs = [draw.sample(range(PARTICIPANT_COUNT), 2) for _ in range(OBLIGATION_COUNT)]
    drawn = pl.DataFrame(
        {
            "debtor": [debtor for debtor, _ in pairs],
            "creditor": [creditor for _, creditor in pairs],
            "currency": draw.choices(CURRENCIES, k=OBLIGATION_COUNT),
            "window_id": sorted(draw.choices(WINDOWS, k=OBLIGATION_COUNT)),
            "amount_minor": [draw.randint(1, 10**9) for _ in range(OBLIGATION_COUNT)],
        }
    )
    account = pl.col("creditor") * len(CURRENCIES) + pl.col("currency").rank("dense")
    return OBLIGATIONS.conform(
        drawn.with_columns(
            business_date=pl.lit(date(2026, 3, 2)),
            debtor_id=pl.format("participant-{}", "debtor"),
            creditor_id=pl.format("participant-{}", "creditor"),
            payment_id=pl.format("payment-{}", pl.int_range(pl.len())),
            book_id=pl.col("debtor").cast(pl.Int32),
            account_id=account.cast(pl.Int64),
        )
        .with_columns(version=pl.int_range(1, pl.len() + 1).over("book_id", "account_id"))
        .select(list(OBLIGATIONS.schema))
    )


def _bare_group_bys(obligations: pl.DataFrame) -> None:
    gross = [pl.col("amount_minor").sum(), pl.len()]
    obligations.group_by(*CYCLE, "debtor_id", "creditor_id").agg(gross)
    obligations.group_by(*CYCLE, "debtor_id").agg(gross)
    obligations.group_by(*CYCLE, "creditor_id").agg(gross)


def _seconds(work: Callable[[pl.DataFrame], object], obligations: pl.DataFrame) -> float:
    started = time.perf_counter()
    work(obligations)
    return time.perf_counter() - started


def benchmark() -> list[tuple[str, float, float]]:
    """Best of some rounds each, in turns: (name, our seconds, reference seconds)."""
    obligations = _obligations()
    works = (net_positions, net, _bare_group_bys)
    rounds = [[_seconds(work, obligations) for work in works] for _ in range(ROUNDS)]
    positions, with_evidence, reference = (min(column) for column in zip(*rounds, strict=True))
    return [
        ("netting: 1M obligations to bilateral and multilateral nets", positions, reference),
        ("netting: the same with evidence", with_evidence, reference),
    ]


if __name__ == "__main__":
    for line in benchmark():
        print(line)  # noqa: T201 (run by hand it tells its result)
