"""Write-offs: one person proposes, another approves, and the difference is booked in that moment.

The database refuses an approval by the proposer. The transfer names nothing but ids that follow from
the case, so that approving it twice books once.
"""

from datetime import datetime
from typing import Final

import polars as pl
import psycopg

from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.books import lock_books, open_business_date
from ledger_service.ledger.chart import CHART, ChartCode, Side
from ledger_service.ledger.lookups import lookup_accounts, lookup_external_refs
from ledger_service.ledger.results import AccountResult
from ledger_service.payments.break_cases.cases import (
    Case,
    CaseInState,
    CaseState,
    Event,
    add,
    locked_case,
)
from ledger_service.payments.break_cases.policy import policy_on
from ledger_service.payments.settlement.transfers import post_all
from ledger_service.runtime.identifiers import derived_id

WRITE_OFF: Final = "reconciliation_write_off"
"""Kind of the transfer."""

WRITE_OFFS_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "break_ref": pl.String,
    "book_id": pl.Int32,
    "account_id": pl.Int64,
    "transfer_id": pl.String,
    "words": pl.String,  # why, and who decided
}

_OWN_MONEY: Final = frozenset({ChartCode.NOSTRO, ChartCode.CLEARING, ChartCode.SUSPENSE})
"""Lines whose differences may be written off; a customer's account is corrected instead."""


class WriteOffRefused(ValueError):
    """The difference of a break is not written off; says why."""

    def __init__(self, break_ref: str, reason: str) -> None:
        self.break_ref = break_ref
        self.reason = reason
        super().__init__(f"break {break_ref} is not written off: {reason}")


class MakerIsChecker(PermissionError):
    """Who proposed a write-off must not decide it."""

    def __init__(self, break_ref: str, actor: str) -> None:
        self.break_ref = break_ref
        self.actor = actor
        super().__init__(f"{actor} proposed the write-off of {break_ref} and must not decide it")


def propose_write_off(
    connection: psycopg.Connection, *, break_ref: str, actor: str, words: str, at: datetime
) -> None:
    """Propose to write a break's difference off, as it is now.

    Raises `CaseNotFound`, `CaseInState` unless it is open, `WriteOffRefused`.
    """
    with connection.transaction():
        found = locked_case(connection, break_ref)
        if found.state != CaseState.OPEN:
            raise CaseInState(break_ref, found.state, "written off")
        _refuse_what_cannot(connection, found, at)
        difference = found.difference_minor
        facts = {"words": words, "difference_minor": difference}
        add(connection, found, Event.WRITE_OFF_PROPOSED, actor=actor, at=at, **facts)


def decide_write_off(
    connection: psycopg.Connection, *, break_ref: str, approved: bool, actor: str, at: datetime
) -> None:
    """Decide a proposal; an approval books it, in one transaction.

    Raises `CaseNotFound`, `CaseInState` where nothing is proposed, `MakerIsChecker`, `WriteOffRefused`
    where the break has another difference now, `TransferRefused`.
    """
    try:
        with connection.transaction():
            found = locked_case(connection, break_ref)
            if found.state != CaseState.PROPOSED:
                raise CaseInState(break_ref, found.state, "decided")
            proposal = [one for one in found.events if one.event == Event.WRITE_OFF_PROPOSED][-1]
            facts: dict[str, object] = {"proposed_by": proposal.actor}
            event = Event.WRITE_OFF_REFUSED
            if approved:
                if found.difference_minor != proposal.difference_minor:
                    raise WriteOffRefused(break_ref, "its difference has changed since the proposal")
                event = Event.WRITE_OFF_APPROVED
                facts |= {"transfer_id": _book(connection, found, proposal.number, at)}
            add(connection, found, event, actor=actor, at=at, **facts)
    except psycopg.errors.CheckViolation as error:
        if error.diag.constraint_name == "maker_is_not_checker":
            raise MakerIsChecker(break_ref, actor) from error
        raise


