"""Returned payments: what a bank rejects or sends back goes the way it came, whole or not at all.

Belongs here: the reversals of a payment's transfers, in all of its books. Their ids are derived from the
transfers', so that a return that is told twice is booked once. A closed date is never touched: a return
is booked to each book's next open date.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import Final

import polars as pl
import psycopg

from ledger_service.ledger.books import lock_books
from ledger_service.ledger.results import TransferResult
from ledger_service.ledger.transfers import (
    OPTIONAL_COLUMNS,
    TRANSFER_COLUMNS,
    create_transfers,
)
from ledger_service.payments.book_states import Books, read_books
from ledger_service.payments.identifiers import derived_ids

_TRANSFERS: Final = Path(__file__).with_name("payment_transfers.sql").read_bytes()

KIND: Final = "payment_return"
"""Kind of the reversals."""

RETURNS_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "payment_id": pl.String,  # UUID of the instruction
    "business_date": pl.Date,  # on which it was booked
    "event_at": pl.Datetime("us", "UTC"),  # when the bank sent it back
}

OUTCOME_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "payment_id": pl.String,
    "outcome": pl.String,  # an `Outcome`
    "code": pl.String,  # of the ledger, where it refused
    "booked_on": pl.Date,  # latest booking date of its books; null where nothing was booked
}

_ORDINAL: Final = 1 << 20
"""Of the id of a reversal, far from those of a payment's own transfers."""

_DONE: Final = {TransferResult.CREATED.value, TransferResult.EXISTS.value}


class Outcome(StrEnum):
    """What became of a return."""

    RETURNED = "returned"
    """All of its transfers are reversed, now or before."""
    NOT_BOOKED = "not_booked"
    """No transfer of the payment is in the journal on that date."""
    REFUSED = "refused"
    """The ledger refused a reversal, so none was booked: the money is spent or an account is closed."""


def book_returns(
    connection: psycopg.Connection,
    *,
    returns: pl.DataFrame,
    books: Mapping[str, int],
    replayed: bool = True,
) -> pl.DataFrame:
    """Reverse the transfers of returned payments (`RETURNS_SCHEMA`); opens its own transactions.

    One row of `OUTCOME_SCHEMA` a payment, in order of event. Each payment is a transaction: in the book
    that was credited last first, for only there can the money be spent. `replayed`: booking times follow
    event times. The same returns again answer the same and book nothing.
    """
    book_ids = sorted(books.values())
    outcomes: list[tuple[str, Outcome, str | None, date | None]] = []
    ordered = returns.sort("business_date", "event_at", "payment_id")
    for of_date in ordered.partition_by("business_date", maintain_order=True):
        business_date = of_date["business_date"][0]
        found = _transfers(connection, of_date, book_ids=book_ids)
        for payment_id, event_at in of_date.select("payment_id", "event_at").iter_rows():
            transfers = found.filter(pl.col("payment_id") == payment_id)
            if transfers.is_empty():
                outcomes.append((payment_id, Outcome.NOT_BOOKED, None, None))
                continue
            what = _Return(business_date, event_at, replayed)
            try:
                booked_on = _returned(connection, transfers, what)
            except _Refused as refused:
                outcomes.append((payment_id, Outcome.REFUSED, refused.code, None))
            else:
                outcomes.append((payment_id, Outcome.RETURNED, None, booked_on))
    return pl.DataFrame(outcomes, schema=OUTCOME_SCHEMA, orient="row")


class _Refused(Exception):
    """The ledger refused a reversal; carries its code."""

    def __init__(self, code: str) -> None:
        self.code = code


@dataclass(frozen=True, slots=True)
class _Return:
    """When a payment was booked, and when it came back."""

    business_date: date
    event_at: datetime
    replayed: bool


def _transfers(
    connection: psycopg.Connection, returns: pl.DataFrame, *, book_ids: list[int]
) -> pl.DataFrame:
    """The transfers of payments of one business date: payment_id, transfer_id, book_id."""
    rows = []
    for book_id in book_ids:
        named = {
            "book_id": book_id,
            "business_date": returns["business_date"][0],
            "payment_ids": returns["payment_id"].to_list(),
        }
        rows += [(*row, book_id) for row in connection.execute(_TRANSFERS, named)]
    schema = {"payment_id": pl.String, "transfer_id": pl.String, "book_id": pl.Int32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _booked_at(what: _Return, states: Books, book_id: int) -> datetime:
    """The event time, but neither before the booking date nor before what the book has booked."""
    begun = datetime.combine(states.booking_dates[book_id], time(), UTC)
    return max(what.event_at, begun, states.last_booked_at[book_id] or begun)


def _reversals(transfers: pl.DataFrame, what: _Return, *, booked_at: datetime | None) -> pl.DataFrame:
    """One book's transfers of a payment, reversed whole, the last first, as one chain."""
    backwards = transfers.reverse()
    schema = TRANSFER_COLUMNS | OPTIONAL_COLUMNS
    said = {
        "transfer_id": derived_ids(
            backwards["transfer_id"], pl.repeat(_ORDINAL, backwards.height, dtype=pl.UInt64, eager=True)
        ),
        "reverses_id": backwards["transfer_id"],
        "payment_id": backwards["payment_id"],
        "phase": ["single"] * backwards.height,
        "linked": [True] * (backwards.height - 1) + [False],
        "kind": [KIND] * backwards.height,
        "event_at": [what.event_at] * backwards.height,
        "booked_at": [booked_at] * backwards.height,
        "value_date": [what.event_at.date()] * backwards.height,
    }
    absent = {name: [None] * backwards.height for name in schema if name not in said}
    return pl.DataFrame(said | absent, schema_overrides=schema).select(list(schema))


def _returned(connection: psycopg.Connection, transfers: pl.DataFrame, what: _Return) -> date:
    """Reverse one payment and say when it is booked; `_Refused` rolls all of it back."""
    book_ids = transfers["book_id"].unique().sort().to_list()
    with connection.transaction():
        lock_books(connection, book_ids)
        states = read_books(
            connection, book_ids, business_date=what.business_date, replayed=what.replayed
        )
        booked_on = []
        for book_id in reversed(book_ids):
            reversals = _reversals(
                transfers.filter(pl.col("book_id") == book_id),
                what,
                booked_at=_booked_at(what, states, book_id) if what.replayed else None,
            )
            results = create_transfers(
                connection,
                book_id=book_id,
                business_date=states.booking_dates[book_id],
                transfers=reversals,
            )
            refused = [code for code in results if code not in _DONE]
            if refused:
                told = [code for code in refused if code != TransferResult.LINKED_EVENT_FAILED]
                raise _Refused((told or refused)[0])
            booked_on.append(_booking_date(connection, book_id, reversals["transfer_id"][0]))
    return max(booked_on)


def _booking_date(connection: psycopg.Connection, book_id: int, transfer_id: str) -> date:
    """Of a transfer that is in the journal: it may have been there before."""
    row = connection.execute(
        "SELECT business_date FROM ledger.transfer WHERE book_id = %s AND transfer_id = %s",
        [book_id, transfer_id],
    ).fetchone()
    return row[0] if row else date.max
