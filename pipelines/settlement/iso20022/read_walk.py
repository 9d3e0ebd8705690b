"""The walk through a message, tag by tag: what stands around records, and records of a new shape.

Belongs here: which element is open, what was found in headers and containers, and the texts of records
that are walked. Nothing is kept that no column is read from, so that a message of any length and
content is walked in bounded memory.
"""

from typing import Protocol

from pipelines.settlement.iso20022.read_columns import DETAIL, Columns, currency_path
from pipelines.settlement.iso20022.read_envelope import Envelope, Identified
from pipelines.settlement.iso20022.read_rows import Cells, Mark, Scope
from pipelines.settlement.iso20022.read_scopes import Scopes
from pipelines.settlement.iso20022.read_shapes import (
    DEEPEST,
    INHERITED,
    TOKEN,
    TRANSACTION,
    currency_of,
    local_name,
)
from pipelines.settlement.iso20022.read_text import unescaped
from pipelines.settlement.problems import FileRefused

Found = dict[str, list[str | None]]
OCCURRENCES_KEPT = 1_000
"""Of one path in one record or header; those after it are not read."""
PLACE_TOLD = 100
"""Characters of a path that are told."""
_BALANCE_PATHS = frozenset(
    {
        "Tp/CdOrPrtry/Cd",
        "Tp/CdOrPrtry/Prtry",
        "Tp/Cd",
        "Tp/Prtry",
        "Amt",
        "CdtDbtInd",
        "Dt/Dt",
        "Dt/DtTm",
    }
)


class Listener(Protocol):
    """Who is told of what the walk comes by."""

    def row(self, columns: Columns, cells: Cells, mark: Mark) -> None:
        """A row of a record, of a transaction in it, or of a container."""

    def header(self, identified: Identified, scopes: Scopes) -> None:
        """The header of a message has been read, or the message has none."""

    def balance(self, scope: Scope, place: str, found: Found) -> None:
        """A balance of a statement."""

    def container_ended(self, path: str, scopes: Scopes) -> None:
        """A container, with all its records."""

    def message_ended(self, identified: Identified, scopes: Scopes) -> None:
        """A message; raises `FileRefused` when it is none."""


