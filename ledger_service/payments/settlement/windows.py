"""Windows: which events of the operator's book are settled together.

A window is a range (from, to] of the book's events, which are numbered without gaps in the order of
their commits. Closing it writes down where the book stands; postings wait for that one transaction and
go on in the next window. So each transfer is in exactly one window, however it raced with the close.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Final

import psycopg

from ledger_service.ledger.books import lock_books
from ledger_service.ledger.events import end
from ledger_service.payments.settlement.scheme_book import SchemeBook

_FOLDER: Final = Path(__file__).parent
_WINDOWS, _ADD_EVENT, _GROSS = (
    (_FOLDER / f"{name}.sql").read_bytes() for name in ("windows", "add_window_event", "gross_since")
)


class WindowState(StrEnum):
    """What became of a window."""

    OPEN = "open"
    """Obligations are accepted into it."""
    CLOSED = "closed"
    """Its obligations are what they are."""
    NETTED = "netted"
    """Its net positions are kept."""
    INSTRUCTED = "instructed"
    """The agent is told what to move."""
    SETTLED = "settled"
    """All of it is final."""
    PARTLY_SETTLED = "partly_settled"
    """Some is final, and the rest waits for a retry, a repair or a recast."""
    RECAST = "recast"
    """Obligations were given back; it is to be netted again."""


class WindowNotFound(LookupError):
    """The scheme has no window of that number."""

    def __init__(self, scheme_id: str, number: int) -> None:
        self.scheme_id = scheme_id
        self.number = number
        super().__init__(f"scheme {scheme_id} has no window number {number}")


class WindowNotDue(ValueError):
    """A window that closes by the clock is not to be closed before."""

    def __init__(self, window_id: str, closes_at: datetime, at: datetime) -> None:
        self.window_id = window_id
        self.closes_at = closes_at
        self.at = at
        super().__init__(f"window {window_id} closes at {closes_at}, not at {at}")


class WindowInState(ValueError):
    """What was asked for does not follow from the state that the window is in."""

    def __init__(self, window: "Window", asked: str) -> None:
        self.window = window
        self.asked = asked
        super().__init__(f"window {window.number} is {window.state}: it cannot be {asked}")


@dataclass(frozen=True, slots=True)
class Window:
    """A window of a scheme as it is now; `event_to` and `closed_at` are None while it is open."""

    number: int
    business_date: date
    window_id: str
    state: WindowState
    run: int
    """1, and one more with each recast."""
    event_from: int
    event_to: int | None
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Opening:
    """Where and when a window begins."""

    business_date: date
    window_id: str
    event_from: int
    at: datetime


def windows(
    connection: psycopg.Connection, books: SchemeBook, *, business_date: date | None = None
) -> list[Window]:
    """The windows of a business date, or all, in order."""
    return _windows(connection, books, business_date=business_date)


def window(connection: psycopg.Connection, books: SchemeBook, number: int) -> Window:
    """One window as it is now; raises `WindowNotFound`."""
    found = _windows(connection, books, number=number)
    if not found:
        raise WindowNotFound(books.scheme.id, number)
    return found[0]


def current(connection: psycopg.Connection, books: SchemeBook) -> Window | None:
    """The window that accepts obligations now; None before the scheme is opened."""
    row = connection.execute(
        "SELECT max(number) FROM payments.settlement_window WHERE book_id = %s AND scheme_id = %s",
        [books.book_id, books.scheme.id],
    ).fetchone()
    # The last one is open: closing it opens the next in the same transaction.
    return window(connection, books, row[0]) if row and row[0] else None


def open_first(
    connection: psycopg.Connection, books: SchemeBook, *, business_date: date, at: datetime
) -> Window:
    """Open the scheme's first window, from where the book stands; later it answers the current one."""
    with connection.transaction():
        lock_books(connection, [books.book_id])
        found = current(connection, books)
        if found is None:
            opening = _Opening(business_date, _label(books, 0, 1), _stands_at(connection, books), at)
            _open(connection, books, 1, opening=opening)
            found = window(connection, books, 1)
        return found


