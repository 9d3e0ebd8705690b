"""Balances: the totals of an account as they stood at any time, read from its entries by index.

Two times can be asked for. `balance_at` is by booking time: what the ledger said then. `balance_valued`
is by value date, as known at a time (bitemporal): what counts on a date, given what had been booked.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from ledger_service.ledger.chart import Side

_FOLDER = Path(__file__).parent
_AROUND, _BELOW, _TOTALS, _FIRST, _BEFORE, _BEHIND, _BACKDATED, _ID_FLOOR = (
    (_FOLDER / f"{name}.sql").read_bytes()
    for name in (
        "balance_around",
        "balances_below",
        "account_totals",
        "first_entry",
        "entry_before",
        "entry_behind",
        "backdated_after",
        "archived_until",
    )
)

LAST_VERSION = 2**63 - 1
"""After every entry of a moment."""

NEARBY = timedelta(days=40)
"""By how much the ids looked at first may lie before or after a moment: enough for the entries around it
of an account that is used every month, and at most four partitions."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MICROSECOND = timedelta(microseconds=1)
_LAST_MILLISECOND = 2**48 - 1
_LAST_ID = uuid.UUID(int=2**128 - 1)


class AccountNotFound(LookupError):
    """The book has no such account."""

    def __init__(self, book_id: int, account_id: int) -> None:
        self.book_id = book_id
        self.account_id = account_id
        super().__init__(f"book {book_id} has no account {account_id}")


class HistoryArchived(LookupError):
    """Entries that the answer depends on have left the journal: restore the months that have them."""

    def __init__(self, book_id: int, account_id: int, at: datetime) -> None:
        self.book_id = book_id
        self.account_id = account_id
        self.at = at
        super().__init__(
            f"what account {account_id} of book {book_id} had at {at.isoformat()} is archived: "
            "restore the months from then on"
        )


@dataclass(frozen=True, slots=True)
class Balance:
    """The totals of an account, in minor units."""

    version: int
    """Number of the last entry that counts in full; 0 before the first."""
    booked_at: datetime | None
    """When it was booked; None before the first."""
    debits_posted: int
    credits_posted: int
    debits_pending: int
    credits_pending: int

    def posted(self, side: Side) -> int:
        """By how much the posted total of `side` exceeds the other."""
        excess = self.debits_posted - self.credits_posted
        return excess if side is Side.DEBIT else -excess

    def pending(self, side: Side) -> int:
        """What is held on `side`."""
        return self.debits_pending if side is Side.DEBIT else self.credits_pending

    @property
    def totals(self) -> tuple[int, int, int, int]:
        """Debits and credits posted, debits and credits pending."""
        return self.debits_posted, self.credits_posted, self.debits_pending, self.credits_pending


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry as a place in the account's history."""

    version: int
    booked_at: datetime
    value_date: date
    totals: tuple[int, int, int, int]

    @property
    def position(self) -> tuple[datetime, int]:
        """Where it stands."""
        return self.booked_at, self.version


@dataclass(frozen=True, slots=True)
class _History:
    """The entries of one account, by booking time and version."""

    connection: psycopg.Connection
    book_id: int
    account_id: int

    def one(self, statement: bytes, **parameters: object) -> tuple[Any, ...] | None:
        """The row of a statement on the account. Prepared: planning 37 partitions costs more."""
        named = {"book_id": self.book_id, "account_id": self.account_id, **parameters}
        return self.connection.execute(statement, named, prepare=True).fetchone()

    def balance(self, at: datetime, *, first_id: uuid.UUID, end_id: uuid.UUID) -> Balance | None:
        """The totals at a time, if the transfers of a range of ids say them for certain."""
        row = self.one(_AROUND, at=at, first_id=first_id, end_id=end_id)
        if row is None:
            raise AccountNotFound(self.book_id, self.account_id)
        nothing_since, now = row[0], Balance(*row[1:7])
        last_version, last_booked_at, next_version, *before_next = row[7:]
        if nothing_since:
            return now
        if next_version is None or next_version - 1 != (last_version or 0):
            return None
        return Balance(next_version - 1, last_booked_at, *before_next)

    def before_all(self, at: datetime, *, booked_after: datetime | None = None) -> Balance:
        """What stood before the first entry that the journal holds, if that answers for a time.

        Where older months are archived, it is what they left: right from their end on. With
        `booked_after` the first entry must have been booked after it.
        """
        first = self.one(_FIRST)
        if (
            first is None
            or (booked_after is not None and first[1] <= booked_after)
            or (first[0] and at < archived_until(self.connection, book_id=self.book_id))
        ):
            raise HistoryArchived(self.book_id, self.account_id, at)
        return Balance(first[0], None, *first[2:])

    def in_order(self, statement: bytes, position: tuple[datetime, int]) -> _Entry | None:
        """The in-order entry next to a position: at or before it, or behind it."""
        row = self.one(statement, booked_at=position[0], version=position[1])
        return _Entry(row[0], row[1], row[2], row[3:]) if row else None

    def last_valued(self, value_date: date, known_at: datetime) -> _Entry | None:
        """The last in-order entry booked by `known_at` and valued by `value_date`.

        Value dates of in-order entries never fall, so the history is searched by halves, beginning at
        the end of the date, where entries valued on it are mostly booked before.
        """
        beyond = self.in_order(_BEFORE, (known_at, LAST_VERSION))
        if beyond is None or beyond.value_date <= value_date:
            return beyond
        # Always: what stands at or before `low` counts, `beyond` does not.
        low, middle = (_EARLIEST, 0), (_midnight_after(value_date), LAST_VERSION)
        while True:
            if not low < middle < beyond.position:
                middle = _halfway(low, beyond.position)
            found = self.in_order(_BEFORE, middle)
            if found is not None and found.value_date > value_date:
                beyond = found
                continue
            behind = self.in_order(_BEHIND, middle)
            if behind is None or behind.value_date > value_date:
                return found
            low = behind.position


