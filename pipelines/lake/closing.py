"""The close: business dates sealed in the ledger, written to the lake, and proven equal."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from ledger_service.ledger.books import close_business_date, closed_through
from ledger_service.ledger.expiry import sweep_books
from ledger_service.ledger.sealing import seal
from ledger_service.runtime.database import Database, Role, Server
from pipelines.lake.control_totals import differences, lake_totals, ledger_totals
from pipelines.lake.extraction.ledger_reader import DATED_TABLES, ledger_reader
from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, PARTICIPANTS, TRANSFERS
from pipelines.lake.store import Lake

RANGE_DAYS = 31
"""Business dates read in one snapshot: bounds the memory of a long close."""


@dataclass(frozen=True, slots=True)
class ClosedDate:
    """What the close of one business date wrote."""

    business_date: date
    transfers: int
    entries: int
    accounts: int
    changed_tables: tuple[str, ...]  # empty when a rerun wrote the same bytes


def close_books(
    server: Server, *, book_ids: tuple[int, ...], business_dates: Iterable[date], now: datetime
) -> None:
    """Close and seal the dates in each book, in order; dates already closed stay as they are.

    Holds that have expired at `now` are released first, to the first of the dates. The closing time
    recorded is the end of the business date in UTC: the same on every rerun.
    """
    days = sorted(business_dates)
    with server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        sweep_books(connection, book_ids=book_ids, business_date=days[0], now=now)
    with server.connect(Database.LEDGER, Role.CLOSE, autocommit=True) as connection:
        for book_id in book_ids:
            with connection.transaction():
                for day in days:
                    closed = closed_through(connection, book_id=book_id)
                    if closed is None or closed < day:
                        close_business_date(
                            connection, book_id=book_id, business_date=day, closed_at=_end(day)
                        )
            with connection.transaction():
                seal(connection, book_id=book_id, sealed_at=_end(days[-1]))


def _end(business_date: date) -> datetime:
    return datetime.combine(business_date + timedelta(days=1), time(), UTC)


def write_lake(
    server: Server, *, lake: Lake, book_ids: tuple[int, ...], business_dates: list[date]
) -> Iterator[ClosedDate]:
    """Write every ledger table of the dates to the lake, date by date in ascending order."""
    for first, last in _ranges(business_dates):
        with ledger_reader(server, book_ids=book_ids, first=first, last=last) as reader:
            frames = {table.name: reader.dated(table) for table in DATED_TABLES}
            split = {
                name: frame.partition_by("business_date", as_dict=True) for name, frame in frames.items()
            }
            participants = reader.participants(last)
            for day, accounts in reader.accounts(frames[ENTRIES.name]):
                today = {table: split[table.name].get((day,), table.empty()) for table in DATED_TABLES}
                today[ACCOUNTS] = accounts
                today[PARTICIPANTS] = participants.with_columns(business_date=pl.lit(day, pl.Date))
                changed = [table.name for table, frame in today.items() if lake.write(table, day, frame)]
                yield ClosedDate(
                    business_date=day,
                    transfers=today[TRANSFERS].height,
                    entries=today[ENTRIES].height,
                    accounts=accounts.height,
                    changed_tables=tuple(changed),
                )


def control_differences(
    server: Server, *, lake: Lake, book_ids: tuple[int, ...], business_dates: list[date]
) -> pl.DataFrame:
    """Where the lake's transfers of the dates differ from the ledger; no rows when proven equal."""
    found = []
    for first, last in _ranges(business_dates):
        with ledger_reader(server, book_ids=book_ids, first=first, last=last) as reader:
            ledger = ledger_totals(reader.query("ledger_totals"))
        days = pl.date_range(first, last, eager=True).to_list()
        found.append(differences(lake_totals(lake.scan(TRANSFERS, days).collect()), ledger))
    return pl.concat(found)


def _ranges(business_dates: list[date]) -> Iterator[tuple[date, date]]:
    """Runs of consecutive dates, each at most `RANGE_DAYS` long."""
    days = sorted(business_dates)
    first = last = days[0]
    for day in days[1:]:
        if day - last > timedelta(days=1) or day - first >= timedelta(days=RANGE_DAYS):
            yield first, last
            first = day
        last = day
    yield first, last
