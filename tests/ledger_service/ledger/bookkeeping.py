"""Opening books and posting in tests: short ways to say what a test is about."""

import itertools
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import psycopg

from ledger_service.ledger.accounts import (
    ACCOUNT_COLUMNS,
    OPTIONAL_ACCOUNT_COLUMNS,
    AccountTerms,
    change_account,
    create_accounts,
)
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
            frame = pl.DataFrame(
                accounts, schema=ACCOUNT_COLUMNS | OPTIONAL_ACCOUNT_COLUMNS, orient="row"
            )
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
        """Everything that posting wrote, but for event numbers: equal books have equal entries."""
        return self.rows(
            """SELECT account_id, version, e.transfer_id::text, e.side, e.amount, e.pending,
                debits_posted_after, credits_posted_after, debits_pending_after, credits_pending_after,
                e.booked_at, e.business_date, t.debit_account_id, t.credit_account_id, t.currency,
                t.amount, phase, pending_id::text, kind, payment_id::text, event_at,
                t.booked_at, t.value_date, e.backdated, reverses_id::text, balancing
            FROM ledger.entry e JOIN ledger.transfer t USING (book_id, transfer_id)
            WHERE book_id = %(book_id)s ORDER BY account_id, version"""
        )

    def change(self, account_id: int, **terms: Any) -> str:
        """Give an account other terms; those that are not said stay."""
        with self.connection.transaction():
            revision, *present = self.connection.execute(
                """SELECT revision, closed, debits_frozen, credits_frozen, debit_limit, credit_limit
                FROM ledger.account WHERE book_id = %s AND account_id = %s""",
                [self.book_id, account_id],
            ).fetchone() or (0, False, False, False, None, None)
            return change_account(
                self.connection,
                book_id=self.book_id,
                account_id=account_id,
                revision=revision,
                terms=AccountTerms(**dict(zip(TERMS, present, strict=True)) | terms),
                reason="because a test says so",
            )

    def faults(self) -> list[str]:
        """What does not add up when all is recomputed from the transfers alone; nothing, it is hoped."""
        return [*event_faults(self), *entry_faults(self)]

    def verified(self) -> BookVerification:
        return next(verify(self.connection, only_book_id=self.book_id))


TERMS = ("closed", "debits_frozen", "credits_frozen", "debit_limit", "credit_limit")
"""What can change on an account."""


def event_faults(book: Book) -> Iterator[str]:
    """Events are numbered without gaps, up to the number that the book's state has."""
    events = book.rows(
        """SELECT sequence FROM ledger.transfer WHERE book_id = %(book_id)s
        UNION ALL SELECT sequence FROM ledger.account_revision WHERE book_id = %(book_id)s
        UNION ALL SELECT sequence FROM ledger.business_day WHERE book_id = %(book_id)s
        ORDER BY sequence"""
    )
    state = book.rows("SELECT sequence FROM ledger.book_state WHERE book_id = %(book_id)s")
    if [number for (number,) in events] != list(range(1, state[0][0] + 1)):
        yield f"events are not numbered 1 to {state[0][0]}"


def entry_faults(book: Book) -> Iterator[str]:
    """Entries are numbered in the order of events, their totals and those of the accounts add up."""
    totals: dict[int, list[int]] = {}
    booked_at: dict[int, datetime] = {}
    balance: dict[str, int] = {}
    for account_id, version, side, amount, pending, currency, at, *after in book.rows(
        """SELECT e.account_id, e.version, e.side, e.amount, e.pending, t.currency, e.booked_at,
            debits_posted_after, credits_posted_after, debits_pending_after, credits_pending_after
        FROM ledger.entry e JOIN ledger.transfer t USING (book_id, transfer_id)
        WHERE book_id = %(book_id)s ORDER BY e.sequence, side"""
    ):
        expected = totals.setdefault(account_id, [0, 0, 0, 0, 0])
        of_side = 0 if side == "D" else 1
        expected[of_side] += amount
        expected[of_side + 2] += pending
        expected[4] += 1
        if [*after, version] != expected or at < booked_at.get(account_id, at):
            yield f"entry {version} of account {account_id} says {after}, not {expected}"
        booked_at[account_id] = at
        balance[currency] = balance.get(currency, 0) + (amount if side == "D" else -amount)
    yield from (f"{currency} does not sum to zero" for currency in balance if balance[currency])
    for account_id, *kept in book.rows(
        """SELECT account_id, debits_posted, credits_posted, debits_pending, credits_pending, version
        FROM ledger.account WHERE book_id = %(book_id)s"""
    ):
        if kept != totals.get(account_id, [0] * 5):
            yield f"account {account_id} has {kept}, not {totals.get(account_id)}"


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
