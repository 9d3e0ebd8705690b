"""The expiry sweep: releases the holds whose time has passed, by ordinary transfers of phase `expire`.

A hold that has expired cannot be posted whether it was swept or not; the sweep gives the money free. It
reads holds by their time of expiry from where the sweep before it came to, so that those which are
resolved are not read again and again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import polars as pl
import psycopg

from ledger_service.ledger.results import TransferResult
from ledger_service.ledger.transfers import BATCH_LIMIT, TIMESTAMP, TRANSFER_COLUMNS, create_transfers

_HOLDS = Path(__file__).with_name("expired_holds.sql").read_bytes()
_BOOKS = Path(__file__).with_name("books_with_expired_holds.sql").read_bytes()
_CLOCK = Path(__file__).with_name("ledger_clock.sql").read_bytes()

_HOLD_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "pending_id": pl.String,
    "expires_at": TIMESTAMP,
    "kind": pl.String,
    "payment_id": pl.String,
    "resolved": pl.String,
}

RESOLVED = frozenset(
    {
        TransferResult.CREATED,
        TransferResult.EXISTS,
        TransferResult.PENDING_TRANSFER_ALREADY_POSTED,
        TransferResult.PENDING_TRANSFER_ALREADY_VOIDED,
        TransferResult.PENDING_TRANSFER_EXPIRED,
    }
)
"""Answers after which a hold is resolved, by this sweep or by someone else meanwhile."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_ID = str(UUID(int=2**128 - 1))


@dataclass(frozen=True, slots=True)
class SweepPosition:
    """All holds up to this time of expiry, and of that time up to this id, are resolved."""

    expires_at: datetime
    transfer_id: str


NOTHING_SWEPT = SweepPosition(_EPOCH, str(UUID(int=0)))
"""Where the first sweep of a book begins."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one sweep did."""

    holds: pl.DataFrame
    """The unresolved holds that it found: pending_id, expires_at, transfer_id of the release, result."""
    position: SweepPosition
    """Where the next sweep begins."""
    finished: bool
    """Whether it came to `now`; else there is more to sweep at once."""

    @property
    def released(self) -> int:
        """How many holds it released."""
        return int((self.holds["result"] == TransferResult.CREATED).sum())


def sweep_expired(
    connection: psycopg.Connection,
    *,
    book_id: int,
    business_date: date,
    now: datetime,
    limit: int = BATCH_LIMIT,
    after: SweepPosition = NOTHING_SWEPT,
) -> Sweep:
    """Release holds of a book that have expired at `now` (aware) and by the ledger's own clock.

    Reads at most `limit` holds (at most `BATCH_LIMIT`) from `after` on: the position of the sweep before
    it, or the beginning, where that is not known. A release is booked to `business_date`, which
    must be open, with the hold's kind and payment; its id is made from `now` and the hold, so that
    sweeps at the same time release once. A position is passed only when all before it is resolved.
    The caller commits.
    """
    through = min(now, _swept_before(connection, book_id, business_date))
    holds = _holds(connection, book_id=book_id, after=after, through=through, limit=limit)
    complete = holds.height < min(limit, BATCH_LIMIT)
    unresolved = holds.filter(pl.col("resolved").is_null()).with_columns(
        transfer_id=pl.col("pending_id").map_elements(
            lambda hold: release_id(now, hold), return_dtype=pl.String
        )
    )
    results = create_transfers(
        connection,
        book_id=book_id,
        business_date=business_date,
        transfers=_releases(unresolved, business_date),
    )
    swept = unresolved.select("pending_id", "expires_at", "transfer_id").with_columns(result=results)
    if not results.is_in([str(result) for result in RESOLVED]).all():
        return Sweep(swept, after, complete)
    reached = (
        SweepPosition(max(through, after.expires_at), _LAST_ID)
        if complete
        else SweepPosition(holds["expires_at"][-1], holds["pending_id"][-1])
    )
    return Sweep(swept, reached, complete)


def sweep_books(
    connection: psycopg.Connection, *, book_ids: Sequence[int], business_date: date, now: datetime
) -> int:
    """Release all expired holds of these books; returns how many. The connection commits by itself.

    A book that has closed `business_date` is passed over: its holds go with its next date.
    """
    parameters = {"book_ids": list(book_ids), "now": now}
    released = 0
    for (book_id,) in connection.execute(_BOOKS, parameters).fetchall():
        position, finished = NOTHING_SWEPT, False
        while not finished:
            with connection.transaction():
                sweep = sweep_expired(
                    connection, book_id=book_id, business_date=business_date, now=now, after=position
                )
            released += sweep.released
            finished = sweep.finished or sweep.position == position
            position = sweep.position
    return released


def release_id(now: datetime, hold: str) -> str:
    """The UUIDv7 of the transfer that releases a hold: when by `now`, the rest by the hold's id."""
    milliseconds = (now - _EPOCH) // timedelta(milliseconds=1)
    octets = milliseconds.to_bytes(6) + sha256(hold.encode()).digest()[:10]
    drawn = UUID(bytes=octets, version=4)  # which sets the variant; the version is then changed to 7
    return str(UUID(int=drawn.int ^ (4 ^ 7) << 76))


def _swept_before(connection: psycopg.Connection, book_id: int, business_date: date) -> datetime:
    """A time before which no hold can still come to expire in the book.

    A posting reads its clock when it has the book, and commits later. So the clock is read first, then
    the book is taken once, with an empty batch: what is posted after that has a later clock.
    """
    row = connection.execute(_CLOCK, {"book_id": book_id}).fetchone()
    create_transfers(
        connection,
        book_id=book_id,
        business_date=business_date,
        transfers=pl.DataFrame(schema=TRANSFER_COLUMNS),
    )
    if row is None:
        raise RuntimeError("the ledger has no clock")
    return datetime.fromtimestamp(row[0].timestamp(), UTC)


def _holds(
    connection: psycopg.Connection, *, book_id: int, after: SweepPosition, through: datetime, limit: int
) -> pl.DataFrame:
    parameters = {
        "book_id": book_id,
        "after": after.expires_at,
        "after_id": after.transfer_id,
        "through": through,
        "limit": min(limit, BATCH_LIMIT),
    }
    # Planned anew each time: the partitions whose holds have all been swept are cheap to see.
    rows = connection.execute(_HOLDS, parameters, prepare=False).fetchall()
    return pl.DataFrame(rows, schema=_HOLD_COLUMNS, orient="row")


def _releases(holds: pl.DataFrame, business_date: date) -> pl.DataFrame:
    """A batch of `expire` items; accounts and amount are those of the hold."""
    absent = ("debit_account_id", "credit_account_id", "amount_minor", "booked_at")
    return holds.select(
        "transfer_id",
        "pending_id",
        "kind",
        "payment_id",
        *(pl.lit(None, TRANSFER_COLUMNS[name]).alias(name) for name in absent),
        phase=pl.lit("expire"),
        linked=pl.lit(False),
        event_at=pl.col("expires_at"),
        value_date=pl.lit(business_date),
    )
