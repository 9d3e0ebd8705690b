"""Reading fixed-width files by layout: payments, with every declared total checked.

Belongs here: recognising a layout by its first record, cutting records, and running totals. It holds a
batch of payments at a time.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, BinaryIO, Final

import polars as pl

from pipelines.settlement.fixed_width.layout import Kind, Layout, Slot, layouts
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.reading import BATCH_RECORDS, PAYMENTS_READ, Head, Part, Records, Refused
from pipelines.settlement.refusals import bounded

_CHUNK: Final = 64 * 1024
_LINE_LIMIT: Final = 16 * 1024
_MOST_CENTS: Final = 2**63 - 1


def recognise(head: bytes) -> bool:
    """Whether its first record is of a layout: its mark, its length, and what a payment begins with."""
    return _layout_of(head) is not None


def _layout_of(head: bytes) -> Layout | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    first = text.split(b"\n", 1)[0].rstrip(b"\r")
    for layout in layouts():
        start = next(kind for kind in layout.records)
        unbroken = layout.record_length < len(first) and len(first) % layout.record_length == 0
        if not first.startswith(start.mark.encode()):
            continue
        if (
            len(first) in (layout.record_length, layout.record_length - 1, layout.record_length + 1)
            or unbroken
        ):
            second = text[len(first) :].lstrip(b"\r\n") if not unbroken else text[layout.record_length :]
            marks = tuple(kind.mark.encode() for kind in layout.records)
            if not second or second.startswith(marks):
                return layout
    return None


def read(source: BinaryIO) -> Iterator[Part]:
    """The parts of a fixed-width file. Raises `FileRefused` when no layout has its first record."""
    yield from bounded(_parts(source))


def _parts(source: BinaryIO) -> Iterator[Part]:
    first = source.read(_CHUNK)
    layout = _layout_of(first)
    if layout is None:
        raise FileRefused("layout_unknown", "line 1", "its first record is of no layout")
    reading = _Reading(layout)
    yield Head(layout.name, None, None, None, None, None)
    for number, line in enumerate(_lines(first, source, layout.record_length), start=1):
        yield from reading.take(number, line)
        if len(reading.rows) >= BATCH_RECORDS:
            yield reading.records()
    if reading.rows:
        yield reading.records()
    if not reading.ended:
        yield Refused(
            0, f"line {reading.line}", None, "truncated",
            "the file ends before its last record: have it sent again",
        )  # fmt: skip


def _lines(first: bytes, source: BinaryIO, length: int) -> Iterator[bytes]:
    """Records without line ends; a line that is too long is cut to what says so."""
    rest = first.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    separated = len(rest) <= length or b"\n" in rest[: length + 4]
    while True:
        if separated:
            *whole, rest = rest.split(b"\n")
            for line in whole:
                yield line[: _LINE_LIMIT + 1].rstrip(b"\r")
            rest = rest[: _LINE_LIMIT + 1]
        else:
            end = len(rest) - len(rest) % length
            yield from (rest[start : start + length] for start in range(0, end, length))
            rest = rest[end:]
        piece = source.read(_CHUNK)
        if not piece:
            break
        rest += piece
    if rest.strip(b"\r\x1a "):
        yield rest.rstrip(b"\r\x1a")


class _Reading:
    """A file of a layout while it is read."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.kinds = {kind.mark: kind for kind in layout.records}
        self.lengths = sorted({len(mark) for mark in self.kinds}, reverse=True)
        self.last = [kind for kind in layout.records if kind.at == "file_end"][-1:]
        self.rows: list[dict[str, Any]] = []
        self.row = self.line = self.sequence = 0
        self.ended = not self.last
        self.of_file: dict[tuple[str, str, str], Any] = {}
        self.of_group: dict[tuple[str, str, str], Any] = {}
        self.promised: list[tuple[int, Slot, str]] = []

    def take(self, number: int, line: bytes) -> Iterator[Part]:
        self.line = number
        text = line.decode("latin-1")
        if not text.strip():
            return
        kind = next(
            (self.kinds[text[:size]] for size in self.lengths if text[:size] in self.kinds), None
        )
        if kind is None or not self._length_fits(text, kind):
            code = "record_type" if kind is None else "record_length"
            why = "it begins as no record of this layout" if kind is None else (
                f"it has {len(text)} characters, not {self.layout.record_length}"
            )  # fmt: skip
            self.row += kind is not None and kind.at == "payment"
            yield Refused(
                0 if kind is None or kind.at != "payment" else self.row,
                f"line {number}",
                None,
                code,
                why,
            )
            return
        values = self._cut(text, kind)
        if kind.at == "payment":
            self.row += 1
        yield from self._counted(kind, values)
        yield from self._declared(kind, values)
        if kind.at == "payment":
            yield from self._payment(kind, values)
        elif kind.at == "group_end":
            self.of_group.clear()
        self.ended = self.ended or kind in self.last
        if kind in self.last:
            yield from self._kept()

    def _length_fits(self, text: str, kind: Kind) -> bool:
        """Trailing blanks may be cut or added: they are fillers alone."""
        length, filler = self.layout.record_length, kind.fields[-1]
        least = length - filler.length if filler.constant == "" else length
        return least <= len(text) and not text[length:].strip() and text.isascii()

    def _cut(self, text: str, kind: Kind) -> dict[str, str]:
        values, start = {}, 0
        for slot in kind.fields:
            values[slot.name] = text[start : start + slot.length].strip(" ")
            start += slot.length
        return values

    def _counted(self, kind: Kind, values: dict[str, str]) -> Iterator[Part]:
        for totals in (self.of_file, self.of_group):
            totals[kind.name, "", "count"] = totals.get((kind.name, "", "count"), 0) + 1
            for slot in kind.fields:
                value, key = values[slot.name], (kind.name, slot.name)
                if slot.kind == "number" and value.isdigit():
                    totals[*key, "sum"] = totals.get((*key, "sum"), 0) + int(value)
                elif slot.kind == "date" and value:
                    totals[*key, "first"] = min(totals.get((*key, "first"), value), value)
                    totals[*key, "last"] = max(totals.get((*key, "last"), value), value)
        if any(slot.sequence for slot in kind.fields):
            self.sequence += 1
            name = next(slot.name for slot in kind.fields if slot.sequence)
            given = values[name]
            if not given.isdigit() or int(given) != self.sequence:
                yield self._told(0, name, "sequence", f"{given!r} does not follow {self.sequence - 1}")
                self.sequence = int(given) if given.isdigit() else self.sequence

    def _declared(self, kind: Kind, values: dict[str, str]) -> Iterator[Part]:
        for slot in kind.fields:
            if slot.total is None:
                continue
            if kind.at == "file_start":
                self.promised.append((self.line, slot, values[slot.name]))
            else:
                totals = self.of_group if kind.at == "group_end" else self.of_file
                yield from self._compared(slot, values[slot.name], totals, self.line)

    def _kept(self) -> Iterator[Part]:
        """What the first records promised, against what came."""
        for line, slot, value in self.promised:
            yield from self._compared(slot, value, self.of_file, line)
        self.promised.clear()

    def _compared(
        self, slot: Slot, given: str, totals: dict[tuple[str, str, str], Any], line: int
    ) -> Iterator[Part]:
        total = slot.total
        if total is None or not given.strip("0 "):
            return  # a bank that takes zeros here declares nothing
        fields = total.fields or ("",)
        found = [totals[record, name, total.what] for record in total.records for name in fields
                 if (record, name, total.what) in totals]  # fmt: skip
        if total.what in {"count", "sum"}:
            value = str(sum(found) % 10**slot.length if slot.modulo else sum(found)).rjust(
                slot.length, "0"
            )
            given = given.rjust(slot.length, "0")
        else:
            value = (min if total.what == "first" else max)(found, default="")
        if value != given:
            sentence = f"it declares {given}, the records give {value or 'nothing'}"
            yield Refused(0, f"line {line}", slot.name, "control_total", sentence)

    def _payment(self, kind: Kind, values: dict[str, str]) -> Iterator[Part]:
        row: dict[str, Any] = {
            "row": self.row,
            "place": f"line {self.line}",
            "currency": self.layout.currency,
        }
        for slot in kind.fields:
            if slot.column is None:
                continue
            given = values[slot.name]
            if slot.kind == "date":
                row[slot.column] = _date(given, slot.form)
                bad = row[slot.column] is None
            elif slot.kind == "number":
                bad = bool(given) and not given.isdigit()
                self._number(row, slot, given)
            else:
                bad = not given.isprintable()
                row[slot.column] = given or None
            if bad:
                code = "not_a_date" if slot.kind == "date" else "not_a_number"
                yield self._told(self.row, slot.name, code, f"{given!r} is no {slot.kind}")
                return
        if not 0 < (row.get("amount_minor") or 0) <= _MOST_CENTS:
            yield self._told(self.row, "amount", "not_positive", "an amount is above zero")
            return
        self.rows.append(row)

    def _number(self, row: dict[str, Any], slot: Slot, given: str) -> None:
        column = str(slot.column)
        if column == "amount_minor":
            row[column] = int(given) if given.isdigit() else None
            return
        value = given if slot.keep_zeros else given.lstrip("0")
        if value or column not in row:
            row[column] = value or None

    def _told(self, row: int, field: str, code: str, sentence: str) -> Refused:
        return Refused(row, f"line {self.line}", field, code, sentence)

    def records(self) -> Records:
        frame = pl.DataFrame(self.rows, schema=dict(PAYMENTS_READ))
        self.rows = []
        return Records("payments", frame)


def _date(text: str, form: str) -> date | None:
    if not text.isdigit():
        return None
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007  # a date has no zone
    except ValueError:
        return None
