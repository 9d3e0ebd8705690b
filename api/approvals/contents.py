"""Contents of proposals between the wire and the books: references and units there, numbers here."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import psycopg

from api.amounts import minor_units, units
from api.approvals.schemas import FeeContent, LimitsContent, PostingContent, RateContent
from api.errors import Refusal
from ledger_service.ledger.lookups import lookup_accounts, lookup_external_refs
from ledger_service.payments.approvals.contents import (
    AccountLimits,
    Content,
    Fee,
    ManualPosting,
    Rate,
)

_LONGEST_NUMBER = 18


class AccountUnknown(Refusal):
    """The book has no account of that name."""

    code = "account_not_found"

    def __init__(self, name: str, field: str) -> None:
        super().__init__(f"the book has no account {name!r}", pointer=f"/body/content/{field}")


def read_content(
    connection: psycopg.Connection,
    given: LimitsContent | FeeContent | RateContent | PostingContent,
    *,
    book_id: int,
    on: date,
) -> Content:
    """What is proposed, in the book's terms. Raises `Refusal` and `ContentInvalid`."""
    match given:
        case LimitsContent():
            account = _account(connection, book_id, given.account, "account")
            limits = {
                name: None
                if (text := getattr(given, name)) is None
                else _minor(text, account["currency"], on, name)
                for name in ("debit_limit", "credit_limit")
            }
            return AccountLimits(account_id=account["account_id"], **limits)
        case PostingContent():
            debit = _account(connection, book_id, given.debit_account, "debit_account")
            credit = _account(connection, book_id, given.credit_account, "credit_account")
            return ManualPosting(
                debit_account_id=debit["account_id"],
                credit_account_id=credit["account_id"],
                amount_minor=minor_units(
                    given.amount, given.currency, on=on, pointer="/body/content/amount"
                ),
                currency=given.currency,
                value_date=given.value_date,
            )
        case FeeContent():
            return Fee(
                code=given.code,
                currency=given.currency,
                minor=_minor(given.amount, given.currency, given.valid_from, "amount"),
                basis_points=given.basis_points,
                valid_from=given.valid_from,
            )
        case RateContent():
            return Rate(base=given.base, quote=given.quote, rate=given.rate, valid_from=given.valid_from)


def shown_content(
    connection: psycopg.Connection, content: Content, *, book_id: int, on: date
) -> dict[str, Any]:
    """The content as clients see it."""
    match content:
        case AccountLimits():
            (account,) = _named(connection, book_id, [content.account_id])
            limits = {
                name: None
                if (minor := getattr(content, name)) is None
                else units(minor, account["currency"], on=on)
                for name in ("debit_limit", "credit_limit")
            }
            return {"kind": content.kind, "account": account["external_ref"], **limits}
        case ManualPosting():
            ids = [content.debit_account_id, content.credit_account_id]
            debit, credit = _named(connection, book_id, ids)
            return {
                "kind": content.kind,
                "debit_account": debit["external_ref"],
                "credit_account": credit["external_ref"],
                "amount": units(content.amount_minor, content.currency, on=on),
                "currency": content.currency,
                "value_date": content.value_date.isoformat() if content.value_date else None,
            }
        case Fee() | Rate():
            return shown_tariff(content)


def shown_tariff(content: Fee | Rate) -> dict[str, Any]:
    """A fee or a rate as clients see it."""
    on = content.valid_from
    if isinstance(content, Rate):
        values = {"base": content.base, "quote": content.quote, "rate": content.rate}
        return {"kind": content.kind, **values, "valid_from": on.isoformat()}
    return {
        "kind": content.kind,
        "code": content.code,
        "currency": content.currency,
        "amount": units(content.minor, content.currency, on=on),
        "basis_points": content.basis_points,
        "valid_from": on.isoformat(),
    }


def _minor(text: str, currency: str, on: date, field: str) -> int:
    """Minor units of an amount that may be zero."""
    if not text.strip("0."):
        return 0
    return minor_units(text, currency, on=on, pointer=f"/body/content/{field}")


def _account(connection: psycopg.Connection, book_id: int, name: str, field: str) -> dict[str, Any]:
    """An account by reference, or by number where no reference reads so."""
    found = lookup_external_refs(connection, book_id=book_id, external_refs=[name])
    if found.is_empty() and name.isascii() and name.isdigit() and len(name) <= _LONGEST_NUMBER:
        found = lookup_accounts(connection, book_id=book_id, account_ids=[int(name)])
    if found.is_empty():
        raise AccountUnknown(name, field)
    return found.row(0, named=True)


def _named(connection: psycopg.Connection, book_id: int, ids: Sequence[int]) -> list[dict[str, Any]]:
    found = lookup_accounts(connection, book_id=book_id, account_ids=list(ids))
    by_id = {row["account_id"]: row for row in found.iter_rows(named=True)}
    return [by_id[one] for one in ids]
