"""Reading ISO 20022: a file of messages, in any wrapper, to parts.

Belongs here: the reader, and how a file is recognised. Records that have the shape of one before are
read by shape, all others are walked; both end as rows of texts, which become a table some thousands at
a time.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from pipelines.settlement.iso20022.read_balances import Texts, balances, texts
from pipelines.settlement.iso20022.read_columns import Columns
from pipelines.settlement.iso20022.read_envelope import Identified
from pipelines.settlement.iso20022.read_messages import RECEIVERS, SENDERS
from pipelines.settlement.iso20022.read_rows import Cells, Mark, Rows, Scope
from pipelines.settlement.iso20022.read_scopes import Scopes
from pipelines.settlement.iso20022.read_shapes import TRANSACTION, Shapes
from pipelines.settlement.iso20022.read_tables import tables
from pipelines.settlement.iso20022.read_text import MarkedUp
from pipelines.settlement.iso20022.read_totals import Totals
from pipelines.settlement.iso20022.read_walk import Found, Walk
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.reading import BATCH_RECORDS, Head, Part, Records, Refused

HELD_CHARACTERS = 512 * 1024
"""A record's markup is put together up to here; of a longer one, the beginning is walked."""
SCOPES_HELD = 20_000
"""Messages, containers and balances that may wait for their tables and totals."""
_ISO = re.compile(rb"urn:(?:iso:std:iso:20022:tech:xsd|swift:xsd):")
_ELEMENT = re.compile(rb"<\??[A-Za-z_!]")


def recognise(head: bytes) -> bool:
    """Whether a file that begins so is ISO 20022: XML that names its namespaces."""
    plain = head.removeprefix(b"\xef\xbb\xbf")
    if plain.startswith((b"\xff\xfe", b"\xfe\xff")) or plain[:2] in (b"<\x00", b"\x00<"):
        plain = plain.replace(b"\x00", b"").lstrip(b"\xff\xfe")
    plain = plain.lstrip(b" \t\r\n")
    return _ELEMENT.match(plain) is not None and _ISO.search(plain) is not None


def read(source: BinaryIO) -> Iterator[Part]:
    """The parts of a file of ISO 20022 messages.

    Balances come when they are read, entries and payments when there are enough of them for a frame.
    Transactions of a batch entry that is longer than `HELD_CHARACTERS` come before their entry.
    Raises `FileRefused` for what is no XML or no message that is read.
    """
    reading = _Reading()
    markup = MarkedUp(source)
    held = ""
    for piece in markup.pieces():
        held = reading.take(held + piece)
        yield from reading.ready()
    reading.rest(held)
    if reading.walk.identified is not None or markup.ended_early is not None:
        yield from reading.ready(everything=True)
        if not reading.headed:
            raise FileRefused(
                "truncated", markup.ended_early or "end", "it ends before any message says what it is"
            )
        where = reading.walk.place
        sentence = (
            f"the file ends in the middle, at {where}: what came before was read; ask for it again"
        )
        yield Refused(0, f"{markup.ended_early or 'end'}, {where}", None, "truncated", sentence)
        return
    yield from reading.ready(everything=True)
    if not reading.headed:
        raise FileRefused("message_unknown", "file", "it holds no ISO 20022 message")


