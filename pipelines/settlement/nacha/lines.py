"""The records of a NACHA file one after the other, whichever way they are separated.

Belongs here: from bytes to texts of 94 characters. Records stand on lines (LF or CRLF) or follow each
other without any separator. Trailing blanks may have been cut. A record that is too long or holds
control characters is given as it is told apart, never guessed at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from pipelines.settlement.nacha.layout import RECORD_LENGTH
from pipelines.settlement.problems import FileRefused

_CHUNK: Final = 64 * 1024
LINE_LIMIT: Final = 1024
"""Octets of a line, at most: UTF-8 needs up to four for each of 94 characters."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the file."""

    line: int
    """From 1; of a file without line breaks, the number of the record."""
    text: str
    """94 characters; empty when there is a fault."""
    fault: str | None = None
    """record_length or control_characters, when it cannot be read."""


def records(source: BinaryIO) -> Iterator[Record]:
    """Every record that is not blank, holding some kilobytes."""
    number = 0
    for number, line in enumerate(_lines(source), start=1):
        record = _record(number, line)
        if record is not None:
            yield record
    if not number:
        raise FileRefused("empty", "line 1", "the file is empty")


def _record(number: int, line: bytes | None) -> Record | None:
    if line is None:
        return Record(number, "", "record_length")
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        text = line.decode("latin-1")
    text = text.rstrip("\r\n\x1a ")
    if not text:
        return None
    if len(text) > RECORD_LENGTH:
        return Record(number, "", "record_length")
    if _CONTROL.search(text):
        return Record(number, "", "control_characters")
    return Record(number, text.ljust(RECORD_LENGTH))


def _lines(source: BinaryIO) -> Iterator[bytes | None]:
    """Lines without their ends; None for one that is too long. Not separated: slices."""
    first = source.read(_CHUNK)
    head = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    separated = len(head) <= RECORD_LENGTH or b"\n" in head[:LINE_LIMIT]
    rest, skipping = (first if separated else head), False
    while True:
        if separated:
            *whole, rest = rest.split(b"\n")
            for line in whole:
                yield None if skipping or len(line) > LINE_LIMIT else line
                skipping = False
            if len(rest) > LINE_LIMIT:
                rest, skipping = b"", True
        else:
            end = len(rest) - len(rest) % RECORD_LENGTH
            for start in range(0, end, RECORD_LENGTH):
                yield rest[start : start + RECORD_LENGTH]
            rest = rest[end:]
        piece = source.read(_CHUNK)
        if not piece:
            break
        rest += piece
    if skipping:
        yield None
    elif rest:
        yield rest
