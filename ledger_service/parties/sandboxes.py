"""Sandboxes: tenants with play money, clocks that can be set forward, and money that comes back late.

Everything here runs on the sandbox's database (`Server.sandbox`), whose sessions and whose role reach
no live book. What a sandbox begins with is `sandbox_terms.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import permutations, product
from typing import Any, Final

import polars as pl
import psycopg

from ledger_service.ledger.accounts import (
    ACCOUNT_COLUMNS,
    AccountTerms,
    change_account,
    create_accounts,
)
from ledger_service.ledger.books import register_participants
from ledger_service.ledger.chart import ChartCode
from ledger_service.ledger.expiry import sweep_books
from ledger_service.ledger.lookups import lookup_external_refs, lookup_transfers
from ledger_service.ledger.results import AccountResult
from ledger_service.parties.sandbox_terms import PlayAccount, participant_ids, sandbox_terms
from ledger_service.payments.settlement.transfers import post_all
from ledger_service.reference.money import to_minor
from ledger_service.runtime.identifiers import derived_id

LONGEST: Final = timedelta(days=366)
"""That a clock is set forward at once."""

RETURN: Final = "late_return"
"""Kind of the reversal by which money comes back."""

_EQUITY: Final = "opening-balances"


class UnknownSandbox(LookupError):
    """There is no sandbox of that name."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        super().__init__(f"there is no sandbox {tenant}")


