"""Looking up: accounts by id, reference, chart line, currency or parent; transfers by id.

All by index. What is not there is not in the answer.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import psycopg

from ledger_service.ledger.transfers import TIMESTAMP

PAGE = 10_000
"""Rows of an answer at most."""

ACCOUNT_ROW: dict[str, pl.DataType | type[pl.DataType]] = {
    "account_id": pl.Int64,
    "external_ref": pl.String,
    "chart_code": pl.Int32,
    "normal_side": pl.String,
    "currency": pl.String,
    "parent_account_id": pl.Int64,
    "counterparty_id": pl.String,
    "party_id": pl.String,
    "party_kind": pl.String,
    "holder_name": pl.String,
    "opened_on": pl.Date,
    "revision": pl.Int32,
    "closed": pl.Boolean,
    "debits_frozen": pl.Boolean,
    "credits_frozen": pl.Boolean,
    "debit_limit": pl.Int64,
    "credit_limit": pl.Int64,
    "debits_posted": pl.Int64,
    "credits_posted": pl.Int64,
    "debits_pending": pl.Int64,
    "credits_pending": pl.Int64,
    "version": pl.Int64,
}
"""An account as it is now; limits and totals in minor units."""

REVISION_ROW: dict[str, pl.DataType | type[pl.DataType]] = {
    "revision": pl.Int32,
    "sequence": pl.Int64,
    "changed_at": TIMESTAMP,
    "closed": pl.Boolean,
    "debits_frozen": pl.Boolean,
    "credits_frozen": pl.Boolean,
    "debit_limit": pl.Int64,
    "credit_limit": pl.Int64,
    "reason": pl.String,
}
"""The terms of an account from one change on."""

TRANSFER_ROW: dict[str, pl.DataType | type[pl.DataType]] = {
    "transfer_id": pl.String,
    "sequence": pl.Int64,
    "business_date": pl.Date,
    "debit_account_id": pl.Int64,
    "credit_account_id": pl.Int64,
    "currency": pl.String,
    "amount_minor": pl.Int64,
    "phase": pl.String,
    "pending_id": pl.String,
    "reverses_id": pl.String,
    "expires_at": TIMESTAMP,
    "balancing": pl.String,
    "kind": pl.String,
    "payment_id": pl.String,
    "event_at": TIMESTAMP,
    "booked_at": TIMESTAMP,
    "value_date": pl.Date,
}
"""A transfer as it was booked."""

_FOLDER = Path(__file__).parent
_ACCOUNTS, _REVISIONS, _TRANSFERS = (
    (_FOLDER / f"{name}.sql").read_bytes()
    for name in ("accounts_query", "account_revisions", "transfers_lookup")
)


def query_accounts(
    connection: psycopg.Connection,
    *,
    book_id: int,
    chart_code: int | None = None,
    currency: str | None = None,
    parent_account_id: int | None = None,
    after: int = 0,
    limit: int = PAGE,
) -> pl.DataFrame:
    """Accounts of a book (`ACCOUNT_ROW`) in order of id; the next page begins `after` the last id."""
    return _accounts(
        connection,
        book_id,
        chart_code=chart_code,
        currency=currency,
        parent_account_id=parent_account_id,
        after=after,
        limit=limit,
    )


def lookup_accounts(
    connection: psycopg.Connection, *, book_id: int, account_ids: Sequence[int]
) -> pl.DataFrame:
    """The accounts of these ids (`ACCOUNT_ROW`), in order of id."""
    return _accounts(connection, book_id, account_ids=list(account_ids))


def lookup_external_refs(
    connection: psycopg.Connection, *, book_id: int, external_refs: Sequence[str]
) -> pl.DataFrame:
    """The accounts that the outside world calls so (`ACCOUNT_ROW`), in order of id."""
    return _accounts(connection, book_id, external_refs=list(external_refs))


def account_revisions(connection: psycopg.Connection, *, book_id: int, account_id: int) -> pl.DataFrame:
    """All terms that an account has had (`REVISION_ROW`), from its opening on."""
    named = {"book_id": book_id, "account_id": account_id}
    rows = connection.execute(_REVISIONS, named, binary=True).fetchall()
    return pl.DataFrame(rows, schema=REVISION_ROW, orient="row")


def lookup_transfers(
    connection: psycopg.Connection, *, book_id: int, transfer_ids: Sequence[str]
) -> pl.DataFrame:
    """The transfers of these ids (`TRANSFER_ROW`), in order of their events."""
    named = {"book_id": book_id, "transfer_ids": list(transfer_ids)}
    rows = connection.execute(_TRANSFERS, named, binary=True).fetchall()
    return pl.DataFrame(rows, schema=TRANSFER_ROW, orient="row")


def _accounts(
    connection: psycopg.Connection,
    book_id: int,
    *,
    account_ids: list[int] | None = None,
    external_refs: list[str] | None = None,
    chart_code: int | None = None,
    currency: str | None = None,
    parent_account_id: int | None = None,
    after: int = 0,
    limit: int | None = None,
) -> pl.DataFrame:
    named = {
        "book_id": book_id,
        "account_ids": account_ids,
        "external_refs": external_refs,
        "chart_code": chart_code,
        "currency": currency,
        "parent_account_id": parent_account_id,
        "after": after,
        "limit": limit,
    }
    # Planned with the values: conditions that are not asked for then cost nothing.
    rows = connection.execute(_ACCOUNTS, named, prepare=False, binary=True).fetchall()
    return pl.DataFrame(rows, schema=ACCOUNT_ROW, orient="row")
