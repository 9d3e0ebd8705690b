"""The books behind the small lake: what the close of its two business dates wrote.

Kisumu Bank (book 1) and Lagos Bank (book 2) are on the platform, Cairo Bank is not. On the first day
a customer pays in 1,000.00 at Kisumu; on the second he sends 300.00 to a customer of Lagos. In minor
units of KES throughout.
"""

from datetime import UTC, date, datetime
from typing import Any

from pipelines.lake.ledger_tables import (
    ACCOUNTS,
    ENTRIES,
    PARTICIPANTS,
    PAYMENTS,
    QUARANTINE,
    STATED_BALANCES,
    TRANSFERS,
)

FIRST, SECOND = date(2024, 3, 28), date(2024, 4, 2)
DEPOSIT, SENT, RECEIVED = (f"00000000-0000-7000-8000-00000000000{n}" for n in (1, 2, 3))
PAYMENT = "00000000-0000-7000-8000-0000000000aa"
MONEY = {"business_date": SECOND, "currency": "KES"}

Row = dict[str, Any]


def morning(day: date) -> datetime:
    """Half past nine of the day."""
    return datetime(day.year, day.month, day.day, 9, 30, tzinfo=UTC)


def _participants(day: date) -> list[Row]:
    return [
        {
            "business_date": day,
            "participant_id": name,
            "book_id": book,
            "name": f"{name.title()} Bank",
            "kind": "bank" if book else "partner_bank",
            "country": country,
            "home_currency": "KES",
        }
        for name, book, country in (("kisumu", 1, "KE"), ("lagos", 2, "NG"), ("cairo", None, "EG"))
    ]


_CHART = {1: (1010, "cash", "D"), 2: (2010, "customer_deposits", "C"), 3: (1210, "clearing", "D")}
# Posted debits and credits and the number of entries of (book, account) at the close of each day.
_TOTALS = {
    FIRST: {(1, 1): (100_000, 0, 1), (1, 2): (0, 100_000, 1)},
    SECOND: {
        (1, 1): (100_000, 0, 1),
        (1, 2): (30_000, 100_000, 2),
        (1, 3): (0, 30_000, 1),
        (2, 3): (30_000, 0, 1),
        (2, 2): (0, 30_000, 1),
    },
}


def _accounts(day: date) -> list[Row]:
    rows = []
    for book in (1, 2):
        for account, (code, name, side) in _CHART.items():
            debits, credits, version = _TOTALS[day].get((book, account), (0, 0, 0))
            rows.append(
                {
                    "business_date": day,
                    "book_id": book,
                    "account_id": account,
                    "participant_id": "kisumu" if book == 1 else "lagos",
                    "external_ref": f"00123{book}{account}77",
                    "chart_code": code,
                    "chart_name": name,
                    "normal_side": side,
                    "currency": "KES",
                    "party_id": f"party-{book}" if account == 2 else None,
                    "holder_name": 'Amina "Mina" Otieno' if account == 2 else None,
                    "debits_posted": debits,
                    "credits_posted": credits,
                    "debits_pending": 0,
                    "credits_pending": 0,
                    "version": version,
                }
            )
    return rows


# Day, transfer, book, debit account, credit account, amount, kind.
_MOVEMENTS = (
    (FIRST, DEPOSIT, 1, 1, 2, 100_000, "cash_deposit"),
    (SECOND, SENT, 1, 2, 3, 30_000, "credit_transfer"),
    (SECOND, RECEIVED, 2, 3, 2, 30_000, "credit_transfer"),
)


def _transfers() -> list[Row]:
    return [
        {
            "business_date": day,
            "book_id": book,
            "transfer_id": transfer,
            "debit_account_id": debit,
            "credit_account_id": credit,
            "currency": "KES",
            "amount_minor": amount,
            "phase": "single",
            "kind": kind,
            "payment_id": PAYMENT if day == SECOND else None,
            "event_at": morning(day),
            "booked_at": morning(day),
            "value_date": day,
        }
        for day, transfer, book, debit, credit, amount, kind in _MOVEMENTS
    ]


def _entries() -> list[Row]:
    return [
        {
            "business_date": day,
            "book_id": book,
            "account_id": account,
            "version": _TOTALS[day][book, account][2],
            "transfer_id": transfer,
            "side": side,
            "currency": "KES",
            "amount_minor": amount,
            "pending_minor": 0,
            "kind": kind,
            "event_at": morning(day),
            "booked_at": morning(day),
            "value_date": day,
            "debits_posted_after": _TOTALS[day][book, account][0],
            "credits_posted_after": _TOTALS[day][book, account][1],
            "debits_pending_after": 0,
            "credits_pending_after": 0,
        }
        for day, transfer, book, debit, credit, amount, kind in _MOVEMENTS
        for account, side in ((debit, "D"), (credit, "C"))
    ]


def ledger_rows() -> dict[str, list[Row]]:
    """Table name to rows, of the tables that the close writes."""
    days = (FIRST, SECOND)
    return {
        PARTICIPANTS.name: [row for day in days for row in _participants(day)],
        ACCOUNTS.name: [row for day in days for row in _accounts(day)],
        TRANSFERS.name: _transfers(),
        ENTRIES.name: _entries(),
        PAYMENTS.name: [
            MONEY
            | {
                "payment_id": PAYMENT,
                "book_id": 1,
                "kind": "credit_transfer",
                "event_at": morning(SECOND),
                "amount_minor": 30_000,
                "debtor_agent": "kisumu",
                "debtor_name": "Otieno, Amina\r\n",
                "creditor_agent": "lagos",
                "creditor_name": "",
            }
        ],
        STATED_BALANCES.name: [
            MONEY
            | {"book_id": 1, "account_id": 2, "payment_id": PAYMENT, "stated_balance_minor": 70_050}
        ],
        QUARANTINE.name: [
            {
                "business_date": SECOND,
                "source_file": "payments.csv",
                "row": row,
                "field": "amount",
                "code": "not_positive",
                "message": "the amount must be more than zero",
                "content": 'a\0b\n\\.\n,"',
            }
            for row in (4, 9)
        ],
    }
