"""Pairs whose amounts differ by a tolerance, or by a difference that is declared by rule.

Belongs here: the candidates of a `near` pass. Without a reference they are found in buckets as wide
as the tolerance: an amount's candidates lie in its own bucket or the two beside it.
"""

from collections.abc import Sequence

import polars as pl

from pipelines.reconciliation.candidates import block_candidates, decide
from pipelines.reconciliation.match_shapes import Found
from pipelines.reconciliation.pass_rules import NearPass
from pipelines.reconciliation.rules import DifferenceRule

MAX_BLOCK_PAIRS = 10_000
BASIS_POINT = 10_000


def run_near(
    rule: NearPass,
    *,
    left: pl.DataFrame,
    right: pl.DataFrame,
    differences: Sequence[DifferenceRule],
) -> Found:
    """Pair items that are each other's only candidate; the others are proposed.

    The score falls from 1 (equal amounts) to 0 (all of the tolerance is used).
    """
    keys = list(rule.equal)
    tolerance = rule.amount_tolerance_minor
    if tolerance is not None:
        width = tolerance + 1
        bucket = pl.col("signed_minor") // width
        beside = pl.concat_list([bucket - 1, bucket, bucket + 1]).alias("bucket")
        left = left.with_columns(beside).explode("bucket")
        right = right.with_columns(bucket.alias("bucket"))
        keys.append("bucket")
    pairs, unproved = block_candidates(
        rule, left=left, right=right, keys=keys, max_block_pairs=MAX_BLOCK_PAIRS
    )
    allowed = (
        pl.lit(tolerance, dtype=pl.Int64)
        if tolerance is not None
        else _allowed([one for one in differences if one.difference == rule.difference])
    )
    near = pairs.with_columns(allowed_minor=allowed).filter(
        pl.col("difference_minor").abs() <= pl.col("allowed_minor")
    )
    used = pl.col("difference_minor").abs() / (pl.col("allowed_minor") + 1)
    return decide(rule, near.with_columns(score=1 - used), accept_score=0.0, unproved=unproved)


def _allowed(rules: Sequence[DifferenceRule]) -> pl.Expr:
    """The largest difference in minor units that the first rule about an item allows; -1: no rule."""
    allowed = pl.lit(-1, dtype=pl.Int64)
    for rule in reversed(rules):
        about = pl.lit(value=True)
        if rule.counterparty is not None:
            about &= pl.col("counterparty") == rule.counterparty
        if rule.currency is not None:
            about &= pl.col("currency") == rule.currency
        if not rule.either_way:
            about &= pl.col("difference_minor") <= 0
        share = pl.col("signed_minor").abs() // BASIS_POINT * rule.basis_points + (
            pl.col("signed_minor").abs() % BASIS_POINT * rule.basis_points // BASIS_POINT
        )
        allowed = pl.when(about.fill_null(value=False)).then(share + rule.minor).otherwise(allowed)
    return allowed
