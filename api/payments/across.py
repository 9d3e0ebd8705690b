"""A payment between two books: both sides in one transaction, or none.

The debtor's bank owes the creditor's until settlement: the debtor's book credits its clearing account
for the creditor's participant, the creditor's book debits its own for the debtor's (legs 1 and 3 of
`ledger_service.payments.posting_rules`). Both books are locked first, in ascending order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
import psycopg

from api.directory import KnownAccount
from api.problem_catalog import LedgerRefused
from ledger_service.ledger.books import lock_books, open_business_date
from ledger_service.ledger.poster import Transfer
from ledger_service.ledger.results import TransferResult
from ledger_service.ledger.transfers import OPTIONAL_COLUMNS, TRANSFER_COLUMNS, create_transfers


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a payment: a customer's account, and the book's clearing account for the other."""

    participant_id: str
    book_id: int
    customer: KnownAccount
    clearing: KnownAccount


def clearing_reference(participant_id: str, currency: str) -> str:
    """What a book calls its clearing account for another participant."""
    return f"clearing:{participant_id}:{currency}"


def open_dates(connection: psycopg.Connection, sides: Sequence[Side], *, today: date) -> list[date]:
    """The open business date of each side's book, which stays open: the books are locked from now on."""
    lock_books(connection, [side.book_id for side in sides])
    return [open_business_date(connection, book_id=side.book_id) or today for side in sides]


def post_across(
    connection: psycopg.Connection,
    *,
    sides: Sequence[Side],
    dates: Sequence[date],
    transfers: Sequence[Transfer],
) -> None:
    """Post a transfer in each book; raises `LedgerRefused` where one is refused: roll back then."""
    for side, business_date, transfer in zip(sides, dates, transfers, strict=True):
        (result,) = create_transfers(
            connection, book_id=side.book_id, business_date=business_date, transfers=_frame(transfer)
        )
        if result != TransferResult.CREATED:
            raise LedgerRefused(result)


def _frame(transfer: Transfer) -> pl.DataFrame:
    schema = TRANSFER_COLUMNS | OPTIONAL_COLUMNS
    row = {name: getattr(transfer, name) for name in schema if name != "linked"}
    return pl.DataFrame([row | {"linked": False}], schema=schema)
