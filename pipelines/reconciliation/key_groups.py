"""Groups by key: everything of one key on our side against everything of it on the other.

Belongs here: one-to-many and many-to-many matches that a shared key proves, by equal sums. Groups
without a key are `subset_groups.py`.
"""

import polars as pl

from pipelines.reconciliation.match_shapes import GROUP_SCHEMA, MEMBER_SCHEMA, Found
from pipelines.reconciliation.pass_rules import GroupPass


def run_key_groups(rule: GroupPass, *, left: pl.DataFrame, right: pl.DataFrame) -> Found:
    """One group for each key whose items add up to the same on both sides."""
    keys = list(rule.equal)
    sides = [side.drop_nulls(keys) for side in (left, right)]
    shared = (
        _sums(sides[0], keys=keys)
        .join(_sums(sides[1], keys=keys), on=keys, suffix="_stated")
        .filter(
            pl.col("total") == pl.col("total_stated"), pl.max_horizontal("items", "items_stated") > 1
        )
        .with_columns(days=_days())
        .filter(_within(rule.value_date_tolerance_days))
        .sort("first_item")
        .with_row_index("match")
        .cast({"match": pl.Int64})
    )
    groups = shared.select(
        "match",
        pass_id=pl.lit(rule.id),
        outcome=pl.lit(rule.outcome),
        account="account",
        ledger_items="items",
        stated_items="items_stated",
        ledger_minor="total",
        stated_minor="total_stated",
        days="days",
        score=pl.lit(1.0, dtype=pl.Float64),
        method=pl.lit("equal sums of one key"),
    ).select(list(GROUP_SCHEMA))
    return Found(groups=groups, members=_members(sides, shared=shared, keys=keys))


def _days() -> pl.Expr:
    """From the earliest value date of either side to the latest; null when one is unknown."""
    first = pl.min_horizontal("first_day", "first_day_stated")
    last = pl.max_horizontal("last_day", "last_day_stated")
    undated = pl.any_horizontal("undated", "undated_stated")
    return pl.when(~undated).then(last - first).cast(pl.Int32)


def _within(tolerance_days: int | None) -> pl.Expr:
    return pl.lit(value=True) if tolerance_days is None else pl.col("days") <= tolerance_days


def _sums(side: pl.DataFrame, *, keys: list[str]) -> pl.DataFrame:
    """Sum (128 bits: a million items may exceed 64), number and value dates of each key."""
    return side.group_by(keys).agg(
        total=pl.col("signed_minor").cast(pl.Int128).sum(),
        items=pl.len().cast(pl.Int64),
        first_item=pl.col("item").min(),
        first_day=pl.col("value_day").min(),
        last_day=pl.col("value_day").max(),
        undated=pl.col("value_day").is_null().any(),
    )


def _members(sides: list[pl.DataFrame], *, shared: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    numbers = shared.select(*keys, "match")
    return pl.concat(
        [
            side.select("item", *keys)
            .join(numbers, on=keys)
            .sort("match", "item")
            .select("match", pl.lit(name).alias("side"), "item")
            for name, side in zip(("ledger", "stated"), sides, strict=True)
        ]
    ).select(list(MEMBER_SCHEMA))
