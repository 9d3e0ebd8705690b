"""The rows of a delimited file as lists of texts, or what is wrong with a line.

Belongs here: decoding and quoting, with limits. Python's csv reads it, because a row must keep its line
number and a bad one must not take the others with it; it holds a row at a time.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

LINE_LIMIT: Final = 256 * 1024
"""Octets of a line, at most."""
CELLS_LIMIT: Final = 512
"""Cells of a row, at most."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row, or a fault: line_too_long, nul_byte, encoding, quoting, too_many_cells."""

    line: int
    cells: list[str]
    fault: str | None = None
    ended: bool = True
    """Whether a line end follows it."""


class _Lines:
    """Decoded lines, with the faulty ones put aside."""

    def __init__(self, source: BinaryIO, encoding: str) -> None:
        self.source, self.encoding = source, encoding
        self.number = 0
        self.ended = True
        self.faults: list[Row] = []

    def __iter__(self) -> Iterator[str]:
        while line := self.source.readline(LINE_LIMIT + 1):
            self.number += 1
            fault = None
            if len(line) > LINE_LIMIT and not line.endswith(b"\n"):
                fault = "line_too_long"
                while (more := self.source.readline(LINE_LIMIT + 1)) and not more.endswith(b"\n"):
                    pass
            elif b"\x00" in line:
                fault = "nul_byte"
            self.ended = line.endswith((b"\n", b"\r"))
            if self.number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if fault is None:
                try:
                    yield line.decode(self.encoding)
                    continue
                except UnicodeDecodeError:
                    fault = "encoding"
            self.faults.append(Row(self.number, [], fault))
            yield "\n"


def rows(source: BinaryIO, *, delimiter: str, encoding: str) -> Iterator[Row]:
    """Every row that is not blank."""
    lines = _Lines(source, encoding)
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    while True:
        begun = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            yield from lines.faults
            return
        except csv.Error:
            yield Row(begun, [], "quoting")
            continue
        if lines.faults:
            yield from lines.faults
            lines.faults.clear()
        if len(cells) > CELLS_LIMIT:
            yield Row(begun, [], "too_many_cells")
        elif any(cell.strip() for cell in cells):
            yield Row(begun, cells, None, lines.ended)
