"""The matching engine: run the declared passes over two sets of items and pair them one to one.

Belongs here: what a pass means, for any two frames of items. Where items come from and what becomes
of the pairs is `statements.py`.

A pass pairs the nearest value dates first (0, then 1 day later, 1 day earlier, 2 later, ...), and
among items that are equal in everything compared the first of one side with the first of the other,
in the order of the frames. Every join is therefore one to one: a thousand equal amounts on both
sides make a thousand pairs, never a million candidates.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from pipelines.reconciliation.rules import Pass

ITEM_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "item": pl.Int64,  # distinct within a side
    "account": pl.Int64,  # the same number for the same account on both sides
    "relation": pl.Int64,  # the same number for the same participant and partner bank
    "end_to_end_id": pl.String,
    "signed_minor": pl.Int64,  # + is in our favour
    "value_date": pl.Date,
}

PAIR_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "ledger_item": pl.Int64,
    "stated_item": pl.Int64,
    "pass_id": pl.String,
    "outcome": pl.String,
}


@dataclass(frozen=True, slots=True)
class Pairing:
    """The pairs found, and the items of either side that no pass took (columns of `ITEM_SCHEMA`)."""

    pairs: pl.DataFrame
    ledger_left: pl.DataFrame
    stated_left: pl.DataFrame


def pair_items(ledger: pl.DataFrame, stated: pl.DataFrame, *, passes: Iterable[Pass]) -> Pairing:
    """Run the passes in order; each item is in at most one pair."""
    found = [pl.DataFrame(schema=PAIR_SCHEMA)]
    left, right = (side.select(*ITEM_SCHEMA, *_derived()) for side in (ledger, stated))
    for item in passes:
        if left.is_empty() or right.is_empty():
            break
        for pairs in _run(item, left=left, right=right):
            labels = (pl.lit(item.id).alias("pass_id"), pl.lit(item.outcome).alias("outcome"))
            found.append(pairs.with_columns(labels))
            left = _without(left, pairs["ledger_item"])
            right = _without(right, pairs["stated_item"])
    return Pairing(
        pairs=pl.concat(found),
        ledger_left=left.select(*ITEM_SCHEMA),
        stated_left=right.select(*ITEM_SCHEMA),
    )


def _derived() -> tuple[pl.Expr, ...]:
    return (
        (pl.col("signed_minor") > 0).alias("direction"),
        pl.col("value_date").cast(pl.Int32).alias("value_day"),
    )


def _without(side: pl.DataFrame, items: pl.Series) -> pl.DataFrame:
    if items.is_empty():
        return side
    return side.join(items.to_frame("item"), on="item", how="anti", maintain_order="left")


def _run(rule: Pass, *, left: pl.DataFrame, right: pl.DataFrame) -> list[pl.DataFrame]:
    """The pairs of one pass, in frames whose items are disjoint."""
    left, right = (side.drop_nulls(rule.equal) for side in (left, right))
    if rule.unique:
        left, right = _only_candidates(rule, left=left, right=right)
    found: list[pl.DataFrame] = []
    for left_part, right_part in _admissible(rule, left=left, right=right):
        for offset in _offsets(rule):
            if left_part.is_empty() or right_part.is_empty():
                break
            pairs = _pair_in_order(rule, left=left_part, right=right_part, offset=offset)
            found.append(pairs)
            left_part = _without(left_part, pairs["ledger_item"])  # noqa: PLW2901 (what is left of it)
            right_part = _without(right_part, pairs["stated_item"])  # noqa: PLW2901 (likewise)
    return found


def _offsets(rule: Pass) -> list[int | None]:
    """Days from the ledger's value date to the stated one, nearest first; None: dates not compared."""
    if rule.value_date_tolerance_days is None:
        return [None]
    later_first = range(1, rule.value_date_tolerance_days + 1)
    return [0, *(days for distance in later_first for days in (distance, -distance))]


def _pair_in_order(
    rule: Pass, *, left: pl.DataFrame, right: pl.DataFrame, offset: int | None
) -> pl.DataFrame:
    """Pair the nth item of a key on the left with the nth of the same key on the right."""
    keys = [*rule.equal] + ([] if offset is None else ["value_day"])
    if offset:
        left = left.with_columns(pl.col("value_day") + offset)
    numbered_left, numbered_right = (_numbered(side, keys=keys) for side in (left, right))
    joined = numbered_left.join(numbered_right, on=[*keys, "ordinal"], suffix="_stated")
    return joined.select(ledger_item="item", stated_item="item_stated")


def _numbered(side: pl.DataFrame, *, keys: list[str]) -> pl.DataFrame:
    """Item and keys with the item's ordinal among equal keys, in the order of the frame.

    Almost all keys occur once, and a window over strings costs seven times a duplicate check: only
    repeated keys are numbered.
    """
    side = side.select("item", *keys)
    repeated = side.select(keys).is_duplicated()
    single = side.filter(~repeated).with_columns(ordinal=pl.lit(0, dtype=pl.Int64))
    ordinal = pl.int_range(pl.len(), dtype=pl.Int64).over(keys)
    return pl.concat([single, side.filter(repeated).with_columns(ordinal=ordinal)])


def _admissible(
    rule: Pass, *, left: pl.DataFrame, right: pl.DataFrame
) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    """The parts of the two sides that may be paired with each other.

    With `one_reference_absent` two items that both carry a reference are different items, so a ledger
    item that has one is compared only with stated items that have none.
    """
    if not rule.one_reference_absent:
        return [(left, right)]
    absent = pl.col("end_to_end_id").is_null()
    return [(left.filter(absent), right), (left.filter(~absent), right.filter(absent))]


def _only_candidates(
    rule: Pass, *, left: pl.DataFrame, right: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The items with exactly one candidate on the other side; the pairs among them are certain.

    Both sides are counted before either is reduced, so that an item whose only candidate has several
    candidates itself stays open.
    """
    return (
        left.filter(_candidates(rule, of=left, among=right) == 1),
        right.filter(_candidates(rule, of=right, among=left) == 1),
    )


def _candidates(rule: Pass, *, of: pl.DataFrame, among: pl.DataFrame) -> pl.Series:
    """How many items of `among` each item of `of` could be paired with, counted without pairing."""
    keys = [*rule.equal, "value_day"]
    absent = pl.col("end_to_end_id").is_null()
    counts = among.group_by(keys).agg(present=pl.len(), without_reference=absent.sum())
    total = pl.zeros(of.height, dtype=pl.Int64, eager=True)
    for offset in _offsets(rule):
        shifted = of.select(*rule.equal, absent.alias("absent"), pl.col("value_day") + (offset or 0))
        found = shifted.join(counts, on=keys, how="left", maintain_order="left")
        countable = pl.col("present")
        if rule.one_reference_absent:
            countable = pl.when("absent").then("present").otherwise("without_reference")
        total += found.select(countable.fill_null(0).cast(pl.Int64)).to_series()
    return total
