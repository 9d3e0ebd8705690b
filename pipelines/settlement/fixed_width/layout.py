"""Layouts of fixed-width files: records, fields, and where each field's value comes from.

Belongs here: the shape of a layout, and loading the layouts of this folder.
"""

from functools import cache
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipelines.settlement.problems import FileRefused

LAYOUTS = Path(__file__).parent / "layouts"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Total(_Shape):
    """A number that other records add up to."""

    what: Literal["count", "sum", "first", "last"]
    """Number of the records; sum, least or greatest of their `fields`."""
    records: tuple[str, ...]
    fields: tuple[str, ...] = ()


class Slot(_Shape):
    """One field of a record. Exactly one of constant, column, setting, identity, total, sequence."""

    name: str
    length: int = Field(ge=1, le=1000)
    kind: Literal["text", "number", "date"] = "text"
    """text: left, blanks after; number: right, zeros before; date: by `form`."""
    form: str = "%y%m%d"
    constant: str | None = None
    column: str | None = None
    setting: str | None = None
    identity: Literal["created_at", "sequence", "sender.member", "sender.name", "message_id"] | None = (
        None
    )
    total: Total | None = None
    sequence: bool = False
    """Number of the record among those of payments and groups, from 1."""
    at_most: int | None = None
    """The column's value stands here when it has no more characters; zeros otherwise."""
    longer_than: int | None = None
    """The column's value stands here when it has more; zeros otherwise."""
    keep_zeros: bool = False
    """Whether leading zeros belong to the value when it is read."""
    modulo: bool = False
    """Whether a total too long for its field is written by its last digits."""
    cut: bool = False
    """Whether a longer text is cut; otherwise the payment cannot be written."""


class Kind(_Shape):
    """One kind of record: its first field is the constant that it is known by."""

    name: str
    at: Literal["file_start", "payment", "group_end", "file_end"]
    direction: Literal["credit", "debit"] | None = None
    """Of files of this direction alone."""
    fields: tuple[Slot, ...]

    @property
    def mark(self) -> str:
        """What its records begin with."""
        return str(self.fields[0].constant)


class Layout(_Shape):
    """One kind of fixed-width file."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    source: str
    """The public document that says so, and what of it could not be confirmed."""
    record_length: int = Field(ge=10, le=4000)
    line_end: Literal["", "\n", "\r\n"] = "\r\n"
    currency: str
    groups: tuple[str, ...] = ()
    """Fields that the payments of a group have in common; payments are sorted by them."""
    settings: dict[str, str] = {}
    """Defaults of the settings that a profile may give."""
    records: tuple[Kind, ...]

    @model_validator(mode="after")
    def _lengths(self) -> Self:
        for kind in self.records:
            length = sum(slot.length for slot in kind.fields)
            if length != self.record_length:
                raise ValueError(f"record {kind.name} has {length} characters, not {self.record_length}")
            if kind.fields[0].constant is None:
                raise ValueError(f"record {kind.name} does not begin with a constant")
        return self


@cache
def layout(name: str) -> Layout:
    """The layout of that name. Raises `FileRefused`."""
    path = LAYOUTS / f"{name}.yaml"
    if Path(name).name != name or not path.is_file():
        known = ", ".join(sorted(found.stem for found in LAYOUTS.glob("*.yaml")))
        raise FileRefused("layout_unknown", name, f"there is no layout of that name; known: {known}")
    try:
        return Layout.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise FileRefused("layout_invalid", path.name, str(error)) from error


@cache
def layouts() -> tuple[Layout, ...]:
    """All of them, by name."""
    return tuple(layout(path.stem) for path in sorted(LAYOUTS.glob("*.yaml")))
