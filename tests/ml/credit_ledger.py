"""A small ledger for tests of features and scores: moves in, lake frames out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, PAYMENTS

TODAY = date(2026, 6, 30)
CREDITS = {"opening_balance", "cash_deposit", "salary", "collection", "loan_disbursement", "remittance"}


@dataclass(frozen=True, slots=True)
class Move:
    """One posted payment of a customer account; a negative `days_ago` lies after `TODAY`."""

    account: int
    days_ago: int
    kind: str
    amount: int
    other: str | None = None
    purpose: str | None = None
    booked_days_late: int = 0
    valued_days_before: int = 0

    @property
    def day(self) -> date:
        return TODAY - timedelta(days=self.days_ago)

    @property
    def signed(self) -> int:
        return self.amount if self.kind in CREDITS else -self.amount


@dataclass(frozen=True, slots=True)
class Frames:
    """The ledger tables that features are computed from."""

    entries: pl.LazyFrame
    accounts: pl.LazyFrame
    payments: pl.LazyFrame


def frames(moves: Iterable[Move], *, accounts: int, closed_on: date = TODAY) -> Frames:
    """Entries and payments of all moves; accounts as at the close of `closed_on`."""
    entries, payments, open_accounts = [], [], []
    for account in range(1, accounts + 1):
        own = sorted((m for m in moves if m.account == account), key=lambda m: -m.days_ago)
        debits = credits = version_at_close = debits_at_close = credits_at_close = 0
        for version, move in enumerate(own, start=1):
            credits += max(move.signed, 0)
            debits += max(-move.signed, 0)
            if move.day <= closed_on and move.booked_days_late == 0:
                version_at_close, debits_at_close, credits_at_close = version, debits, credits
            entries.append(_entry(move, version, debits, credits))
            payments.append(_payment(move, version))
        open_accounts.append(
            {
                "business_date": closed_on, "book_id": 1, "account_id": account,
                "participant_id": "KE-BANK", "party_id": f"P{account}",
                "debits_posted": debits_at_close, "credits_posted": credits_at_close,
                "chart_name": "customer_deposits", "version": version_at_close,
            }
        )  # fmt: skip
    return Frames(
        entries=pl.DataFrame(entries, schema=dict(ENTRIES.schema)).lazy(),
        accounts=pl.DataFrame(open_accounts, schema=dict(ACCOUNTS.schema)).lazy(),
        payments=pl.DataFrame(payments, schema=dict(PAYMENTS.schema)).lazy(),
    )


def _entry(move: Move, version: int, debits: int, credits: int) -> dict[str, object]:
    booked = datetime.combine(move.day, time(9), UTC) + timedelta(days=move.booked_days_late)
    return {
        "business_date": move.day, "book_id": 1, "account_id": move.account, "version": version,
        "value_date": move.day - timedelta(days=move.valued_days_before),
        "side": "C" if move.signed > 0 else "D", "amount_minor": move.amount, "kind": move.kind,
        "payment_id": f"{move.account}-{version}", "booked_at": booked,
        "debits_posted_after": debits, "credits_posted_after": credits,
    }  # fmt: skip


def _payment(move: Move, version: int) -> dict[str, object]:
    party = "debtor" if move.signed > 0 else "creditor"
    return {
        "business_date": move.day, "payment_id": f"{move.account}-{version}", "kind": move.kind,
        "purpose": move.purpose, f"{party}_agent": move.other and "KE-OTHER",
        f"{party}_account": move.other,
    }  # fmt: skip
