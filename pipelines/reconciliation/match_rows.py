"""Groups and proposals of the engine as rows of the tables, with what was compared in words.

Belongs here: rows of matches of several items, and rows of proposals. Matches of one item with one
are written in `statements.py`.
"""

from datetime import date

import polars as pl

from pipelines.reconciliation.items import NostroItems
from pipelines.reconciliation.matching import Matching
from pipelines.reconciliation.shapes import PROPOSED_SCHEMA, PROVED_SCHEMA, shaped


def group_rows(matching: Matching, *, items: NostroItems, business_date: date) -> pl.DataFrame:
    """One row an item of every group (`PROVED_SCHEMA`); rows of a group share `match_group`.

    A row has the ledger's columns or the stated side's, never both.
    """
    heads = matching.groups.rename({"ledger_minor": "sum_minor"}).drop("account", "stated_minor")
    rows = _with_items(matching.members, items=items).join(heads, on="match", maintain_order="left")
    own = _own_side()
    sums = pl.format(
        "{} ledger and {} stated item(s), both {} minor units in sum, ",
        "ledger_items",
        "stated_items",
        pl.col("sum_minor").cast(pl.String),
    )
    dates = (
        pl.when(pl.col("days").is_null())
        .then(pl.lit("a value date unknown"))
        .when(pl.col("days") == 0)
        .then(pl.lit("one value date"))
        .otherwise(pl.format("value dates {} day(s) apart at most", "days"))
    )
    proof = (
        pl.when(pl.col("score") < 1)
        .then(
            pl.format(
                "; the only such group ({}), {} expected by chance",
                "method",
                (1 / pl.col("score") - 1).round_sig_figs(2),
            )
        )
        .otherwise(pl.format("; {}", "method"))
    )
    late = (
        pl.when(pl.col("first_seen") < business_date)
        .then(pl.format("; open since {} as {}", "first_seen", "ref"))
        .otherwise(pl.lit(""))
    )
    return shaped(
        rows.with_columns(
            **own,
            evidence=pl.concat_str([sums, dates, proof, late]),
            match_group="match",
            items=pl.col("ledger_items") + pl.col("stated_items"),
        ),
        PROVED_SCHEMA,
    )


def proposal_rows(matching: Matching, *, items: NostroItems, paired: pl.DataFrame) -> pl.DataFrame:
    """One row an item of every proposal (`PROPOSED_SCHEMA`).

    A proposal with an item of `paired` (`ledger_item`, `stated_item`: breaks of two items) is dropped.
    """
    taken = pl.concat(
        [
            paired.select(pl.lit(side).alias("side"), pl.col(f"{side}_item").alias("item"))
            for side in ("ledger", "stated")
        ]
    )
    void = matching.proposed.join(taken, on=["side", "item"], how="semi").select("match").unique()
    members = matching.proposed.join(void, on="match", how="anti", maintain_order="left")
    heads = matching.proposals.select("match", "pass_id", "score", "rivals", "reason")
    rows = _with_items(members, items=items).join(heads, on="match", maintain_order="left")
    return shaped(rows.with_columns(proposal="match"), PROPOSED_SCHEMA)


def _own_side() -> dict[str, pl.Expr]:
    """Amounts of the side that a row is of."""
    in_ledger = pl.col("side") == "ledger"
    return {
        "ledger_minor": pl.when(in_ledger).then("signed_minor"),
        "stated_minor": pl.when(~in_ledger).then("signed_minor"),
        "payment_id": pl.when(in_ledger).then("payment_id"),
    }


def _with_items(members: pl.DataFrame, *, items: NostroItems) -> pl.DataFrame:
    """Members with the columns of their items, in the order of matches, sides and items."""
    parts = [
        members.filter(pl.col("side") == side).join(frame, on="item")
        for side, frame in (("ledger", items.ledger), ("stated", items.stated))
    ]
    return pl.concat(parts).sort("match", "side", "item")