class ClockRefused(ValueError):
    """A clock goes forward only, and not by more than a year at once."""

    def __init__(self, by: timedelta) -> None:
        self.by = by
        super().__init__(f"a test clock goes forward, by {LONGEST.days} days at most: not by {by}")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A tenant with play money."""

    tenant: str
    clock_ahead: timedelta
    """How far its clock is before that of the server."""
    participants: Sequence[str]
    emptied_at: datetime | None


@dataclass(frozen=True, slots=True)
class Advanced:
    """What setting a clock forward did."""

    now: datetime
    holds_released: int
    returned: int


def make_sandbox(connection: psycopg.Connection, tenant: str, *, at: datetime) -> Sandbox:
    """The sandbox of that name with its participants, accounts and play money; made where it is not.

    Within the caller's transaction. Raises `psycopg.errors.CheckViolation` for what is no name:
    lower case letters, digits and hyphens, 20 characters at most.
    """
    connection.execute(
        "INSERT INTO sandbox.tenant (tenant) VALUES (%s) ON CONFLICT DO NOTHING", [tenant]
    )
    books = register_participants(connection, _participants(tenant))
    for book_id in books.values():
        connection.execute(
            "INSERT INTO sandbox.tenant_book VALUES (%s, %s) ON CONFLICT DO NOTHING", [book_id, tenant]
        )
    for participant_id, book_id in books.items():
        _open_accounts(connection, book_id, participant_id, tenant, at)
    return sandbox(connection, tenant)


def sandbox(connection: psycopg.Connection, tenant: str) -> Sandbox:
    """One sandbox; raises `UnknownSandbox`."""
    found = [one for one in sandboxes(connection) if one.tenant == tenant]
    if not found:
        raise UnknownSandbox(tenant)
    return found[0]


def sandboxes(connection: psycopg.Connection) -> list[Sandbox]:
    """All sandboxes, by name."""
    rows = connection.execute(
        "SELECT tenant, clock_ahead, emptied_at FROM sandbox.tenant ORDER BY tenant"
    ).fetchall()
    return [Sandbox(name, ahead, participant_ids(name), emptied) for name, ahead, emptied in rows]


def advance_clock(
    connection: psycopg.Connection, tenant: str, *, by: timedelta, server_now: datetime
) -> Advanced:
    """Set a sandbox's clock forward; then do what has become due: holds expire, money comes back.

    Within the caller's transaction. Raises `UnknownSandbox`, `ClockRefused`.
    """
    if not timedelta() < by <= LONGEST:
        raise ClockRefused(by)
    connection.execute(
        "UPDATE sandbox.tenant SET clock_ahead = clock_ahead + %s WHERE tenant = %s", [by, tenant]
    )
    now = server_now + sandbox(connection, tenant).clock_ahead
    books = [
        row[0]
        for row in connection.execute(
            "SELECT book_id FROM sandbox.tenant_book WHERE tenant = %s ORDER BY book_id", [tenant]
        ).fetchall()
    ]
    released = sweep_books(connection, book_ids=books, business_date=now.date(), now=now)
    return Advanced(now, released, _return_what_is_due(connection, tenant, now))


def empty_sandbox(connection: psycopg.Connection, tenant: str, *, at: datetime) -> Sandbox:
    """Delete all that happened in a sandbox, and begin again. Raises `UnknownSandbox`."""
    sandbox(connection, tenant)
    connection.execute("SELECT sandbox.empty_tenant(%s)", [tenant])
    return make_sandbox(connection, tenant, at=at)


def return_later(
    connection: psycopg.Connection,
    tenant: str,
    *,
    transfers: Sequence[tuple[int, str]],
    now: datetime,
) -> datetime:
    """Have transfers (book and id) sent back by the receiving bank; when, by the sandbox's clock."""
    due_at = now + timedelta(days=sandbox_terms().late_return_after_days)
    for book_id, transfer_id in transfers:
        connection.execute(
            """INSERT INTO sandbox.late_return (tenant, book_id, transfer_id, due_at)
            VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            [tenant, book_id, transfer_id, due_at],
        )
    return due_at


def _return_what_is_due(connection: psycopg.Connection, tenant: str, now: datetime) -> int:
    due = connection.execute(
        """SELECT book_id, transfer_id::text FROM sandbox.late_return
        WHERE tenant = %s AND due_at <= %s AND done_at IS NULL
        ORDER BY book_id, transfer_id FOR UPDATE""",
        [tenant, now],
    ).fetchall()
    for book_id, transfer_id in due:
        found = lookup_transfers(connection, book_id=book_id, transfer_ids=[transfer_id])
        original = found.row(0, named=True)
        row = {
            "transfer_id": derived_id(now, RETURN, transfer_id),
            "debit_account_id": original["credit_account_id"],
            "credit_account_id": original["debit_account_id"],
            "amount_minor": original["amount_minor"],
            "kind": RETURN,
            "payment_id": original["payment_id"],
            "reverses_id": transfer_id,
            "event_at": now,
            "value_date": now.date(),
        }
        post_all(connection, book_id=book_id, business_date=now.date(), rows=[row])
        connection.execute(
            "UPDATE sandbox.late_return SET done_at = %s WHERE book_id = %s AND transfer_id = %s",
            [now, book_id, transfer_id],
        )
    return len(due)


def _participants(tenant: str) -> pl.DataFrame:
    declared = zip(participant_ids(tenant), sandbox_terms().participants, strict=True)
    rows = [
        {
            "participant_id": participant_id,
            "name": f"{one.name} of {tenant}",
            "kind": one.kind,
            "country": one.country,
            "home_currency": "UGX" if one.country == "UG" else "KES",
        }
        for participant_id, one in declared
    ]
    return pl.DataFrame(rows).with_columns(bic=pl.lit(None, pl.String), has_book=True)


def _open_accounts(
    connection: psycopg.Connection, book_id: int, participant_id: str, tenant: str, at: datetime
) -> None:
    """Accounts of one book that are not there yet, with what they begin with."""
    wanted = list(_wanted(participant_id, tenant))
    references = [reference for reference, *_ in wanted]
    known = lookup_external_refs(connection, book_id=book_id, external_refs=references)
    numbers = dict(known.select("external_ref", "account_id").iter_rows())
    missing = [one for one in wanted if one[0] not in numbers]
    if not missing:
        return
    first = max(numbers.values(), default=0) + 1
    numbers |= {reference: first + n for n, (reference, *_) in enumerate(missing)}
    rows = [
        dict.fromkeys(ACCOUNT_COLUMNS)
        | {
            "account_id": numbers[reference],
            "external_ref": reference,
            "chart_code": int(line),
            "currency": currency,
            "counterparty_id": counterparty,
            "debit_limit": 0 if line in _CUSTOMERS else None,
            "opened_on": at.date(),
        }
        for reference, line, currency, counterparty, _ in missing
    ]
    results = create_accounts(
        connection,
        book_id=book_id,
        accounts=pl.DataFrame(rows, schema=ACCOUNT_COLUMNS, orient="row"),
    )
    if refused := [code for code in results if code != AccountResult.CREATED]:
        raise RuntimeError(f"accounts of sandbox {tenant} were refused: {refused}")
    _fund(connection, book_id, missing, numbers, at)
    _end(connection, book_id, missing, numbers)


_Wanted = tuple[str, ChartCode, str, str | None, PlayAccount | None]
"""Reference, line, currency, counterparty, and what was declared."""

_CUSTOMERS: Final = frozenset({ChartCode.CUSTOMER_DEPOSITS, ChartCode.CUSTOMER_WALLETS})


def _wanted(participant_id: str, tenant: str) -> Iterator[_Wanted]:
    terms = sandbox_terms()
    for currency in terms.currencies:
        yield f"{_EQUITY}:{currency}", ChartCode.OPENING_BALANCES, currency, None, None
        for own, other in permutations(participant_ids(tenant), 2):
            if own == participant_id:
                yield f"clearing:{other}:{currency}", ChartCode.CLEARING, currency, other, None
    for currency, one in product(terms.currencies, terms.accounts):
        if participant_id[-1] in one.of:
            yield f"{one.reference}:{currency}", one.line, currency, None, one


def _fund(
    connection: psycopg.Connection,
    book_id: int,
    opened: Sequence[_Wanted],
    numbers: dict[str, int],
    at: datetime,
) -> None:
    rows: list[dict[str, Any]] = [
        {
            "transfer_id": derived_id(at, "sandbox", book_id, reference),
            "debit_account_id": numbers[f"{_EQUITY}:{currency}"],
            "credit_account_id": numbers[reference],
            "amount_minor": to_minor(str(declared.begins_with), currency, at.date()),
            "kind": "opening_balance",
            "event_at": at,
            "value_date": at.date(),
        }
        for reference, _, currency, _, declared in opened
        if declared is not None and declared.begins_with
    ]
    post_all(connection, book_id=book_id, business_date=at.date(), rows=rows)


def _end(
    connection: psycopg.Connection, book_id: int, opened: Sequence[_Wanted], numbers: dict[str, int]
) -> None:
    """Freeze and close the accounts that are declared so."""
    for reference, _, _, _, declared in opened:
        if declared is None or not (declared.frozen or declared.closed):
            continue
        terms = AccountTerms(
            closed=declared.closed,
            debits_frozen=declared.frozen,
            credits_frozen=declared.frozen,
            debit_limit=0,
        )
        change_account(
            connection,
            book_id=book_id,
            account_id=numbers[reference],
            revision=1,
            terms=terms,
            reason="as every sandbox has it",
        )
