"""Columns as PostgreSQL's binary arrays: a batch goes to the server without a Python object a cell.

The format is that of `array_recv`: dimensions, whether nulls occur, element type, length, lower bound,
then each element as its length and its big-endian bytes; a null is the length -1.
"""

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, PyFormat
from psycopg.pq import Format

DAYS_TO_2000 = 10_957
"""From Polars' day zero to PostgreSQL's."""
MICROSECONDS_TO_2000 = DAYS_TO_2000 * 86_400 * 1_000_000


class MalformedIdentifier(ValueError):
    """A value of an identifier column is not a UUID; nothing was written."""

    def __init__(self, column: str, row: int, value: str) -> None:
        self.column = column
        self.row = row
        self.value = value
        super().__init__(f"{column} of item {row} is not a UUID: {value!r}")


@dataclass(frozen=True, slots=True)
class BinaryArray:
    """A parameter that is one array, ready for the wire."""

    array_oid: int
    content: bytes


class _BinaryArrayDumper(Dumper):
    format = Format.BINARY

    def get_key(self, obj: BinaryArray, format: PyFormat) -> tuple[type, int]:  # type: ignore[override] # the key may be any tuple
        return (self.cls, obj.array_oid)

    def upgrade(self, obj: BinaryArray, format: PyFormat) -> Dumper:
        dumper = type(self)(self.cls)
        dumper.oid = obj.array_oid
        return dumper

    def dump(self, obj: BinaryArray) -> Buffer:
        return obj.content


def array_cursor(connection: psycopg.Connection) -> psycopg.Cursor:
    """A cursor that takes `BinaryArray` parameters and reads results in binary."""
    cursor = connection.cursor(binary=True)
    cursor.adapters.register_dumper(BinaryArray, _BinaryArrayDumper)
    return cursor


def integers(column: pl.Series) -> BinaryArray:
    """bigint[] from Int64."""
    return _numbers(column, ">i8", 0, element_oid=20, array_oid=1016)


def booleans(column: pl.Series) -> BinaryArray:
    """boolean[] from Boolean."""
    return _numbers(column, "u1", 0, element_oid=16, array_oid=1000)


def dates(column: pl.Series) -> BinaryArray:
    """date[] from Date."""
    return _numbers(column, ">i4", DAYS_TO_2000, element_oid=1082, array_oid=1182)


def timestamps(column: pl.Series) -> BinaryArray:
    """timestamptz[] from Datetime in microseconds, UTC."""
    return _numbers(column, ">i8", MICROSECONDS_TO_2000, element_oid=1184, array_oid=1185)


def identifiers(column: pl.Series) -> BinaryArray:
    """uuid[] from String, 36 characters each; raises `MalformedIdentifier`."""
    if column.null_count() == len(column):
        return BinaryArray(2951, _header(column, 2950) + _NULL * len(column))
    octets = _octets([_ZERO_UUID if value is None else value for value in column.to_list()])
    if octets is None:
        row, value = next((n, v) for n, v in enumerate(column) if v is not None and not _octets([v]))
        raise MalformedIdentifier(column.name, row, value)
    return BinaryArray(2951, _header(column, 2950) + _elements(column, np.frombuffer(octets, "V16")))


def texts(column: pl.Series) -> BinaryArray:
    """text[] from String; each distinct value is encoded once."""
    values = column.to_list()
    encoded: dict[str | None, bytes] = {None: _NULL}
    for value in set(values) - {None}:
        octets = value.encode()
        encoded[value] = struct.pack(">i", len(octets)) + octets
    return BinaryArray(1009, _header(column, 25) + b"".join([encoded[value] for value in values]))


_NULL = struct.pack(">i", -1)
_ZERO_UUID = "00000000-0000-0000-0000-000000000000"
_HYPHENS = [n for n, character in enumerate(_ZERO_UUID) if character == "-"]
_DIGITS = [n for n, character in enumerate(_ZERO_UUID) if character != "-"]


def _octets(written: list[str]) -> bytes | None:
    """Sixteen octets an identifier; None where any is malformed."""
    characters = np.frombuffer("".join(written).encode(), "u1")
    if any(len(value) != 36 for value in written) or characters.size != 36 * len(written):
        return None
    table = characters.reshape(-1, 36)
    try:
        octets = bytes.fromhex(table[:, _DIGITS].tobytes().decode())
    except ValueError:
        return None
    whole = len(octets) == 16 * len(written) and bool((table[:, _HYPHENS] == ord("-")).all())
    return octets if whole else None


def _numbers(
    column: pl.Series, element: str, origin: int, *, element_oid: int, array_oid: int
) -> BinaryArray:
    """Numbers counted from `origin`."""
    header = _header(column, element_oid)
    if column.null_count() == len(column):
        return BinaryArray(array_oid, header + _NULL * len(column))
    if column.has_nulls() and not column.dtype.is_temporal():
        column_or_zero = column.fill_null(False if column.dtype == pl.Boolean else 0)
    else:
        column_or_zero = column  # NumPy has a time that is none
    numbers = column_or_zero.to_numpy()
    if numbers.dtype.kind == "M":
        numbers = numbers.view("i8") - origin
    return BinaryArray(array_oid, header + _elements(column, numbers.astype(element)))


def _header(column: pl.Series, element_oid: int) -> bytes:
    if not len(column):
        return struct.pack(">iii", 0, 0, element_oid)
    return struct.pack(">iiiii", 1, int(column.has_nulls()), element_oid, len(column), 1)


def _elements(column: pl.Series, values: npt.NDArray[np.generic]) -> bytes:
    """Each value after its length; of a null, the length -1 alone."""
    width = values.dtype.itemsize
    rows = np.empty(len(values), dtype=[("length", ">i4"), ("value", values.dtype)])
    rows["length"] = width
    rows["value"] = values
    if not column.has_nulls():
        return rows.tobytes()
    absent = column.is_null().to_numpy()
    rows["length"][absent] = -1
    kept = np.ones((len(rows), 4 + width), dtype=bool)
    kept[absent, 4:] = False
    return rows.view("u1").reshape(kept.shape)[kept].tobytes()
