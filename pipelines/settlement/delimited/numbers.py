"""Amounts and dates as delimited files write them, as Polars expressions.

Belongs here: from a cell to the strict grammar of `ledger_service.reference.money`. A grouping sign is
taken only where it parts groups of three, so that a decimal comma is never read as one.
"""

import re

import polars as pl

from pipelines.settlement.delimited.layout import Layout


def plain(cell: pl.Expr, layout: Layout) -> pl.Expr:
    """The cell as `-1234.50`; null when empty, unchanged when it is no number (and refused later)."""
    bare = cell.str.strip_chars(" \u00a0\u202f").str.replace(r"^\+", "")
    bare = bare.str.replace(r"^\((.*)\)$", "-${1}").str.replace(r"^([^-].*)-$", "-${1}")
    point, group = re.escape(layout.decimal), re.escape(layout.grouping)
    number = rf"^-?[0-9]+({point}[0-9]+)?$"
    if layout.grouping:
        number = rf"^-?([0-9]+|[0-9]{{1,3}}({group}[0-9]{{3}})+)({point}[0-9]+)?$"
    parted = bare.str.replace_all(layout.grouping, "", literal=True) if layout.grouping else bare
    pointed = parted.str.replace(layout.decimal, ".", literal=True)
    return pl.when(bare.str.contains(number)).then(pointed).when(bare != "").then(pl.lit("?") + bare)


def dated(cell: pl.Expr, layout: Layout) -> pl.Expr:
    """The cell's date, null when it is none; the time after it is left."""
    day = cell.str.strip_chars(" ").str.extract(r"^([^ T]+)")
    return pl.coalesce(day.str.strptime(pl.Date, form, strict=False) for form in layout.dates)
