"""Reading delimited files: the header line says which, the layout says what each column is.

Belongs here: recognition, rows of a layout in batches, and what is refused. The values themselves are
worked out in `entries.py` and `payments.py`.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

import polars as pl

from pipelines.settlement.delimited.entries import entries_of
from pipelines.settlement.delimited.layout import Layout, layouts
from pipelines.settlement.delimited.lines import Row, rows
from pipelines.settlement.delimited.payments import payments_of
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.reading import BATCH_RECORDS, TABLES, Head, Part, Records, Refused
from pipelines.settlement.refusals import bounded

_HEAD: Final = 64 * 1024


def recognise(head: bytes) -> bool:
    """Whether a line near its beginning is the header of a layout."""
    return layout_of(head) is not None


def layout_of(head: bytes) -> Layout | None:
    """The layout whose header stands in the first lines; None where there is none."""
    text = head[:_HEAD].removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    lines = [line for line in text.replace("\x00", "").splitlines()[:60] if line.strip()]
    for layout in layouts():
        for line in lines[: layout.preamble_lines + 1]:
            try:
                cells = next(csv.reader(io.StringIO(line), delimiter=layout.delimiter), [])
            except csv.Error:
                continue
            if _is_header(cells, layout):
                return layout
    return None


def _is_header(cells: Sequence[str], layout: Layout) -> bool:
    """By names in Latin letters; those of another encoding are not asked for."""
    found = {cell.strip() for cell in cells}
    return found.issuperset(name for name in layout.needed if name.isascii())


def read(source: BinaryIO) -> Iterator[Part]:
    """The parts of a delimited file. Raises `FileRefused` when no layout has its header."""
    yield from bounded(_parts(source))


def _parts(source: BinaryIO) -> Iterator[Part]:
    buffered = _Buffered(source)
    layout = layout_of(buffered.head)
    if layout is None:
        raise FileRefused("header_unknown", "line 1", "no layout has this header line: write one for it")
    yield from _Reading(layout).parts(buffered)


class _Buffered(io.RawIOBase):
    """A stream whose head can be looked at before it is read."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self.head = source.read(_HEAD)
        self._held, self._source = io.BytesIO(self.head), source

    def readline(self, size: int | None = -1, /) -> bytes:
        line = self._held.readline(-1 if size is None else size)
        whole = line.endswith(b"\n") or (size is not None and 0 <= size <= len(line))
        if whole:
            return line
        rest = -1 if size is None or size < 0 else size - len(line)
        return line + self._source.readline(rest)


class _Reading:
    """A file of a layout while it is read."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.names: list[str] | None = None
        self.account: str | None = None
        self.count = 0
        self.held: list[list[str]] = []

    def parts(self, source: _Buffered) -> Iterator[Part]:
        layout = self.layout
        for row in rows(source, delimiter=layout.delimiter, encoding=layout.encoding):  # type: ignore[arg-type]  # readline is all that is called
            if self.names is None:
                yield from self._before(row)
            elif layout.record_mark and row.cells and row.cells[0] != layout.record_mark:
                yield from self._mark(row)
            else:
                yield from self._record(row)
            if len(self.held) >= BATCH_RECORDS:
                yield from self._flush()
        yield from self._flush()
        if self.names is None:
            raise FileRefused("header_unknown", "line 1", "the header line cannot be read")

    def _before(self, row: Row) -> Iterator[Part]:
        """The preamble, until the header has come."""
        cells = [cell.strip() for cell in row.cells]
        label = self.layout.account_label
        if label and cells and cells[0].rstrip(":") == label and len(cells) > 1:
            self.account = cells[1] or None
        if _is_header(cells, self.layout):
            self.names = _unique(cells)
            missing = sorted(self.layout.needed - set(self.names))
            if missing:
                raise FileRefused(
                    "header_unknown", f"line {row.line}", f"it has no column {missing[0]!r}"
                )
            yield Head(self.layout.name, None, None, self.account, None, None)

    def _mark(self, row: Row) -> Iterator[Part]:
        cells = row.cells
        if cells[0] == self.layout.count_mark and len(cells) > 1 and cells[1] != str(self.count):
            sentence = f"it declares {cells[1]!r} records, {self.count} were found"
            yield Refused(0, f"line {row.line}", cells[0], "control_total", sentence)

    def _record(self, row: Row) -> Iterator[Part]:
        self.count += 1
        names = self.names or []
        fault = row.fault or ("cells" if len(row.cells) != len(names) else None)
        if fault is None and not row.ended and self._may_be_cut(names):
            fault = "truncated"
        if fault is not None:
            sentence = _SENTENCES[fault].format(len(row.cells), len(names))
            yield Refused(self.count, f"line {row.line}", None, fault, sentence)
        else:
            self.held.append([str(self.count), str(row.line), *row.cells])

    def _may_be_cut(self, names: list[str]) -> bool:
        amounts = self.layout.amounts
        told = {amounts.signed, amounts.paid_in, amounts.paid_out, amounts.unsigned, amounts.fee}
        told |= {cell.name for cell in self.layout.write if cell.kind in {"amount", "whole"}}
        return names[-1] in told

    def _flush(self) -> Iterator[Part]:
        if not self.held:
            return
        schema = {"__row": pl.String, "__line": pl.String} | dict.fromkeys(self.names or [], pl.String)
        cells, self.held = pl.DataFrame(self.held, schema=schema, orient="row"), []
        cells = cells.with_columns(pl.col("__row", "__line").cast(pl.UInt32))
        work = entries_of if self.layout.table == "entries" else payments_of
        frame, problems = work(cells, self.layout, self.account)
        for row, line, field, code, sentence in problems.iter_rows():
            yield Refused(row, f"line {line}", field, code, sentence)
        if frame.height:
            yield Records(self.layout.table, frame.select(list(TABLES[self.layout.table])))


def _unique(names: list[str]) -> list[str]:
    """Names of columns; those that repeat or are empty are numbered."""
    found: dict[str, int] = {}
    unique = []
    for place, name in enumerate(names):
        found[name] = found.get(name, 0) + 1
        is_plain = name and found[name] == 1 and not name.startswith("__")
        unique.append(name if is_plain else f"column {place}: {name}")
    return unique


_SENTENCES: Final = {
    "line_too_long": "the line is longer than a record can be",
    "nul_byte": "the line holds NUL octets: the file was damaged or is of another kind",
    "encoding": "the line is not in the encoding of this layout",
    "quoting": "a quotation mark is not closed, or stands where none may",
    "too_many_cells": "the line has more cells than any layout",
    "cells": "the line has {} cells where the header has {}",
    "truncated": "the file ends within this line, perhaps within its amount: have it sent again",
}
