"""The obligations of a window, read from the journal by the range of its events."""

from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import psycopg
import pyarrow as pa
from numpy.typing import NDArray
from psycopg import sql

from ledger_service.payments.settlement.scheme_book import (
    SchemeBook,
    positions_frame,
    scheme_accounts,
)
from ledger_service.payments.settlement.windows import Window

OBLIGATION_COLUMNS: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "business_date": pl.Date,
    "window_id": pl.String,
    "currency": pl.String,
    "debtor_id": pl.String,
    "creditor_id": pl.String,
    "amount_minor": pl.Int64,
    "payment_id": pl.String,
    "book_id": pl.Int32,
    "account_id": pl.Int64,
    "version": pl.Int64,
}
"""One obligation a row, with the entry of the debtor's position account that it is."""

_STATEMENT: Final = Path(__file__).with_name("window_obligations.sql").read_text()

_HEADER_LENGTH: Final = 19
"""Of binary COPY: signature, flags, extension length."""
_ROW: Final = np.dtype(
    [("fields", ">i2")]
    + [
        part
        for name in ("debit", "credit", "amount", "version")
        for part in ((f"{name}_length", ">i4"), (name, ">i8"))
    ]
    + [("payment_length", ">i4"), ("payment", "V16")]
)
_DIGITS: Final = np.array([n for n in range(36) if n not in {8, 13, 18, 23}])


def obligations_of(connection: psycopg.Connection, books: SchemeBook, found: Window) -> pl.DataFrame:
    """`OBLIGATION_COLUMNS` of a closed window in the order of their events, or of an open one until now.

    Those that a recast gave back are not among them. One index range read by binary COPY.
    """
    event_to = found.event_to if found.event_to is not None else np.iinfo(np.int64).max
    statement = sql.SQL(_STATEMENT).format(
        book_id=books.book_id,
        event_from=found.event_from,
        event_to=int(event_to),
        scheme_id=books.scheme.id,
        window_number=found.number,
    )
    with connection.cursor().copy(
        sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(statement)
    ) as copy:
        content = b"".join(copy)
    # The rows are of one width, so all of them are read as one array; two bytes of trailer follow.
    rows = np.frombuffer(content[_HEADER_LENGTH:-2], dtype=_ROW)
    accounts = positions_frame(books, scheme_accounts(connection, books))
    return _named(rows, accounts, books, found)


def _named(
    rows: NDArray[np.void], accounts: pl.DataFrame, books: SchemeBook, found: Window
) -> pl.DataFrame:
    """Rows of the journal with participants for accounts; accounts of other schemes fall out."""
    frame = pl.DataFrame(
        {
            "account_id": rows["debit"].astype("i8"),
            "credit_account_id": rows["credit"].astype("i8"),
            "amount_minor": rows["amount"].astype("i8"),
            "version": rows["version"].astype("i8"),
            "payment_id": _uuids(rows["payment"]),
        }
    )
    creditors = accounts.select(creditor_id="participant_id", credit_account_id="account_id")
    debtors = accounts.select("account_id", "currency", debtor_id="participant_id")
    return (
        frame.join(debtors, on="account_id", maintain_order="left")
        .join(creditors, on="credit_account_id", maintain_order="left")
        .with_columns(
            business_date=pl.lit(found.business_date),
            window_id=pl.lit(found.window_id),
            book_id=pl.lit(books.book_id, pl.Int32),
        )
        .select(pl.col(name).cast(kind) for name, kind in OBLIGATION_COLUMNS.items())
    )


def _uuids(values: NDArray[np.void]) -> pl.Series:
    """UUIDs in their written form, without a Python object each."""
    count = len(values)
    digits = np.frombuffer(values.tobytes().hex().encode(), "u1").reshape(count, 32)
    written = np.full((count, 36), ord("-"), dtype="u1")
    written[:, _DIGITS] = digits
    offsets = pa.py_buffer(np.arange(0, 36 * (count + 1), 36, dtype="i8").tobytes())
    texts = pa.Array.from_buffers(
        pa.large_string(), count, [None, offsets, pa.py_buffer(written.tobytes())]
    )
    return pl.Series("payment_id", texts, dtype=pl.String)
