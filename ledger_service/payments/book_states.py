"""What the books say of themselves before payments reach them: open dates, last booking times.

Belongs here: reading that, once a part, for all books in one statement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg

_STATEMENT: Final = Path(__file__).with_name("book_states.sql").read_bytes()


@dataclass(frozen=True, slots=True)
class Books:
    """Where legs are posted: by book id the booking date, and the last booking time (None: none yet).

    With `replayed`, booking times follow event times, so that an import is the same bytes on every
    run; otherwise the ledger's clock gives them.
    """

    booking_dates: Mapping[int, date]
    last_booked_at: Mapping[int, datetime | None]
    replayed: bool


def read_books(
    connection: psycopg.Connection, book_ids: Sequence[int], *, business_date: date, replayed: bool
) -> Books:
    """The state of the books: each is booked on the business date, or, once closed, on its next date."""
    rows = connection.execute(_STATEMENT, [list(book_ids)], binary=True).fetchall()
    return Books(
        booking_dates={
            book_id: business_date if closed is None else max(business_date, closed + timedelta(days=1))
            for book_id, closed, _ in rows
        },
        last_booked_at={book_id: last_booked_at for book_id, _, last_booked_at in rows},
        replayed=replayed,
    )
