"""Effects: what an approval does to the books, and whether it still could.

Belongs here: one check and one act for each kind of proposal. Who may decide is `proposals.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb

from ledger_service.ledger.accounts import AccountTerms, change_account
from ledger_service.ledger.books import open_business_date
from ledger_service.ledger.lookups import lookup_accounts
from ledger_service.ledger.results import AccountChangeResult
from ledger_service.payments.approvals.contents import (
    AccountLimits,
    Content,
    ContentInvalid,
    Fee,
    ManualPosting,
    Rate,
    kept,
)
from ledger_service.payments.settlement.transfers import post_all
from ledger_service.runtime.identifiers import derived_id

POSTING: Final = "manual_posting"
"""Kind of the transfer."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What is to be done; `transfer_id` is of a posting."""

    book_id: int
    proposal_id: str
    content: Content
    reason: str
    at: datetime
    transfer_id: str | None


def check(connection: psycopg.Connection, *, book_id: int, content: Content) -> None:
    """Raise `ContentInvalid` where the books, as they are now, do not allow it."""
    match content:
        case AccountLimits():
            _account(connection, book_id, content.account_id, "account_id")
        case ManualPosting():
            for field in ("debit_account_id", "credit_account_id"):
                account = _account(connection, book_id, getattr(content, field), field)
                if account["currency"] != content.currency:
                    raise ContentInvalid(field, f"the account is in {account['currency']}")
        case Fee() | Rate():
            if content.valid_from < _today(connection, book_id, content.valid_from):
                raise ContentInvalid("valid_from", "that business date is closed")
            if _is_set(connection, book_id, content):
                raise ContentInvalid("valid_from", f"{content.name} is set from that date already")


def transfer_of(content: Content, *, proposal_id: str, at: datetime) -> str | None:
    """Id of the transfer that an approval books, where it does."""
    return derived_id(at, POSTING, proposal_id) if isinstance(content, ManualPosting) else None


def carry_out(connection: psycopg.Connection, effect: Effect) -> None:
    """Do it, within the caller's transaction. Raises `ContentInvalid`, `TransferRefused`."""
    match effect.content:
        case AccountLimits() as limits:
            _set_limits(connection, effect, limits)
        case ManualPosting() as posting:
            _post(connection, effect, posting)
        case Fee() | Rate() as tariff:
            connection.execute(
                """INSERT INTO payments.tariff (book_id, kind, name, valid_from, proposal_id, terms)
                VALUES (%s, %s, %s, %s, %s, %s)""",
                [effect.book_id, tariff.kind, tariff.name, tariff.valid_from, effect.proposal_id,
                 Jsonb(kept(tariff))],
            )  # fmt: skip


def _set_limits(connection: psycopg.Connection, effect: Effect, limits: AccountLimits) -> None:
    account = _account(connection, effect.book_id, limits.account_id, "account_id")
    result = change_account(
        connection,
        book_id=effect.book_id,
        account_id=limits.account_id,
        revision=account["revision"],
        terms=AccountTerms(
            closed=account["closed"],
            debits_frozen=account["debits_frozen"],
            credits_frozen=account["credits_frozen"],
            debit_limit=limits.debit_limit,
            credit_limit=limits.credit_limit,
        ),
        reason=effect.reason,
    )
    if result not in {AccountChangeResult.CHANGED, AccountChangeResult.UNCHANGED}:
        raise ContentInvalid("account_id", result.replace("_", " "))


def _post(connection: psycopg.Connection, effect: Effect, posting: ManualPosting) -> None:
    business_date = _today(connection, effect.book_id, effect.at.date())
    row = {
        "transfer_id": effect.transfer_id,
        "debit_account_id": posting.debit_account_id,
        "credit_account_id": posting.credit_account_id,
        "amount_minor": posting.amount_minor,
        "kind": POSTING,
        "event_at": effect.at,
        "value_date": posting.value_date or business_date,
    }
    post_all(connection, book_id=effect.book_id, business_date=business_date, rows=[row])


def _account(
    connection: psycopg.Connection, book_id: int, account_id: int, field: str
) -> dict[str, Any]:
    found = lookup_accounts(connection, book_id=book_id, account_ids=[account_id])
    if found.is_empty():
        raise ContentInvalid(field, f"the book has no account {account_id}")
    return found.row(0, named=True)


def _today(connection: psycopg.Connection, book_id: int, otherwise: date) -> date:
    return open_business_date(connection, book_id=book_id) or otherwise


def _is_set(connection: psycopg.Connection, book_id: int, tariff: Fee | Rate) -> bool:
    named: Sequence[object] = [book_id, tariff.kind, tariff.name, tariff.valid_from]
    row = connection.execute(
        "SELECT 1 FROM payments.tariff WHERE (book_id, kind, name, valid_from) = (%s, %s, %s, %s)", named
    ).fetchone()
    return row is not None
