"""Deterministic UUIDs in the layouts of RFC 9562, for columns of them.

A UUIDv7 begins with 48 bits of milliseconds, so ids sort by time and index well. Where an id must be
the same on every import, its other 74 bits are derived, not drawn: from a source's own number, or from
the instruction's id and the number of the transfer within it.
"""

from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

Words: TypeAlias = NDArray[np.uint64]

_VERSION_7 = np.uint64(0x7000)
_VERSION_4 = np.uint64(0x4000)
_VARIANT = np.uint64(0x8000_0000_0000_0000)
_LOW_62 = np.uint64(0x3FFF_FFFF_FFFF_FFFF)
_TIME_48 = np.uint64(0xFFFF_FFFF_FFFF_0000)
_GOLDEN = np.uint64(0x9E37_79B9_7F4A_7C15)


def numbered_ids(at: pl.Series, numbers: pl.Series, *, namespace: int) -> pl.Series:
    """UUIDv7 of a time (Datetime) and a source's own number (0 .. 2**62 - 1), invertible.

    `namespace` (0 .. 4095) keeps sources apart. Returns Strings in lower case.
    """
    milliseconds = at.dt.epoch("ms").to_numpy().astype(np.uint64)
    high = (milliseconds << np.uint64(16)) | _VERSION_7 | np.uint64(namespace)
    low = _VARIANT | (numbers.to_numpy().astype(np.uint64) & _LOW_62)
    return _texts(high, low, name="id")


def derived_ids(ids: pl.Series, ordinals: pl.Series) -> pl.Series:
    """UUIDv7 of an id (UUID text) and an ordinal: the id's time, and 74 bits mixed from both."""
    high, low = _words(ids)
    first, second = _mixed(high, low, ordinals.to_numpy().astype(np.uint64))
    twelve = first & np.uint64(0xFFF)
    return _texts((high & _TIME_48) | _VERSION_7 | twelve, _VARIANT | (second & _LOW_62), name="id")


def uetrs(ids: pl.Series) -> pl.Series:
    """The unique end-to-end transaction reference (UUIDv4 layout, as SWIFT wants it) of each id."""
    high, low = _words(ids)
    first, second = _mixed(high, low, np.zeros_like(high))
    version = (first & ~np.uint64(0xF000)) | _VERSION_4
    return _texts(version, _VARIANT | (second & _LOW_62), name="uetr")


def _mixed(high: Words, low: Words, ordinals: Words) -> tuple[Words, Words]:
    """Two words, each depending on every bit of the input."""
    first = _scrambled(high ^ _scrambled(low + _GOLDEN * (ordinals + np.uint64(1))))
    return first, _scrambled(low ^ _scrambled(first + _GOLDEN))


def _scrambled(words: Words) -> Words:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection of 64-bit words."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return words ^ (words >> np.uint64(31))


def _words(ids: pl.Series) -> tuple[Words, Words]:
    raw = b"".join(ids.str.replace_all("-", "", literal=True).str.decode("hex").to_list())
    words = np.frombuffer(raw, dtype=">u8").astype(np.uint64).reshape(-1, 2)
    return words[:, 0], words[:, 1]


def _texts(high: Words, low: Words, *, name: str) -> pl.Series:
    raw = np.stack([high, low], axis=1).astype(">u8").tobytes()
    digits = pl.Series(name, [raw.hex()], dtype=pl.String).str.extract_all("[0-9a-f]{32}").explode()
    hyphenated = digits.str.replace("^(.{8})(.{4})(.{4})(.{4})(.{12})$", "$1-$2-$3-$4-$5")
    return hyphenated if len(high) else pl.Series(name, [], dtype=pl.String)
