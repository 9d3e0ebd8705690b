"""Rows of a delimited batch of payments, read back as payments.

Belongs here: the inverse of `writer.py`.
"""

import polars as pl

from ledger_service.reference.money import with_minor_units
from pipelines.settlement.delimited.layout import Layout
from pipelines.settlement.delimited.numbers import dated, plain
from pipelines.settlement.reading import PAYMENTS_READ


def payments_of(
    cells: pl.DataFrame, layout: Layout, account: str | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The good rows in `PAYMENTS_READ`'s columns, and of the others row, line, field, code, sentence."""
    del account  # a batch names its accounts in its rows
    written = [cell for cell in layout.write if cell.column and cell.name in cells.columns]
    currency = next((cell.name for cell in written if cell.column == "currency"), None)
    on = next((cell for cell in written if cell.column == "execution_date"), None)
    rows = cells.with_columns(
        __currency=pl.col(currency) if currency else pl.lit(layout.currency, pl.String),
        __on=dated(pl.col(on.name), layout) if on else pl.lit(None, pl.Date),
    )
    values: dict[str, pl.Expr] = {"currency": pl.col("__currency")}
    problems = []
    for cell in written:
        column = str(cell.column)
        if cell.kind in {"amount", "whole"}:
            # A batch without a date is of today's currencies; the latest table is asked.
            rows = with_minor_units(
                rows.with_columns(__text=plain(pl.col(cell.name), layout),
                                  __day=pl.coalesce("__on", pl.date(2026, 1, 1))),
                amount="__text", currency_column="__currency", on="__day",
                minor=f"__{column}", fault="__fault",
            )  # fmt: skip
            fault = pl.coalesce(pl.col("__fault").cast(pl.String), pl.lit("missing"))
            faulty = rows.filter(pl.col(f"__{column}").is_null())
            problems.append(
                faulty.select("__row", "__line", field=pl.lit(cell.name), code=fault,
                              sentence=pl.lit("its amount cannot be read"))
            )  # fmt: skip
            rows, values[column] = rows.drop("__fault"), pl.col(f"__{column}")
        elif cell.kind == "date":
            values[column] = dated(pl.col(cell.name), layout)
            bad = rows.filter(values[column].is_null())
            problems.append(
                bad.select("__row", "__line", field=pl.lit(cell.name), code=pl.lit("not_a_date"),
                           sentence=pl.lit("its date is missing or not of the form of this layout"))
            )  # fmt: skip
        else:
            values[column] = pl.col(cell.name).replace("", None)
    bad = pl.concat(problems).unique("__row", keep="first", maintain_order=True).sort("__row")
    good = rows.filter(~pl.col("__row").is_in(bad["__row"].implode()))
    frame = good.select(row="__row", place=pl.format("line {}", "__line"), **values)
    absent = [
        pl.lit(None, kind).alias(name)
        for name, kind in PAYMENTS_READ.items()
        if name not in frame.columns
    ]
    return frame.with_columns(absent), bad
