"""Arrays of texts and of octets for the wire: a batch of records travels without an object a cell."""

import struct
from collections.abc import Sequence

from ledger_service.ledger.arrays import BinaryArray

_TEXT, _TEXTS = 25, 1009
_OCTETS, _OCTETS_ARRAY = 17, 1001
_INTEGER, _INTEGERS = 23, 1007


def texts(values: Sequence[str]) -> BinaryArray:
    """text[], none of them null."""
    return BinaryArray(_TEXTS, _array(_TEXT, [value.encode() for value in values]))


def octets(values: Sequence[bytes]) -> BinaryArray:
    """bytea[], none of them null."""
    return BinaryArray(_OCTETS_ARRAY, _array(_OCTETS, values))


def integers(values: Sequence[int]) -> BinaryArray:
    """integer[], none of them null."""
    return BinaryArray(_INTEGERS, _array(_INTEGER, [struct.pack(">i", value) for value in values]))


def _array(element: int, values: Sequence[bytes]) -> bytes:
    """As `array_recv` reads it: dimensions, whether nulls occur, type, length, lower bound, elements."""
    parts = [struct.pack(">iiiii", 1, 0, element, len(values), 1)]
    for value in values:
        parts.append(struct.pack(">i", len(value)))
        parts.append(value)
    return b"".join(parts)
