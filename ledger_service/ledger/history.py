"""The history of an account: its entries by time, page by page, and statements between two instants.

Entries are numbered 1, 2, 3 ... and their booking times never fall, so a position in the history is a
booking time and a number, and a page begins after the last position of the page before: new entries do
not shift it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import polars as pl
import psycopg
from psycopg import sql

from ledger_service.ledger.balances import Balance, balance_at
from ledger_service.ledger.chart import Side
from ledger_service.ledger.transfers import TIMESTAMP

PAGE = 1_000
"""Entries of a page at most."""

ENTRY_ROW: dict[str, pl.DataType | type[pl.DataType]] = {
    "version": pl.Int64,
    "side": pl.String,
    "amount_minor": pl.Int64,
    "pending_minor": pl.Int64,
    "debits_posted_after": pl.Int64,
    "credits_posted_after": pl.Int64,
    "debits_pending_after": pl.Int64,
    "credits_pending_after": pl.Int64,
    "other_account_id": pl.Int64,
    "other_external_ref": pl.String,
    "transfer_id": pl.String,
    "sequence": pl.Int64,
    "business_date": pl.Date,
    "phase": pl.String,
    "pending_id": pl.String,
    "reverses_id": pl.String,
    "kind": pl.String,
    "payment_id": pl.String,
    "event_at": TIMESTAMP,
    "booked_at": TIMESTAMP,
    "value_date": pl.Date,
}
"""An entry of an account: what it added to the posted and the pending total of its side, the totals
after it, the other side, and what the transfer says. Amounts in minor units."""

POINT_ROW: dict[str, pl.DataType | type[pl.DataType]] = {
    "at": TIMESTAMP,
    "version": pl.Int64,
    "debits_posted": pl.Int64,
    "credits_posted": pl.Int64,
    "debits_pending": pl.Int64,
    "credits_pending": pl.Int64,
}
"""An account's totals at a time, in minor units, and the number of its last entry by then."""

BEGINNING, END = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)

_ENTRIES = (Path(__file__).parent / "account_entries.sql").read_text()


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the history of an account: after the entry of that number, booked then."""

    booked_at: datetime
    version: int

    @classmethod
    def of_last(cls, page: pl.DataFrame) -> Self | None:
        """Where the page after this one begins; None when this one is empty."""
        return cls(*page.select("booked_at", "version").row(-1)) if page.height else None


class StatementBroken(RuntimeError):
    """Opening balance and entries do not add up to the closing balance: the ledger must be verified."""

    def __init__(self, account_id: int, expected: Balance, found: tuple[int, ...]) -> None:
        self.account_id = account_id
        self.expected = expected
        self.found = found
        super().__init__(
            f"account {account_id}: opening balance and entries give {found}, the closing balance is "
            f"{expected.totals}: run the verification of the ledger"
        )


@dataclass(frozen=True, slots=True)
class Statement:
    """An account between two instants; opening and entries add up to closing, which is checked."""

    account_id: int
    since: datetime
    until: datetime
    opening: Balance
    closing: Balance
    entries: pl.DataFrame
    """`ENTRY_ROW`, oldest first."""


def query_transfers(
    connection: psycopg.Connection,
    *,
    book_id: int,
    account_id: int,
    since: datetime = BEGINNING,
    until: datetime = END,
    side: Side | None = None,
    kind: str | None = None,
    descending: bool = False,
    after: Position | None = None,
    limit: int = PAGE,
) -> pl.DataFrame:
    """A page of an account's entries (`ENTRY_ROW`) booked from `since` until before `until`.

    `after` is `Position.of_last` of the page before, in the same direction.
    """
    low, high = Position(since, -1), Position(until, -1)
    if after is not None and descending:
        high = min(high, after, key=lambda position: (position.booked_at, position.version))
    elif after is not None:
        low = max(low, after, key=lambda position: (position.booked_at, position.version))
    named = {
        "book_id": book_id,
        "account_id": account_id,
        "side": side and str(side),
        "kind": kind,
        "from_booked_at": low.booked_at,
        "from_version": low.version,
        "to_booked_at": high.booked_at,
        "to_version": high.version,
        "limit": limit,
    }
    statement = _statement(descending=descending)
    rows = connection.execute(statement, named, prepare=False, binary=True).fetchall()
    return pl.DataFrame(rows, schema=ENTRY_ROW, orient="row")


def entries_between(
    connection: psycopg.Connection, *, book_id: int, account_id: int, since: datetime, until: datetime
) -> Iterator[pl.DataFrame]:
    """All pages of an account's entries between two instants, oldest first."""
    after: Position | None = None
    while True:
        page = query_transfers(
            connection, book_id=book_id, account_id=account_id, since=since, until=until, after=after
        )
        if page.is_empty():
            return
        yield page
        after = Position.of_last(page)


def balance_history(
    connection: psycopg.Connection, *, book_id: int, account_id: int, at: Sequence[datetime]
) -> pl.DataFrame:
    """The account's totals at each of some times (`POINT_ROW`), in their order; each is one probe.

    Raises `AccountNotFound` and `HistoryArchived`.
    """
    points = [balance_at(connection, book_id=book_id, account_id=account_id, at=moment) for moment in at]
    rows = [(moment, point.version, *point.totals) for moment, point in zip(at, points, strict=True)]
    return pl.DataFrame(rows, schema=POINT_ROW, orient="row")


def statement(
    connection: psycopg.Connection, *, book_id: int, account_id: int, since: datetime, until: datetime
) -> Statement:
    """An account from `since` (included) until before `until`.

    Raises `AccountNotFound`, `HistoryArchived`, and `StatementBroken` where parts do not add up. Call it
    within a REPEATABLE READ transaction where entries may arrive meanwhile with times before `until`.
    """
    pages = entries_between(connection, book_id=book_id, account_id=account_id, since=since, until=until)
    entries = pl.concat([pl.DataFrame(schema=ENTRY_ROW), *pages])
    opening = _balance_before(connection, book_id, account_id, since)
    closing = _balance_before(connection, book_id, account_id, until)
    found = tuple(
        total + int(entries.filter(side=str(side))[column].sum())
        for total, (side, column) in zip(opening.totals, _ADDED, strict=True)
    )
    if found != closing.totals or opening.version + entries.height != closing.version:
        raise StatementBroken(account_id, closing, found)
    return Statement(account_id, since, until, opening, closing, entries)


_ADDED = (
    (Side.DEBIT, "amount_minor"),
    (Side.CREDIT, "amount_minor"),
    (Side.DEBIT, "pending_minor"),
    (Side.CREDIT, "pending_minor"),
)


def _balance_before(
    connection: psycopg.Connection, book_id: int, account_id: int, at: datetime
) -> Balance:
    before = at - datetime.resolution if at > BEGINNING else at
    return balance_at(connection, book_id=book_id, account_id=account_id, at=before)


def _statement(*, descending: bool) -> sql.Composed:
    direction = sql.SQL("DESC" if descending else "ASC")
    return sql.SQL(_ENTRIES).format(direction=direction)
