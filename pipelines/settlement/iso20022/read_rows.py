"""Rows of texts on their way to a table: cells as found, and where each row stands in its file.

Belongs here: gathering rows until there are enough of them for a frame, and that frame of texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from pipelines.settlement.iso20022.read_columns import Columns

Cells = tuple[str | None, ...]


class Scope(NamedTuple):
    """What rows of one container share."""

    message: int
    """Number of the message in its file, from 1."""
    container: int
    """Number of the container in its message; 0 where there is none."""
    prefix: str
    """How places in it begin, such as `Message 2 Stmt 1 Ntry `; a first message is not named."""
    message_id: str | None
    """Of the statement in statements."""
    account: str | None
    created: str | None
    """By which a currency is valid where nothing in the row says a date."""


Mark = tuple[int, int, int, Scope, Cells]
"""Where a row stands: its record's number in the file and in its container from 1, its number among
the transactions of a batch entry (0: none), what its container shares, and texts around it."""


@dataclass(slots=True)
class Rows:
    """Rows of one kind of record."""

    columns: Columns
    cells: list[Cells] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def frame(self) -> pl.DataFrame:
        """All of them: cells, what is around them where they are silent, fixed columns, and places."""
        cells = dict(zip(self.columns.cells, zip(*self.cells, strict=True), strict=True))
        row, ordinal, detail, scopes, around = zip(*self.marks, strict=True)
        message, container, prefix, message_id, account, created = zip(*scopes, strict=True)
        texts = {name: _texts(values) for name, values in cells.items()}
        frame = pl.DataFrame(texts).with_columns(
            pl.Series("row", row, pl.UInt32),
            pl.Series("ordinal", ordinal, pl.UInt32),
            pl.Series("detail", detail, pl.UInt32),
            pl.Series("message", message, pl.UInt32),
            pl.Series("container", container, pl.UInt32),
            pl.Series("prefix", prefix, pl.String),
            pl.Series("message_id", message_id, pl.String),
            pl.Series("account", account, pl.String),
            pl.Series("created", created, pl.String),
            *(pl.lit(value).alias(name) for name, value in self.columns.fixed.items()),
        )
        used = [name for name in texts if texts[name].null_count() < frame.height]
        text = pl.col(used).str.strip_chars()
        stripped = frame.with_columns(pl.when(text != "").then(text))
        outer = dict(zip(_outer_cells(self.columns), zip(*around, strict=True), strict=True))
        if not outer:
            return stripped
        return stripped.with_columns(
            pl.coalesce(name, pl.lit(_texts(values))).alias(name) for name, values in outer.items()
        )


def _texts(values: Sequence[str | None]) -> pl.Series:
    return pl.Series(values=values, dtype=pl.String)


def _outer_cells(columns: Columns) -> list[str]:
    return [
        name
        for column in columns.around
        for name in columns.cells
        if name in (column.name, f"{column.name}.Ccy")
    ]
