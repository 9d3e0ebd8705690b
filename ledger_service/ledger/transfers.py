"""Posting: batches of transfers into one book, one result per item."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import psycopg

from ledger_service.ledger.arrays import (
    BinaryArray,
    array_cursor,
    booleans,
    dates,
    identifiers,
    integers,
    texts,
    timestamps,
)
from ledger_service.ledger.whole_numbers import whole_numbers

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
"""Columns that every batch of transfers has. Phase is single, pending, post, void or expire; `linked`
chains an item to the next; a null booked_at is the ledger's clock."""

OPTIONAL_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "reverses_id": pl.String,
    "timeout_s": pl.Int64,
    "balancing": pl.String,
}
"""Columns that a batch may have: the transfer that an item reverses; after how many seconds a hold
expires; the side (debit, credit, both) to whose available amount an item is clamped."""

_SCHEMA = pl.Schema(TRANSFER_COLUMNS | OPTIONAL_COLUMNS)

_ENCODERS: dict[str, Callable[[pl.Series], BinaryArray]] = {
    "transfer_id": identifiers,
    "debit_account_id": integers,
    "credit_account_id": integers,
    "amount_minor": integers,
    "phase": texts,
    "pending_id": identifiers,
    "linked": booleans,
    "kind": texts,
    "payment_id": identifiers,
    "event_at": timestamps,
    "booked_at": timestamps,
    "value_date": dates,
    "reverses_id": identifiers,
    "timeout_s": integers,
    "balancing": texts,
}
"""How each column travels, in the order of the database function's parameters."""

_STATEMENT = Path(__file__).with_name("create_transfers.sql").read_bytes()


class BatchTooLarge(ValueError):
    """A batch holds more than `BATCH_LIMIT` items; nothing was written."""

    def __init__(self, items: int) -> None:
        self.items = items
        super().__init__(f"a batch holds at most {BATCH_LIMIT} items, not {items}: split it")


def create_transfers(
    connection: psycopg.Connection, *, book_id: int, business_date: date, transfers: pl.DataFrame
) -> pl.Series:
    """Post a batch of at most `BATCH_LIMIT` rows: `TRANSFER_COLUMNS`, and any of `OPTIONAL_COLUMNS`.

    Returns `TransferResult` values (String) in input order; only `created` was booked now. The
    caller commits; until then the book is locked. A batch never fails whole because one item is bad;
    raises `BatchTooLarge`, `MalformedIdentifier` where an id is not a UUID, and `NotAWholeNumber` where
    an amount is not in minor units.
    """
    if transfers.height > BATCH_LIMIT:
        raise BatchTooLarge(transfers.height)
    values = [_encoded(transfers, name) for name in _ENCODERS]
    with array_cursor(connection) as cursor:
        row = cursor.execute(_STATEMENT, [book_id, business_date, *values]).fetchone()
    return pl.Series("result", row[0] if row else [], dtype=pl.String)


def _encoded(transfers: pl.DataFrame, name: str) -> BinaryArray | None:
    """A column for the wire; None where it is optional and says nothing."""
    if name in OPTIONAL_COLUMNS and name not in transfers.columns:
        return None
    column = transfers[name]
    if name in _MAY_BE_ABSENT and column.null_count() == len(column) > 0:
        return None
    if _SCHEMA[name] == pl.Int64:
        column = whole_numbers(column)
    return _ENCODERS[name](column if column.dtype == _SCHEMA[name] else column.cast(_SCHEMA[name]))


_MAY_BE_ABSENT = frozenset({"pending_id", "payment_id", "booked_at", *OPTIONAL_COLUMNS})
