"""Write-offs: ledger entries that two people booked to explain a break, matched with it.

Belongs here: taking such entries and their breaks out of the comparison, as matches. An entry of this
kind has no other side at the bank, and must not be compared with anybody else's.
"""

from dataclasses import replace
from typing import Final

import polars as pl

from pipelines.reconciliation.items import NostroItems
from pipelines.reconciliation.shapes import PROVED_SCHEMA, shaped

PASS_ID: Final = "write_off"  # noqa: S105 (a pass of the matching, not a password)

WRITE_OFFS_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "break_ref": pl.String,
    "book_id": pl.Int32,
    "account_id": pl.Int64,
    "version": pl.Int64,  # the entry that was booked
    "words": pl.String,  # why, and who decided
}
"""One row a write-off that is booked on the date."""

_ENTRY: Final = ["book_id", "account_id", "version"]


def take_write_offs(
    items: NostroItems, carried: pl.DataFrame, write_offs: pl.DataFrame
) -> tuple[NostroItems, pl.DataFrame, pl.DataFrame]:
    """Items and carried breaks without those that are written off; and these as `PROVED_SCHEMA`.

    A break whose write-off is not booked on the date, and a write-off whose break is not open, stay.
    """
    booked = items.ledger.join(write_offs, on=_ENTRY, how="inner", maintain_order="left").select(
        *_ENTRY, "break_ref", "words", written_off="signed_minor"
    )
    columns = [name for name in PROVED_SCHEMA if name in items.ledger.columns]
    one_sided = [
        side.filter(pl.col("ref").is_not_null()).select("ref", *columns, minor.alias("ledger_minor"))
        for side, minor in (
            (items.ledger, pl.col("signed_minor")),
            (items.stated, pl.lit(None, pl.Int64)),
        )
    ]
    of_two = carried.select(
        "ref", *(name for name in columns if name in carried.columns), "ledger_minor"
    )
    known = pl.concat([*one_sided, of_two], how="diagonal_relaxed").unique("ref", keep="first")
    explained = known.join(
        booked.rename({"version": "write_off_version"}).drop("book_id", "account_id"),
        left_on="ref",
        right_on="break_ref",
        how="inner",
    ).sort("ref")
    refs, entries = (
        explained["ref"].implode(),
        booked.filter(pl.col("break_ref").is_in(explained["ref"].implode())).select(_ENTRY),
    )
    left = replace(
        items,
        ledger=items.ledger.filter(~pl.col("ref").is_in(refs).fill_null(value=False)).join(
            entries, on=_ENTRY, how="anti", maintain_order="left"
        ),
        stated=items.stated.filter(~pl.col("ref").is_in(refs).fill_null(value=False)),
    )
    return left, carried.filter(~pl.col("ref").is_in(refs)), _as_matches(explained)


def _as_matches(explained: pl.DataFrame) -> pl.DataFrame:
    """The entry of the break, where it has one, and the entry that writes it off: one match."""
    common = {
        "pass_id": pl.lit(PASS_ID),
        "evidence": pl.col("words"),
        "statement_ref": pl.coalesce("statement_ref", "ref"),
        "items": pl.when(pl.col("version").is_null()).then(2).otherwise(3),
        "score": pl.lit(1.0),
        # Negative, so that it is no group of the comparison.
        "match_group": -pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
    }
    named = explained.with_columns(**common)
    entry = named.filter(pl.col("version").is_not_null()).with_columns(stated_minor="ledger_minor")
    write_off = named.with_columns(
        version="write_off_version", ledger_minor="written_off", stated_minor="written_off"
    )
    return pl.concat([shaped(entry, PROVED_SCHEMA), shaped(write_off, PROVED_SCHEMA)])
