"""The obligations of a window, one by one or summed, read from the journal by its range of events."""

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

FLOW_COLUMNS: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "business_date": pl.Date,
    "window_id": pl.String,
    "currency": pl.String,
    "debtor_id": pl.String,
    "creditor_id": pl.String,
    "owed_minor": pl.Int128,
    "obligations": pl.Int64,
}
"""What one participant owes another in a window, gross."""

_STATEMENT: Final = Path(__file__).with_name("window_obligations.sql").read_text()
_FLOWS: Final = Path(__file__).with_name("window_flows.sql").read_bytes()
_OPEN_END: Final = 2**63 - 1

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
    statement = sql.SQL(_STATEMENT).format(
        book_id=books.book_id,
        event_from=found.event_from,
        event_to=_event_to(found),
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


def flows_of(connection: psycopg.Connection, books: SchemeBook, found: Window) -> pl.DataFrame:
    """`FLOW_COLUMNS` of a closed window, or of an open one until now: summed where they lie.

    The same obligations as `obligations_of`, for who needs no more than their sums.
    """
    named = {
        "book_id": books.book_id,
        "event_from": found.event_from,
        "event_to": _event_to(found),
        "scheme_id": books.scheme.id,
        "window_number": found.number,
    }
    rows = connection.execute(_FLOWS, named).fetchall()
    summed = pl.DataFrame(
        {
            "account_id": [row[0] for row in rows],
            "credit_account_id": [row[1] for row in rows],
            "owed_minor": [int(row[2]) for row in rows],
            "obligations": [row[3] for row in rows],
        },
        schema={
            "account_id": pl.Int64,
            "credit_account_id": pl.Int64,
            "owed_minor": pl.Int128,
            "obligations": pl.Int64,
        },
    )
    accounts = positions_frame(books, scheme_accounts(connection, books))
    named_flows = _with_parties(summed, accounts, books, found)
    return named_flows.select(list(FLOW_COLUMNS)).sort("currency", "debtor_id", "creditor_id")


def _event_to(found: Window) -> int:
    return _OPEN_END if found.event_to is None else found.event_to


def _with_parties(
    rows: pl.DataFrame, accounts: pl.DataFrame, books: SchemeBook, found: Window
) -> pl.DataFrame:
    """Participants for accounts, and the window; rows with accounts of other schemes fall out."""
    creditors = accounts.select(creditor_id="participant_id", credit_account_id="account_id")
    debtors = accounts.select("account_id", "currency", debtor_id="participant_id")
    return (
        rows.join(debtors, on="account_id", maintain_order="left")
        .join(creditors, on="credit_account_id", maintain_order="left")
        .with_columns(
            business_date=pl.lit(found.business_date),
            window_id=pl.lit(found.window_id),
            book_id=pl.lit(books.book_id, pl.Int32),
        )
    )


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
    return _with_parties(frame, accounts, books, found).select(
        pl.col(name).cast(kind) for name, kind in OBLIGATION_COLUMNS.items()
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
