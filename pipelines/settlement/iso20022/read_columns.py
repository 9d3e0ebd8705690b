"""Columns of records as paths of elements: one table a kind of message, which elements fill what.

Belongs here: what a column is read from, and choosing it among the elements that a record has. The
first path that a record has is taken, and all its occurrences where a column says so. A path is local
names from the record down; one that begins with `D/` lies in the single transaction of an entry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

DETAIL = "D/"
"""Begins the paths of elements within `TxDtls`."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Column:
    """A text of a record; of money the amount, its currency beside it."""

    name: str
    paths: tuple[str, ...] = ()
    """In the record, those preferred first."""
    around: tuple[str, ...] = ()
    """Outside of it, from the message down: what a group says of all its records."""
    joined: bool = False
    """All occurrences of its path, with blanks between them."""
    gathered: bool = False
    """The same of all its paths, not only of the first that there is."""
    money: bool = False
    """An amount whose attribute `Ccy` is read with it."""
    detail: tuple[str, ...] | None = None
    """Of a transaction of a batch entry: instead of those of `paths` that begin with `D/`."""


@dataclass(frozen=True)
class Columns:
    """The columns of one kind of record."""

    columns: tuple[Column, ...]
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Columns that are the same in every record."""
    required: tuple[str, ...] = ()
    """Columns without which a record is refused."""

    @cached_property
    def cells(self) -> tuple[str, ...]:
        """Names of the texts of a record; money has two, the second ends in `.Ccy`."""
        return tuple(name for column in self.columns for name in _names(column))

    @cached_property
    def around(self) -> tuple[Column, ...]:
        """Columns that are read from outside of the record too."""
        return tuple(column for column in self.columns if column.around)

    @cached_property
    def interest(self) -> frozenset[str]:
        """Paths in a record that anything is read from."""
        return frozenset(
            path for column in self.columns for path in (*column.paths, *(column.detail or ()))
        )

    @cached_property
    def outer_interest(self) -> frozenset[str]:
        """Paths outside of it."""
        return frozenset(path for column in self.columns for path in column.around)

    def of_record(self, found: Mapping[str, Sequence[_T]]) -> list[Sequence[_T]]:
        """What was found for each of `cells`, nothing or one, or several where they are joined."""
        return [chosen for column in self.columns for chosen in _chosen(column, column.paths, found)]

    def of_detail(self, found: Mapping[str, Sequence[_T]]) -> list[Sequence[_T]]:
        """The same of one transaction of a batch entry."""
        return [
            chosen
            for column in self.columns
            for chosen in _chosen(
                column,
                [path for path in column.paths if path.startswith(DETAIL)]
                if column.detail is None
                else column.detail,
                found,
            )
        ]


def currency_path(path: str) -> str:
    """Where the `Ccy` of the amount at `path` is found."""
    return path + "@Ccy"


def _names(column: Column) -> tuple[str, ...]:
    return (column.name, f"{column.name}.Ccy") if column.money else (column.name,)


def _chosen(
    column: Column, paths: Sequence[str], found: Mapping[str, Sequence[_T]]
) -> list[Sequence[_T]]:
    if column.gathered:
        return [[one for path in paths for one in found.get(path, ())]]
    path = next((path for path in paths if path in found), None)
    if column.joined:
        return [found[path] if path is not None else []]
    first = [found[path][0]] if path is not None else []
    if not column.money:
        return [first]
    currencies = found.get(currency_path(path), ()) if path is not None else ()
    return [first, currencies[:1]]


def around(column: Column, found: Mapping[str, Sequence[str | None]]) -> list[str | None]:
    """The text of a column (of money two) from outside of the record."""
    return [chosen[0] if chosen else None for chosen in _chosen(column, column.around, found)]
