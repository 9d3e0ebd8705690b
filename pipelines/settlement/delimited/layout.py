"""Layouts of delimited files: what a file's columns are, as YAML a person can read.

Belongs here: the shape of a layout, and loading the layouts of this folder.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.settlement.problems import FileRefused

LAYOUTS = Path(__file__).parent / "layouts"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Amounts(_Shape):
    """How a row says what moved: one signed column, one each way, or one with an indicator."""

    signed: str | None = None
    """Column of an amount, negative when it left the account."""
    paid_in: str | None = None
    paid_out: str | None = None
    """Columns of which one is filled; a minus before what was paid out says nothing more."""
    unsigned: str | None = None
    """Column of an amount whose direction `indicator` says."""
    indicator: str | None = None
    debits: tuple[str, ...] = ()
    """Values of `indicator` that say that it left the account; any other of `credits` came in."""
    credits: tuple[str, ...] = ()
    fee: str | None = None
    """Column of the provider's fee."""
    fee_indicator: str | None = None
    """Its direction as `indicator`; without it, the fee is a number whose sign is not heeded."""
    fee_included: bool = True
    """Whether the amount has the fee in it already; otherwise it is added to it by its direction."""
    minor_units: bool = False
    """Whether amounts are written in minor units, without a point."""


class Cell(_Shape):
    """A column that is written: of a payment's column, or always the same."""

    name: str
    column: str | None = None
    constant: str = ""
    kind: Literal["text", "amount", "whole", "date", "msisdn"] = "text"
    """whole: whole units of the currency; msisdn: a telephone number in international form."""


class Layout(_Shape):
    """One kind of delimited file."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    source: str
    """The public document or export that says so."""
    table: Literal["entries", "payments"] = "entries"
    delimiter: str = Field(",", min_length=1, max_length=1)
    encoding: Literal["utf-8", "latin-1", "cp1252"] = "utf-8"
    byte_order_mark: bool = False
    """Whether one is written; on reading it is skipped wherever it stands first."""
    line_end: Literal["\n", "\r\n"] = "\n"
    quoting: Literal["necessary", "always"] = "necessary"
    heading: bool = True
    """Whether a line of names is written."""
    header: tuple[str, ...]
    """Names that the header line has, whatever their order and whatever else it has."""
    preamble_lines: int = Field(0, ge=0, le=50)
    """Lines that may stand before the header."""
    account_label: str | None = None
    """First cell of the preamble's line whose second cell is the account."""
    record_mark: str | None = None
    """First cell of every record, where records of several kinds are in the file."""
    count_mark: str | None = None
    """First cell of the line whose second cell is the number of records."""
    columns: Mapping[str, str] = {}
    """Header name by column of the entries: dates, references, counterparty, text."""
    amounts: Amounts = Amounts()
    currency: str | None = None
    """Where no column says it."""
    dates: tuple[str, ...] = ("%Y-%m-%d",)
    """Forms of dates; what follows the first blank or T is the time, which entries do not keep."""
    decimal: Literal[".", ","] = "."
    grouping: Literal["", ",", ".", " ", "'"] = ""
    statuses: Mapping[str, str] = {}
    """BOOK or PDNG by the file's word; other words are INFO: they moved nothing."""
    write: tuple[Cell, ...] = ()
    """Of a layout of payments: its columns."""
    country_code: str | None = None
    """Of telephone numbers that are given without one."""

    @property
    def needed(self) -> frozenset[str]:
        """Names that a header of this layout cannot lack: those it is known by, and all of amounts."""
        how = self.amounts
        told = (
            how.signed,
            how.paid_in,
            how.paid_out,
            how.unsigned,
            how.indicator,
            how.fee,
            how.fee_indicator,
        )
        return frozenset(self.header) | {name for name in told if name}


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
    """All of them; those that demand more names come first."""
    found = [layout(path.stem) for path in sorted(LAYOUTS.glob("*.yaml"))]
    return tuple(sorted(found, key=lambda each: (-len(each.header), each.name)))
