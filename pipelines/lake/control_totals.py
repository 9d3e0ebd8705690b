"""Control totals: the lake's copy of a business date proven against the ledger.

Three proofs per book and currency: number of transfers, their sum to the minor unit, and a hash of their
content, which PostgreSQL takes from the journal and we from the Parquet rows.
"""

import hashlib

import polars as pl

CONTROL_TOTALS: dict[str, pl.DataType | type[pl.DataType]] = {
    "book_id": pl.Int32,
    "business_date": pl.Date,
    "currency": pl.String,
    "transfers": pl.Int64,
    "amount_minor": pl.Int128,
    "content_sha256": pl.String,
}
"""Columns of a set of control totals; the hash in hex."""


def lake_totals(transfers: pl.DataFrame) -> pl.DataFrame:
    """Control totals of lake transfers (schema `TRANSFERS`), as `CONTROL_TOTALS`."""
    groups = ["book_id", "business_date", "currency"]
    leaves = transfers.sort("transfer_id").with_columns(
        leaf=pl.Series(_leaves(transfers), dtype=pl.Binary)
    )
    sums = leaves.group_by(groups, maintain_order=True).agg(
        transfers=pl.len().cast(pl.Int64),
        amount_minor=pl.col("amount_minor").cast(pl.Int128).sum(),
        leaves="leaf",
    )
    hashes = [hashlib.sha256(b"".join(leaves)).hexdigest() for leaves in sums["leaves"]]
    totals = sums.with_columns(content_sha256=pl.Series(hashes, dtype=pl.String))
    return totals.select(list(CONTROL_TOTALS)).sort(groups)


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
        for name in ("transfers", "amount_minor", "content_sha256")
    )
    return both.filter(~same).sort(keys)


def _leaves(transfers: pl.DataFrame) -> list[bytes]:
    """The content of each transfer, as `extraction/ledger_totals.sql` writes it, hashed."""
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
            pl.col("reverses_id").fill_null(""),
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
