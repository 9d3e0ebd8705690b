"""A scheme in its operator's book: which accounts are its own, and whether it takes anything.

Belongs here: opening and finding the scheme's accounts by their references, and suspending it. An
account's reference says what it is for, so there is no list beside the ledger's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

import polars as pl
import psycopg

from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.books import lock_books, register_participants
from ledger_service.ledger.chart import ChartCode
from ledger_service.ledger.results import AccountResult
from ledger_service.reference.schemes import Scheme

_DIRECTORY: Final = Path(__file__).with_name("directory.sql").read_bytes()

_OF_CURRENCY: Final = {
    "agent": ChartCode.SETTLEMENT_AGENT,
    "reserve": ChartCode.SETTLEMENT_RESERVES,
    "pairs": ChartCode.BILATERAL_EXPOSURES_CONTRA,
}
"""Accounts that a scheme has once a currency, by the first part of their references."""

_CODES: Final = [
    int(code)
    for code in (
        *_OF_CURRENCY.values(),
        ChartCode.SETTLEMENT_POSITIONS,
        ChartCode.BILATERAL_EXPOSURES,
    )
]


class AccountRefused(ValueError):
    """The ledger refused to open an account of the scheme; carries its reference and the code."""

    def __init__(self, external_ref: str, code: str) -> None:
        self.external_ref = external_ref
        self.code = code
        super().__init__(f"account {external_ref} cannot be opened: {code}")


class NotAParticipant(LookupError):
    """The participant has no position account in that scheme and currency."""

    def __init__(self, scheme_id: str, participant_id: str, currency: str) -> None:
        self.scheme_id = scheme_id
        self.participant_id = participant_id
        self.currency = currency
        super().__init__(f"{participant_id} has not joined scheme {scheme_id} in {currency}")


@dataclass(frozen=True, slots=True)
class SchemeBook:
    """A scheme and the book of its operator."""

    scheme: Scheme
    book_id: int

    def reference(self, kind: str, currency: str, *parts: str) -> str:
        """The external reference of one of its accounts."""
        return ":".join((kind, self.scheme.id, currency, *parts))


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be opened for a scheme; limits in minor units, None for none."""

    external_ref: str
    chart_code: ChartCode
    currency: str
    counterparty_id: str | None = None
    debit_limit: int | None = None
    credit_limit: int | None = None


def operator_book(connection: psycopg.Connection, scheme: Scheme) -> SchemeBook:
    """The scheme in its operator's book, which is opened where it is not; idempotent.

    Raises `ParticipantConflict` when the operator is registered as somebody else.
    """
    operator = scheme.operator
    row = {
        "participant_id": operator.participant_id,
        "name": f"{operator.name}, {scheme.title}",
        "kind": "scheme_operator",
        "country": operator.country,
        "bic": None,
        "home_currency": scheme.currencies[0],
        "has_book": True,
    }
    with connection.transaction():
        opened = register_participants(connection, pl.DataFrame([row]))
    return SchemeBook(scheme, opened[operator.participant_id])


def known_operator_book(connection: psycopg.Connection, scheme: Scheme) -> SchemeBook | None:
    """The scheme in its operator's book; None where nothing was settled yet."""
    row = connection.execute(
        "SELECT book_id FROM ledger.book WHERE participant_id = %s", [scheme.operator.participant_id]
    ).fetchone()
    return SchemeBook(scheme, row[0]) if row else None


def operate(connection: psycopg.Connection, books: SchemeBook, *, opened_on: date) -> None:
    """Open what the scheme needs once a currency; idempotent. Raises `AccountRefused`."""
    accounts = [
        NewAccount(books.reference(kind, currency), code, currency)
        for currency in books.scheme.currencies
        for kind, code in _OF_CURRENCY.items()
    ]
    with connection.transaction():
        open_accounts(connection, books, accounts, opened_on=opened_on)


