"""MT940, MT942 and MT950: statements of a file as parts, in flat memory.

Belongs here: what a statement is made of, across its pages, and what must be in it. Of the Python
parsers the well-kept one is mt-940; it is not used here but by the tests, as an oracle, because it
holds the whole file, drops what stands before a first entry, keeps one of several balances of a kind,
joins what the bank says of the closing balance to the last entry, moves the 30th of February to the
28th, and takes twice as long.

Texts are gathered raw and read some thousands at once, so that a file of 200,000 statements costs as
little an entry as one long statement. A statement that goes over several messages (60M, 62M) is one.
Field 86 after the closing balance speaks of the statement as a whole and belongs to no entry.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

import polars as pl

from pipelines.settlement.reading import BATCH_RECORDS, Head, Part, Refused
from pipelines.settlement.swift.balances import RAW_BALANCES, balance_parts
from pipelines.settlement.swift.entries import RAW_ENTRIES, entry_parts
from pipelines.settlement.swift.fields import Begun, Ended, Field

STATEMENT_KINDS = {"940": "MT940", "942": "MT942", "950": "MT950"}

_MOST_OCTETS = 16_000_000
"""Of texts that are held at once."""

_LONGEST_DETAILS = 100_000
"""Characters of one entry's field 86, however often it is repeated."""

_DETAILS, _BANK_TEXT = 7, 8
"""Places in `RAW_ENTRIES`."""

_CURRENCY_AT_END = re.compile(r"[0-9/]([A-Z]{3})$")
_SUM = re.compile(r"([0-9]{0,5})([A-Z]{3})([0-9]{1,18}(?:,[0-9]*)?)$")
_FLOOR = re.compile(r"([A-Z]{3})")
_MOVED = re.compile(r"[0-9]{6}(?:[0-9]{4}|\s{4})?[RE]?([DC])[A-Z]?[\n ]?([0-9]{1,18},[0-9]*)")
_ONCE = frozenset({"25", "25P", "28", "28C"})
_BALANCES = frozenset({"60", "60F", "60M", "62", "62F", "62M", "64", "65"})
_NEWEST_KIND = {"34F": "MT942", "90C": "MT942", "90D": "MT942"}


