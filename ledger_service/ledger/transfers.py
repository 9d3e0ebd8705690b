"""Posting: batches of transfers into one book, one result per item."""

from datetime import date
from pathlib import Path

import polars as pl
import psycopg

BATCH_LIMIT = 10_000
"""Items of one call; the database refuses more."""

TIMESTAMP = pl.Datetime("us", "UTC")

TRANSFER_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "transfer_id": pl.String,
    "debit_account_id": pl.Int64,
    "credit_account_id": pl.Int64,
    "amount_minor": pl.Int64,
    "phase": pl.String,
    "pending_id": pl.String,
    "linked": pl.Boolean,
    "kind": pl.String,
    "payment_id": pl.String,
    "event_at": TIMESTAMP,
    "booked_at": TIMESTAMP,
    "value_date": pl.Date,
}
"""Columns of a batch of transfers. Phase is single, pending, post or void; `linked` chains an item
to the next; a null booked_at is the ledger's clock."""

_STATEMENT = Path(__file__).with_name("create_transfers.sql").read_bytes()


class BatchTooLarge(ValueError):
    """A batch holds more than `BATCH_LIMIT` items; nothing was written."""

    def __init__(self, items: int) -> None:
        self.items = items
        super().__init__(f"a batch holds at most {BATCH_LIMIT} items, not {items}: split it")


def create_transfers(
    connection: psycopg.Connection, *, book_id: int, business_date: date, transfers: pl.DataFrame
) -> pl.Series:
    """Post a batch; `transfers` has `TRANSFER_COLUMNS`, at most `BATCH_LIMIT` rows.

    Returns `TransferResult` values (String) in input order; only `created` was booked now. The
    caller commits. A batch never fails whole because one item is bad.
    """
    if transfers.height > BATCH_LIMIT:
        raise BatchTooLarge(transfers.height)
    values = [transfers[name].to_list() for name in TRANSFER_COLUMNS]
    row = connection.execute(_STATEMENT, [book_id, business_date, *values], binary=True).fetchone()
    return pl.Series("result", row[0] if row else [], dtype=pl.String)
