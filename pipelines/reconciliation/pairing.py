"""Pairs of items that are equal in everything a pass compares.

Belongs here: the one-to-one join. It pairs the nearest value dates first (0, then 1 day later, 1 day
earlier, 2 later, ...), and among items that are equal in everything compared the first of one side
with the first of the other. A thousand equal amounts on both sides make a thousand pairs, never a
million candidates.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from pipelines.reconciliation.match_shapes import PAIR_SCHEMA, Found
from pipelines.reconciliation.pass_rules import Pass


def run_pairs(rule: Pass, *, left: pl.DataFrame, right: pl.DataFrame) -> Found:
    """Pair ledger items (`left`) with stated ones; each is in at most one pair."""
    if rule.unique:
        left, right = _only_candidates(rule, left=left, right=right)
    found = [
        pairs
        for left_part, right_part in _admissible(rule, left=left, right=right)
        for pairs in _nearest_first(rule, left=left_part, right=right_part)
    ]
    return Found(pairs=_labelled(rule, found)) if found else Found()


def _nearest_first(rule: Pass, *, left: pl.DataFrame, right: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The pairs of each distance of value dates, of the items that a nearer one did not take."""
    distances = offsets(rule.value_date_tolerance_days)
    for ordinal, offset in enumerate(distances, 1):
        if left.is_empty() or right.is_empty():
            return
        pairs = _pair_in_order(rule, left=left, right=right, offset=offset)
        yield pairs
        if ordinal < len(distances):
            left = _without(left, pairs["ledger_item"])
            right = _without(right, pairs["stated_item"])


def _labelled(rule: Pass, found: list[pl.DataFrame]) -> pl.DataFrame:
    return (
        pl.concat(found)
        .with_columns(
            pass_id=pl.lit(rule.id), outcome=pl.lit(rule.outcome), score=pl.lit(1.0, dtype=pl.Float64)
        )
        .select(list(PAIR_SCHEMA))
    )


def _without(side: pl.DataFrame, items: pl.Series) -> pl.DataFrame:
    if items.is_empty():
        return side
    if items.len() == side.height:
        return side.clear()
    return side.join(items.to_frame("item"), on="item", how="anti", maintain_order="left")


def offsets(tolerance_days: int | None) -> list[int | None]:
    """Days from the ledger's value date to the stated one, nearest first; None: dates not compared."""
    if tolerance_days is None:
        return [None]
    later_first = range(1, tolerance_days + 1)
    return [0, *(days for distance in later_first for days in (distance, -distance))]


def _pair_in_order(
    rule: Pass, *, left: pl.DataFrame, right: pl.DataFrame, offset: int | None
) -> pl.DataFrame:
    """Pair the nth item of a key on the left with the nth of the same key on the right."""
    keys = [*rule.equal] + ([] if offset is None else ["due_day"])
    due = (pl.col("value_day") + (offset or 0)).alias("due_day")
    carried = [name for name in ("item", "value_day", "signed_minor") if name not in keys]
    sides = [
        side.select(*carried, *rule.equal, *([] if offset is None else [day])).drop_nulls(keys)
        for side, day in ((left, due), (right, pl.col("value_day").alias("due_day")))
    ]
    pair = _pair_by_hash(sides, keys=keys)
    if pair is None:
        sides = [_numbered(side, keys=keys) for side in sides]
        keys.append("ordinal")
        pair = _pair_by_hash(sides, keys=keys) or _pair_by_keys(sides, keys=keys)
    first, second = pair
    return pl.DataFrame(
        {
            "ledger_item": first["item"],
            "stated_item": second["item"],
            "difference_minor": second["signed_minor"] - first["signed_minor"],
            "days": second["value_day"] - first["value_day"],
        }
    )


def _pair_by_hash(
    sides: list[pl.DataFrame], *, keys: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """The rows of both sides with equal keys, side by side; None when a side has one hash twice.

    Joined by hash and then compared, which costs a third of joining by several columns. Nothing is
    lost by it: equal keys have equal hashes, and different hashes prove different keys.
    """
    row = pl.int_range(pl.len(), dtype=pl.UInt32).alias("row")
    first_rows, second_rows = (side.lazy().select(_hash(keys).alias("hash"), row) for side in sides)
    matched = first_rows.join(second_rows, on="hash", validate="1:1").select("row", "row_right")
    try:
        joined = matched.collect()
    except pl.exceptions.ComputeError:
        return None
    first, second = sides[0][joined["row"]], sides[1][joined["row_right"]]
    equal = pl.Series(values=[True]).new_from_index(0, joined.height)
    for name in keys:
        equal &= first[name] == second[name]
    return (first, second) if equal.all() else (first.filter(equal), second.filter(equal))


def _pair_by_keys(sides: list[pl.DataFrame], *, keys: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same where two keys of a side have one hash."""
    joined = sides[0].join(sides[1], on=keys, suffix="_stated")
    kept = {name: name if name in keys else f"{name}_stated" for name in sides[1].columns}
    return joined.select(sides[0].columns), joined.select(**kept)


def _hash(keys: Sequence[str]) -> pl.Expr:
    hashed = pl.col(keys[0]).hash(0)
    for seed, name in enumerate(keys[1:], 1):
        hashed = hashed ^ pl.col(name).hash(seed)
    return hashed


def _numbered(side: pl.DataFrame, *, keys: list[str]) -> pl.DataFrame:
    """The rows with their ordinal among equal keys, in the order of the frame.

    Almost all keys occur once, and a window over strings costs seven times a duplicate check: only
    keys whose hash is repeated are numbered.
    """
    repeated = side.select(_hash(keys).is_duplicated()).to_series()
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
    left, right = (side.drop_nulls([*rule.equal, "value_day"]) for side in (left, right))
    counted = pl.collect_all(
        [_candidates(rule, of=left, among=right), _candidates(rule, of=right, among=left)]
    )
    only = [counts["candidates"] == 1 for counts in counted]
    return left.filter(only[0]), right.filter(only[1])


def _candidates(rule: Pass, *, of: pl.DataFrame, among: pl.DataFrame) -> pl.LazyFrame:
    """How many items of `among` each item of `of` could be paired with, counted without pairing."""
    keys = [*rule.equal, "value_day"]
    absent = pl.col("end_to_end_id").is_null()
    counts = among.lazy().group_by(keys).agg(present=pl.len(), without_reference=absent.sum())
    within = pl.concat(
        [
            counts.with_columns(pl.col("value_day") - (offset or 0))
            for offset in offsets(rule.value_date_tolerance_days)
        ]
    )
    countable = pl.col("present")
    if rule.one_reference_absent:
        countable = pl.when(absent).then("present").otherwise("without_reference")
    return (
        of.lazy()
        .select(*dict.fromkeys([*keys, "end_to_end_id"]))
        .join(within.group_by(keys).agg(pl.all().sum()), on=keys, how="left", maintain_order="left")
        .select(candidates=countable.fill_null(0))
    )