def close(connection: psycopg.Connection, books: SchemeBook, *, number: int, at: datetime) -> Window:
    """Close a window and open the next one at the same event; idempotent.

    Raises `WindowNotFound`, and `WindowNotDue` before the cut-off of a window by the clock. Posting
    waits for this one short transaction and for nothing else.
    """
    with connection.transaction():
        lock_books(connection, [books.book_id])
        found = window(connection, books, number)
        if found.state != WindowState.OPEN:
            return found
        closes_at = books.scheme.closes_at(found.window_id, found.business_date)
        if closes_at is not None and at < closes_at:
            raise WindowNotDue(found.window_id, closes_at, at)
        cut = _stands_at(connection, books)
        add_event(connection, books, found, WindowState.CLOSED, at=at, event_to=cut)
        business_date, window_id = _after(books, found, at)
        _open(connection, books, number + 1, opening=_Opening(business_date, window_id, cut, at))
        return window(connection, books, number)


def close_if_reached(
    connection: psycopg.Connection, books: SchemeBook, found: Window, *, at: datetime
) -> Window:
    """Close a window by amount when its gross value has reached it; call with the book locked."""
    bounds = books.scheme.windows[0].closes_at_minor
    if bounds is None:
        return found
    named = {
        "book_id": books.book_id,
        "scheme_id": books.scheme.id,
        "window_number": found.number,
        "event_from": found.event_from,
    }
    gross = {currency: int(total) for currency, total in connection.execute(_GROSS, named)}
    if any(gross.get(currency, 0) >= bound for currency, bound in bounds.items()):
        return close(connection, books, number=found.number, at=at)
    return found


def add_event(
    connection: psycopg.Connection,
    books: SchemeBook,
    found: Window,
    state: WindowState,
    *,
    at: datetime,
    run: int | None = None,
    event_to: int | None = None,
    detail: str | None = None,
) -> None:
    """The next event of a window, within the caller's transaction, which holds the book."""
    named = {
        "book_id": books.book_id,
        "scheme_id": books.scheme.id,
        "window_number": found.number,
        "state": str(state),
        "run": found.run if run is None else run,
        "event_to": event_to,
        "at": at,
        "detail": detail,
    }
    connection.execute(_ADD_EVENT, named)


def _windows(
    connection: psycopg.Connection,
    books: SchemeBook,
    *,
    number: int | None = None,
    business_date: date | None = None,
) -> list[Window]:
    named = {
        "book_id": books.book_id,
        "scheme_id": books.scheme.id,
        "number": number,
        "business_date": business_date,
    }
    rows = connection.execute(_WINDOWS, named).fetchall()
    return [
        Window(number, day, window_id, WindowState(state), *rest)
        for number, day, window_id, state, *rest in rows
    ]


def _stands_at(connection: psycopg.Connection, books: SchemeBook) -> int:
    return end(connection, book_id=books.book_id).sequence


def _open(
    connection: psycopg.Connection, books: SchemeBook, number: int, *, opening: "_Opening"
) -> None:
    connection.execute(
        "INSERT INTO payments.settlement_window VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            books.book_id,
            books.scheme.id,
            number,
            opening.business_date,
            opening.window_id,
            opening.event_from,
            opening.at,
        ],
    )


def _label(books: SchemeBook, index: int, number: int) -> str:
    """The id of a window; one that closes by amount has its number in it, for it follows itself."""
    listed = books.scheme.windows[index]
    return listed.id if listed.closes_at_minor is None else f"{listed.id}-{number}"


def _after(books: SchemeBook, closed: Window, at: datetime) -> tuple[date, str]:
    """Business date and id of the window that follows."""
    listed = books.scheme.windows
    if listed[0].closes_at_minor is not None:
        return max(closed.business_date, at.date()), _label(books, 0, closed.number + 1)
    following = {earlier.id: later.id for earlier, later in pairwise(listed)}.get(closed.window_id)
    if following is not None:
        return closed.business_date, following
    return closed.business_date + timedelta(days=1), listed[0].id
