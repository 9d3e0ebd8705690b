"""What the engine found as rows of the tables, with what was compared in words.

Belongs here: rows of matches of two items and of several, and rows of proposals. What becomes of
the items left is `statements.py`.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from pipelines.reconciliation.items import ITEM_COLUMNS, NostroItems
from pipelines.reconciliation.matching import Matching
from pipelines.reconciliation.shapes import PROPOSED_SCHEMA, PROVED_SCHEMA, shaped

LEDGER_COLUMNS = (
    "book_id", "account_id", "version", "counterparty_id", "payment_id", "currency",
    "signed_minor", "end_to_end_id", "value_date", "ref", "first_seen",
)  # fmt: skip
STATED_COLUMNS = (
    "statement_ref", "signed_minor", "end_to_end_id", "value_date", "ref", "first_seen",
)  # fmt: skip


def pair_rows(pairs: pl.DataFrame, *, items: NostroItems, business_date: date) -> pl.DataFrame:
    """One row a match of two items (`PROVED_SCHEMA`)."""
    joined = pairs_with_items(pairs, items=items, columns=LEDGER_COLUMNS)
    same = pl.col("end_to_end_id") == pl.col("end_to_end_id_stated")
    new = pl.col("first_seen").is_null() & pl.col("first_seen_stated").is_null()
    usual = joined.select((same & new & (pl.col("days") == 0)).fill_null(value=False)).to_series()
    rows = joined.with_columns(
        statement_ref="statement_ref_stated",
        ledger_minor="signed_minor",
        stated_minor="signed_minor_stated",
        items=pl.lit(2, dtype=pl.Int64),
    )
    parts = [
        part.with_columns(_usual_evidence(part["value_date"]) if is_usual else _evidence(business_date))
        for part, is_usual in _parted(rows, usual)
    ]
    reference = pl.coalesce("end_to_end_id", "end_to_end_id_stated")
    empty = pl.DataFrame(schema=dict(PROVED_SCHEMA))
    return pl.concat([empty, *(shaped(part.with_columns(reference), PROVED_SCHEMA) for part in parts)])


def _parted(rows: pl.DataFrame, usual: pl.Series) -> list[tuple[pl.DataFrame, bool]]:
    """The usual rows and the others. Pairs stand by pass: the first pass is a slice, not a copy."""
    leading = usual.arg_min() if not usual.all() else usual.len()
    begin = leading or 0
    rest, usual_rest = rows.slice(begin), usual.slice(begin)
    return [
        (rows.head(begin), True),
        (rest.filter(usual_rest), True),
        (rest.filter(~usual_rest), False),
    ]


def _usual_evidence(dates: pl.Series) -> pl.Series:
    """Of almost every match; as dates are few, each sentence is written once and then pointed at."""
    days = dates.cast(pl.Int32)
    first, last = days.min(), days.max()
    if not isinstance(first, int) or not isinstance(last, int):
        return pl.Series("evidence", [], dtype=pl.String)
    every = pl.int_range(first, last + 1, dtype=pl.Int32, eager=True).cast(pl.Date).cast(pl.String)
    sentences = "reference, amount and direction equal; value date " + every + " on both sides"
    return sentences.gather(days - first).alias("evidence")


def _evidence(business_date: date) -> pl.Expr:
    both_referenced = pl.col("end_to_end_id") == pl.col("end_to_end_id_stated")
    compared = (
        pl.when(both_referenced.fill_null(value=False))
        .then(pl.format("reference {}, amount and direction equal", "end_to_end_id"))
        .when(both_referenced.is_not_null())
        .then(
            pl.format(
                "amount and direction equal, reference {} written as {} by the bank ({} alike), only "
                "candidate",
                "end_to_end_id",
                "end_to_end_id_stated",
                pl.col("score").round(3),
            )
        )
        .otherwise(pl.lit("amount and direction equal, only candidate, one side without reference"))
    )
    days = pl.col("days")
    dates = (
        pl.when(days == 0)
        .then(pl.format("value date {} on both sides", "value_date"))
        .when(days > 0)
        .then(pl.format("value date {} in the ledger, {} day(s) later at the bank", "value_date", days))
        .when(days < 0)
        .then(
            pl.format("value date {} in the ledger, {} day(s) earlier at the bank", "value_date", -days)
        )
        .otherwise(pl.lit("a value date unknown"))
    )
    since = pl.min_horizontal("first_seen", "first_seen_stated")
    late = (
        pl.when(since < business_date)
        .then(pl.format("; open since {} as {}", since, pl.coalesce("ref", "ref_stated")))
        .otherwise(pl.lit(""))
    )
    return pl.concat_str([compared, pl.lit("; "), dates, late]).alias("evidence")


def pairs_with_items(
    pairs: pl.DataFrame, *, items: NostroItems, columns: Sequence[str] = tuple(ITEM_COLUMNS)
) -> pl.DataFrame:
    """Pairs with the columns of the ledger item, and `STATED_COLUMNS` with the suffix `_stated`."""
    ours = _rows(items.ledger.select(columns), at=_positions(items.ledger, pairs["ledger_item"]))
    theirs = _rows(
        items.stated.select(STATED_COLUMNS), at=_positions(items.stated, pairs["stated_item"])
    )
    return pl.DataFrame(
        [*pairs.rechunk(), *ours, *(column.alias(f"{column.name}_stated") for column in theirs)]
    )


def without_rows(side: pl.DataFrame, items: pl.Series) -> pl.DataFrame:
    """The items of a side (numbered upwards) that are not among `items`."""
    kept = np.ones(side.height, dtype=np.bool_)
    kept[_positions(side, items).to_numpy()] = False
    return side.filter(pl.Series(kept))


def _rows(side: pl.DataFrame, *, at: pl.Series) -> list[pl.Series]:
    """The rows as series in one piece: Polars 2.1 panics when it formats columns cut differently."""
    return side[at.rechunk()].rechunk().get_columns()


def _positions(side: pl.DataFrame, items: pl.Series) -> pl.Series:
    """Where items stand in a side that is numbered upwards: mostly at their number."""
    if side.is_empty() or side["item"][-1] == side.height - 1:
        return items
    return side["item"].search_sorted(items)


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
