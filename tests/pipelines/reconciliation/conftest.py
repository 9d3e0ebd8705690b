"""Frames for reconciliation tests: small closed days built by hand, the real bank's from its file."""

import csv
import gzip
import io
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, PAYMENTS, STATED_BALANCES
from pipelines.lake.table import Table
from pipelines.reconciliation.reconcile import ClosedDay
from pipelines.reconciliation.rules import Rules, load_rules


@pytest.fixture(scope="session")
def rules() -> Rules:
    return load_rules()


def frame(table: Table, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of a lake table; columns that a test does not care about are null."""
    return pl.DataFrame(
        [{name: row.get(name) for name in table.schema} for row in rows],
        schema=dict(table.schema),
        orient="row",
    )


@dataclass
class Books:
    """A tiny ledger that closes days: accounts with totals, entries numbered without gaps."""

    accounts: dict[int, dict[str, Any]] = field(default_factory=dict)
    payments: int = 0

    def open(self, account_id: int, *, normal_side: str, currency: str, **columns: Any) -> None:
        self.accounts[account_id] = {
            "book_id": 1,
            "account_id": account_id,
            "participant_id": "ke-bank",
            "normal_side": normal_side,
            "currency": currency,
            "debits_posted": 0,
            "credits_posted": 0,
            "debits_pending": 0,
            "credits_pending": 0,
            "version": 0,
        } | columns

    def open_nostro(
        self,
        account_id: int,
        *,
        partner: str = "gb-partner",
        currency: str = "GBP",
        participant: str = "ke-bank",
    ) -> None:
        self.open(
            account_id,
            normal_side="D",
            currency=currency,
            chart_code=1110,
            chart_name="nostro",
            counterparty_id=partner,
            external_ref=f"nostro:{partner}:{currency}",
            participant_id=participant,
        )

    def open_deposit(self, account_id: int, *, currency: str = "CZK") -> None:
        self.open(
            account_id,
            normal_side="C",
            currency=currency,
            chart_code=2010,
            chart_name="customer_deposits",
            external_ref=f"deposit-{account_id}",
        )

    def close(self, day: date, movements: list[dict[str, Any]]) -> ClosedDay:
        """Book the movements of a day: account_id, signed_minor, and optionally end_to_end_id,
        value_date, stated_minor, payment_id, kind."""
        entries, payments, stated = [], [], []
        for row, movement in enumerate(movements, 1):
            account = self.accounts[movement["account_id"]]
            signed = movement["signed_minor"]
            increases = (
                account["normal_side"] if signed > 0 else "DC".replace(account["normal_side"], "")
            )
            account["debits_posted" if increases == "D" else "credits_posted"] += abs(signed)
            account["version"] += 1
            self.payments += 1
            payment_id = movement.get("payment_id") or f"payment-{self.payments:06d}"
            common = {
                "business_date": day,
                "book_id": 1,
                "account_id": account["account_id"],
                "payment_id": payment_id,
                "currency": account["currency"],
                "value_date": movement.get("value_date", day),
            }
            entries.append(
                common
                | {
                    "version": account["version"],
                    "transfer_id": f"transfer-{self.payments:06d}",
                    "side": increases,
                    "amount_minor": abs(signed),
                    "pending_minor": 0,
                    "kind": movement.get("kind", "payout"),
                    "event_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
                    "debits_posted_after": account["debits_posted"],
                    "credits_posted_after": account["credits_posted"],
                }
            )
            payments.append(common | {"end_to_end_id": movement.get("end_to_end_id")})
            if movement.get("stated_minor") is not None:
                stated.append(
                    common
                    | {
                        "stated_balance_minor": movement["stated_minor"],
                        "source_file": f"{day}.csv",
                        "source_row": movement.get("source_row", row),
                    }
                )
        accounts = [account | {"business_date": day} for account in self.accounts.values()]
        return ClosedDay(
            accounts=frame(ACCOUNTS, accounts),
            entries=frame(ENTRIES, entries),
            payments=frame(PAYMENTS, payments),
            stated_balances=frame(STATED_BALANCES, stated),
        )


@pytest.fixture
def books() -> Books:
    """An empty ledger."""
    return Books()


@dataclass(frozen=True)
class BankRow:
    """One transaction of the real bank: signed amount and the balance it states, minor units."""

    account: int
    day: date
    signed_minor: int
    stated_minor: int
    row: int


def _minor(text: str) -> int:
    whole, fraction = text.split(".")
    value = int(whole.removeprefix("-")) * 100 + int(fraction)
    return -value if text.startswith("-") else value


@pytest.fixture(scope="session")
def bank_rows(shared_data: Path) -> list[BankRow]:
    """Every transaction of the real bank, in the order of its file."""
    raw = gzip.decompress((shared_data / "berka" / "trans_1993_199403.asc.gz").read_bytes()).decode()
    rows = []
    for number, row in enumerate(csv.DictReader(io.StringIO(raw), delimiter=";"), 2):
        amount = _minor(row["amount"])
        rows.append(
            BankRow(
                account=int(row["account_id"]),
                day=datetime.strptime(f"19{row['date']}", "%Y%m%d").replace(tzinfo=UTC).date(),
                signed_minor=amount if row["type"] == "PRIJEM" else -amount,
                stated_minor=_minor(row["balance"]),
                row=number,
            )
        )
    return rows


@pytest.fixture(scope="session")
def bank_days(bank_rows: list[BankRow]) -> list[tuple[date, list[BankRow]]]:
    """The real bank's transactions by business date."""
    by_day: dict[date, list[BankRow]] = defaultdict(list)
    for row in bank_rows:
        by_day[row.day].append(row)
    return sorted(by_day.items())


@pytest.fixture(scope="session")
def new_books() -> type[Books]:
    """Makes empty ledgers."""
    return Books


@pytest.fixture(scope="session")
def bank_row() -> type[BankRow]:
    """Makes a row like the real bank's."""
    return BankRow
