"""Control totals: the lake's copy of a business date proven against the ledger.

Three proofs per book and currency: number of transfers, their sum to the minor unit, and the Merkle
root recomputed from the Parquet rows against the root that the ledger sealed.
"""

import hashlib

import polars as pl

from ledger_service.ledger.sealing import merkle_root

CONTROL_TOTALS: dict[str, pl.DataType | type[pl.DataType]] = {
    "book_id": pl.Int32,
    "business_date": pl.Date,
    "currency": pl.String,
    "transfers": pl.Int64,
    "amount_minor": pl.Int128,
    "merkle_root": pl.String,
}
"""Columns of a set of control totals; the Merkle root is of the whole book and date, in hex."""


def lake_totals(transfers: pl.DataFrame) -> pl.DataFrame:
    """Control totals of lake transfers (schema `TRANSFERS`), as `CONTROL_TOTALS`."""
    sums = transfers.group_by("book_id", "business_date", "currency").agg(
        transfers=pl.len().cast(pl.Int64), amount_minor=pl.col("amount_minor").cast(pl.Int128).sum()
    )
    roots = [
        {"book_id": book_id, "business_date": day, "merkle_root": merkle_root(_leaves(rows)).hex()}
        for (book_id, day), rows in transfers.partition_by(
            "book_id", "business_date", as_dict=True
        ).items()
    ]
    schema = {name: CONTROL_TOTALS[name] for name in ("book_id", "business_date", "merkle_root")}
    joined = sums.join(pl.DataFrame(roots, schema=schema), on=["book_id", "business_date"])
    return joined.select(list(CONTROL_TOTALS)).sort("book_id", "business_date", "currency")


def ledger_totals(rows: pl.DataFrame) -> pl.DataFrame:
    """Control totals as `extraction/ledger_totals.sql` returns them, typed as `CONTROL_TOTALS`."""
    typed = rows.select(pl.col(name).cast(kind) for name, kind in CONTROL_TOTALS.items())
    return typed.sort("book_id", "business_date", "currency")


def differences(lake: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """Rows of either side that the other does not have, with both sides' figures."""
    keys = ["book_id", "business_date", "currency"]
    both = ledger.join(lake, on=keys, how="full", suffix="_lake", coalesce=True)
    same = pl.all_horizontal(
        pl.col(name).eq_missing(pl.col(f"{name}_lake"))
        for name in ("transfers", "amount_minor", "merkle_root")
    )
    return both.filter(~same).sort(keys)


def _leaves(transfers: pl.DataFrame) -> list[bytes]:
    """The canonical bytes of `ledger_service/ledger/leaves.sql`, hashed, in order of transfer id."""
    canonical = transfers.sort("transfer_id").select(
        pl.concat_str(
            "book_id",
            "transfer_id",
            "debit_account_id",
            "credit_account_id",
            "currency",
            "amount_minor",
            "phase",
            pl.col("pending_id").fill_null(""),
            "kind",
            pl.col("payment_id").fill_null(""),
            pl.col("event_at").dt.epoch("us"),
            pl.col("booked_at").dt.epoch("us"),
            "value_date",
            "business_date",
            separator="|",
        )
    )
    return [hashlib.sha256(text.encode()).digest() for text in canonical.to_series()]
