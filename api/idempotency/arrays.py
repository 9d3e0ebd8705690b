"""Arrays for the wire, from short lists: for batches so small that making columns of them costs more."""

import struct
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from ledger_service.ledger.arrays import BinaryArray

MIDNIGHT_2000 = datetime(2000, 1, 1, tzinfo=UTC)
DAY_2000 = date(2000, 1, 1)
"""Where PostgreSQL counts from."""
_MICROSECOND = timedelta(microseconds=1)


def texts(values: Sequence[str]) -> BinaryArray:
    """text[]."""
    return _array(25, 1009, [value.encode() for value in values])


def texts_or_null(values: Sequence[str | None]) -> BinaryArray:
    """text[], some of them null."""
    return _array(25, 1009, [None if value is None else value.encode() for value in values])


def octets(values: Sequence[bytes]) -> BinaryArray:
    """bytea[]."""
    return _array(17, 1001, values)


def integers(values: Sequence[int]) -> BinaryArray:
    """integer[]."""
    return _array(23, 1007, [struct.pack(">i", value) for value in values])


def long_integers(values: Sequence[int]) -> BinaryArray:
    """bigint[]."""
    return _array(20, 1016, [struct.pack(">q", value) for value in values])


def identifiers(values: Sequence[str | None]) -> BinaryArray:
    """uuid[], some of them null; each written as the gateway writes them."""
    return _array(2950, 2951, [v if v is None else bytes.fromhex(v.replace("-", "")) for v in values])


def instants(values: Sequence[datetime]) -> BinaryArray:
    """timestamptz[]."""
    counted = [(value - MIDNIGHT_2000) // _MICROSECOND for value in values]
    return _array(1184, 1185, [struct.pack(">q", value) for value in counted])


def dates(values: Sequence[date]) -> BinaryArray:
    """date[]."""
    return _array(1082, 1182, [struct.pack(">i", (value - DAY_2000).days) for value in values])


def _array(element: int, array: int, values: Sequence[bytes | None]) -> BinaryArray:
    """As `array_recv` reads it: dimensions, whether nulls occur, type, length, lower bound, elements."""
    parts = [struct.pack(">iiiii", 1, int(None in values), element, len(values), 1)]
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            parts.append(struct.pack(">i", len(value)))
            parts.append(value)
    return BinaryArray(array, b"".join(parts))


_NULL = struct.pack(">i", -1)
