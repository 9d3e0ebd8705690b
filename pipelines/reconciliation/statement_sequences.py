"""Completeness of statements: banks number them, so that one that did not come is noticed.

Belongs here: which numbers are missing between the last statement of an account and those of the
date, as breaks without a difference, and which of them came after all. A bank begins again with 1 in a
new year, or goes on; both are in order.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import polars as pl

from pipelines.reconciliation.items import ACCOUNT_COLUMNS
from pipelines.reconciliation.rules import BreakClass
from pipelines.reconciliation.shapes import FOUND_SCHEMA, shaped

LISTED: Final = 31
"""Missing statements of an account that become a break each, the latest; a longer gap is one more."""

_ACCOUNT: Final = ("book_id", "account_id")


def last_numbers(statements: pl.DataFrame, *, before: pl.DataFrame) -> pl.DataFrame:
    """Per account the number and date of its last statement: `stated_sequence`, `stated_sequence_on`.

    `statements` are those of the date that belong to an account, `before` the account rows of the
    reconciliation before. A statement that comes late does not turn the count back.
    """
    columns = (*_ACCOUNT, "stated_sequence", "stated_sequence_on")
    known = before.select(columns).drop_nulls()
    return (
        pl.concat([known, _numbered(statements).select(columns)])
        .sort("stated_sequence_on", "stated_sequence")
        .group_by(_ACCOUNT, maintain_order=True)
        .last()
    )


def missing_statements(statements: pl.DataFrame, *, before: pl.DataFrame) -> pl.DataFrame:
    """A break (`FOUND_SCHEMA`) for each statement of the year that should have come by now."""
    known = dict[tuple[int, int], tuple[int, int]]()
    for book, account, number, on in (
        before.select(*_ACCOUNT, "stated_sequence", "stated_sequence_on").drop_nulls().iter_rows()
    ):
        known[book, account] = (on.year, number)
    rows: list[dict[str, object]] = []
    for row in _numbered(statements).iter_rows(named=True):
        key = (row["book_id"], row["account_id"])
        year, number = row["stated_sequence_on"].year, row["stated_sequence"]
        last = known.get(key)
        known[key] = max(last or (year, number), (year, number))
        if last is not None:
            rows.extend(_breaks(row, _missing(last, year=year, number=number), year=year))
    return shaped(pl.DataFrame(rows, schema=FOUND_SCHEMA, orient="row"), FOUND_SCHEMA)


def without_those_that_came(open_breaks: pl.DataFrame, statements: pl.DataFrame) -> pl.DataFrame:
    """Open breaks less those of statements that came with the date."""
    arrived = _numbered(statements).select(
        *_ACCOUNT,
        statement_ref=pl.format(
            "statement:{}/{}", pl.col("stated_sequence_on").dt.year(), "stated_sequence"
        ),
        break_class=pl.lit(str(BreakClass.MISSING_STATEMENT)),
    )
    return open_breaks.join(arrived, on=arrived.columns, how="anti", maintain_order="left")


def _numbered(statements: pl.DataFrame) -> pl.DataFrame:
    """Statements with a number and a date, in order; pages of one statement have the same number."""
    return (
        statements.filter(pl.col("sequence").is_not_null() & pl.col("to_date").is_not_null())
        .rename({"sequence": "stated_sequence", "to_date": "stated_sequence_on"})
        .sort("stated_sequence_on", "stated_sequence", "file", "statement_ordinal")
        .unique([*_ACCOUNT, "stated_sequence_on", "stated_sequence"], keep="first", maintain_order=True)
    )


def _missing(last: tuple[int, int], *, year: int, number: int) -> range:
    """The numbers of the year that lie between the last statement and this one."""
    last_year, last_number = last
    if year == last_year or number > last_number:
        return range(last_number + 1, number)
    return range(1, number) if year > last_year else range(0)


def _breaks(row: dict[str, object], missing: range, *, year: int) -> Iterator[dict[str, object]]:
    shown: Iterable[range] = (missing[i : i + 1] for i in range(len(missing))[-LISTED:])
    if len(missing) > LISTED:
        shown = (missing[:-LISTED], *shown)
    for numbers in shown:
        which = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"
        yield {
            **{name: row[name] for name in ACCOUNT_COLUMNS},
            "currency": row["currency_stated"],
            "break_class": str(BreakClass.MISSING_STATEMENT),
            "statement_ref": f"statement:{year}/{which}",
            "detail": f"statement {which} of {year} has not come, but {row['stated_sequence']} has: "
            "ask the bank for it",
        }
