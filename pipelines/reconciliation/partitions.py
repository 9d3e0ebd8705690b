"""Matching of more items than memory holds: partition by partition, from Parquet to Parquet.

Belongs here: which items a partition has, and the streaming of partitions. Items are parted by
relation, so that every candidate of an item, in any currency, is in its partition: the result is
that of matching all at once. One partition after the other is in memory, and nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import polars as pl

from pipelines.reconciliation.match_shapes import ITEM_SCHEMA, OPTIONAL_SCHEMA
from pipelines.reconciliation.matching import Matching, match_items
from pipelines.reconciliation.pass_rules import AnyPass
from pipelines.reconciliation.rules import DifferenceRule

SEED = 20260302
"""Of the hash that spreads relations; fixed, so that reruns write the same partitions."""


@dataclass(frozen=True, slots=True)
class PartitionFigures:
    """What one partition had and what became of it."""

    partition: int
    ledger_items: int
    stated_items: int
    pairs: int
    groups: int
    ledger_left: int
    stated_left: int


def match_partitions(
    *,
    ledger: Path,
    stated: Path,
    into: Path,
    partitions: int,
    passes: Sequence[AnyPass],
    differences: Sequence[DifferenceRule] = (),
) -> Iterator[PartitionFigures]:
    """Match two Parquet files of items (`ITEM_SCHEMA`, any of `OPTIONAL_SCHEMA`).

    Writes `<into>/<frame>/<partition>.parquet` for each frame of `Matching`, and yields the figures of
    each partition once it is written. Numbers of groups and proposals are those of their partition.
    """
    if partitions < 1:
        raise ValueError(f"{partitions} partitions: there must be at least one")
    for frame in fields(Matching):
        (into / frame.name).mkdir(parents=True, exist_ok=True)
    for partition in range(partitions):
        sides = [
            read_partition(path, partition=partition, partitions=partitions) for path in (ledger, stated)
        ]
        matching = match_items(*sides, passes=passes, differences=differences)
        for frame in fields(Matching):
            getattr(matching, frame.name).write_parquet(into / frame.name / f"{partition}.parquet")
        yield PartitionFigures(
            partition=partition,
            ledger_items=sides[0].height,
            stated_items=sides[1].height,
            pairs=matching.pairs.height,
            groups=matching.groups.height,
            ledger_left=matching.ledger_left.height,
            stated_left=matching.stated_left.height,
        )


def read_partition(path: Path, *, partition: int, partitions: int) -> pl.DataFrame:
    """The items of one partition; the items of one relation are in one partition."""
    scanned = pl.scan_parquet(path)
    present = [name for name in (*ITEM_SCHEMA, *OPTIONAL_SCHEMA) if name in scanned.collect_schema()]
    own = pl.col("relation").hash(SEED) % partitions == partition
    return scanned.select(present).filter(own).collect(engine="streaming")
