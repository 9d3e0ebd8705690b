"""Corrections: an item that is exactly the difference of an amount break, under its reference.

A bank that credited 90 instead of 100 credits 10 more the next day under the same end-to-end
reference; or we book the 10 that were missing. Either way the amount break and the item resolve
each other: together the two sides then state the same sum.
"""

import polars as pl

from pipelines.reconciliation.rules import BreakClass
from pipelines.reconciliation.shapes import FOUND_SCHEMA

PASS_ID = "correction"  # noqa: S105 (a pass of the matching, not a password)
ONE_ITEM = (BreakClass.MISSING_AT_BANK, BreakClass.MISSING_IN_LEDGER, BreakClass.DUPLICATE)
KEY = ("book_id", "account_id", "end_to_end_id", "residual_minor")


def apply_corrections(found: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The matches that corrections prove (two rows each), and the breaks that stay open.

    A break's residual is what the ledger lacks: stated - ledger. A ledger item of that amount
    supplies it, a stated item of the opposite amount takes it back.
    """
    numbered = found.select(list(FOUND_SCHEMA)).with_row_index("row")
    stated = pl.col("stated_minor").fill_null(0)
    ledger = pl.col("ledger_minor").fill_null(0)
    pending = _ordinal(
        numbered.filter(_differs_by_amount()).with_columns(residual_minor=stated - ledger)
    )
    supplied = _ordinal(
        numbered.filter(pl.col("break_class").is_in([str(name) for name in ONE_ITEM])).with_columns(
            residual_minor=ledger - stated
        )
    )
    settled = pending.join(supplied, on=[*KEY, "ordinal"], suffix="_item")
    remaining = numbered.join(
        pl.concat([settled.select("row"), settled.select(row="row_item")]), on="row", how="anti"
    )
    return _as_matches(settled), remaining.select(list(FOUND_SCHEMA))


def _differs_by_amount() -> pl.Expr:
    """Amount breaks, and fees that were taken out of an amount."""
    of_two = pl.all_horizontal(pl.col("ledger_minor", "stated_minor").is_not_null())
    differs = pl.col("break_class") == BreakClass.AMOUNT
    return differs | ((pl.col("break_class") == BreakClass.FEE) & of_two)


def _ordinal(frame: pl.DataFrame) -> pl.DataFrame:
    """Number equal keys oldest first, so that each correction is used once."""
    return (
        frame.filter(pl.col("residual_minor") != 0)
        .sort("first_seen", "ref", "version", "statement_ref", nulls_last=True)
        .with_columns(ordinal=pl.int_range(pl.len()).over(KEY))
    )


def _as_matches(settled: pl.DataFrame) -> pl.DataFrame:
    """Two rows a correction: the pair at the amount both sides share, and the correcting item."""
    by_ledger = pl.col("ledger_minor_item").is_not_null()
    common = {
        "pass_id": pl.lit(PASS_ID),
        "evidence": pl.format(
            "reference {}: the amount difference of {} minor units is settled by {}",
            "end_to_end_id",
            "residual_minor",
            pl.when(by_ledger)
            .then(pl.format("ledger entry {}", "version_item"))
            .otherwise(pl.format("statement entry {}", "statement_ref_item")),
        ),
    }
    pair_minor = pl.when(by_ledger).then("ledger_minor").otherwise("stated_minor")
    item_minor = pl.when(by_ledger).then("ledger_minor_item").otherwise("stated_minor_item")
    pair = settled.with_columns(ledger_minor=pair_minor, stated_minor=pair_minor, **common)
    item = settled.with_columns(
        ledger_minor=item_minor,
        stated_minor=item_minor,
        version=pl.coalesce("version_item", "version"),
        statement_ref=pl.coalesce("statement_ref_item", "statement_ref"),
        payment_id=pl.coalesce("payment_id_item", "payment_id"),
        **common,
    )
    return pl.concat([pair, item])
