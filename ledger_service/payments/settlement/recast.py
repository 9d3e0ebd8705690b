"""Recast: a window is settled without some of its obligations, which are given back by reversals.

Never a silent unwind: each obligation that is given back is a row with its transfer, its reversal and
the reason. What is final stays final; the next run instructs the difference.
"""

from datetime import datetime
from typing import Final

import polars as pl
import psycopg

from ledger_service.ledger.books import lock_books, open_business_date
from ledger_service.ledger.lookups import lookup_transfers
from ledger_service.payments.identifiers import derived_ids
from ledger_service.payments.settlement.acceptance import EXPOSURE_ORDINAL, POSITION_ORDINAL
from ledger_service.payments.settlement.instruction_log import (
    Happened,
    InstructionState,
    add_happened,
    instructions,
)
from ledger_service.payments.settlement.instructions import void_hold
from ledger_service.payments.settlement.scheme_book import SchemeBook
from ledger_service.payments.settlement.transfers import DONE, RETURN, post
from ledger_service.payments.settlement.windows import (
    Window,
    WindowInState,
    WindowState,
    add_event,
    window,
)

EXCLUDED_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "payment_id": pl.String,
    "reason": pl.String,  # such as debtor_defaulted
}
"""Obligations to be given back."""

_RETURN_ORDINAL: Final = EXPOSURE_ORDINAL + 1
_REVERSAL_OF: Final = {
    POSITION_ORDINAL: _RETURN_ORDINAL,
    EXPOSURE_ORDINAL: _RETURN_ORDINAL + 1,
}
"""Ordinal of the reversal of each transfer of an obligation."""


class ObligationNotInWindow(LookupError):
    """A payment that is to be given back was not accepted in the window."""

    def __init__(self, payment_id: str, number: int) -> None:
        self.payment_id = payment_id
        self.number = number
        super().__init__(f"payment {payment_id} is no obligation of window {number}")


class RecastRefused(RuntimeError):
    """The ledger refused to give obligations back, so nothing was; carries payment ids and codes.

    Their creditors have spent what they received beyond their cover: give them cover first.
    """

    def __init__(self, number: int, refused: dict[str, str]) -> None:
        self.number = number
        self.refused = refused
        super().__init__(f"window {number} is not recast: {len(refused)} obligations cannot be returned")


def recast(
    connection: psycopg.Connection,
    books: SchemeBook,
    *,
    number: int,
    excluded: pl.DataFrame,
    at: datetime,
) -> Window:
    """Give `excluded` (`EXCLUDED_SCHEMA`) back and begin the window's next run; one transaction.

    Instructions that are not final are withdrawn. Obligations given back before change nothing. Raises
    `WindowInState` for an open or settled window, `ObligationNotInWindow`, `RecastRefused`.
    """
    with connection.transaction():
        lock_books(connection, [books.book_id])
        found = window(connection, books, number)
        before = exclusions(connection, books, number=number)
        fresh = excluded.unique("payment_id", keep="first", maintain_order=True).join(
            before, on="payment_id", how="anti", maintain_order="left"
        )
        if fresh.is_empty():
            return found
        if found.state in {WindowState.OPEN, WindowState.SETTLED}:
            raise WindowInState(found, "recast")
        _withdraw(connection, books, found, at=at)
        # A window that was not netted again since its last recast goes on in that run.
        run = found.run + (found.state != WindowState.RECAST)
        _give_back(connection, books, found, fresh, run=run, at=at)
        if found.state != WindowState.RECAST:
            add_event(connection, books, found, WindowState.RECAST, at=at, run=run)
        return window(connection, books, number)


def exclusions(connection: psycopg.Connection, books: SchemeBook, *, number: int) -> pl.DataFrame:
    """What was given back of a window: payment_id, transfer_id, reversal_id, run, reason."""
    rows = connection.execute(
        """SELECT payment_id::text, transfer_id::text, reversal_id::text, run, reason
        FROM payments.settlement_exclusion
        WHERE book_id = %s AND scheme_id = %s AND window_number = %s ORDER BY run, payment_id""",
        [books.book_id, books.scheme.id, number],
    ).fetchall()
    names = ("payment_id", "transfer_id", "reversal_id")
    schema = dict.fromkeys(names, pl.String) | {"run": pl.Int32, "reason": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _withdraw(connection: psycopg.Connection, books: SchemeBook, found: Window, *, at: datetime) -> None:
    """End every instruction of the run that is not final."""
    for one in instructions(connection, books, window_number=found.number):
        if one.run != found.run or one.state in {
            InstructionState.CONFIRMED,
            InstructionState.WITHDRAWN,
        }:
            continue
        held = one.state == InstructionState.INSTRUCTED
        happened = Happened(
            state=InstructionState.WITHDRAWN,
            attempt=one.attempt,
            at=at,
            transfer_id=void_hold(connection, books, one, at=at) if held else None,
        )
        add_happened(connection, books, one.instruction_id, happened, number=one.number + 1)


def _give_back(
    connection: psycopg.Connection,
    books: SchemeBook,
    found: Window,
    excluded: pl.DataFrame,
    *,
    run: int,
    at: datetime,
) -> None:
    """Reverse obligations with their exposures, and note each."""
    named = pl.concat(
        [
            excluded.with_columns(
                original=pl.lit(original, pl.UInt64), reversal=pl.lit(reversal, pl.UInt64)
            )
            for original, reversal in _REVERSAL_OF.items()
        ]
    )
    named = named.with_columns(
        reverses_id=derived_ids(named["payment_id"], named["original"]),
        transfer_id=derived_ids(named["payment_id"], named["reversal"]),
    )
    booked = lookup_transfers(
        connection, book_id=books.book_id, transfer_ids=named["reverses_id"].to_list()
    ).filter(pl.col("sequence").is_between(found.event_from, found.event_to, closed="right"))
    present = named.join(booked.select(reverses_id="transfer_id"), on="reverses_id", how="semi")
    obligations = present.filter(original=POSITION_ORDINAL)
    absent = excluded.join(obligations, on="payment_id", how="anti")
    if absent.height:
        raise ObligationNotInWindow(absent["payment_id"][0], found.number)
    _reverse(connection, books, found, present, at=at)
    rows = obligations.select("reverses_id", "payment_id", "transfer_id", "reason").rows()
    with connection.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO payments.settlement_exclusion (book_id, scheme_id, window_number, run, at,
                transfer_id, payment_id, reversal_id, reason)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            [(books.book_id, books.scheme.id, found.number, run, at, *row) for row in rows],
        )


def _reverse(
    connection: psycopg.Connection,
    books: SchemeBook,
    found: Window,
    reversals: pl.DataFrame,
    *,
    at: datetime,
) -> None:
    """Post the reversals in an order in which the ledger takes them; all of them, or `RecastRefused`."""
    opened = open_business_date(connection, book_id=books.book_id)
    business_date = max(at.date(), opened) if opened else at.date()
    waiting = reversals.with_columns(
        kind=pl.lit(RETURN), event_at=pl.lit(at), value_date=pl.lit(at.date())
    )
    while waiting.height:
        codes = post(connection, book_id=books.book_id, business_date=business_date, transfers=waiting)
        refused = ~codes.is_in(list(DONE))
        # Each one that is returned gives its debtor money, which may be what another one waits for.
        if refused.all():
            raise RecastRefused(found.number, dict(zip(waiting["payment_id"], codes, strict=True)))
        waiting = waiting.filter(refused)
