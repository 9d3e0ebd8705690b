"""Net positions that a window is settled by: kept once a run, as they were handed over."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import psycopg

from ledger_service.ledger.books import lock_books
from ledger_service.payments.settlement.scheme_book import SchemeBook
from ledger_service.payments.settlement.windows import (
    Window,
    WindowInState,
    WindowState,
    add_event,
    window,
)


class NetPosition(NamedTuple):
    """What a participant receives (positive) or pays (negative), in minor units."""

    participant_id: str
    currency: str
    net_minor: int


class PositionsUnbalanced(ValueError):
    """The net positions of a currency do not sum to zero: they are no netting of anything."""

    def __init__(self, currency: str, total_minor: int) -> None:
        self.currency = currency
        self.total_minor = total_minor
        super().__init__(f"net positions in {currency} sum to {total_minor}, not to zero")


class PositionsDiffer(ValueError):
    """Other net positions are kept for the run of the window."""

    def __init__(self, number: int, run: int) -> None:
        self.number = number
        self.run = run
        super().__init__(f"run {run} of window {number} was netted before, to other positions")


def keep_positions(
    connection: psycopg.Connection,
    books: SchemeBook,
    *,
    number: int,
    positions: Sequence[NetPosition],
    at: datetime,
) -> Window:
    """Keep the net positions of the window's run; the same again change nothing.

    Raises `PositionsUnbalanced`, `PositionsDiffer`, and `WindowInState` while the window is open.
    """
    totals: dict[str, int] = {}
    for position in positions:
        totals[position.currency] = totals.get(position.currency, 0) + position.net_minor
    for currency, total in totals.items():
        if total:
            raise PositionsUnbalanced(currency, total)
    with connection.transaction():
        lock_books(connection, [books.book_id])
        found = window(connection, books, number)
        if found.state == WindowState.OPEN:
            raise WindowInState(found, "netted")
        given = sorted(NetPosition(*position) for position in positions)
        if found.state not in {WindowState.CLOSED, WindowState.RECAST}:
            if kept_positions(connection, books, found) != given:
                raise PositionsDiffer(number, found.run)
            return found
        with connection.cursor() as cursor:
            cursor.executemany(
                """INSERT INTO payments.settlement_position
                (book_id, scheme_id, window_number, run, participant_id, currency, net_minor)
                VALUES (%s, %s, %s, %s, %s, %s, %s)""",
                [(books.book_id, books.scheme.id, number, found.run, *position) for position in given],
            )
        add_event(connection, books, found, WindowState.NETTED, at=at)
        return window(connection, books, number)


def kept_positions(
    connection: psycopg.Connection, books: SchemeBook, found: Window
) -> list[NetPosition]:
    """The net positions of the window's run, by participant and currency; none before it is netted."""
    rows = connection.execute(
        """SELECT participant_id, currency, net_minor FROM payments.settlement_position
        WHERE book_id = %s AND scheme_id = %s AND window_number = %s AND run = %s""",
        [books.book_id, books.scheme.id, found.number, found.run],
    )
    return sorted(NetPosition(*row) for row in rows)