def write_offs(connection: psycopg.Connection) -> pl.DataFrame:
    """`WRITE_OFFS_SCHEMA` of all that is booked: which transfer explains which break."""
    rows = connection.execute(
        """SELECT c.break_ref, c.book_id, c.account_id, e.transfer_id::text,
            format('written off: %s (%s, approved by %s)', p.words, e.proposed_by, e.actor)
        FROM payments.break_event e
        JOIN payments.break_case c USING (book_id, break_ref)
        JOIN LATERAL (
            SELECT words FROM payments.break_event p
            WHERE (p.book_id, p.break_ref) = (e.book_id, e.break_ref)
                AND p.event = 'write_off_proposed' AND p.number < e.number
            ORDER BY p.number DESC LIMIT 1
        ) p ON true
        WHERE e.event = 'write_off_approved' ORDER BY c.break_ref, e.number"""
    ).fetchall()
    return pl.DataFrame(rows, schema=WRITE_OFFS_SCHEMA, orient="row")


def _refuse_what_cannot(connection: psycopg.Connection, found: Case, at: datetime) -> None:
    if found.account_id is None:
        raise WriteOffRefused(found.break_ref, "it has no account in the ledger")
    if not found.difference_minor:
        raise WriteOffRefused(found.break_ref, "both sides have the same amount")
    if _line(connection, found) not in _OWN_MONEY:
        raise WriteOffRefused(found.break_ref, "a customer's account is corrected, not written off")
    limit = policy_on(at.date()).write_off_limits_minor.get(found.currency)
    if limit is None:
        raise WriteOffRefused(found.break_ref, f"nothing is written off in {found.currency}")
    if abs(found.difference_minor) > limit:
        told = f"{abs(found.difference_minor)} minor units of {found.currency} exceed {limit}"
        raise WriteOffRefused(found.break_ref, told)


def _line(connection: psycopg.Connection, found: Case) -> ChartCode:
    row = lookup_accounts(connection, book_id=found.book_id, account_ids=[found.account_id or 0]).row(
        0, named=True
    )
    return ChartCode(row["chart_code"])


def _book(connection: psycopg.Connection, found: Case, proposal: int, at: datetime) -> str:
    """Book the difference against gains or losses, on the open date; the id of the transfer."""
    lock_books(connection, [found.book_id])
    grows_by_debit = CHART[_line(connection, found)].normal_side == Side.DEBIT
    gain = (found.difference_minor > 0) == grows_by_debit
    code = ChartCode.RECONCILIATION_GAINS if gain else ChartCode.RECONCILIATION_LOSSES
    other = _counter_account(connection, found, code, at)
    opened = open_business_date(connection, book_id=found.book_id) or at.date()
    transfer_id = derived_id(at, "write-off", found.break_ref, proposal)
    row = {
        "transfer_id": transfer_id,
        "debit_account_id": found.account_id if gain else other,
        "credit_account_id": other if gain else found.account_id,
        "amount_minor": abs(found.difference_minor),
        "kind": WRITE_OFF,
        "event_at": at,
        "value_date": opened,
    }
    post_all(connection, book_id=found.book_id, business_date=opened, rows=[row])
    return transfer_id


def _counter_account(connection: psycopg.Connection, found: Case, code: ChartCode, at: datetime) -> int:
    """The book's account of that line and currency, opened where it is not."""
    reference = f"{code.name.lower().replace('_', '-')}:{found.currency}"
    known = lookup_external_refs(connection, book_id=found.book_id, external_refs=[reference])
    if known.height:
        return int(known["account_id"][0])
    row = connection.execute(
        "SELECT coalesce(max(account_id), 0) + 1 FROM ledger.account WHERE book_id = %s", [found.book_id]
    ).fetchone()
    account_id = int(row[0]) if row else 1
    given = {
        "account_id": [account_id],
        "external_ref": [reference],
        "chart_code": [int(code)],
        "currency": [found.currency],
        "opened_on": [at.date()],
    }
    absent = {name: [None] for name in ACCOUNT_COLUMNS if name not in given}
    results = create_accounts(
        connection,
        book_id=found.book_id,
        accounts=pl.DataFrame({**given, **absent}).select(
            pl.col(name).cast(kind) for name, kind in ACCOUNT_COLUMNS.items()
        ),
    )
    if results[0] != AccountResult.CREATED:
        raise WriteOffRefused(found.break_ref, f"account {reference} cannot be opened: {results[0]}")
    return account_id