class Walk:
    """The state between two tags."""

    def __init__(self, listener: Listener) -> None:
        self._tell = listener
        self._envelope = Envelope()
        self._leaf: tuple[str, str] | None = None
        self._open: list[tuple[str, str]] = []
        """Path and kind of the elements of the message; within a record, the path begins anew."""
        self._record: Columns | None = None
        self._record_path = ""
        self._found: Found = {}
        self._transaction: Found = {}
        self._transactions = 0
        self._kept = False
        """Whether the last transaction waits to be told of, until it is known to be the only one."""
        self._inherited: Cells | None = None
        self.row = 0
        """Number of the last record."""
        self.identified: Identified | None = None
        """The message that is open."""
        self.scopes = Scopes()
        self._statement_ids: dict[str, int] = {}

    @property
    def place(self) -> str:
        """Where the walk stands, in words."""
        if self.identified is None:
            return "outside of a message"
        if self._record is not None:
            return f"{self.scopes.prefix(self._record_path)}{self.scopes.ordinal}"
        return self.scopes.here((self._open[-1][0] or self.identified.root)[:PLACE_TOLD])

    def next_record(self) -> tuple[str, str] | None:
        """Path and name of the records that may begin here by the thousand."""
        if self.identified is None:
            return None
        path = self._open[-1][0]
        if self._record is None:
            return self.identified.message.fast.get(path)
        batch = self.identified.message.statement and path == "NtryDtls" and self._transactions
        return (self._record_path, TRANSACTION) if batch else None

    @property
    def in_batch(self) -> bool:
        """Whether an entry is open, which may have many transactions."""
        return (
            self._record is not None
            and self.identified is not None
            and bool(self.identified.message.statement)
        )

    def walk(self, text: str, start: int, end: int) -> int:
        """Go through the tags from `start` to `end`, or until a message has begun or ended."""
        outside = self.identified is None
        for found in TOKEN.finditer(text, start, end):
            tag, after = found.groups()
            if tag.startswith("/"):
                self._close()
            else:
                self._enter(tag, after)
                if tag.endswith("/"):
                    self._close()
            if (self.identified is None) is not outside:
                return found.end()
        return end

    def read_by_shape(self, cells: Cells) -> None:
        """One more transaction of the open batch entry, read otherwise."""
        self._end_transaction()
        self._transactions += 1
        self._tell_transaction(cells)

    def inherited(self) -> Cells:
        """What transactions of the open entry have from it, in the order of `INHERITED`."""
        if self._inherited is None and self._record is not None:
            of_entry = dict(zip(self._record.cells, self._record.of_record(self._found), strict=True))
            self._inherited = tuple(of_entry[name][0] if of_entry[name] else None for name in INHERITED)
        return self._inherited or ()

    # ── elements ─────────────────────────────────────────────────────────────────────────────────

    def _enter(self, tag: str, after: str) -> None:
        self._leaf = (tag, after)
        if self.identified is None:
            self.identified = self._envelope.opened(tag, after)
            if self.identified is not None:
                self.scopes = Scopes(self.identified, self._statement_ids)
                self._open = [("", "message")]
            return
        if len(self._open) >= DEEPEST:
            raise FileRefused(
                "too_deep", self.place, f"elements stand within each other more than {DEEPEST} deep"
            )
        name, parent = local_name(tag), self._open[-1][0]
        path = f"{parent}/{name}" if parent else name
        message = self.identified.message
        if self._record is not None:
            if message.statement and name == TRANSACTION and not parent.startswith(DETAIL.rstrip("/")):
                self._begin_transaction()
                self._open.append((DETAIL.rstrip("/"), "transaction"))
                return
        elif path in message.records:
            self._begin_record(path, message.records[path])
            return
        elif path in message.containers:
            self.scopes.begin(path)
            self._open.append((path, "container"))
            return
        elif message.statement and path == f"{message.statement}/Bal":
            self._found = {}
            self._open.append(("", "balance"))
            return
        elif path in message.required:
            self.scopes.seen = True
        self._open.append((path, "element"))

    def _close(self) -> None:
        leaf, self._leaf = self._leaf, None
        if self.identified is None:
            self._envelope.closed()
            return
        path, kind = self._open.pop()
        if leaf is not None:
            self._keep(path, *leaf)
        match kind:
            case "record":
                self._end_record()
            case "container":
                self._tell_container()
                self._tell.container_ended(path, self.scopes)
                self.scopes.end()
            case "balance":
                self._tell.balance(*self.scopes.of_balance(), self._found)
            case "message":
                self._tell_header()
                identified, self.identified = self.identified, None
                self._envelope.closed()
                self._tell.message_ended(identified, self.scopes)
            case _ if path == self.identified.message.header and self._record is None:
                self._tell_header()

    def _keep(self, path: str, tag: str, after: str) -> None:
        """A text, when it is of interest where it stands."""
        in_balance = bool(self._open) and any(kind == "balance" for _, kind in self._open[2:4])
        if self._record is not None:
            found, wanted = self._found, path in self._record.interest
            if path.startswith(DETAIL):
                found = self._transaction
        elif in_balance:
            found, wanted = self._found, path in _BALANCE_PATHS
        else:
            found, wanted = self.scopes.found, path in self.scopes.interest
        if not wanted or not (text := unescaped(after).strip()):
            return
        kept = found.setdefault(path, [])
        if len(kept) < OCCURRENCES_KEPT:
            kept.append(text)
            found.setdefault(currency_path(path), []).append(currency_of(tag))
            if found is self.scopes.found:
                self.scopes.changed()

    # ── records ──────────────────────────────────────────────────────────────────────────────────

    def _begin_record(self, path: str, columns: Columns) -> None:
        self._tell_header()
        self._tell_container()
        self.row += 1
        self.scopes.ordinal += 1
        self.scopes.seen = True
        self._record, self._record_path = columns, path
        self._found, self._transaction = {}, {}
        self._transactions, self._kept, self._inherited = 0, False, None
        self._open.append(("", "record"))

    def _end_record(self) -> None:
        columns = self._record
        if columns is None:
            return
        found = self._found
        if self._transactions == 1:
            found, self._kept = {**found, **self._transaction}, False
        self._end_transaction()
        self._tell_row(columns, self._record_path, found, detail=0)
        if columns.fixed.get("level") == "group":
            self.scopes.share(self._record_path, self._found)
        self._record = None

    def _begin_transaction(self) -> None:
        self._end_transaction()
        self._transactions += 1
        self._kept = True

    def _end_transaction(self) -> None:
        """Tell of the transaction that was kept."""
        if self._record is not None and self._kept:
            found, self._transaction, self._kept = self._transaction, {}, False
            chosen = self._record.of_detail(found)
            texts = dict(zip(self._record.cells, (_text(one) for one in chosen), strict=True))
            for name, value in zip(INHERITED, self.inherited(), strict=True):
                texts[name] = texts[name] or value
            self._tell_transaction(tuple(texts.values()))

    def _tell_transaction(self, cells: Cells) -> None:
        if self._record is not None:
            scope, around = self.scopes.of(self._record_path, self._record)
            mark = (self.row, self.scopes.ordinal, self._transactions, scope, around)
            self._tell.row(self._record, cells, mark)

    def _tell_row(self, columns: Columns, path: str, found: Found, *, detail: int) -> None:
        scope, around = self.scopes.of(path, columns)
        cells = tuple(_text(one) for one in columns.of_record(found))
        self._tell.row(columns, cells, (self.row, self.scopes.ordinal, detail, scope, around))

    def _tell_header(self) -> None:
        if self.identified is not None and not self.scopes.header_told:
            self.scopes.header_told = True
            self._tell.header(self.identified, self.scopes)

    def _tell_container(self) -> None:
        """The row of the containers that are open and are records themselves."""
        self._tell_header()
        for path, columns, found in self.scopes.untold():
            self.row += 1
            scope, around = self.scopes.of(path, columns)
            cells = tuple(_text(one) for one in columns.of_record(found))
            self._tell.row(columns, cells, (self.row, self.scopes.number, 0, scope, around))


def _text(found: "list[str | None] | tuple[str | None, ...] | object") -> str | None:
    """One text of those found: all of them, with blanks between."""
    texts = [text for text in found if text] if isinstance(found, list | tuple) else []
    return " ".join(texts) if texts else None
