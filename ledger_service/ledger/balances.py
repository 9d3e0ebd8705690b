"""Balances: the totals of an account as they stood at any time, read from its entries."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg

from ledger_service.ledger.chart import Side

_STATEMENT = Path(__file__).with_name("balance_at.sql").read_bytes()


class AccountNotFound(LookupError):
    """The book has no such account."""

    def __init__(self, book_id: int, account_id: int) -> None:
        self.book_id = book_id
        self.account_id = account_id
        super().__init__(f"book {book_id} has no account {account_id}")


@dataclass(frozen=True, slots=True)
class Balance:
    """The totals of an account after one of its entries, in minor units."""

    version: int
    """Number of that entry; 0 before the first."""
    booked_at: datetime | None
    """When it was booked; None before the first."""
    debits_posted: int
    credits_posted: int
    debits_pending: int
    credits_pending: int

    def posted(self, side: Side) -> int:
        """By how much the posted total of `side` exceeds the other."""
        excess = self.debits_posted - self.credits_posted
        return excess if side is Side.DEBIT else -excess


def balance_at(
    connection: psycopg.Connection, *, book_id: int, account_id: int, at: datetime
) -> Balance:
    """The account's totals at `at` (aware), entries booked in that very microsecond included.

    By booking time: when the ledger knew it. Raises `AccountNotFound`.
    """
    parameters = {"book_id": book_id, "account_id": account_id, "at": at}
    row = connection.execute(_STATEMENT, parameters).fetchone()
    if row is None:
        raise AccountNotFound(book_id, account_id)
    return Balance(*row)
