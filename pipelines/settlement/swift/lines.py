"""Lines of a SWIFT file: numbered text out of bytes, in flat memory.

Belongs here: what a line and its characters are. Banks write ASCII, UTF-8, Latin-1 or the code page of
their old terminals, sometimes with the control characters of the line it once went over; each line is
decoded by itself, so that one odd line does not change how the others read.
"""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from pipelines.settlement.problems import FileRefused

LONGEST_LINE = 4_096
"""Octets; the standard allows 78 characters, some banks write a field on one line."""

_CHUNK = 1 << 20
_TRANSMISSION = "\x00\x01\x02\x03\x04\x1a\ufeff"
"""Characters around lines that are of the transmission: SOH, STX, ETX, EOT, Ctrl-Z, byte order mark."""

_CONTROLS = dict.fromkeys((*range(32), *range(127, 160), 0xFEFF), "\ufffd") | {9: " "}
"""Within a line a control character is a damaged one: were it left out, 1?000 would become 1000."""


class Line(NamedTuple):
    """One line, without its end and the blanks before it."""

    number: int
    text: str
    ended: bool
    """Whether a line end follows; false only of a last line."""


def lines_of(source: BinaryIO) -> Iterator[Line]:
    """All lines. Raises `FileRefused` where one is longer than any bank writes."""
    number, rest = 0, b""
    while chunk := source.read(_CHUNK):
        data = rest + chunk
        if data.endswith(b"\r"):
            data += source.read(1)
        cut = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        for raw in data[:cut].splitlines():
            number += 1
            yield Line(number, _text(raw, number), ended=True)
        rest = data[cut:]
        if len(rest) > LONGEST_LINE:
            raise _too_long(number + 1)
    if rest:
        yield Line(number + 1, _text(rest, number + 1), ended=False)


def decoded(raw: bytes) -> str:
    """Text of a line: UTF-8, else Latin-1 where all its high octets are letters there, else CP852."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        latin = all(octet < 0x80 or octet >= 0xC0 for octet in raw)
        return raw.decode("latin-1" if latin else "cp852")


def _text(raw: bytes, number: int) -> str:
    if len(raw) > LONGEST_LINE:
        raise _too_long(number)
    text = decoded(raw)
    if not text.isprintable():
        text = text.strip(_TRANSMISSION).translate(_CONTROLS)
    return text.rstrip()


def _too_long(number: int) -> FileRefused:
    sentence = f"it is longer than {LONGEST_LINE} octets, which no line of a SWIFT message is"
    return FileRefused("line_too_long", f"line {number}", sentence)
