"""What a person sees on an asset's page: tables and plots as Dagster metadata."""

import base64
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import dagster as dg
import polars as pl

ROW_LIMIT = 40
"""Rows of a table on an asset page; the whole table is in the lake and the warehouse."""


PAGE_DAYS = 7
"""Longest run whose dates each get tables and plots: a backfill of years needs none."""


def pages_wanted(business_dates: Sequence[date]) -> bool:
    """Whether a run over these dates draws tables and plots for each."""
    return len(business_dates) <= PAGE_DAYS


def table(frame: pl.DataFrame, *, limit: int = ROW_LIMIT) -> dg.MarkdownMetadataValue:
    """A frame as a Markdown table, numbers grouped, with a note where it was cut."""
    shown = frame.head(limit)
    numeric = {name for name, kind in frame.schema.items() if kind.is_numeric()}
    lines = [
        "| "
        + " | ".join(name.removesuffix("_minor").replace("_", " ") for name in frame.columns)
        + " |",
        "|" + "|".join("---:" if name in numeric else "---" for name in frame.columns) + "|",
    ]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in shown.iter_rows()]
    if frame.height > limit:
        lines.append(f"\n{limit} of {frame.height:,} rows.")
    return dg.MetadataValue.md("\n".join(lines))


def picture(svg: bytes, *, title: str) -> dg.MarkdownMetadataValue:
    """An SVG drawing, embedded so that it needs no file server."""
    encoded = base64.b64encode(svg).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/svg+xml;base64,{encoded})")


def in_major_units(
    frame: pl.DataFrame, exponents: Mapping[str, int], *, currency: str = "currency"
) -> pl.DataFrame:
    """Every `*_minor` column as decimal text in the row's own currency, exactly."""
    columns = [name for name in frame.columns if name.endswith("_minor")]

    def convert(row: dict[str, object]) -> dict[str, object]:
        exponent = exponents.get(str(row[currency]), 2)
        for name in columns:
            value = row[name]
            if isinstance(value, int):
                row[name] = f"{Decimal(value).scaleb(-exponent):,f}"
        return row

    schema = {name: pl.String if name in columns else kind for name, kind in frame.schema.items()}
    return pl.DataFrame([convert(row) for row in frame.iter_rows(named=True)], schema=schema)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | str):
        return str(value).replace("|", "\\|")
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}"
    return str(value)
