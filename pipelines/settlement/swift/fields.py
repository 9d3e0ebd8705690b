"""Messages and fields of a SWIFT file, one after the other, in flat memory.

Belongs here: the frame of FIN messages: blocks 1 to 5, `:tag:` lines and what continues them, `-` and
`$` between messages, and the ways in which banks break that frame. What a field says is not read here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from pipelines.settlement.swift.lines import Line, lines_of
from pipelines.settlement.swift.party_fields import PRIMARY_OFFICE

LONGEST_FIELD = 200
"""Lines; the standard allows 6, some banks write 30."""

_LONGEST_HEADER = 4_000
_TAG = re.compile(r" ?:([0-9]{2}[A-Z]?|NS):")
_KNOWN = frozenset({
    "13", "13C", "13D", "20", "21", "23B", "23E", "25", "25P", "26T", "28", "28C", "32A", "33B",
    "34F", "36", "50", "50A", "50F", "50K", "51A", "52A", "52D", "53A", "53B", "53D", "54A",
    "54B", "54D", "55A", "55B", "55D", "56A", "56C", "56D", "57A", "57B", "57C", "57D", "58A",
    "58D", "59", "59A", "59F", "60", "60F", "60M", "61", "62", "62F", "62M", "64", "65", "70",
    "71A", "71F", "71G", "72", "77B", "77T", "86", "90", "90C", "90D", "NS",
})  # fmt: skip
_FREE_TEXT = frozenset({"61", "70", "72", "77B", "86", "NS"})
"""Fields whose text may break so that a line looks like a tag that no message has."""

_STRUCTURAL = frozenset({"", ":", "-", "{", "$", " "})
"""First characters of lines that may be more than a field's text."""

_TIME_WRAPPED = re.compile(r":[0-9]{2}:[0-9]{2}(?![0-9])")
_HOUR_AT_END = re.compile(r"T[0-9]{2}$")
_BLOCK_1 = re.compile(r"\{1:[A-Z][0-9]{2}([A-Z0-9]{12})")
_BLOCK_2 = re.compile(r"\{2:([IO])([0-9]{3})([^}]*)\}")
_BLOCK_3 = re.compile(r"\{(108|119|121):([^{}]*)\}")
_LT_IN_OUTPUT = re.compile(r"(?:[0-9]{10})?([A-Z0-9]{8,12})")


