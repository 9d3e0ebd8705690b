"""Balanced books of two participants, as the close writes them, and a plain loop over them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from ledger_service.ledger.chart import CHART, ChartCode
from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES

DAY = date(2025, 3, 3)
PARTICIPANTS = ("KE-B01", "UG-M01")
CURRENCIES = ("KES", "USD")


@dataclass(frozen=True)
class Posting:
    """A transfer between two chart lines of one book, on `DAY` or before it."""

    book: int
    debit: ChartCode
    credit: ChartCode
    currency: str
    amount_minor: int
    kind: str = "credit_transfer"
    today: bool = True


@dataclass(frozen=True)
class Lake:
    """The frames of `DAY`, and of the days before it in `entries`."""

    accounts: pl.DataFrame
    entries: pl.DataFrame


def booked(postings: list[Posting]) -> Lake:
    """Post in order, those of earlier days first; an account a book, chart line and currency."""
    numbers: dict[tuple[int, ChartCode, str], int] = {}
    totals: dict[int, dict[str, int]] = defaultdict(lambda: {"D": 0, "C": 0, "version": 0})
    entries: list[dict[str, Any]] = []
    for n, posting in enumerate(sorted(postings, key=lambda p: p.today)):
        day = DAY if posting.today else date(2025, 3, 2)
        for side, line in (("D", posting.debit), ("C", posting.credit)):
            key = (posting.book, line, posting.currency)
            account = numbers.setdefault(key, 100 + len(numbers))
            after = totals[account]
            after[side] += posting.amount_minor
            after["version"] += 1
            entries.append(
                {
                    "business_date": day, "book_id": posting.book, "account_id": account,
                    "version": after["version"], "transfer_id": f"t{n}", "side": side,
                    "currency": posting.currency, "amount_minor": posting.amount_minor,
                    "pending_minor": 0, "kind": posting.kind, "payment_id": f"p{n}",
                    "event_at": datetime(2025, 3, 3, tzinfo=UTC),
                    "debits_posted_after": after["D"], "credits_posted_after": after["C"],
                }
            )  # fmt: skip
    accounts = [
        {
            "business_date": DAY, "book_id": book, "account_id": account,
            "participant_id": PARTICIPANTS[book - 1], "chart_code": int(line),
            "chart_name": CHART[line].name, "currency": currency,
            "counterparty_id": "KE-P01" if line is ChartCode.NOSTRO else None,
            "debits_posted": totals[account]["D"], "credits_posted": totals[account]["C"],
            "version": totals[account]["version"],
        }
        for (book, line, currency), account in numbers.items()
    ]  # fmt: skip
    return Lake(
        accounts=pl.DataFrame(accounts, schema=dict(ACCOUNTS.schema)),
        entries=pl.DataFrame(entries, schema=dict(ENTRIES.schema)),
    )
