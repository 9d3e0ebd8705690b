"""Reading a SWIFT file, whatever messages are in it.

Belongs here: how a file is recognised, and which message goes to whom: statements (MT940, MT942,
MT950) are read as they come, single payments and confirmations (MT103, MT202, MT900, MT910) once they
end. A message without blocks tells its type by the fields that it has.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from pipelines.settlement.problems import FileRefused
from pipelines.settlement.reading import REFUSED_KEPT, Head, Part, Refused
from pipelines.settlement.swift.fields import Begun, Ended, Fault, Field, events_of
from pipelines.settlement.swift.singles import SINGLE_KINDS, Singles
from pipelines.settlement.swift.statements import STATEMENT_KINDS, Statements

_BEGINS = re.compile(
    rb"^(?:\xef\xbb\xbf)?[\x00-\x20$]*(?:\{1:[A-Z]\d\d[A-Z0-9]{8,12}|"
    rb":(?:20|25|28C?|60[FM]?|61|62[FM]|86|NS):)"
)
_NEUTRAL = frozenset({"20", "21", "25", "25P", "13", "13C", "13D"})
"""Fields that statements and single messages both have."""

_MOST_UNDECIDED = 20

_OF_STATEMENTS = frozenset({
    "28", "28C", "34F", "60", "60F", "60M", "61", "62", "62F", "62M", "64", "65", "86", "90", "90C",
    "90D", "NS",
})  # fmt: skip


def recognise(head: bytes) -> bool:
    """Whether a file that begins so is of SWIFT messages."""
    return _BEGINS.match(head) is not None


def read(source: BinaryIO) -> Iterator[Part]:
    """The parts of a file of SWIFT messages. Raises `FileRefused`."""
    headed, before = False, list[Part]()
    for part in _Messages().parts(source):
        if headed:
            yield part
        elif isinstance(part, Head):
            headed = True
            yield part
            yield from before
        elif len(before) < REFUSED_KEPT:
            before.append(part)
    if not headed:
        first = next((part for part in before if isinstance(part, Refused)), None)
        if first is None:
            raise FileRefused("not_swift", "line 1", "no SWIFT message begins in it")
        raise FileRefused(first.code, first.place, first.sentence)


class _Messages:
    """Sends each message to the reader of its kind."""

    def __init__(self) -> None:
        self.statements, self.singles = Statements(), Singles()
        self.begun = Begun(0)
        self.undecided = list[Field]()
        self.to: Statements | Singles | None = None
        self.skipped = False
        self.row = 0

    def parts(self, source: BinaryIO) -> Iterator[Part]:
        for event in events_of(source):
            match event:
                case Field():
                    yield from self._field(event)
                case Begun():
                    yield from self._begin(event)
                case Ended():
                    yield from self._end(event)
                case Fault():
                    field = event.tag and f":{event.tag}:"
                    yield Refused(0, f"line {event.line}", field, event.code, event.sentence)
        yield from self.statements.flush()
        yield from self.singles.flush()

    def _begin(self, begun: Begun) -> Iterator[Part]:
        self.begun, self.undecided, self.to = begun, [], None
        known = begun.kind is None or begun.kind in STATEMENT_KINDS or begun.kind in SINGLE_KINDS
        self.skipped = not known
        if self.skipped:
            sentence = f"messages of type MT{begun.kind} are not read here: it is left out"
            yield Refused(0, f"line {begun.line}", None, "message_type_unknown", sentence)
        elif begun.kind is not None:
            self._send(statements=begun.kind in STATEMENT_KINDS)

    def _send(self, *, statements: bool) -> Statements | Singles:
        to = self.statements if statements else self.singles
        to.begin(self.begun, rows=self.row)
        self.to = to
        return to

    def _field(self, field: Field) -> Iterator[Part]:
        if self.skipped:
            return
        to = self.to
        if to is None:
            if field.tag in _NEUTRAL and len(self.undecided) < _MOST_UNDECIDED:
                self.undecided.append(field)
                return
            to = self._send(statements=field.tag in _OF_STATEMENTS)
        waiting, self.undecided = self.undecided, []
        for each in (*waiting, field):
            yield from to.take(each)

    def _end(self, ended: Ended) -> Iterator[Part]:
        if self.skipped:
            return
        to = self.to or self._send(statements=True)
        for each in self.undecided:
            yield from to.take(each)
        yield from to.end(ended)
        self.row = to.rows
        self.to, self.undecided = None, []
