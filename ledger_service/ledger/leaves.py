"""Canonical bytes of transfers: what a leaf hashes, and the columns read from it.

A transfer's canonical bytes are its row in PostgreSQL's binary COPY form, columns as in `leaves.sql`:
the number of columns (int16, 31), then each column as its length in bytes (int32; -1 when absent, and
nothing follows) and its value. All numbers are big-endian two's complement. int32: book_id; days since
2000-01-01: business_date, value_date; one byte, 0 or 1: the two backdated flags; int64: sequence,
accounts, amounts, versions and totals; int64 microseconds since 2000-01-01 UTC: booked_at, event_at,
expires_at; 16 octets: ids; UTF-8: phase, currency, balancing, kind. So `struct` rebuilds them anywhere:
`check_proof.py` does. The first octet is always 0, that of an inner node of the tree is 1: neither can
be taken for the other.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg import pq, sql

_COPY = sql.SQL((Path(__file__).with_name("leaves.sql")).read_text())

JOURNAL = "transfer"
"""All transfers that are attached."""

_COPY_HEADER = 19
"""Octets before the first row of a binary COPY."""

_FIXED: tuple[tuple[str, str], ...] = (
    ("book_id", ">i4"),
    ("business_date", ">i4"),
    ("value_date", ">i4"),
    ("dr_backdated", "?"),
    ("cr_backdated", "?"),
    *(
        (name, ">i8")
        for name in (
            "sequence",
            "debit_account_id",
            "credit_account_id",
            "amount",
            "pending",
            "booked_at",
            "event_at",
            "dr_version",
            "dr_debits_posted",
            "dr_credits_posted",
            "dr_debits_pending",
            "dr_credits_pending",
            "cr_version",
            "cr_debits_posted",
            "cr_credits_posted",
            "cr_debits_pending",
            "cr_credits_pending",
        )
    ),
    ("transfer_id", "V16"),
)


def _layout() -> np.dtype[np.void]:
    """The columns of fixed width, each after its length, and the length of the phase after them."""
    offset, names, formats, offsets = 2, [], [], []
    for name, form in _FIXED:
        names.append(name)
        formats.append(form)
        offsets.append(offset + 4)
        offset += 4 + np.dtype(form).itemsize
    names += ["phase_length", "phase_initial"]
    formats += [">i4", "u1"]
    offsets += [offset, offset + 4]
    parts = {"names": names, "formats": formats, "offsets": offsets, "itemsize": offset + 5}
    layout: np.dtype[np.void] = np.dtype(parts)  # type: ignore[call-overload] # the stubs know no itemsize
    return layout


LAYOUT = _layout()
_AFTER_PHASE_LENGTH = LAYOUT.itemsize - 1


@dataclass(frozen=True, slots=True)
class Rows:
    """Transfers in order of sequence, as NumPy reads them; n rows."""

    leaves: list[bytes]
    """Each one's SHA-256."""
    fixed: npt.NDArray[np.void]
    """Columns by name, as in `LAYOUT`: a copy, big-endian."""
    currency: npt.NDArray[np.uint32]
    """The three letters of each currency as a number; 0 where it is not three letters."""
    reverses: npt.NDArray[np.bool_]
    """Whether each one reverses another."""

    def column(self, name: str) -> npt.NDArray[np.int64]:
        """A column of whole numbers."""
        return self.fixed[name].astype(np.int64)


def canonical_bytes(
    connection: psycopg.Connection, *, book_id: int, first: int, last: int, relation: str = JOURNAL
) -> list[bytes]:
    """The canonical bytes of the transfers numbered `first` to `last`, in order."""
    return [bytes(row) for row in _stream(connection, book_id, (first, last), relation)]


def leaf_hashes(
    connection: psycopg.Connection, *, book_id: int, first: int, last: int, relation: str = JOURNAL
) -> list[bytes]:
    """SHA-256 of each of them."""
    sha256 = hashlib.sha256
    return [sha256(row).digest() for row in _stream(connection, book_id, (first, last), relation)]


def read_rows(connection: psycopg.Connection, *, book_id: int, first: int, last: int) -> Rows:
    """The transfers numbered `first` to `last`, hashed and as columns; about 400 bytes each."""
    sha256 = hashlib.sha256
    octets, starts, leaves = bytearray(), list[int](), list[bytes]()
    begin, keep = starts.append, leaves.append
    for row in _stream(connection, book_id, (first, last), JOURNAL):
        begin(len(octets))
        octets += row
        keep(sha256(row).digest())
    octets += bytes(LAYOUT.itemsize)  # so that a window of this width begins at every row
    windows = np.ndarray(
        (len(octets) - LAYOUT.itemsize + 1,), f"V{LAYOUT.itemsize}", octets, strides=(1,)
    )
    begins = np.array(starts, dtype=np.int64)
    fixed = windows[begins].view(LAYOUT)
    currency, reverses = _variable_columns(octets, fixed, begins)
    return Rows(leaves=leaves, fixed=fixed, currency=currency, reverses=reverses)


def _variable_columns(
    octets: bytearray, fixed: npt.NDArray[np.void], starts: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.bool_]]:
    """Currency and whether there is a reversed transfer: behind columns of varying width."""

    def number(at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        windows = np.ndarray((len(octets) - 3,), "V4", octets, strides=(1,))
        return windows[at].view(">i4").astype(np.int64)

    at = starts + _AFTER_PHASE_LENGTH + fixed["phase_length"].astype(np.int64)
    currency_length = number(at)
    currency = np.where(currency_length == 3, number(at + 4) & 0xFFFFFF00, 0).astype(np.uint32)
    at += 4 + currency_length
    for _ in ("payment_id", "pending_id"):
        at += 4 + np.maximum(number(at), 0)
    return currency, number(at) >= 0


def _stream(
    connection: psycopg.Connection, book_id: int, events: tuple[int, int], relation: str
) -> Iterator[memoryview]:
    """The rows of the COPY; each is valid until the next is asked for.

    By libpq's own call: psycopg's reader takes four times as long for rows of this size.
    """
    statement = _COPY.format(
        relation=sql.Identifier("ledger", relation),
        book_id=sql.Literal(book_id),
        first=sql.Literal(events[0]),
        last=sql.Literal(events[1]),
    )
    libpq = connection.pgconn
    started = libpq.exec_(statement.as_bytes(connection))
    if started.status != pq.ExecStatus.COPY_OUT:
        raise psycopg.errors.error_from_result(started)
    get_copy_data = libpq.get_copy_data
    size, row = get_copy_data(0)
    row = row[_COPY_HEADER:]
    size -= _COPY_HEADER
    while size > 2:  # the trailer is two octets
        yield row
        size, row = get_copy_data(0)
    while size > 0:
        size, _ = get_copy_data(0)
    while (result := libpq.get_result()) is not None:
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(result)
