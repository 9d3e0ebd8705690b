"""Participants, their books, and which business dates of a book are open."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import polars as pl
import psycopg


class ParticipantConflict(ValueError):
    """A participant is registered again with other content; the list is never overwritten silently."""

    def __init__(self, participant_id: str, result: str) -> None:
        self.participant_id = participant_id
        self.result = result
        super().__init__(f"participant {participant_id} {result.replace('_', ' ')}")


def register_participants(connection: psycopg.Connection, participants: pl.DataFrame) -> dict[str, int]:
    """Register participants and open the books of those that have one; idempotent.

    `participants`: participant_id, name, kind, country, bic, home_currency (all String), has_book
    (Boolean). Returns book id by participant id. Raises `ParticipantConflict`.
    """
    books: dict[str, int] = {}
    # In one order for all callers, so that two of them never wait for each other.
    for row in participants.sort("participant_id").iter_rows(named=True):
        result = _scalar(
            connection,
            "SELECT ledger.register_participant(%s, %s, %s, %s, %s, %s)",
            [
                row[name]
                for name in ("participant_id", "name", "kind", "country", "bic", "home_currency")
            ],
        )
        if result not in {"created", "exists"}:
            raise ParticipantConflict(row["participant_id"], str(result))
        if row["has_book"]:
            book_id = _scalar(connection, "SELECT ledger.open_book(%s)", [row["participant_id"]])
            books[row["participant_id"]] = int(str(book_id))
    return books


def book_ids(connection: psycopg.Connection) -> list[int]:
    """All books, ascending."""
    return [row[0] for row in connection.execute("SELECT book_id FROM ledger.book ORDER BY book_id")]


def closed_through(connection: psycopg.Connection, *, book_id: int) -> date | None:
    """The last closed business date of a book; None before the first close."""
    statement = "SELECT closed_through FROM ledger.book_state WHERE book_id = %s"
    found = _scalar(connection, statement, [book_id])
    return found if isinstance(found, date) else None


def open_business_date(connection: psycopg.Connection, *, book_id: int) -> date | None:
    """The first date that late items can be booked to; None before the first close."""
    closed = closed_through(connection, book_id=book_id)
    return closed + timedelta(days=1) if closed else None


def close_business_date(
    connection: psycopg.Connection, *, book_id: int, business_date: date, closed_at: datetime
) -> bool:
    """Close `business_date` and all before it, waiting for transfers in flight.

    False when it was closed already. The caller commits; after that no transfer with such a
    business date can appear in the book.
    """
    return bool(
        _scalar(
            connection,
            "SELECT ledger.close_business_date(%s, %s, %s)",
            [book_id, business_date, closed_at],
        )
    )


def lock_books(connection: psycopg.Connection, book_ids: Iterable[int]) -> None:
    """Make the caller's transaction the only writer of several books until it ends.

    A transaction that writes to more than one book begins with this: all lock in ascending order, so
    that no two of them can wait for each other.
    """
    for book_id in sorted(set(book_ids)):
        connection.execute("SELECT ledger.lock_book(%s)", [book_id])


def _scalar(connection: psycopg.Connection, statement: str, parameters: list[object]) -> object:
    row = connection.execute(statement.encode(), parameters).fetchone()
    return row[0] if row else None
