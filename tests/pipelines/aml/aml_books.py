"""Books that a test writes payment by payment, as the frames that the close would have written."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, PARTICIPANTS, PAYMENTS

BOOK = 1
BANK = "KE-B01"


@dataclass
class Books:
    """One bank's books: accounts open when they are first named; `agent/account` is outside them."""

    payments: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=lambda: {"cash": 1, "clearing": 2})
    currencies: dict[str, str] = field(default_factory=dict)
    totals: dict[int, dict[str, int]] = field(
        default_factory=lambda: defaultdict(lambda: {"D": 0, "C": 0})
    )

    def pay(
        self,
        amount_minor: int,
        *,
        at: str,
        kind: str = "credit_transfer",
        debtor: str | None = None,
        creditor: str | None = None,
        currency: str = "KES",
        business_date: date | None = None,
    ) -> str:
        """Book one payment; `at` is the event time in UTC, `business_date` its date unless given."""
        event_at = datetime.fromisoformat(at).replace(tzinfo=UTC)
        day = business_date or event_at.date()
        payment_id = f"p{len(self.payments):06}"
        own = "cash" if kind.startswith("cash_") else "clearing"
        common = {
            "business_date": day, "kind": kind, "payment_id": payment_id, "event_at": event_at,
            "booked_at": event_at, "value_date": day, "currency": currency, "amount_minor": amount_minor,
        }  # fmt: skip
        self.payments.append(
            {
                **common,
                "book_id": BOOK,
                "debtor_agent": _agent(debtor),
                "debtor_account": _account(debtor),
                "creditor_agent": _agent(creditor),
                "creditor_account": _account(creditor),
            }
        )
        self._enter(debtor if _inside(debtor) else own, "D", common)
        self._enter(creditor if _inside(creditor) else own, "C", common)
        return payment_id

    def _enter(self, name: str | None, side: str, common: dict[str, Any]) -> None:
        assert name is not None
        number = self.numbers.setdefault(name, len(self.numbers) + 1)
        self.currencies.setdefault(name, common["currency"])
        totals = self.totals[number]
        totals[side] += common["amount_minor"]
        version = 1 + sum(1 for e in self.entries if e["account_id"] == number)
        self.entries.append(
            {
                **common,
                "book_id": BOOK,
                "account_id": number,
                "version": version,
                "transfer_id": "t" + common["payment_id"],
                "side": side,
                "pending_minor": 0,
                "debits_posted_after": totals["D"],
                "credits_posted_after": totals["C"],
                "debits_pending_after": 0,
                "credits_pending_after": 0,
            }
        )

    def frames(self) -> dict[str, pl.LazyFrame]:
        """The four frames of a sweep, with accounts and participants as of the first date."""
        first = min((e["business_date"] for e in self.entries), default=date(2025, 1, 1))
        accounts = [
            {
                "business_date": first, "book_id": BOOK, "account_id": number, "participant_id": BANK,
                "external_ref": name, "chart_name": name if number < 3 else "customer_deposits",
                "party_id": f"party-{name}", "party_kind": "person",
                "currency": self.currencies.get(name, "KES"),
            }
            for name, number in self.numbers.items()
        ]  # fmt: skip
        participants = [
            {"business_date": first, "participant_id": agent, "country": agent[:2]}
            for agent in (BANK, "KE-P01", "UG-B01", "KP-P01")
        ]
        tables = ((ENTRIES, self.entries), (PAYMENTS, self.payments), (ACCOUNTS, accounts),
                  (PARTICIPANTS, participants))  # fmt: skip
        return {t.name: pl.DataFrame(rows, schema=dict(t.schema)).lazy() for t, rows in tables}


def _inside(party: str | None) -> bool:
    return party is not None and "/" not in party


def _agent(party: str | None) -> str | None:
    return party and (party.split("/")[0] if "/" in party else BANK)


def _account(party: str | None) -> str | None:
    return party and party.split("/")[-1]
