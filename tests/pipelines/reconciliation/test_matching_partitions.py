"""Matching by partition finds what matching all at once finds."""

import random
from pathlib import Path

import polars as pl
import pytest

from pipelines.reconciliation.matching import match_items
from pipelines.reconciliation.partitions import match_partitions
from pipelines.reconciliation.rules import load_rules
from tests.pipelines.reconciliation.matching_items import items, sides_of


def _sides() -> list[pl.DataFrame]:
    draw = random.Random(11)
    rows = [
        {
            "account": account,
            "relation": account // 2,
            "signed_minor": draw.choice([-1, 1]) * draw.randrange(1_000, 1_000_000),
            "end_to_end_id": f"E2E-2026-{number // 2 if number % 5 == 0 else number:06d}",
            "day": draw.randrange(3),
        }
        for number in range(300)
        for account in [draw.randrange(40)]
    ]
    stated = [row | {"end_to_end_id": None} if draw.random() < 0.2 else row for row in rows]
    return [items(rows), items(draw.sample(stated, k=280), first=1_000)]


def test_partitions_together_are_the_whole(tmp_path: Path) -> None:
    sides = _sides()
    paths = [tmp_path / name for name in ("ledger.parquet", "stated.parquet")]
    for side, path in zip(sides, paths, strict=True):
        side.write_parquet(path)
    passes = load_rules().passes
    figures = list(
        match_partitions(
            ledger=paths[0], stated=paths[1], into=tmp_path / "matched", partitions=3, passes=passes
        )
    )
    whole = match_items(*sides, passes=passes)
    assert sum(one.ledger_items for one in figures) == 300
    assert min(one.pairs for one in figures) > 0
    pairs = pl.read_parquet(tmp_path / "matched" / "pairs" / "*.parquet")
    assert pairs.sort("ledger_item").equals(whole.pairs.sort("ledger_item"))
    left = pl.read_parquet(tmp_path / "matched" / "ledger_left" / "*.parquet")
    assert sorted(left["item"]) == sorted(whole.ledger_left["item"])
    groups = set()
    for path in (tmp_path / "matched" / "members").iterdir():
        groups |= sides_of(pl.read_parquet(path))
    assert groups == sides_of(whole.members)


def test_no_partition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one"):
        next(
            match_partitions(
                ledger=tmp_path, stated=tmp_path, into=tmp_path / "out", partitions=0, passes=[]
            )
        )
