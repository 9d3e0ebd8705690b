"""Balances: the totals of an account as they stood at any time, read from its entries by index.

Two times can be asked for. `balance_at` is by booking time: what the ledger said then. `balance_valued`
is by value date, as known at a time (bitemporal): what counts on a date, given what had been booked.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from ledger_service.ledger.chart import Side

_FOLDER = Path(__file__).parent
_ENTRY_BEFORE, _FIRST_ENTRY, _BACKDATED_AFTER, _ACCOUNT_TOTALS, _ACCOUNTS_BELOW = (
    (_FOLDER / f"{name}.sql").read_bytes()
    for name in ("entry_before", "first_entry", "backdated_after", "account_totals", "accounts_below")
)

LAST_VERSION = 2**63 - 1
"""After every entry of a moment."""

_MICROSECOND = timedelta(microseconds=1)


class AccountNotFound(LookupError):
    """The book has no such account."""

    def __init__(self, book_id: int, account_id: int) -> None:
        self.book_id = book_id
        self.account_id = account_id
        super().__init__(f"book {book_id} has no account {account_id}")


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

    def entry(self, booked_at: datetime, version: int, *, in_order: bool = False) -> _Entry | None:
        """The last entry at or before a position; with `in_order` the last not backdated one."""
        row = self.one(_ENTRY_BEFORE, booked_at=booked_at, version=version, in_order=in_order)
        return _Entry(row[0], row[1], row[2], row[3:]) if row else None

    def before_all(self) -> Balance:
        """What stood before the first entry that the journal holds; raises `AccountNotFound`."""
        if row := self.one(_FIRST_ENTRY):
            version, _, *totals = row
            return Balance(version, None, *totals)
        if row := self.one(_ACCOUNT_TOTALS):
            return Balance(*row)
        raise AccountNotFound(self.book_id, self.account_id)

    def last_valued(self, value_date: date, known_at: datetime) -> _Entry | None:
        """The last in-order entry booked by `known_at` and valued by `value_date`.

        Value dates of in-order entries never fall, so the history is searched by halves: first by
        booking time, then, among entries of one moment, by version.
        """
        after = self.entry(known_at, LAST_VERSION, in_order=True)
        first = self.one(_FIRST_ENTRY)
        if after is None or first is None or after.value_date <= value_date:
            return after
        # Always: what is booked by `low` counts, `after` does not. Halving ends early where the entry
        # just before `after` counts.
        low, middle = first[1] - _MICROSECOND, _midnight_after(value_date)
        while after.booked_at - low > _MICROSECOND:
            if not low < middle < after.booked_at:
                middle = low + (after.booked_at - low) / 2
            for moment in (middle, after.booked_at - _MICROSECOND):
                found = self.entry(moment, LAST_VERSION, in_order=True)
                if found is None or found.value_date <= value_date:
                    low = max(low, moment)
                else:
                    after = found
        return self._last_valued_of_a_moment(after, value_date)

    def _last_valued_of_a_moment(self, after: _Entry, value_date: date) -> _Entry | None:
        low, high = 0, after.version
        while high - low > 1:
            middle = (low + high) // 2
            found = self.entry(after.booked_at, middle, in_order=True)
            if found is None or found.value_date <= value_date:
                low = middle
            else:
                high = found.version
        return self.entry(after.booked_at, low, in_order=True)


def balance_at(
    connection: psycopg.Connection, *, book_id: int, account_id: int, at: datetime
) -> Balance:
    """The account's totals at `at` (aware), entries booked in that very microsecond included.

    By booking time: when the ledger knew it. One index probe a side and partition. Raises
    `AccountNotFound`.
    """
    history = _History(connection, book_id, account_id)
    if found := history.entry(at, LAST_VERSION):
        return Balance(found.version, found.booked_at, *found.totals)
    return history.before_all()


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
    entry among them; later ones among them were backdated. Raises `AccountNotFound`.

    An entry is in order when no earlier one of its account has a later value date. All entries up to the
    last in-order one that counts do count, for none is valued after it; of those behind it only
    backdated ones can, and these have an index of their own.
    """
    history = _History(connection, book_id, account_id)
    found = history.last_valued(value_date, known_at)
    if found is None:
        base, begins, version = history.before_all(), datetime.min.replace(tzinfo=UTC), 0
        totals = base.totals
    else:
        base = Balance(found.version, found.booked_at, *found.totals)
        begins, version, totals = found.booked_at, found.version, found.totals
    later = history.one(
        _BACKDATED_AFTER, booked_at=begins, version=version, known_at=known_at, value_date=value_date
    )
    sums = (total + more for total, more in zip(totals, later or (0, 0, 0, 0), strict=True))
    return Balance(base.version, base.booked_at, *sums)


def balance_with_children(
    connection: psycopg.Connection, *, book_id: int, account_id: int, at: datetime
) -> Balance:
    """The totals at `at` of an account and all accounts below it, added up.

    `version` counts their entries. Raises `AccountNotFound`.
    """
    named = {"book_id": book_id, "account_id": account_id}
    tree = [row[0] for row in connection.execute(_ACCOUNTS_BELOW, named)]
    if not tree:
        raise AccountNotFound(book_id, account_id)
    each = [balance_at(connection, book_id=book_id, account_id=name, at=at) for name in tree]
    booked = [balance.booked_at for balance in each if balance.booked_at]
    totals = (sum(column) for column in zip(*(balance.totals for balance in each), strict=True))
    return Balance(sum(balance.version for balance in each), max(booked, default=None), *totals)


def _midnight_after(day: date) -> datetime:
    """Where entries valued on a day are mostly booked before."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
