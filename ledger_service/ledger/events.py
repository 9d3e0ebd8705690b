"""Events: what happened in a book, in the order of its commits. The journal itself is the outbox.

Transfers, openings and changes of accounts and closes of business dates share one numbering per book,
without gaps, given while the book's one writer holds it until its commit. So a reader that has seen
event n has seen all before it, misses nothing that commits late, and can begin anew anywhere.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import polars as pl
import psycopg

from ledger_service.ledger.transfers import TIMESTAMP

EVENT_LIMIT = 10_000
"""Events of one read at most."""

FIRST_PAUSE_S = 0.005
"""Of a reader that has come to the end; doubled each time, up to `LONGEST_PAUSE_S`."""
LONGEST_PAUSE_S = 0.25

EVENT_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "sequence": pl.Int64,
    "event": pl.String,
    "known_at": TIMESTAMP,
    "business_date": pl.Date,
    "transfer_id": pl.String,
    "phase": pl.String,
    "debit_account_id": pl.Int64,
    "credit_account_id": pl.Int64,
    "amount_minor": pl.Int64,
    "currency": pl.String,
    "kind": pl.String,
    "payment_id": pl.String,
    "pending_id": pl.String,
    "reverses_id": pl.String,
    "expires_at": TIMESTAMP,
    "event_at": TIMESTAMP,
    "value_date": pl.Date,
    "account_id": pl.Int64,
    "revision": pl.Int32,
    "closed": pl.Boolean,
    "debits_frozen": pl.Boolean,
    "credits_frozen": pl.Boolean,
    "debit_limit": pl.Int64,
    "credit_limit": pl.Int64,
    "reason": pl.String,
}
"""Columns of a frame of events; those that say nothing of an event are null. `known_at` is when the
ledger booked, changed or closed."""

_STATE = Path(__file__).with_name("book_state.sql").read_bytes()
_EVENTS = Path(__file__).with_name("events.sql").read_bytes()


class Event(StrEnum):
    """What happened."""

    TRANSFER_CREATED = "transfer_created"
    """A transfer was booked, of any phase."""
    ACCOUNT_OPENED = "account_opened"
    """An account was opened."""
    ACCOUNT_CHANGED = "account_changed"
    """An account was closed, reopened, frozen, unfrozen or limited."""
    BUSINESS_DATE_CLOSED = "business_date_closed"
    """A business date, and all before it, accepts no more transfers."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a reader has come in a book."""

    epoch: int
    sequence: int
    """Number of the last event that it has seen; 0 before the first."""


class BookNotFound(LookupError):
    """There is no such book."""

    def __init__(self, book_id: int) -> None:
        self.book_id = book_id
        super().__init__(f"there is no book {book_id}")


class CursorOfAnotherEpoch(LookupError):
    """The ledger was restored or the book moved since: what the reader has seen may not be so any more.

    The reader begins anew, from `beginning`, or from where it has made sure that both agree.
    """

    def __init__(self, book_id: int, cursor: Cursor, now: Cursor) -> None:
        self.book_id = book_id
        self.cursor = cursor
        self.now = now
        super().__init__(
            f"book {book_id} is in epoch {now.epoch} at event {now.sequence}, "
            f"the cursor is of epoch {cursor.epoch} at event {cursor.sequence}: begin anew"
        )


class EventsMissing(LookupError):
    """Events of the range are not in the ledger any more: their transfers are archived."""

    def __init__(self, book_id: int, after: int, upto: int, present: int) -> None:
        self.book_id = book_id
        self.after = after
        self.upto = upto
        self.present = present
        super().__init__(
            f"of the events {after + 1} to {upto} of book {book_id} only {present} are here: "
            "read the archive up to the first that is"
        )


def beginning(connection: psycopg.Connection, *, book_id: int) -> Cursor:
    """Before the first event of the book."""
    return Cursor(end(connection, book_id=book_id).epoch, 0)


def end(connection: psycopg.Connection, *, book_id: int) -> Cursor:
    """After the last event of the book that is committed now. Raises `BookNotFound`."""
    row = connection.execute(_STATE, {"book_id": book_id}).fetchone()
    if row is None:
        raise BookNotFound(book_id)
    return Cursor(*row)


def read_events(
    connection: psycopg.Connection, *, book_id: int, after: Cursor, limit: int = EVENT_LIMIT
) -> tuple[pl.DataFrame, Cursor]:
    """The next events of a book, at most `limit`, in order; and the cursor after them.

    `EVENT_COLUMNS`. The same cursor gives the same events, always. Raises `BookNotFound`,
    `CursorOfAnotherEpoch` (also for a cursor beyond the end) and `EventsMissing`.
    """
    now = end(connection, book_id=book_id)
    if after.epoch != now.epoch or not 0 <= after.sequence <= now.sequence:
        raise CursorOfAnotherEpoch(book_id, after, now)
    upto = min(now.sequence, after.sequence + min(limit, EVENT_LIMIT))
    if upto <= after.sequence:
        return pl.DataFrame(schema=EVENT_COLUMNS), after
    parameters = {"book_id": book_id, "after": after.sequence, "upto": upto}
    # Planned anew each time: with the numbers known, the partitions without any are cheap to see.
    rows = connection.execute(_EVENTS, parameters, prepare=False).fetchall()
    if len(rows) != upto - after.sequence:
        raise EventsMissing(book_id, after.sequence, upto, len(rows))
    return pl.DataFrame(rows, schema=EVENT_COLUMNS, orient="row"), Cursor(now.epoch, upto)


def follow(
    connection: psycopg.Connection,
    *,
    book_id: int,
    after: Cursor,
    stopped: threading.Event,
    limit: int = EVENT_LIMIT,
) -> Iterator[tuple[pl.DataFrame, Cursor]]:
    """Read on and on, waiting at the end for more, until `stopped` is set; raises as `read_events`.

    Waiting is looking again after a pause: a notification would have to be given inside the commits
    of posting, one after the other for all books. An idle look is one probe of one row. The connection
    is in autocommit mode, so that waiting holds nothing.
    """
    if not connection.autocommit:
        raise ValueError("following needs a connection in autocommit mode")
    pause_s = FIRST_PAUSE_S
    while not stopped.is_set():
        events, after = read_events(connection, book_id=book_id, after=after, limit=limit)
        if events.height:
            pause_s = FIRST_PAUSE_S
            yield events, after
        else:
            stopped.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
