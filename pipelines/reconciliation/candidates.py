"""Candidate pairs: enumerated within blocks, accepted where each item is the other's only one.

Belongs here: what passes that compare loosely have in common. A block is all items of equal keys; one
with more candidates than its bound is left unproved, so that no pass is ever a cross join.
"""

from collections.abc import Sequence

import polars as pl

from pipelines.reconciliation.match_shapes import (
    MEMBER_SCHEMA,
    PAIR_SCHEMA,
    PROPOSAL_SCHEMA,
    UNPROVED_SCHEMA,
    Found,
)
from pipelines.reconciliation.pass_rules import NearPass, SimilarPass

MAX_PROPOSALS_PER_ITEM = 5
COLUMNS = (
    "item", "account", "signed_minor", "value_day", "value_date", "counterparty", "currency", "text",
    "written",
)  # fmt: skip


def block_candidates(
    rule: NearPass | SimilarPass,
    *,
    left: pl.DataFrame,
    right: pl.DataFrame,
    keys: Sequence[str],
    max_block_pairs: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pairs of items with equal keys and value dates within tolerance, and the blocks left out.

    Columns are those of the ledger item, and with the suffix `_stated` those of the stated one.
    """
    keys = list(keys)
    left, right = (side.drop_nulls(keys) for side in (left, right))
    sizes = (
        left.group_by(keys)
        .agg(pl.len().cast(pl.Int64).alias("ledger_items"))
        .join(right.group_by(keys).agg(pl.len().cast(pl.Int64).alias("stated_items")), on=keys)
    )
    excess = sizes.filter(pl.col("ledger_items") * pl.col("stated_items") > max_block_pairs)
    carried = [name for name in COLUMNS if name in left.columns and name not in keys]
    pairs = (
        left.select(*keys, *carried)
        .join(sizes.join(excess, on=keys, how="anti").select(keys), on=keys, how="semi")
        .join(right.select(*keys, *carried), on=keys, suffix="_stated")
    )
    shared = {
        f"{name}_stated": pl.col(name) for name in ("account", "signed_minor", "text") if name in keys
    }
    pairs = pairs.with_columns(
        days=pl.col("value_day_stated") - pl.col("value_day"), **shared
    ).with_columns(difference_minor=pl.col("signed_minor_stated") - pl.col("signed_minor"))
    if rule.value_date_tolerance_days is not None:
        pairs = pairs.filter(pl.col("days").abs() <= rule.value_date_tolerance_days)
    return pairs, _left_out(rule, left=left, excess=excess, keys=keys)


def _left_out(
    rule: NearPass | SimilarPass, *, left: pl.DataFrame, excess: pl.DataFrame, keys: list[str]
) -> pl.DataFrame:
    account = "account" if "account" in keys else pl.lit(None, dtype=pl.Int64).alias("account")
    return (
        left.join(excess, on=keys)
        .group_by(*keys, "ledger_items", "stated_items")
        .agg(from_date=pl.col("value_date").min(), to_date=pl.col("value_date").max())
        .with_columns(
            account,
            pass_id=pl.lit(rule.id),
            reason=pl.format(
                "{} items in the ledger and {} stated are too many pairs to compare",
                "ledger_items",
                "stated_items",
            ),
        )
        .select(list(UNPROVED_SCHEMA))
        .sort(list(UNPROVED_SCHEMA))
    )


def decide(
    rule: NearPass | SimilarPass,
    candidates: pl.DataFrame,
    *,
    accept_score: float,
    unproved: pl.DataFrame,
) -> Found:
    """Accept the candidates that share no item with another; propose the best of the rest.

    `candidates` has `item`, `item_stated`, `account`, both amounts, `difference_minor`, `days`, `score`.
    """
    counted = candidates.with_columns(
        rivals=(pl.len().over("item") + pl.len().over("item_stated") - 2).cast(pl.Int64)
    )
    certain = (pl.col("rivals") == 0) & (pl.col("score") >= accept_score)
    pairs = (
        counted.filter(certain)
        .sort("item")
        .with_columns(pass_id=pl.lit(rule.id), outcome=pl.lit(rule.outcome))
        .rename({"item": "ledger_item", "item_stated": "stated_item"})
        .select(list(PAIR_SCHEMA))
    )
    proposals, proposed = _proposals(rule, counted.filter(~certain))
    return Found(pairs=pairs, proposals=proposals, proposed=proposed, unproved=unproved)


def _proposals(
    rule: NearPass | SimilarPass, open_pairs: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The best few candidates of each item, with the reason why none is accepted."""
    best = open_pairs.sort(
        ["score", pl.col("difference_minor").abs(), pl.col("days").abs(), "item", "item_stated"],
        descending=[True, False, False, False, False],
        nulls_last=True,
    )
    few = best.filter(
        (pl.int_range(pl.len()).over("item") < MAX_PROPOSALS_PER_ITEM)
        & (pl.int_range(pl.len()).over("item_stated") < MAX_PROPOSALS_PER_ITEM)
    ).with_row_index("match")
    reason = (
        pl.when(pl.col("rivals") > 0)
        .then(pl.format("{} other candidates share an item with it", "rivals"))
        .otherwise(pl.format("alike to {} only", pl.col("score").round(3)))
    )
    heads = few.with_columns(
        pl.col("match").cast(pl.Int64),
        pass_id=pl.lit(rule.id),
        ledger_items=pl.lit(1, dtype=pl.Int64),
        stated_items=pl.lit(1, dtype=pl.Int64),
        ledger_minor=pl.col("signed_minor").cast(pl.Int128),
        stated_minor=pl.col("signed_minor_stated").cast(pl.Int128),
        reason=reason,
    )
    members = pl.concat(
        [
            heads.select("match", pl.lit(side).alias("side"), pl.col(item).alias("item"))
            for side, item in (("ledger", "item"), ("stated", "item_stated"))
        ]
    )
    return heads.select(list(PROPOSAL_SCHEMA)), members.select(list(MEMBER_SCHEMA))
