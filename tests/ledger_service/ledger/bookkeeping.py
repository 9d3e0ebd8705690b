"""Opening books and posting in tests: short ways to say what a test is about."""

import itertools
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import psycopg

from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, OPTIONAL_ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.books import close_business_date, register_participants
from ledger_service.ledger.transfers import OPTIONAL_COLUMNS, TRANSFER_COLUMNS, create_transfers
from ledger_service.ledger.verification import BookVerification, verify

DAY = date(2025, 3, 3)
NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)

_numbers = itertools.count(1)


def name(number: int) -> str:
    """A transfer id that a test can name: 1, 2, 3 ..."""
    return str(uuid.UUID(int=number))


def transfer(
    number: int | None, debit: int | None, credit: int | None, amount: int | None, **other: Any
) -> dict[str, Any]:
    """One item of a batch; what is not said is ordinary."""
    item: dict[str, Any] = {
        "transfer_id": None if number is None else name(number),
        "debit_account_id": debit,
        "credit_account_id": credit,
        "amount_minor": amount,
        "phase": "single",
        "pending_id": None,
        "linked": False,
        "kind": "credit_transfer",
        "payment_id": None,
        "event_at": NOON,
        "booked_at": None,
        "value_date": DAY,
        "reverses_id": None,
        "timeout_s": None,
        "balancing": None,
    }
    assert other.keys() <= item.keys()
    return item | other


def account(account_id: int | None, **other: Any) -> dict[str, Any]:
    """One account of a batch: a customer's, in KES, without limits, unless said otherwise."""
    return {
        "account_id": account_id,
        "external_ref": f"A{account_id}",
        "chart_code": 2010,
        "currency": "KES",
        "parent_account_id": None,
        "counterparty_id": None,
        "party_id": None,
        "party_kind": None,
        "holder_name": None,
        "opened_on": DAY,
        "debit_limit": None,
        "credit_limit": None,
    } | other


@dataclass(frozen=True)
class Book:
    """One book, on the application's connection, committed after each call."""

    connection: psycopg.Connection
    book_id: int
    participant_id: str

    def open(self, *accounts: dict[str, Any]) -> list[str]:
        with self.connection.transaction():
            frame = pl.DataFrame(accounts, schema=ACCOUNT_COLUMNS | OPTIONAL_ACCOUNT_COLUMNS, orient="row")
            return create_accounts(self.connection, book_id=self.book_id, accounts=frame).to_list()

    def post(self, *items: dict[str, Any], on: date = DAY) -> list[str]:
        with self.connection.transaction():
            frame = pl.DataFrame(items, schema=TRANSFER_COLUMNS | OPTIONAL_COLUMNS, orient="row")
            results = create_transfers(
                self.connection, book_id=self.book_id, business_date=on, transfers=frame
            )
        return results.to_list()

    def close(self, on: date = DAY) -> bool:
        with self.connection.transaction():
            self.connection.execute("SET LOCAL ROLE wgi_close")
            return close_business_date(
                self.connection, book_id=self.book_id, business_date=on, closed_at=NOON
            )

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement, {"book_id": self.book_id}).fetchall()

    def totals(self, account_id: int) -> tuple[int, int, int, int]:
        """Debits and credits posted, debits and credits pending."""
        return next(
            row[1:]
            for row in self.rows(
                """SELECT account_id, debits_posted, credits_posted, debits_pending, credits_pending
                FROM ledger.account WHERE book_id = %(book_id)s"""
            )
            if row[0] == account_id
        )

    def written(self) -> tuple[int, int]:
        """How many transfers and entries the book has."""
        return self.rows(
            """SELECT (SELECT count(*) FROM ledger.transfer WHERE book_id = %(book_id)s),
                (SELECT count(*) FROM ledger.entry WHERE book_id = %(book_id)s)"""
        )[0]

    def entries(self) -> list[tuple[Any, ...]]:
        """Everything that posting wrote, but for transaction ids: equal books have equal entries."""
        return self.rows(
            """SELECT account_id, version, e.transfer_id::text, e.side, e.amount, e.pending,
                debits_posted_after, credits_posted_after, debits_pending_after, credits_pending_after,
                e.booked_at, e.business_date, t.debit_account_id, t.credit_account_id, t.currency,
                t.amount, phase, pending_id::text, kind, payment_id::text, event_at,
                t.booked_at, value_date
            FROM ledger.entry e JOIN ledger.transfer t USING (book_id, transfer_id)
            WHERE book_id = %(book_id)s ORDER BY account_id, version"""
        )

    def verified(self) -> BookVerification:
        return next(verify(self.connection, only_book_id=self.book_id))


def new_book(connection: psycopg.Connection, *accounts: dict[str, Any]) -> Book:
    """A fresh book with the given accounts."""
    participant_id = f"KE-B{next(_numbers):05}"
    participant = {
        "participant_id": participant_id,
        "name": participant_id,
        "kind": "bank",
        "country": "KE",
        "bic": None,
        "home_currency": "KES",
        "has_book": True,
    }
    schema = {column: pl.Boolean if column == "has_book" else pl.String for column in participant}
    with connection.transaction():
        frame = pl.DataFrame([participant], schema=schema)
        book_id = register_participants(connection, frame)[participant_id]
    book = Book(connection, book_id, participant_id)
    if accounts:
        assert set(book.open(*accounts)) == {"created"}
    return book


def ordinary(account_ids: Iterable[int]) -> list[dict[str, Any]]:
    """Accounts that nothing constrains."""
    return [account(account_id) for account_id in account_ids]
