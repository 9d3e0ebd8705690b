"""Participants of a scheme: joining, cover, prefunding, bilateral limits, liquidity set aside.

Belongs here: what changes how much a participant may owe. All of it is terms and transfers of its
accounts in the operator's book, so the ledger checks cover where it posts and keeps every change.
"""

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final

import polars as pl
import psycopg

from ledger_service.ledger.accounts import AccountTerms, change_account
from ledger_service.ledger.books import lock_books
from ledger_service.ledger.chart import ChartCode
from ledger_service.ledger.lookups import lookup_accounts
from ledger_service.ledger.results import AccountChangeResult
from ledger_service.payments.identifiers import derived_ids
from ledger_service.payments.settlement.scheme_book import (
    NewAccount,
    NotAParticipant,
    SchemeBook,
    open_accounts,
    position_account,
    scheme_accounts,
)
from ledger_service.payments.settlement.transfers import FUNDING, RESERVATION, post_all

_BASIS_POINTS: Final = 10_000


class TermsRefused(ValueError):
    """The ledger refused a new limit, because what is owed now is beyond it already."""

    def __init__(self, account_id: int, code: str) -> None:
        self.account_id = account_id
        self.code = code
        super().__init__(f"the limit of account {account_id} was refused: {code}")


@dataclass(frozen=True, slots=True)
class Cover:
    """How much a participant may owe beyond what it prefunded, in minor units of a currency."""

    net_debit_cap_minor: int
    collateral_minor: int = 0
    haircut_basis_points: int = 0
    """Of the collateral: what is taken off before it counts."""

    def __post_init__(self) -> None:
        if self.net_debit_cap_minor < 0 or self.collateral_minor < 0:
            raise ValueError("cap and collateral are not negative")
        if not 0 <= self.haircut_basis_points <= _BASIS_POINTS:
            raise ValueError("a haircut is between 0 and 10,000 basis points")

    @property
    def limit_minor(self) -> int:
        """Cap plus collateral after haircut, rounded down."""
        kept = _BASIS_POINTS - self.haircut_basis_points
        return self.net_debit_cap_minor + self.collateral_minor * kept // _BASIS_POINTS


def join(
    connection: psycopg.Connection, books: SchemeBook, *, participant_id: str, opened_on: date
) -> None:
    """Open the participant's position accounts; idempotent. Raises `AccountRefused`.

    Its cover is the scheme's joining cap of the currency, and none where the scheme gives none.
    """
    accounts = [
        NewAccount(
            books.reference("position", currency, participant_id),
            ChartCode.SETTLEMENT_POSITIONS,
            currency,
            counterparty_id=participant_id,
            debit_limit=books.scheme.joining_caps_minor.get(currency, 0),
        )
        for currency in books.scheme.currencies
    ]
    with connection.transaction():
        open_accounts(connection, books, accounts, opened_on=opened_on)


def set_cover(
    connection: psycopg.Connection,
    books: SchemeBook,
    *,
    participant_id: str,
    currency: str,
    cover: Cover,
    reason: str,
) -> None:
    """Let the participant owe up to its cover; the revision of the account says what it is made of.

    Raises `NotAParticipant`, and `TermsRefused` when more is owed already.
    """
    with connection.transaction():
        lock_books(connection, [books.book_id])
        account_id = position_account(
            connection, books, participant_id=participant_id, currency=currency
        )
        said = json.dumps({"reason": reason, **asdict(cover)}, ensure_ascii=False)
        _limit(connection, books, account_id, debit_limit=cover.limit_minor, reason=said)


def set_bilateral_limit(
    connection: psycopg.Connection,
    books: SchemeBook,
    *,
    creditor_id: str,
    debtor_id: str,
    currency: str,
    limit_minor: int | None,
    opened_on: date,
    reason: str,
) -> None:
    """How much `debtor_id` may net owe `creditor_id` in unsettled obligations; None for no limit.

    It counts obligations that are accepted from the first limit of the pair on. Raises
    `NotAParticipant`, and `TermsRefused` when more is owed already.
    """
    low, high = sorted((creditor_id, debtor_id))
    reference = books.reference("pair", currency, low, high)
    with connection.transaction():
        for participant_id in (low, high):
            position_account(connection, books, participant_id=participant_id, currency=currency)
        pair = NewAccount(reference, ChartCode.BILATERAL_EXPOSURES, currency)
        open_accounts(connection, books, [pair], opened_on=opened_on)
        account_id = scheme_accounts(connection, books)[reference]
        # What the low one owes is debited; what the high one owes is credited.
        side = {"debit_limit" if debtor_id == low else "credit_limit": limit_minor}
        _limit(connection, books, account_id, reason=reason, **side)


