"""Accounts as rows of the ledger, and as clients see them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from api.accounts.schemas import LINES, Sort, Status
from api.amounts import units
from api.errors import NotFound
from ledger_service.ledger.balances import Balance
from ledger_service.ledger.chart import ChartCode, Side

_TEMPLATE: Final = Path(__file__).with_name("accounts.sql").read_text(encoding="utf-8")
_LINE_NAMES: Final = {int(code): name for name, code in LINES.items()}
_LONGEST_NUMBER: Final = 18


def accounts(
    connection: psycopg.Connection,
    book_id: int,
    *,
    sort: Sort = Sort.CREATED,
    after: int | str | None = None,
    limit: int = 2,
    reference: str | None = None,
    account_id: int | None = None,
    line: ChartCode | None = None,
    currency: str | None = None,
    status: Status | None = None,
) -> list[dict[str, Any]]:
    """Rows of accounts in an order; `after` is the last one's value in it."""
    by_reference = sort in {Sort.REFERENCE, Sort.REFERENCE_LAST_FIRST}
    backwards = sort.startswith("-")
    statement = _TEMPLATE.format(
        column="external_ref" if by_reference else "account_id",
        kind="text" if by_reference else "bigint",
        beyond="<" if backwards else ">",
        direction="DESC" if backwards else "ASC",
    )
    named = {
        "book_id": book_id,
        "after": after,
        "limit": limit,
        "reference": reference,
        "account_id": account_id,
        "chart_code": None if line is None else int(line),
        "currency": currency,
        "status": status,
    }
    cursor = connection.cursor(row_factory=dict_row)
    # Planned each time: one plan for all that may be asked would read the whole book.
    return cursor.execute(statement.encode(), named, prepare=False).fetchall()


def account(connection: psycopg.Connection, book_id: int, name: str) -> dict[str, Any]:
    """One account by reference, or by number where no reference reads so; raises `NotFound`."""
    found = accounts(connection, book_id, reference=name)
    if not found and name.isascii() and name.isdigit() and len(name) <= _LONGEST_NUMBER:
        found = accounts(connection, book_id, account_id=int(name))
    if not found:
        raise NotFound("account", name)
    return found[0]


def account_content(
    row: Mapping[str, Any], participant_id: str, *, with_balance: bool = False
) -> dict[str, Any]:
    """A row as its client sees it."""
    limits = {
        name: None if row[name] is None else units_of(row, row[name])
        for name in ("debit_limit", "credit_limit")
    }
    content = {
        "id": str(row["account_id"]),
        "participant_id": participant_id,
        "reference": row["external_ref"],
        "line": _LINE_NAMES[row["chart_code"]],
        "currency": row["currency"],
        "status": status_of(row),
        "debits_frozen": row["debits_frozen"],
        "credits_frozen": row["credits_frozen"],
        **limits,
        "parent": row["parent"],
        "opened_on": row["opened_on"].isoformat(),
        "revision": row["revision"],
    }
    if with_balance:
        content["balance"] = balance_content(row, now(row), is_now=True)
    return content


def now(row: Mapping[str, Any]) -> Balance:
    """What an account's row says that it holds."""
    totals = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
    return Balance(row["version"], None, *(row[name] for name in totals))


def units_of(row: Mapping[str, Any], minor: int) -> str:
    """Minor units of an account as a decimal string.

    In its currency as it was when the account was opened: the account outlives a currency that is
    withdrawn.
    """
    return units(minor, row["currency"], on=row["opened_on"])


def balance_content(row: Mapping[str, Any], held: Balance, *, is_now: bool) -> dict[str, Any]:
    """What an account holds, on its normal side; `available` of what it holds now."""
    side = Side(row["normal_side"])
    other = Side.CREDIT if side is Side.DEBIT else Side.DEBIT
    limit = row["debit_limit"] if side is Side.CREDIT else row["credit_limit"]
    bounded = is_now and limit is not None
    available = held.posted(side) - held.pending(other) + (limit or 0)
    return {
        "posted": units_of(row, held.posted(side)),
        "pending_in": units_of(row, held.pending(side)),
        "pending_out": units_of(row, held.pending(other)),
        "available": units_of(row, max(0, available)) if bounded else None,
        "entries": held.version,
    }


def status_of(row: Mapping[str, Any]) -> str:
    """Whether the account takes transfers."""
    if row["closed"]:
        return Status.CLOSED.value
    frozen = row["debits_frozen"] or row["credits_frozen"]
    return (Status.FROZEN if frozen else Status.OPEN).value


def account_etag(revision: int, version: int | None = None) -> str:
    """Of an account's terms, and with its balance of its last entry too."""
    return f'"{revision}"' if version is None else f'"{revision}.{version}"'