def balance_at(
    connection: psycopg.Connection, *, book_id: int, account_id: int, at: datetime
) -> Balance:
    """The account's totals at `at` (aware), entries booked in that very microsecond included.

    By booking time: when the ledger knew it. The partitions around the time are asked first, one index
    probe a side; they answer where the entries that they have next to the time are consecutive. Raises
    `AccountNotFound`, and `HistoryArchived` where the journal does not reach back to `at`.
    """
    history = _History(connection, book_id, account_id)
    nearby = history.balance(at, first_id=_id_of(at, -NEARBY), end_id=_id_of(at, NEARBY))
    if nearby is None:
        nearby = history.balance(at, first_id=_id_of(_EPOCH), end_id=_LAST_ID)
    return nearby or history.before_all(at, booked_after=at)


def balance_valued(
    connection: psycopg.Connection,
    *,
    book_id: int,
    account_id: int,
    value_date: date,
    known_at: datetime,
) -> Balance:
    """The account's totals of what counts on `value_date`, as known at `known_at` (aware).

    All entries valued up to the date and booked up to the time. `version` is that of the last in-order
    entry among them; later ones among them were backdated. Raises `AccountNotFound`, and
    `HistoryArchived` where the journal does not reach back to the date and the time.

    An entry is in order when no earlier one of its account has a later value date. All entries up to the
    last in-order one that counts do count, for none is valued after it; of those behind it only
    backdated ones can, and these have an index of their own.
    """
    history = _History(connection, book_id, account_id)
    row = history.one(_TOTALS, value_date=value_date, known_at=known_at)
    if row is None:
        raise AccountNotFound(book_id, account_id)
    everything_counts, *now = row
    if everything_counts:
        return Balance(*now)
    found = history.last_valued(value_date, known_at)
    if found is None:
        base, position = history.before_all(min(known_at, _midnight_after(value_date))), (_EARLIEST, 0)
    else:
        base, position = Balance(found.version, found.booked_at, *found.totals), found.position
    later = history.one(
        _BACKDATED,
        booked_at=position[0],
        version=position[1],
        known_at=known_at,
        value_date=value_date,
    )
    sums = (total + more for total, more in zip(base.totals, later or (0, 0, 0, 0), strict=True))
    return Balance(base.version, base.booked_at, *sums)


def balance_with_children(
    connection: psycopg.Connection, *, book_id: int, account_id: int, at: datetime
) -> Balance:
    """The totals at `at` of an account and all accounts below it, added up.

    `version` counts their entries. Raises `AccountNotFound` and `HistoryArchived`.
    """
    named = {"book_id": book_id, "account_id": account_id, "at": at}
    rows = connection.execute(_BELOW, named, prepare=False).fetchall()
    if not rows:
        raise AccountNotFound(book_id, account_id)
    archived = at < archived_until(connection, book_id=book_id)
    each = [
        balance_at(connection, book_id=book_id, account_id=row[0], at=at)
        if archived and not row[1]
        else Balance(*row[2:])
        for row in rows
    ]
    booked = [balance.booked_at for balance in each if balance.booked_at]
    totals = (sum(column) for column in zip(*(balance.totals for balance in each), strict=True))
    return Balance(sum(balance.version for balance in each), max(booked, default=None), *totals)


def archived_until(connection: psycopg.Connection, *, book_id: int) -> datetime:
    """The time in the ids before which a book's transfers are archived; 1970 when none are."""
    row = connection.execute(_ID_FLOOR, {"book_id": book_id}).fetchone()
    return _EPOCH + _MILLISECOND * (row[0].int >> 80) if row else _EPOCH


_EARLIEST = datetime.min.replace(tzinfo=UTC)


def _id_of(at: datetime, offset: timedelta = timedelta(0)) -> uuid.UUID:
    """The least UUIDv7 of a time."""
    milliseconds = (at - _EPOCH + offset) // _MILLISECOND
    return uuid.UUID(int=min(max(milliseconds, 0), _LAST_MILLISECOND) << 80)


def _midnight_after(day: date) -> datetime:
    if day == date.max:
        return datetime.max.replace(tzinfo=UTC)
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def _halfway(low: tuple[datetime, int], high: tuple[datetime, int]) -> tuple[datetime, int]:
    """A position from `low` on and before `high`: by time, then by version within a moment."""
    if high[0] - low[0] > _MICROSECOND:
        return low[0] + (high[0] - low[0]) / 2, LAST_VERSION
    if high[0] > low[0]:
        return (low[0], LAST_VERSION) if low[1] < LAST_VERSION else (high[0], high[1] // 2)
    return low[0], (low[1] + high[1]) // 2
