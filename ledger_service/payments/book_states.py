"""What the books say of themselves before payments reach them: participants, dates, booking times.

Belongs here: reading that, for all books in one statement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl
import psycopg

from ledger_service.payments.bulk import fetch_frame
from ledger_service.payments.sources.source import PARTICIPANT_SCHEMA

_FOLDER: Final = Path(__file__).parent
_BOOK_STATES: Final = (_FOLDER / "book_states.sql").read_bytes()
_KNOWN_PARTICIPANTS: Final = (_FOLDER / "known_participants.sql").read_bytes()


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
    rows = connection.execute(_BOOK_STATES, [list(book_ids)], binary=True).fetchall()
    return Books(
        booking_dates={
            book_id: business_date if closed is None else max(business_date, closed + timedelta(days=1))
            for book_id, closed, _ in rows
        },
        last_booked_at={book_id: last_booked_at for book_id, _, last_booked_at in rows},
        replayed=replayed,
    )


def known_books(connection: psycopg.Connection, participants: pl.DataFrame) -> dict[str, int]:
    """Book id by participant id, where the ledger knows all of them as they are given.

    `participants` has `PARTICIPANT_SCHEMA`. Empty where one is new or differs: registering says which.
    """
    schema = PARTICIPANT_SCHEMA | {"book_id": pl.Int32}
    known = fetch_frame(connection, _KNOWN_PARTICIPANTS, [], schema=schema)
    new = participants.join(known, on=list(PARTICIPANT_SCHEMA), how="anti", nulls_equal=True)
    if new.height:
        return {}
    own = known.filter("has_book").join(participants, on="participant_id", how="semi")
    return dict(own.select("participant_id", "book_id").iter_rows())
