"""Characters that a format may hold: texts are brought into them, and what was changed is told.

Belongs here: the character sets and one function for a column of texts. Transliteration is anyascii's
(Unicode to ASCII, letter by letter); where a set lacks a character even then, a stands-in is written.
"""

from collections.abc import Mapping
from enum import StrEnum

import polars as pl
from anyascii import anyascii


class CharacterSet(StrEnum):
    """What a format can hold."""

    UNICODE = "unicode"
    """Whatever XML can: control characters are out."""
    LATIN = "latin"
    """Basic Latin without control characters: NACHA, EFT, CSV of older systems."""
    SEPA = "sepa"
    """a-z A-Z 0-9 / - ? : ( ) . , ' + and blank (EPC217-08)."""
    SWIFT_X = "swift_x"
    """SWIFT's set x: that of SEPA; a reference may not begin or end with a slash."""
    UPPER = "upper"
    """Upper case letters, digits and a few signs: older fixed-width formats."""


_ALLOWED: Mapping[CharacterSet, str] = {
    CharacterSet.UNICODE: r"[^\x00-\x1F\x7F-\x9F\u{FFFE}\u{FFFF}]",
    CharacterSet.LATIN: r"[ -~]",
    CharacterSet.SEPA: r"[a-zA-Z0-9/\-?:().,'+ ]",
    CharacterSet.SWIFT_X: r"[a-zA-Z0-9/\-?:().,'+ ]",
    CharacterSet.UPPER: r"[A-Z0-9 .,&'()/+:\-]",
}

_STANDS_IN: Mapping[str, str] = {
    "&": "+", "_": "-", ";": ",", "|": "/", "\\": "/", "<": "(", "[": "(", "{": "(",
    ">": ")", "]": ")", "}": ")", '"': "'", "`": "'", "=": "-", "~": "-", "@": "(at)", "#": ".",
    "$": ".", "%": ".", "*": ".", "!": ".", "^": ".",
}  # fmt: skip


def transliterated(texts: pl.Series, characters: CharacterSet) -> pl.Series:
    """Each text within the set, on one line, without blanks around it; null where nothing is left.

    Only texts that need it are touched one by one; the rest of a column costs a look.
    """
    allowed = _ALLOWED[characters]
    lines = texts.str.replace_all(r"\s+", " ").str.strip_chars(" ")
    outside = lines.is_not_null() & ~lines.str.contains(rf"^(?:{allowed})*$").fill_null(True)
    if outside.any():
        changed = lines.filter(outside)
        if characters is not CharacterSet.UNICODE:
            changed = changed.map_elements(anyascii, return_dtype=pl.String)
            if characters is CharacterSet.UPPER:
                changed = changed.str.to_uppercase()
            unlike = {
                character: other
                for character, other in _STANDS_IN.items()
                if not pl.Series([character]).str.contains(allowed).item()
            }
            changed = changed.str.replace_many(list(unlike), list(unlike.values()))
        negated = f"(?:{allowed})"
        kept = changed.str.extract_all(negated).list.join("")
        kept = kept.str.replace_all(r"\s+", " ").str.strip_chars(" ")
        lines = lines.scatter(outside.arg_true(), kept)
    return lines.to_frame("text").select(pl.when(pl.col("text") != "").then(pl.col("text")))["text"]
