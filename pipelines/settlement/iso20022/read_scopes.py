"""What stands around the records of a message: its header, the containers they are in, their numbers.

Belongs here: texts outside of records as they hold for the records after them, and the words for a
place. A statement's id is made unique in its file, so that balances and entries find each other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipelines.settlement.iso20022.read_columns import Columns, around
from pipelines.settlement.iso20022.read_entry_columns import ACCOUNT
from pipelines.settlement.iso20022.read_envelope import Identified
from pipelines.settlement.iso20022.read_rows import Cells, Scope

Found = dict[str, list[str | None]]


@dataclass(slots=True)
class _Container:
    """A group of records, such as a statement; the message itself is one, with number 0."""

    path: str
    label: str
    key: int
    """Unique in the message."""
    number: int
    """Among those of its path, from 1."""
    ordinal: int = 0
    """Records in it so far."""
    told: bool = False
    balances: int = 0
    statement_id: str | None = None


class Scopes:
    """Of one message, where the walk stands in it."""

    def __init__(
        self, identified: Identified | None = None, statement_ids: dict[str, int] | None = None
    ) -> None:
        self.identified = identified
        self._statement_ids = {} if statement_ids is None else statement_ids
        self._stack = [_Container("", "", 0, 0, told=True)]
        self._keys = 0
        self._numbers: dict[str, int] = {}
        self._made: dict[tuple[str, int], tuple[Scope, Cells]] = {}
        self.found: Found = {}
        """Texts outside of records, by path from the message down."""
        self.interest = identified.message.outer_interest if identified else frozenset[str]()
        self.header_told = False
        self.seen = False
        """Whether any element was found without which this is no message."""

    @property
    def ordinal(self) -> int:
        """Records in the innermost container so far."""
        return self._stack[-1].ordinal

    @ordinal.setter
    def ordinal(self, records: int) -> None:
        self._stack[-1].ordinal = records

    @property
    def key(self) -> int:
        """Of the innermost container; unique in the message, 0 of the message itself."""
        return self._stack[-1].key

    @property
    def number(self) -> int:
        """Of the innermost container among its like."""
        return self._stack[-1].number

    def begin(self, path: str) -> None:
        """A container begins."""
        self._keys += 1
        self._numbers[path] = self._numbers.get(path, 0) + 1
        label = path.rpartition("/")[2]
        self._stack.append(_Container(path, label, self._keys, self._numbers[path]))
        if self.identified is not None and path in self.identified.message.required:
            self.seen = True
        self.changed()

    def end(self) -> None:
        """The innermost container ends, and what was found in it no longer holds."""
        path = self._stack.pop().path + "/"
        self.found = {at: texts for at, texts in self.found.items() if not at.startswith(path)}
        self.changed()

    def changed(self) -> None:
        """What is around records is not what it was."""
        self._made.clear()

    def share(self, path: str, found: Mapping[str, Sequence[str | None]]) -> None:
        """What a record of a group says holds for the records after it."""
        for at, texts in found.items():
            if f"{path}/{at}" in self.interest:
                self.found[f"{path}/{at}"] = list(texts)
        self.changed()

    def untold(self) -> Iterator[tuple[str, Columns, Found]]:
        """Open containers that are records themselves, each once, with what was found in them."""
        if self.identified is None:
            return
        for container in self._stack:
            columns = self.identified.message.containers.get(container.path)
            if columns is not None and not container.told:
                container.told = True
                path = container.path + "/"
                inside = {
                    at.removeprefix(path): texts
                    for at, texts in self.found.items()
                    if at.startswith(path)
                }
                yield container.path, columns, inside

    def of(self, path: str, columns: Columns) -> tuple[Scope, Cells]:
        """What records at `path` share here, and the texts of `columns` from around them."""
        key = (path, id(columns))
        made = self._made.get(key)
        if made is None:
            texts = [text for column in columns.around for text in around(column, self.found)]
            made = self._made[key] = (self._scope(path), tuple(texts))
        return made

    def of_balance(self) -> tuple[Scope, str]:
        """The statement of the next balance, and its place."""
        statement = self._stack[-1]
        statement.balances += 1
        return self._scope(statement.path), self.here(f"Bal {statement.balances}")

    def first(self, *paths: str) -> str | None:
        """The first text that was found at any of these paths outside of records."""
        return next((texts[0] for path in paths if (texts := self.found.get(path))), None)

    def prefix(self, path: str) -> str:
        """How places of records at `path` begin."""
        own = path == self._stack[-1].path
        return self.here("" if own else f"{path.rpartition('/')[2]} ")

    def here(self, element: str) -> str:
        """The place of an element in the innermost container."""
        message = self.identified.number if self.identified else 1
        first = f"Message {message} " if message > 1 else ""
        containers = "".join(f"{one.label} {one.number} " for one in self._stack[1:])
        return f"{first}{containers}{element}"

    def _scope(self, path: str) -> Scope:
        if self.identified is None:
            return Scope(0, 0, "", None, None, None)
        message, container = self.identified.message, self._stack[-1]
        header = message.header
        created = self.first(f"{header}/CreDtTm")
        message_id = self.first(f"{header}/MsgId", f"{header}/Id")
        account = None
        if message.statement:
            created = self.first(f"{message.statement}/CreDtTm", f"{header}/CreDtTm")
            account = self.first(*(f"{message.statement}/{at}" for at in ACCOUNT))
            message_id = self._statement_id(f"{message.statement}/Id")
        return Scope(
            self.identified.number, container.key, self.prefix(path), message_id, account, created
        )

    def _statement_id(self, path: str) -> str:
        container = self._stack[-1]
        if container.statement_id is None:
            given = self.first(path) or ""
            times = self._statement_ids[given] = self._statement_ids.get(given, 0) + 1
            container.statement_id = given if times == 1 else f"{given} ({times})"
        return container.statement_id