def open_accounts(
    connection: psycopg.Connection,
    books: SchemeBook,
    accounts: Sequence[NewAccount],
    *,
    opened_on: date,
) -> None:
    """Open those accounts that the book does not have, within the caller's transaction.

    The book is locked first, so that the next free ids stay free. Raises `AccountRefused`.
    """
    lock_books(connection, [books.book_id])
    known = scheme_accounts(connection, books)
    missing = [account for account in accounts if account.external_ref not in known]
    if not missing:
        return
    row = connection.execute(
        "SELECT coalesce(max(account_id), 0) FROM ledger.account WHERE book_id = %s", [books.book_id]
    ).fetchone()
    first = 1 + (row[0] if row else 0)
    count = len(missing)
    frame = pl.DataFrame(
        {
            "account_id": range(first, first + count),
            "external_ref": [account.external_ref for account in missing],
            "chart_code": [int(account.chart_code) for account in missing],
            "currency": [account.currency for account in missing],
            "counterparty_id": [account.counterparty_id for account in missing],
            "party_id": [None] * count,
            "party_kind": [None] * count,
            "holder_name": [None] * count,
            "opened_on": [opened_on] * count,
            "debit_limit": [account.debit_limit for account in missing],
            "credit_limit": [account.credit_limit for account in missing],
        },
        schema=ACCOUNT_COLUMNS,
    )
    results = create_accounts(connection, book_id=books.book_id, accounts=frame)
    for account, code in zip(missing, results, strict=True):
        if code != AccountResult.CREATED:
            raise AccountRefused(account.external_ref, code)


def scheme_accounts(connection: psycopg.Connection, books: SchemeBook) -> dict[str, int]:
    """Account id by external reference, of all open accounts of the scheme."""
    rows = connection.execute(_DIRECTORY, [books.book_id, _CODES, books.scheme.id]).fetchall()
    return {external_ref: account_id for account_id, external_ref, *_ in rows}


def positions_frame(books: SchemeBook, accounts: Mapping[str, int]) -> pl.DataFrame:
    """The position accounts among a scheme's accounts: participant_id, currency, account_id."""
    rows = [
        (*reversed(reference.split(":")[2:]), account_id)
        for reference, account_id in accounts.items()
        if reference.startswith("position:")
    ]
    schema = {"participant_id": pl.String, "currency": pl.String, "account_id": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def position_account(
    connection: psycopg.Connection, books: SchemeBook, *, participant_id: str, currency: str
) -> int:
    """The id of a participant's position account; raises `NotAParticipant`."""
    reference = books.reference("position", currency, participant_id)
    found = scheme_accounts(connection, books).get(reference)
    if found is None:
        raise NotAParticipant(books.scheme.id, participant_id, currency)
    return found


def suspended(connection: psycopg.Connection, books: SchemeBook) -> bool:
    """Whether the scheme accepts nothing now."""
    row = connection.execute(
        """SELECT state = 'suspended' FROM payments.settlement_scheme_event
        WHERE book_id = %s AND scheme_id = %s ORDER BY number DESC LIMIT 1""",
        [books.book_id, books.scheme.id],
    ).fetchone()
    return bool(row and row[0])


def suspend(
    connection: psycopg.Connection, books: SchemeBook, *, actor: str, reason: str, at: datetime
) -> None:
    """Accept nothing from now on; what is in flight is accepted before. Idempotent."""
    _turn(connection, books, "suspended", actor=actor, reason=reason, at=at)


def resume(
    connection: psycopg.Connection, books: SchemeBook, *, actor: str, reason: str, at: datetime
) -> None:
    """Accept again. Idempotent."""
    _turn(connection, books, "resumed", actor=actor, reason=reason, at=at)


def _turn(
    connection: psycopg.Connection,
    books: SchemeBook,
    state: str,
    *,
    actor: str,
    reason: str,
    at: datetime,
) -> None:
    with connection.transaction():
        lock_books(connection, [books.book_id])
        if suspended(connection, books) == (state == "suspended"):
            return
        connection.execute(
            """INSERT INTO payments.settlement_scheme_event
            SELECT %(book)s, %(scheme)s, 1 + count(*), %(state)s, %(actor)s, %(reason)s, %(at)s
            FROM payments.settlement_scheme_event WHERE book_id = %(book)s AND scheme_id = %(scheme)s""",
            {
                "book": books.book_id,
                "scheme": books.scheme.id,
                "state": state,
                "actor": actor,
                "reason": reason,
                "at": at,
            },
        )
