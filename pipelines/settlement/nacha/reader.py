"""Reading NACHA files: payments, returns, notifications of change, acknowledgements and advices.

Belongs here: the order of records, and what is checked across them: counts, sums and hashes of batches
and of the file, trace numbers that ascend, addenda that were announced.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

import polars as pl

from pipelines.settlement.nacha.batch import (
    MOST_ADDENDA,
    Batch,
    Entry,
    NotRead,
    batch_of,
    entry_of,
    is_number,
)
from pipelines.settlement.nacha.controls import Totals
from pipelines.settlement.nacha.layout import (
    ADV_BATCH_CONTROL,
    ADV_FILE_CONTROL,
    BATCH_CONTROL,
    FILE_CONTROL,
    FILE_HEADER,
    RECORD_LENGTH,
    fields,
)
from pipelines.settlement.nacha.lines import Record, records
from pipelines.settlement.nacha.rows import advice_row, answer_rows, payment_row, table_of
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.reading import BATCH_RECORDS, TABLES, Head, Part, Records, Refused
from pipelines.settlement.refusals import bounded

_MANDATORY: Final = frozenset({"10", "11", "12", "13", "14", "15", "16"})
_FILLER: Final = "9" * RECORD_LENGTH


def recognise(head: bytes) -> bool:
    """Whether it begins as a NACHA file: a file header of 94 characters, blocks of ten, format 1."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text[:1] == b"1" and text[1:3].isdigit() and text[34:40] == b"094101"


def read(source: BinaryIO) -> Iterator[Part]:
    """The parts of a NACHA file. Raises `FileRefused` when it is not one."""
    yield from bounded(_parts(source))


def _parts(source: BinaryIO) -> Iterator[Part]:
    reading = _Reading()
    for record in records(source):
        yield from reading.take(record)
        yield from reading.full()
    yield from reading.end()


