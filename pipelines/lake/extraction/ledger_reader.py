"""Reading closed business dates out of the ledger: Arrow from PostgreSQL, one snapshot a range.

Every writer of a book holds its state until it commits, and so does the close: a snapshot that sees a
date closed sees all of its transfers, and none can appear in it later.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
from adbc_driver_postgresql import dbapi
from psycopg import sql

from ledger_service.ledger.chart import CHART
from ledger_service.runtime.database import Database, Role, Server
from pipelines.lake.ledger_tables import (
    ACCOUNTS,
    ENTRIES,
    PARTICIPANTS,
    PAYMENTS,
    QUARANTINE,
    STATED_BALANCES,
    TRANSFERS,
)
from pipelines.lake.table import Table

FOLDER = Path(__file__).parent

DATED_TABLES = (TRANSFERS, ENTRIES, PAYMENTS, STATED_BALANCES, QUARANTINE)
"""Tables whose rows carry their business date."""


class DateNotClosed(RuntimeError):
    """A business date of the range is open in a book: transfers can still appear in it."""

    def __init__(self, book_id: int, last: date) -> None:
        self.book_id = book_id
        self.last = last
        super().__init__(f"book {book_id} has not closed {last}: close it before it is read")


@dataclass(frozen=True, slots=True)
class LedgerReader:
    """One snapshot of the ledger, restricted to some books and business dates."""

    cursor: dbapi.Cursor
    book_ids: tuple[int, ...]
    first: date
    last: date

    def dated(self, table: Table) -> pl.DataFrame:
        """Rows of one of `DATED_TABLES` over the whole range, typed as the table declares."""
        frame = self.query(table.name)
        return frame.select(pl.col(name).cast(kind) for name, kind in table.schema.items())

    def accounts(self, entries: pl.DataFrame) -> Iterator[tuple[date, pl.DataFrame]]:
        """Every account with its totals at the close of each date, date by date.

        `entries`: the range's entries, as `dated(ENTRIES)` returns them.
        """
        names = {int(code): line.name for code, line in CHART.items()}
        static = self.query("accounts").with_columns(
            chart_name=pl.col("chart_code").replace_strict(names, return_dtype=pl.String)
        )
        totals = self.query("totals_before")
        by_date = entries.partition_by("business_date", as_dict=True)
        for day in pl.date_range(self.first, self.last, eager=True):
            if (today := by_date.get((day,))) is not None:
                totals = pl.concat([totals, _totals_after(today)]).unique(
                    ["book_id", "account_id"], keep="last", maintain_order=True
                )
            accounts = static.filter(pl.col("opened_on") <= day).join(
                totals, on=["book_id", "account_id"], how="left"
            )
            typed = accounts.with_columns(
                pl.col(*TOTALS).fill_null(0), business_date=pl.lit(day, pl.Date)
            )
            yield day, typed.select(pl.col(name).cast(kind) for name, kind in ACCOUNTS.schema.items())

    def participants(self, business_date: date) -> pl.DataFrame:
        """The list of participants."""
        frame = self.query("participants").with_columns(business_date=pl.lit(business_date, pl.Date))
        return frame.select(pl.col(name).cast(kind) for name, kind in PARTICIPANTS.schema.items())

    def query(self, name: str) -> pl.DataFrame:
        """Run one of this folder's `.sql` files with the reader's restrictions."""
        template = sql.SQL((FOLDER / f"{name}.sql").read_text())
        statement = template.format(
            book_ids=sql.Literal(list(self.book_ids)),
            first=sql.Literal(self.first),
            last=sql.Literal(self.last),
        )
        self.cursor.execute(statement.as_string(None))
        return pl.DataFrame(self.cursor.fetch_arrow_table())


TOTALS = ("version", "debits_posted", "credits_posted", "debits_pending", "credits_pending")


def _totals_after(entries: pl.DataFrame) -> pl.DataFrame:
    """The totals after each account's last entry of a date."""
    last = entries.sort("version").unique(["book_id", "account_id"], keep="last", maintain_order=True)
    return last.select(
        "book_id",
        "account_id",
        "version",
        *(pl.col(f"{name}_after").alias(name) for name in TOTALS[1:]),
    )


@contextmanager
def ledger_reader(
    server: Server, *, book_ids: tuple[int, ...], first: date, last: date
) -> Iterator[LedgerReader]:
    """One read-only snapshot over closed dates; raises `DateNotClosed`."""
    uri = server.uri(Database.LEDGER, role=Role.CLOSE)
    with dbapi.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        reader = LedgerReader(cursor, book_ids, first, last)
        if (still_open := reader.query("open_books")).height:
            raise DateNotClosed(still_open["book_id"][0], last)
        yield reader