class Statements:
    """Takes the fields of statements one by one; gives their parts now and then."""

    def __init__(self) -> None:
        self._entries: list[tuple[object, ...]] = []
        self._balances: list[tuple[object, ...]] = []
        self._octets = 0
        self._row = 0
        self._ordinal = 0
        self._page_follows: tuple[str, str | None, int] | None = None
        self._head: Head | None = None
        self._begin(Begun(0))

    def _begin(self, begun: Begun) -> None:
        self._begun = begun
        self._kind = STATEMENT_KINDS.get(begun.kind or "", "")
        self._headed = False
        self._said: dict[str, str] = {}
        self._statement = ""
        self._currency: str | None = None
        self._entry = 0
        self._line = list[object]()
        self._opened = self._closed = False
        self._moved = {"D": (0, Decimal(0)), "C": (0, Decimal(0))}

    @property
    def rows(self) -> int:
        """Records so far."""
        return self._row

    def begin(self, begun: Begun, *, rows: int) -> None:
        """A message begins, after `rows` records of the file."""
        self._begin(begun)
        self._ordinal += 1
        self._row = rows

    def take(self, field: Field) -> Iterator[Part]:
        """One field of the message."""
        tag = field.tag
        if tag == "61":
            yield from self._headed_once()
            self._add_entry()
            self._open_entry(field)
        elif tag == "86":
            if self._line:
                self._continue_entry(_DETAILS, field.text)
        elif tag == "NS":
            if self._line:
                self._continue_entry(_BANK_TEXT, field.text)
        elif tag in _BALANCES:
            self._add_entry()
            yield from self._balance(field)
        elif tag in {"90C", "90D"}:
            self._add_entry()
            yield from self._headed_once()
            yield from self._compare(field)
        elif tag in _ONCE and tag[:2] in self._said:
            sentence = "the statement has said it before: this one is left out"
            yield self._refused(field, "field_repeated", sentence)
        elif tag in {"20", "21", "25", "25P", "28", "28C", "34F", "13", "13D"}:
            self._said.setdefault(tag[:2], field.text.replace("\n", "").strip())
            self._kind = self._kind or _NEWEST_KIND.get(tag, "")
        else:
            yield self._refused(field, "field_unexpected", "no statement has it: it is left out")
        if len(self._entries) >= BATCH_RECORDS or self._octets > _MOST_OCTETS:
            yield from self.flush()

    def end(self, ended: Ended) -> Iterator[Part]:
        """The message ends."""
        self._add_entry()
        yield from self._headed_once()
        place, missing = f"line {ended.line}", []
        if not self._said.get("25"):
            missing.append("25")
        if self._kind != "MT942":
            missing += [tag for tag, there in (("60", self._opened), ("62", self._closed)) if not there]
        early = ended.at_end_of_file and not ended.closed
        if early and (self._begun.wrapped or "62" in missing):
            sentence = "the file ends before the statement does: ask the bank for it again"
            yield Refused(0, place, None, "truncated", sentence)
        elif missing:
            names = ", ".join(f":{tag}:" for tag in missing)
            sentence = f"statement {self._statement} has no {names}: what it has is kept"
            yield Refused(0, place, f":{missing[0]}:", "field_missing", sentence)
        if len(self._balances) >= BATCH_RECORDS:
            yield from self.flush()

    def flush(self) -> Iterator[Part]:
        """What has been gathered: balances, then entries."""
        if self._balances:
            yield from balance_parts(pl.DataFrame(self._balances, schema=RAW_BALANCES, orient="row"))
        if self._entries:
            yield from entry_parts(pl.DataFrame(self._entries, schema=RAW_ENTRIES, orient="row"))
        self._balances, self._entries, self._octets = [], [], 0

    def _headed_once(self, *, continued: bool = False) -> Iterator[Part]:
        """Name the statement, once what stands before its first balance or entry is known."""
        if self._headed:
            return
        self._headed = True
        account = self._said.get("25")
        name = " ".join(self._said[tag] for tag in ("20", "28") if self._said.get(tag))
        self._statement = f"{name} #{self._ordinal}".strip() if self._ordinal > 1 or not name else name
        if continued and self._page_follows and self._page_follows[1] == account:
            self._statement, _, self._entry = self._page_follows
        self._page_follows = None
        if self._currency is None:
            floor = _FLOOR.match(self._said.get("34", ""))
            found = _CURRENCY_AT_END.search(account or "")
            self._currency = floor[1] if floor else found[1] if found else None
        head = Head(
            self._kind or "MT940",
            version=None,
            message_id=self._said.get("20"),
            sender=self._begun.sender,
            receiver=self._begun.receiver,
            created_at=self._said.get("13"),
        )
        last, self._head = self._head, head
        if last is None or (last.format, last.sender, last.receiver) != (
            head.format,
            head.sender,
            head.receiver,
        ):
            yield head

    def _balance(self, field: Field) -> Iterator[Part]:
        if field.tag.startswith("60"):
            self._opened = True
            if self._currency is None and field.text[7:10].isalpha():
                self._currency = field.text[7:10]
        yield from self._headed_once(continued=field.tag == "60M")
        account = self._said.get("25")
        if field.tag.startswith("62"):
            self._closed = True
            if field.tag == "62M":
                self._page_follows = (self._statement, account, self._entry)
        self._octets += len(field.text)
        self._balances.append(
            (field.line, self._statement, account or "", field.tag, field.text, field.cut)
        )

    def _open_entry(self, field: Field) -> None:
        self._row += 1
        self._entry += 1
        self._line = [
            self._row, field.line, self._statement, self._said.get("25"), self._currency, self._entry,
            field.text, None, None, field.cut,
        ]  # fmt: skip
        self._octets += len(field.text)
        if self._kind == "MT942" and (found := _MOVED.match(field.text)):
            count, total = self._moved[found[1]]
            self._moved[found[1]] = (count + 1, total + Decimal(found[2].replace(",", ".")))

    def _continue_entry(self, at: int, text: str) -> None:
        said = self._line[at]
        if isinstance(said, str) and len(said) > _LONGEST_DETAILS:
            return
        self._line[at] = text if said is None else f"{said}\n{text}"
        self._octets += len(text)

    def _add_entry(self) -> None:
        if self._line:
            self._entries.append(tuple(self._line))
            self._line = []

    def _compare(self, field: Field) -> Iterator[Part]:
        found = _SUM.match(field.text)
        if not found:
            yield self._refused(field, "not_a_sum", "it is not number, currency and amount")
            return
        count, total = self._moved[field.tag[2]]
        stated_count, stated = int(found[1] or 0), Decimal(found[3].replace(",", "."))
        if (count, total) != (stated_count, stated):
            sentence = f"it states {stated_count} entries of {stated}; there are {count} of {total}"
            yield Refused(0, f"line {field.line}", f":{field.tag}:", "control_total", sentence)

    def _refused(self, field: Field, code: str, sentence: str) -> Refused:
        said = f"{sentence}; given: {field.text[:60]!r}"
        return Refused(0, f"line {field.line}", f":{field.tag}:", code, said)