class _Reading:
    """What has been read and not yet been given on."""

    def __init__(self) -> None:
        self.walk = Walk(self)
        self._shapes: dict[tuple[int, str], Shapes] = {}
        self._rows: dict[int, Rows] = {}
        self._table = ""
        self._count = 0
        self._parts: list[Part] = []
        self._totals = Totals()
        self._balances: list[Texts] = []
        self.headed = False

    def take(self, text: str) -> str:
        """Read as much of `text` as is complete; what is not comes back."""
        at = 0
        while at < len(text):
            came, at = at, self._take(text, at)
            if came == at:
                break
        if len(text) - at > HELD_CHARACTERS:
            self.rest(text[at:])
            return ""
        return text[at:]

    def rest(self, text: str) -> None:
        """Walk all of `text`, whatever it is."""
        at = 0
        while at < len(text):
            at = self.walk.walk(text, at, len(text))

    def ready(self, *, everything: bool = False) -> Iterator[Part]:
        """Parts to give on; of rows only when there are enough."""
        scopes = self._totals.waiting + len(self._balances)
        if everything or self._count >= BATCH_RECORDS or scopes > SCOPES_HELD:
            self._flush()
        parts, self._parts = self._parts, []
        yield from parts

    def _take(self, text: str, at: int) -> int:
        """Read on from `at`; returns where it stopped, `at` when more text is needed."""
        walk, identified = self.walk, self.walk.identified
        if identified is None:
            return walk.walk(text, at, len(text))
        coming = walk.next_record()
        path, name = coming or list(identified.message.fast.values())[-1]
        last_tag = f"</{identified.prefix}{name}>"
        if coming is None:
            end = text.find(last_tag, at)
            if walk.in_batch:
                transaction = f"</{identified.prefix}{TRANSACTION}>"
                sooner = text.find(transaction, at, end if end >= 0 else len(text))
                end, last_tag = (sooner, transaction) if sooner >= 0 else (end, last_tag)
            return at if end < 0 else walk.walk(text, at, end + len(last_tag))
        if name == TRANSACTION:
            return self._take_transactions(text, at, identified, last_tag)
        return self._take_records(text, at, identified, (path, name, last_tag))

    def _take_records(
        self, text: str, at: int, identified: Identified, record: tuple[str, str, str]
    ) -> int:
        path, name, last_tag = record
        walk, columns = self.walk, identified.message.records[path]
        cells_of, rows = self._shapes_of(columns, name).cells, self._rows_of(columns)
        scope, around = walk.scopes.of(path, columns)
        find, began = text.find, at
        row, ordinal = walk.row, walk.scopes.ordinal
        while (end := find(last_tag, at)) >= 0:
            cells = cells_of(text[at:end])
            if cells is None:
                break
            row += 1
            ordinal += 1
            rows.cells.append(cells)
            rows.marks.append((row, ordinal, 0, scope, around))
            at = end + len(last_tag)
        self._count += row - walk.row
        walk.row, walk.scopes.ordinal = row, ordinal
        if at > began:
            walk.scopes.seen = True
        if end < 0:
            return at
        if identified.message.statement:
            transaction = text.find(f"</{identified.prefix}{TRANSACTION}>", at, end)
            if transaction >= 0:
                end, last_tag = transaction, f"</{identified.prefix}{TRANSACTION}>"
        return walk.walk(text, at, end + len(last_tag))

    def _take_transactions(self, text: str, at: int, identified: Identified, last_tag: str) -> int:
        walk, path = self.walk, next(iter(identified.message.records))
        cells_of = self._shapes_of(identified.message.records[path], TRANSACTION).cells
        inherited = walk.inherited()
        entry_ends = f"</{identified.prefix}{path.rpartition('/')[2]}>"
        entry_end = text.find(entry_ends, at)
        until = entry_end if entry_end >= 0 else len(text)
        while (end := text.find(last_tag, at, until)) >= 0:
            cells = cells_of(text[at:end], inherited)
            if cells is None:
                return walk.walk(text, at, end + len(last_tag))
            walk.read_by_shape(cells)
            at = end + len(last_tag)
        return walk.walk(text, at, entry_end + len(entry_ends)) if entry_end >= 0 else at

    def _shapes_of(self, columns: Columns, name: str) -> Shapes:
        key = (id(columns), name)
        if key not in self._shapes:
            self._shapes[key] = Shapes(columns, name)
        return self._shapes[key]

    def _rows_of(self, columns: Columns) -> Rows:
        if id(columns) not in self._rows:
            self._rows[id(columns)] = Rows(columns)
        return self._rows[id(columns)]

    def _flush(self) -> None:
        """Make the rows a table, and compare totals of what has ended."""
        if self._balances:
            self._parts += balances(self._balances)
            self._balances = []
        if self._count:
            made = tables(self._table, [rows for rows in self._rows.values() if rows.marks])
            self._rows, self._count = {}, 0
            self._totals.add(made.sums)
            self._parts += [
                Records(self._table, made.frame[at : at + BATCH_RECORDS])
                for at in range(0, made.frame.height, BATCH_RECORDS)
            ]
            self._parts += made.refused
        self._parts += self._totals.compared()

    # ── what the walk tells ──────────────────────────────────────────────────────────────────────

    def row(self, columns: Columns, cells: Cells, mark: Mark) -> None:
        """A row that was walked."""
        rows = self._rows_of(columns)
        rows.cells.append(cells)
        rows.marks.append(mark)
        self._count += 1

    def header(self, identified: Identified, scopes: Scopes) -> None:
        """A message's header."""
        if self._table and self._table != identified.message.table:
            self._flush()
        self._table, self.headed = identified.message.table, True
        at, app = identified.message.header, identified.header
        self._parts.append(
            Head(
                identified.name,
                identified.version,
                scopes.first(f"{at}/MsgId", f"{at}/Id") or app.get("BizMsgIdr"),
                scopes.first(*(f"{at}/{path}" for path in SENDERS)) or identified.party("Fr"),
                scopes.first(*(f"{at}/{path}" for path in RECEIVERS)) or identified.party("To"),
                scopes.first(f"{at}/CreDtTm") or app.get("CreDt"),
            )
        )

    def balance(self, scope: Scope, place: str, found: Found) -> None:
        """A balance of a statement."""
        self._balances.append(texts(scope, place, found))

    def container_ended(self, path: str, scopes: Scopes) -> None:
        """A container."""
        if scopes.identified is not None:
            self._totals.ended(scopes.identified, path, scopes)

    def message_ended(self, identified: Identified, scopes: Scopes) -> None:
        """A message."""
        if not scopes.seen:
            names = " or ".join(identified.message.required)
            sentence = f"{identified.name} has no {names}: it says nothing, ask for it again"
            raise FileRefused("element_missing", identified.root, sentence)
        self._totals.ended(identified, "", scopes)