def _limit(
    connection: psycopg.Connection,
    books: SchemeBook,
    account_id: int,
    *,
    reason: str,
    **limits: int | None,
) -> None:
    """Give a locked book's account new limits, and leave its other terms."""
    now = lookup_accounts(connection, book_id=books.book_id, account_ids=[account_id]).row(0, named=True)
    kept = ("closed", "debits_frozen", "credits_frozen", "debit_limit", "credit_limit")
    terms = AccountTerms(**({name: now[name] for name in kept} | limits))
    result = change_account(
        connection,
        book_id=books.book_id,
        account_id=account_id,
        revision=now["revision"],
        terms=terms,
        reason=reason,
    )
    if result not in {AccountChangeResult.CHANGED, AccountChangeResult.UNCHANGED}:
        raise TermsRefused(account_id, result.value)


@dataclass(frozen=True, slots=True)
class Movement:
    """Money of a participant that comes, goes, or is set aside; `movement_id` (UUIDv7) names it."""

    movement_id: str
    participant_id: str
    currency: str
    amount_minor: int
    at: datetime


def prefund(connection: psycopg.Connection, books: SchemeBook, movement: Movement) -> None:
    """Money that arrived at the agent raises the position. Idempotent; raises `TransferRefused`."""
    _move(connection, books, movement, debit="agent", credit="position", kind=FUNDING)


def withdraw(connection: psycopg.Connection, books: SchemeBook, movement: Movement) -> None:
    """Pay out what is not needed; `TransferRefused` (exceeds_credits) where it is. Idempotent."""
    _move(connection, books, movement, debit="position", credit="agent", kind=FUNDING)


def reserve(connection: psycopg.Connection, books: SchemeBook, movement: Movement) -> None:
    """Set cover aside, so that no obligation uses it, until `release`. Idempotent."""
    _move(
        connection,
        books,
        movement,
        debit="position",
        credit="reserve",
        kind=RESERVATION,
        phase="pending",
    )


def release(
    connection: psycopg.Connection, books: SchemeBook, *, reservation_id: str, at: datetime
) -> None:
    """Give a reservation back. Idempotent; raises `TransferRefused` where there is none."""
    void_id = derived_ids(pl.Series([reservation_id]), pl.Series([1], dtype=pl.UInt64))[0]
    row = {
        "transfer_id": void_id,
        "pending_id": reservation_id,
        "phase": "void",
        "kind": RESERVATION,
        "event_at": at,
        "value_date": at.date(),
    }
    with connection.transaction():
        post_all(connection, book_id=books.book_id, business_date=at.date(), rows=[row])


def _move(
    connection: psycopg.Connection,
    books: SchemeBook,
    movement: Movement,
    *,
    debit: str,
    credit: str,
    kind: str,
    phase: str = "single",
) -> None:
    with connection.transaction():
        accounts = scheme_accounts(connection, books)
        currency, participant_id = movement.currency, movement.participant_id
        position = books.reference("position", currency, participant_id)
        if position not in accounts:
            raise NotAParticipant(books.scheme.id, participant_id, currency)

        def account(side: str) -> int:
            return accounts[position if side == "position" else books.reference(side, currency)]

        row = {
            "transfer_id": movement.movement_id,
            "debit_account_id": account(debit),
            "credit_account_id": account(credit),
            "amount_minor": movement.amount_minor,
            "phase": phase,
            "kind": kind,
            "event_at": movement.at,
            "value_date": movement.at.date(),
        }
        post_all(connection, book_id=books.book_id, business_date=movement.at.date(), rows=[row])