@dataclass(slots=True)
class _Reading:
    begun: bool = False
    ended: bool = False
    row: int = 0
    line: int = 0
    first_line: int = 1
    adv: bool = False
    totals: Totals = field(default_factory=Totals)
    batch: Batch | None = None
    entry: Entry | None = None
    in_refused_batch: bool = False
    in_refused_entry: bool = False
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in TABLES})

    def take(self, record: Record) -> Iterator[Part]:
        self.line = record.line
        text = record.text
        if not self.begun:
            yield self._header(record)
        elif text == _FILLER:
            return
        elif text[:1] == "1" and self.ended:
            self._reset(record.line)
            yield self._header(record)
        elif record.fault or self.ended:
            yield self._refused(None, record.fault or "after_end")
        elif text[0] == "6":
            yield from self._close_entry()
            yield from self._open_entry(text)
        elif text[0] == "7":
            yield from self._addenda(text)
        else:
            yield from self._close_entry()
            yield from self._structure(text)

    def _structure(self, text: str) -> Iterator[Part]:
        match text[0]:
            case "5":
                yield from self._open_batch(text)
            case "8":
                yield from self._close_batch(text)
            case "9":
                yield from self._close_file(text)
            case _:
                yield self._refused("record type", "record_type", f"{text[0]!r} is no type of record")

    def _header(self, record: Record) -> Head:
        told = fields(record.text.ljust(RECORD_LENGTH), FILE_HEADER)
        sizes = (told["record_size"], told["blocking"], told["format"])
        if record.fault or record.text[0] != "1" or sizes != ("094", "10", "1"):
            raise FileRefused("not_nacha", f"line {record.line}", "it does not begin with a file header")
        self.begun = True
        return Head(
            format="NACHA",
            version=None,
            message_id=told["date"] + told["time"] + told["modifier"],
            sender=told["origin_name"] or told["origin"] or None,
            receiver=told["destination_name"] or told["destination"] or None,
            created_at=(told["date"] + told["time"]) or None,
        )

    def _reset(self, line: int) -> None:
        self.ended, self.totals, self.adv, self.first_line = False, Totals(), False, line

    def _open_batch(self, text: str) -> Iterator[Part]:
        if self.batch is not None:
            yield self._refused(
                None, "batch_control_missing", "the batch before it has no control record"
            )
            self.totals.add(self.batch.totals)
        self.batch, self.in_refused_batch = None, False
        try:
            self.batch = batch_of(text, self.line)
        except NotRead as fault:
            self.in_refused_batch = True
            yield Refused(
                0,
                f"line {self.line}",
                fault.field,
                fault.code,
                f"{fault.sentence}: the batch is left out",
            )
        self.adv = self.adv or text[50:53] == "ADV"

    def _open_entry(self, text: str) -> Iterator[Part]:
        self.row += 1
        self.in_refused_entry = False
        if self.batch is None:
            if not self.in_refused_batch:
                yield self._refused(None, "outside_batch", "an entry stands in a batch", row=self.row)
            self.in_refused_entry = True
            return
        self.batch.totals.records += 1
        try:
            entry = entry_of(text, self.batch, row=self.row, line=self.line)
        except NotRead as fault:
            self.in_refused_entry = True
            yield self._refused(fault.field, fault.code, fault.sentence, row=self.row)
            return
        trace = entry.texts["trace"]
        if self.batch.entry_class != "ADV" and trace <= self.batch.last_trace:
            yield self._refused(
                "trace number", "trace_order", f"{trace} does not ascend from {self.batch.last_trace}"
            )
        self.batch.last_trace = trace
        self.entry = entry

    def _addenda(self, text: str) -> Iterator[Part]:
        if self.batch is not None:
            self.batch.totals.records += 1
        if self.entry is None:
            if not self.in_refused_batch and not self.in_refused_entry:
                yield self._refused(None, "outside_entry", "an addenda record follows its entry")
        elif len(self.entry.addenda) >= MOST_ADDENDA:
            yield self._refused(None, "too_many_addenda", f"an entry has {MOST_ADDENDA} at most")
        elif not is_number(text[1:3]):
            yield self._refused("addenda type", "addenda_type", f"{text[1:3]!r} is no type of addenda")
        else:
            self.entry.addenda.append(text)

    def _close_entry(self) -> Iterator[Part]:
        entry, batch, self.entry = self.entry, self.batch, None
        if entry is None or batch is None:
            return
        counted = entry.texts.get("addenda_count")
        followed = {len(entry.addenda)}
        if batch.entry_class == "IAT":  # some count the mandatory seven alone
            followed.add(sum(text[1:3] in _MANDATORY for text in entry.addenda))
        if counted is not None and not (is_number(counted) and int(counted) in followed):
            yield Refused(
                0,
                f"line {entry.line}",
                "number of addenda",
                "control_total",
                f"it announces {counted or 'none'}, {len(entry.addenda)} follow",
            )
        elif counted is None and (entry.texts["addenda_indicator"] == "1") != bool(entry.addenda):
            yield Refused(
                0,
                f"line {entry.line}",
                "addenda indicator",
                "addenda_indicator",
                "it says otherwise than the records that follow it",
            )
        table = table_of(entry, batch)
        try:
            if table == "entries":
                self.rows[table].append(advice_row(entry, batch))
            elif table == "answers":
                self.rows[table] += answer_rows(entry, batch)
            else:
                self.rows[table].append(payment_row(entry, batch))
        except NotRead as fault:
            yield Refused(entry.row, f"line {entry.line}", fault.field, fault.code, fault.sentence)

    def _close_batch(self, text: str) -> Iterator[Part]:
        if self.batch is None:
            if not self.in_refused_batch:
                yield self._refused(None, "outside_batch", "a batch control ends no batch")
            self.in_refused_batch = False
            self.totals.batches += 1
            return
        declared = fields(text, ADV_BATCH_CONTROL if self.batch.entry_class == "ADV" else BATCH_CONTROL)
        yield from self.batch.totals.differences(declared, f"line {self.line}")
        for name in ("service_class", "batch_number", "odfi"):
            if declared[name] != self.batch.head[name]:
                yield self._refused(
                    name,
                    "control_total",
                    f"the control says {declared[name]!r}, the header {self.batch.head[name]!r}",
                )
        self.totals.add(self.batch.totals)
        self.batch = None

    def _close_file(self, text: str) -> Iterator[Part]:
        if self.batch is not None:
            yield self._refused(None, "batch_control_missing", "the last batch has no control record")
            self.totals.add(self.batch.totals)
            self.batch = None
        declared = fields(text, ADV_FILE_CONTROL if self.adv else FILE_CONTROL)
        yield from self.totals.differences(declared, f"line {self.line}")
        self.ended = True

    def full(self) -> Iterator[Part]:
        for name, rows in self.rows.items():
            if len(rows) >= BATCH_RECORDS:
                yield self._records(name)

    def end(self) -> Iterator[Part]:
        yield from self._close_entry()
        if not self.begun:
            raise FileRefused("empty", "line 1", "the file holds no record")
        for name, rows in self.rows.items():
            if rows:
                yield self._records(name)
        if not self.ended:
            yield Refused(
                0,
                f"line {self.line}",
                None,
                "truncated",
                "the file ends before its control record: have it sent again",
            )

    def _records(self, name: str) -> Records:
        frame = pl.DataFrame(self.rows[name], schema=dict(TABLES[name]))
        self.rows[name] = []
        return Records(name, frame)

    def _refused(self, name: str | None, code: str, sentence: str = "", *, row: int = 0) -> Refused:
        return Refused(row, f"line {self.line}", name, code, sentence or _SENTENCES[code])


_SENTENCES: Final = {
    "record_length": "the record is longer than 94 characters: have it sent as the format says",
    "control_characters": "the record holds control characters",
    "after_end": "a record follows the file's control record: it is not read",
}
