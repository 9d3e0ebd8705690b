"""Texts and references as ISO 20022 writes them: one legal line, escaped, UETRs, IBANs.

Belongs here: whole columns of text. `escaped` makes XML of text; nothing else here does.
"""

import hashlib

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

_UNPRINTABLE = r"[\x00-\x1F\x7F-\x9F\u{FFFE}\u{FFFF}\s]+"
_IBAN = r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$"
UUID_V4 = r"^[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}$"

_MOVED = 4  # country and check digits go to the end
_DEFERRED = 8  # letters of two digits after a remainder of two: 18 digits, which 64 bits hold
_DIGITS = np.zeros(128, dtype=np.uint64)
_DIGITS[ord("0") : ord("9") + 1] = np.arange(10)
_DIGITS[ord("A") : ord("Z") + 1] = np.arange(10, 36)
_PLACES = np.where(_DIGITS > 9, 100, 10).astype(np.uint64)
_HEXADECIMAL = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_UETR_LENGTH = 36
_UETR_DIGITS = [place for place in range(_UETR_LENGTH) if place not in {8, 13, 18, 23}]


def clean_text(text: pl.Expr, max_length: int) -> pl.Expr:
    """Text that XML may hold, one line, cut to `max_length` characters; null where nothing is left.

    Control characters and runs of white space become one space.
    """
    cleaned = (
        text.str.replace_all(_UNPRINTABLE, " ")
        .str.strip_chars()
        .str.head(max_length)
        .str.strip_chars_end()
    )
    return pl.when(cleaned != "").then(cleaned).otherwise(None)


def escaped(text: pl.Expr) -> pl.Expr:
    """Text as XML character data."""
    return text.str.replace_many(["&", "<", ">"], ["&amp;", "&lt;", "&gt;"])


def valid_uetr(uetr: pl.Expr) -> pl.Expr:
    """The UETR in lower case; null where it is not a version 4 UUID, which the schema demands."""
    lower = uetr.str.to_lowercase()
    return pl.when(lower.str.contains(UUID_V4)).then(lower).otherwise(None)


def uetrs_of(references: pl.Series) -> pl.Series:
    """`writing.uetr_of` of each reference: the digests are Python's, their form is set all at once."""
    digests = b"".join([hashlib.sha256(text.encode()).digest() for text in references.to_list()])
    octets = np.frombuffer(digests, dtype=np.uint8).reshape(-1, 32)[:, :16].copy()
    octets[:, 6] = octets[:, 6] & 0x0F | 0x40
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    letters = np.full((references.len(), _UETR_LENGTH), ord("-"), dtype=np.uint8)
    letters[:, _UETR_DIGITS[0::2]] = _HEXADECIMAL[octets >> 4]
    letters[:, _UETR_DIGITS[1::2]] = _HEXADECIMAL[octets & 0x0F]
    ends = np.arange(references.len() + 1, dtype=np.int64) * _UETR_LENGTH
    buffers = pa.py_buffer(ends), pa.py_buffer(letters)
    return pl.Series(pa.LargeStringArray.from_buffers(references.len(), *buffers), dtype=pl.String)


def valid_ibans(accounts: pl.Series) -> pl.Series:
    """Whether each account reference is an IBAN: its form, and its check digits by ISO 7064.

    National account numbers may look like one; the check digits tell 96 of 97 of them apart.
    """
    frame = accounts.to_frame("account").with_columns(length=pl.col("account").str.len_bytes())
    formed = frame.select(pl.col("account").str.contains(_IBAN).fill_null(False)).to_series()
    valid = np.zeros(accounts.len(), dtype=np.bool_)
    lengths = frame["length"].filter(formed).unique()
    for length in lengths:
        chosen = formed & (frame["length"] == length)
        valid[chosen.arg_true().to_numpy()] = _remainders(accounts.filter(chosen), length) == 1
    return pl.Series(accounts.name, valid, dtype=pl.Boolean)


def _remainders(accounts: pl.Series, length: int) -> npt.NDArray[np.uint64]:
    """Of the numbers that accounts of one length stand for, modulo 97: all at once, digit by digit."""
    letters = np.frombuffer(utf8(accounts), dtype=np.uint8).reshape(-1, length)
    ordered = np.ascontiguousarray(np.roll(letters, -_MOVED, axis=1).T)
    remainder = np.zeros(accounts.len(), dtype=np.uint64)
    for position, row in enumerate(ordered, start=1):
        remainder = remainder * _PLACES[row] + _DIGITS[row]
        if position % _DEFERRED == 0:
            remainder %= np.uint64(97)
    return remainder % np.uint64(97)


def utf8(texts: pl.Series) -> bytes:
    """All texts of a column one after the other, as bytes, without a copy in between."""
    array = texts.to_arrow()
    _, offsets, data = array.buffers()
    if data is None:
        return b""
    ends = np.frombuffer(offsets, dtype=np.int64)
    return memoryview(data)[ends[array.offset] : ends[array.offset + len(array)]].tobytes()