class Field(NamedTuple):
    """A field of a message, its lines joined by line feeds."""

    tag: str
    text: str
    line: int
    cut: bool
    """Whether the file ends in it, without a line end."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A message begins; what its headers say, None where it has none."""

    line: int
    kind: str | None = None
    """As 940 or 103."""
    sender: str | None = None
    receiver: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    """Block 3 by tag: 108, 119, 121."""
    wrapped: bool = False
    """Whether it stands in a block 4."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A message ends."""

    line: int
    closed: bool
    """Whether `-` or `-}` says so."""
    at_end_of_file: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Lines that are of no field, or a field that is too long; they are left out."""

    line: int
    tag: str | None
    code: str
    sentence: str


Event = Begun | Field | Ended | Fault


class _Frame:
    """What is open: a header, a message, a field."""

    def __init__(self) -> None:
        self.header = ""
        self.header_line = 0
        self.message: Begun | None = None
        self.has_reference = False
        self.tag: str | None = None
        self.parts: list[str] = []
        self.begun_at = 0
        self.overlong = False

    def continues(self, text: str) -> bool:
        """Whether a line but continues the field that is open: half of all lines do."""
        if self.tag is None or text[:1] in _STRUCTURAL or len(self.parts) >= LONGEST_FIELD:
            return False
        self.parts.append(text)
        return True

    def take(self, line: Line) -> Iterator[Event]:
        text = line.text
        if text[:1] == ":" or text[:2] == " :":
            found = _TAG.match(text)
            opens = found and (found[1] in _KNOWN or self.tag not in _FREE_TEXT)
            if found and opens and not self._wraps_a_time(text):
                yield from self._open_field(found[1], text[found.end() :], line.number)
                return
        if self.header or text.startswith(("{1:", "{2:", "{4:", "${1:")):
            yield from self._header(text.lstrip("$"), line.number)
        elif text[:1] == "-" and (text in {"-", "-}"} or text.startswith(("-}", "-$"))):
            yield from self.end(line.number, closed=True)
            following = text.find("{1:")
            if following > 0:
                yield from self._header(text[following:], line.number)
        elif text == "$" or not text.strip():
            return
        elif self.tag is None:
            if self.message is not None:
                yield Fault(line.number, None, "not_a_field", "it is of no field: it is left out")
        elif len(self.parts) < LONGEST_FIELD:
            self.parts.append(text)
        else:
            self.overlong = True

    def _wraps_a_time(self, text: str) -> bool:
        wrapped = self.tag == "86" and _TIME_WRAPPED.match(text) and _HOUR_AT_END.search(self.parts[-1])
        return bool(wrapped)

    def _open_field(self, tag: str, text: str, number: int) -> Iterator[Event]:
        yield from self.close_field()
        if self.message is not None and tag == "20" and self.has_reference:
            yield from self.end(number, closed=False)
        if self.message is None:
            self.message = Begun(number)
            yield self.message
        self.has_reference |= tag == "20"
        self.tag, self.parts, self.begun_at = tag, [text], number

    def close_field(self, *, cut: bool = False) -> Iterator[Event]:
        if self.tag is None:
            return
        tag, self.tag = self.tag, None
        if self.overlong:
            self.overlong = False
            sentence = f"it has more than {LONGEST_FIELD} lines: it is left out"
            yield Fault(self.begun_at, tag, "field_too_long", sentence)
        elif tag not in _KNOWN:
            sentence = "it is of no message that is read here: it is left out"
            yield Fault(self.begun_at, tag, "field_unknown", sentence)
        else:
            text = self.parts[0] if len(self.parts) == 1 else "\n".join(self.parts)
            yield Field(tag, text, self.begun_at, cut)

    def end(
        self, number: int, *, closed: bool, at_end_of_file: bool = False, cut: bool = False
    ) -> Iterator[Event]:
        yield from self.close_field(cut=cut)
        if self.message is not None:
            yield Ended(number, closed, at_end_of_file)
        self.message, self.has_reference = None, False

    def _header(self, text: str, number: int) -> Iterator[Event]:
        if not self.header:
            yield from self.end(number, closed=False)
            self.header_line = number
        self.header += text
        before, opened, after = self.header.partition("{4:")
        if opened:
            self.header = ""
            if after.startswith("{"):  # an acknowledgement of the network, before the message itself
                following = after.find("{1:")
                if following > 0:
                    yield from self._header(after[following:], number)
                return
            self.message = _begun(before, self.header_line)
            yield self.message
            if after:
                yield from self.take(Line(number, after, ended=True))
        elif len(self.header) > _LONGEST_HEADER:
            self.header = ""
            sentence = "no block 4 follows its headers: it is left out"
            yield Fault(self.header_line, None, "message_without_text", sentence)


def _begun(header: str, number: int) -> Begun:
    """What blocks 1 to 3 say. Of an output message block 1 names who receives it."""
    first, second = _BLOCK_1.search(header), _BLOCK_2.search(header)
    here = _bic(first[1]) if first else None
    if not second:
        return Begun(number, sender=here, headers=dict(_BLOCK_3.findall(header)), wrapped=True)
    terminal = _LT_IN_OUTPUT.match(second[3])
    there = _bic(terminal[1]) if terminal else None
    sender, receiver = (here, there) if second[1] == "I" else (there, here)
    return Begun(
        number, second[2], sender, receiver, headers=dict(_BLOCK_3.findall(header)), wrapped=True
    )


def _bic(terminal: str) -> str:
    """BIC of a logical terminal address: its ninth character names the terminal."""
    branch = terminal[9:12]
    return terminal[:8] + (branch if len(branch) == 3 and branch != PRIMARY_OFFICE else "")


def events_of(source: BinaryIO) -> Iterator[Event]:
    """Messages and their fields in the order of the file. Raises `FileRefused` as `lines_of` does."""
    frame = _Frame()
    line, colon = Line(0, "", ended=True), 0
    for line in lines_of(source):
        if frame.continues(line.text) and not colon:
            continue
        if line.text == ":":  # a line broken within its tag
            colon = line.number
            continue
        if colon:
            line, colon = Line(colon, ":" + line.text, line.ended), 0  # noqa: PLW2901 (it is one line)
        yield from frame.take(line)
    if frame.header:
        yield Fault(frame.header_line, None, "truncated", "the file ends in the headers of a message")
    yield from frame.end(line.number, closed=False, at_end_of_file=True, cut=not line.ended)
