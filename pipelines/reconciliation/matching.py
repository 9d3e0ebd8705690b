"""The matching engine: run the declared passes in order over two sets of items.

Belongs here: the order of the passes, and that no item is matched twice. What each kind of pass
does is `pairing.py`, `near_pairs.py`, `similar_pairs.py`, `key_groups.py` and `subset_groups.py`;
where items come from and what becomes of the matches is `statements.py`.

The result is the same whatever the order of the rows: ties are decided by the number of the item.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.reconciliation.key_groups import run_key_groups
from pipelines.reconciliation.match_shapes import (
    GROUP_SCHEMA,
    ITEM_SCHEMA,
    MEMBER_SCHEMA,
    OPTIONAL_SCHEMA,
    PAIR_SCHEMA,
    PROPOSAL_SCHEMA,
    UNPROVED_SCHEMA,
    Found,
)
from pipelines.reconciliation.near_pairs import run_near
from pipelines.reconciliation.pairing import run_pairs
from pipelines.reconciliation.pass_rules import AnyPass, GroupPass, NearPass, Pass, SimilarPass
from pipelines.reconciliation.rules import DifferenceRule
from pipelines.reconciliation.shapes import Schema
from pipelines.reconciliation.similar_pairs import run_similar
from pipelines.reconciliation.subset_groups import run_subsets

__all__ = ["ITEM_SCHEMA", "OPTIONAL_SCHEMA", "PAIR_SCHEMA", "Matching", "match_items"]


@dataclass(frozen=True, slots=True)
class Matching:
    """What became of the items, in the schemas of `match_shapes.py`.

    Every item is in exactly one of: `pairs`, a group (`members`), the items left of its side.
    `proposed` are items left, in candidates that were not proved.
    """

    pairs: pl.DataFrame
    groups: pl.DataFrame
    members: pl.DataFrame
    proposals: pl.DataFrame
    proposed: pl.DataFrame
    unproved: pl.DataFrame
    ledger_left: pl.DataFrame
    stated_left: pl.DataFrame


def match_items(
    ledger: pl.DataFrame,
    stated: pl.DataFrame,
    *,
    passes: Iterable[AnyPass],
    differences: Sequence[DifferenceRule] = (),
) -> Matching:
    """Run the passes in order; each item is in at most one pair or group.

    Both frames have `ITEM_SCHEMA` and may have columns of `OPTIONAL_SCHEMA`; `differences` are those
    that a pass may accept by class.
    """
    left, right = _Side.of(ledger), _Side.of(stated)
    found: list[Found] = []
    for rule in passes:
        if left.open.is_empty() or right.open.is_empty():
            break
        answer = _run(rule, left=left.open, right=right.open, differences=differences)
        left.take(_taken(answer, side="ledger"))
        right.take(_taken(answer, side="stated"))
        found.append(answer)
    return _together(found, left=left, right=right)


def _run(
    rule: AnyPass, *, left: pl.DataFrame, right: pl.DataFrame, differences: Sequence[DifferenceRule]
) -> Found:
    """What the pass finds among the open items."""
    if isinstance(rule, Pass):
        return run_pairs(rule, left=left, right=right)
    if isinstance(rule, NearPass):
        return run_near(rule, left=left, right=right, differences=differences)
    if isinstance(rule, SimilarPass):
        return run_similar(rule, left=left, right=right)
    if isinstance(rule, GroupPass):
        return run_key_groups(rule, left=left, right=right)
    return run_subsets(rule, left=left, right=right)


class _Side:
    """The items of a side that are still open, numbered from 0; taking some marks bits, no join."""

    def __init__(self, items: pl.DataFrame, *, numbers: pl.Series) -> None:
        self.open = items
        self.numbers = numbers

    @classmethod
    def of(cls, items: pl.DataFrame) -> "_Side":
        ordered = items if items["item"].is_sorted() else items.sort("item")
        present = set(items.columns)
        frame = ordered.select(
            *(pl.col(name) for name in ITEM_SCHEMA if name != "item"),
            *(
                pl.col(name) if name in present else pl.lit(None, dtype=kind).alias(name)
                for name, kind in OPTIONAL_SCHEMA.items()
            ),
            item=pl.int_range(pl.len(), dtype=pl.Int64),
            direction=pl.col("signed_minor") > 0,
            value_day=pl.col("value_date").cast(pl.Int32),
        )
        return cls(frame, numbers=ordered["item"])

    def take(self, items: pl.Series) -> None:
        if items.is_empty():
            return
        kept = np.ones(self.numbers.len(), dtype=np.bool_)
        kept[items.to_numpy()] = False
        self.open = self.open.filter(pl.Series(kept[self.open["item"].to_numpy()]))

    def named(self, items: pl.Series) -> pl.Series:
        """The items' own numbers."""
        if self.numbers.is_empty() or (self.numbers[0], self.numbers[-1]) == (0, self.numbers.len() - 1):
            return items
        return self.numbers.gather(items).alias(items.name)

    def left(self) -> pl.DataFrame:
        """What is open, with its own numbers."""
        return self.open.with_columns(self.named(self.open["item"])).select(
            *ITEM_SCHEMA, *OPTIONAL_SCHEMA
        )


def _taken(answer: Found, *, side: str) -> pl.Series:
    members = answer.members.filter(pl.col("side") == side)["item"]
    return pl.concat([answer.pairs[f"{side}_item"], members])


def _together(found: list[Found], *, left: _Side, right: _Side) -> Matching:
    """One frame of each kind, groups and proposals numbered through all passes."""
    groups, members = _renumbered([(one.groups, one.members) for one in found], schema=GROUP_SCHEMA)
    proposals, proposed = _renumbered(
        [(one.proposals, one.proposed) for one in found], schema=PROPOSAL_SCHEMA
    )
    sides = {"ledger": left, "stated": right}
    still_open = [side.open.select(pl.lit(name).alias("side"), "item") for name, side in sides.items()]
    void = proposed.join(pl.concat(still_open), on=["side", "item"], how="anti").select("match").unique()
    pairs = _concat([one.pairs for one in found], schema=PAIR_SCHEMA)
    return Matching(
        pairs=pairs.with_columns(left.named(pairs["ledger_item"]), right.named(pairs["stated_item"])),
        groups=groups,
        members=_named(members, sides=sides),
        proposals=proposals.join(void, on="match", how="anti", maintain_order="left"),
        proposed=_named(proposed.join(void, on="match", how="anti"), sides=sides),
        unproved=_concat([one.unproved for one in found], schema=UNPROVED_SCHEMA),
        ledger_left=left.left(),
        stated_left=right.left(),
    )


def _named(members: pl.DataFrame, *, sides: Mapping[str, _Side]) -> pl.DataFrame:
    """Members with the items' own numbers, in the order of the matches."""
    parts = [members.filter(pl.col("side") == name) for name in sides]
    named = [
        part.with_columns(side.named(part["item"]))
        for part, side in zip(parts, sides.values(), strict=True)
    ]
    return pl.concat(named).sort("match", "side", "item")


def _renumbered(
    parts: list[tuple[pl.DataFrame, pl.DataFrame]], *, schema: Schema
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Heads and their members with numbers that are distinct through all parts."""
    heads, members, begin = [], [], 0
    for head, member in parts:
        heads.append(head.with_columns(pl.col("match") + begin))
        members.append(member.with_columns(pl.col("match") + begin))
        begin += head.height
    return _concat(heads, schema=schema), _concat(members, schema=MEMBER_SCHEMA)


def _concat(frames: list[pl.DataFrame], *, schema: Schema) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(schema=dict(schema)), *frames])
