"""Two business dates of a small platform, every table with rows that belong together.

Kisumu Bank (book 1) and Lagos Bank (book 2) are on the platform, Cairo Bank is not. On the first day
a customer pays in 1,000.00 at Kisumu; on the second he sends 300.00 to a customer of Lagos. In minor
units of KES throughout.
"""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from ml.tables import FEATURES, ML_EVIDENCE, ML_TABLES, SCORES
from pipelines.aml.tables import ALERT_TRANSFERS, ALERTS, AML_EVIDENCE, AML_TABLES
from pipelines.lake.ledger_tables import (
    ACCOUNTS,
    ENTRIES,
    LEDGER_TABLES,
    PARTICIPANTS,
    PAYMENTS,
    QUARANTINE,
    STATED_BALANCES,
    TRANSFERS,
)
from pipelines.lake.table import Table
from pipelines.netting.tables import (
    BILATERAL_POSITIONS,
    NET_POSITIONS,
    NETTING_EVIDENCE,
    NETTING_TABLES,
    OBLIGATIONS,
)
from pipelines.reconciliation.tables import (
    BREAKS,
    MATCHES,
    RECONCILED_ACCOUNTS,
    RECONCILIATION_EVIDENCE,
    RECONCILIATION_TABLES,
)
from pipelines.regulatory.tables import REGULATORY_EVIDENCE, REGULATORY_TABLES, RETURN_CELLS
from pipelines.settlement.tables import (
    SETTLEMENT_EVIDENCE,
    SETTLEMENT_FILES,
    SETTLEMENT_TABLES,
    SETTLEMENT_TRANSACTIONS,
)

FIRST, SECOND = date(2024, 3, 28), date(2024, 4, 2)
LOADED_AT = datetime(2024, 4, 2, 21, 0, tzinfo=UTC)
TABLES: tuple[Table, ...] = (
    *LEDGER_TABLES,
    *NETTING_TABLES,
    *SETTLEMENT_TABLES,
    *RECONCILIATION_TABLES,
    *AML_TABLES,
    *REGULATORY_TABLES,
    *ML_TABLES,
)
DEPOSIT, SENT, RECEIVED = (f"00000000-0000-7000-8000-00000000000{n}" for n in (1, 2, 3))
PAYMENT = "00000000-0000-7000-8000-0000000000aa"

Row = dict[str, Any]


def _at(day: date) -> datetime:
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
            "event_at": _at(day),
            "booked_at": _at(day),
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
            "event_at": _at(day),
            "booked_at": _at(day),
            "value_date": day,
            "debits_posted_after": _TOTALS[day][book, account][0],
            "credits_posted_after": _TOTALS[day][book, account][1],
            "debits_pending_after": 0,
            "credits_pending_after": 0,
        }
        for day, transfer, book, debit, credit, amount, kind in _MOVEMENTS
        for account, side in ((debit, "D"), (credit, "C"))
    ]


_MONEY = {"business_date": SECOND, "currency": "KES"}
_NET = _MONEY | {"window_id": "evening"}
_CLEARING = {"book_id": 1, "account_id": 3, "version": 1}


def _evidence(ref: str, **entry: Any) -> list[Row]:
    run = {"book_id": 1, "account_id": 3, "version_from": 1, "version_to": 1} | entry
    return [{"business_date": SECOND, "ref": ref, **run}]


def _position(participant: str, *, owes: int, is_owed: int) -> Row:
    return _NET | {
        "ref": f"net:{SECOND}:evening:KES:{participant}",
        "participant_id": participant,
        "owes_minor": owes,
        "is_owed_minor": is_owed,
        "net_minor": is_owed - owes,
        "obligations": 1,
    }


_BREAK = _MONEY | {
    "ref": "break:2024-03-28:1",
    "break_class": "amount",
    "participant_id": "kisumu",
    "counterparty_id": "cairo",
    "book_id": 1,
    "account_id": 2,
    "external_ref": "001231277",
    "ledger_minor": 70_000,
    "stated_minor": 70_050,
    "difference_minor": 50,
    "first_seen": FIRST,
    "age_days": 5,
    "owner": "reconciliation",
    "detail": 'states "700.50"\nagainst 700.00',
}
_ALERT = _MONEY | {
    "ref": "alert:2024-04-02:structuring:1",
    "rule_id": "structuring",
    "rule_version": 1,
    "typology": "structuring",
    "severity": "high",
    "participant_id": "kisumu",
    "book_id": 1,
    "account_id": 2,
    "party_id": "party-1",
    "amount_minor": 130_000,
    "transfers": 2,
    "first_event_at": _at(FIRST),
    "last_event_at": _at(SECOND),
    "explanation": "two transfers just below the threshold",
}


def _fired(transfer: str, *, day: date, version: int, side: str, amount: int) -> Row:
    return {
        "business_date": SECOND,
        "ref": _ALERT["ref"],
        "book_id": 1,
        "transfer_id": transfer,
        "account_id": 2,
        "version": version,
        "side": side,
        "amount_minor": amount,
        "event_at": _at(day),
    }


def _rows() -> dict[str, list[Row]]:
    days = (FIRST, SECOND)
    cell = _MONEY | {"return_id": "liquidity", "return_version": 1, "participant_id": "kisumu"}
    scored = {"business_date": SECOND, "book_id": 1, "account_id": 2}
    return {
        PARTICIPANTS.name: [row for day in days for row in _participants(day)],
        ACCOUNTS.name: [row for day in days for row in _accounts(day)],
        TRANSFERS.name: _transfers(),
        ENTRIES.name: _entries(),
        PAYMENTS.name: [
            _MONEY
            | {
                "payment_id": PAYMENT,
                "book_id": 1,
                "kind": "credit_transfer",
                "event_at": _at(SECOND),
                "amount_minor": 30_000,
                "debtor_agent": "kisumu",
                "debtor_name": "Otieno, Amina\r\n",
                "creditor_agent": "lagos",
                "creditor_name": "",
            }
        ],
        STATED_BALANCES.name: [
            _MONEY
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
        OBLIGATIONS.name: [
            _NET
            | _CLEARING
            | {
                "debtor_id": "kisumu",
                "creditor_id": "lagos",
                "amount_minor": 30_000,
                "payment_id": PAYMENT,
            }
        ],
        BILATERAL_POSITIONS.name: [
            _NET
            | {
                "ref": f"bilateral:{SECOND}:evening:KES:kisumu:lagos",
                "debtor_id": "kisumu",
                "creditor_id": "lagos",
                "owed_by_debtor_minor": 30_000,
                "owed_by_creditor_minor": 0,
                "net_minor": 30_000,
                "obligations": 1,
            }
        ],
        NET_POSITIONS.name: [
            _position("kisumu", owes=30_000, is_owed=0),
            _position("lagos", owes=0, is_owed=30_000),
        ],
        NETTING_EVIDENCE.name: _evidence(f"net:{SECOND}:evening:KES:kisumu")
        + _evidence(f"net:{SECOND}:evening:KES:lagos", book_id=2),
        SETTLEMENT_FILES.name: [
            _NET
            | {
                "ref": "file:M1",
                "message_id": "M1",
                "message_type": "pacs.009.001.08",
                "sender_id": "kisumu",
                "path": "2024-04-02/M1.xml",
                "transactions": 1,
                "total_minor": 30_000,
                "sha256": "0" * 64,
            }
        ],
        SETTLEMENT_TRANSACTIONS.name: [
            _MONEY
            | {
                "ref": "tx:M1:E1",
                "message_id": "M1",
                "end_to_end_id": "E1",
                "amount_minor": 30_000,
                "debtor_agent": "kisumu",
                "creditor_agent": "lagos",
            }
        ],
        SETTLEMENT_EVIDENCE.name: _evidence("file:M1"),
        MATCHES.name: [
            _MONEY
            | _CLEARING
            | {
                "ref": f"match:{SECOND}:1",
                "pass_id": "exact",
                "counterparty_id": "lagos",
                "ledger_minor": 30_000,
                "stated_minor": 30_000,
            }
        ],
        BREAKS.name: [_BREAK],
        RECONCILED_ACCOUNTS.name: [
            _MONEY
            | {
                "participant_id": "kisumu",
                "counterparty_id": "cairo",
                "book_id": 1,
                "account_id": 2,
                "ledger_items": 3,
                "stated_items": 3,
                "matched_items": 2,
                "breaks": 1,
                "rounding_minor": 0,
                "unexplained_minor": 0,
            }
        ],
        RECONCILIATION_EVIDENCE.name: _evidence(_BREAK["ref"], account_id=2, version_to=2),
        ALERTS.name: [_ALERT],
        ALERT_TRANSFERS.name: [
            _fired(DEPOSIT, day=FIRST, version=1, side="C", amount=100_000),
            _fired(SENT, day=SECOND, version=2, side="D", amount=30_000),
        ],
        AML_EVIDENCE.name: _evidence(_ALERT["ref"], account_id=2, version_to=2),
        RETURN_CELLS.name: [
            cell
            | {"ref": "cell:1", "cell": "A010", "label": "Deposits", "unit": "minor", "value": 70_000}
        ],
        REGULATORY_EVIDENCE.name: _evidence("cell:1", account_id=2, version_to=2),
        FEATURES.name: [
            {
                "business_date": day,
                "ref": f"feature:{day}:1:2:balance",
                "book_id": 1,
                "account_id": 2,
                "feature": "balance",
                "feature_version": 1,
                "value": value,
            }
            for day, value in ((date(2024, 3, 27), 0.5), (FIRST, 1000.0), (SECOND, None))
        ],
        SCORES.name: [
            scored
            | {
                "ref": f"score:{SECOND}:1:2",
                "participant_id": "kisumu",
                "party_id": "party-1",
                "model_id": "scorecard-1",
                "probability_of_default": 0.03,
                "score": 712,
                "reason_1": "short history",
                "reason_2": "few inflows",
            }
        ],
        ML_EVIDENCE.name: _evidence(f"score:{SECOND}:1:2", account_id=2, version_to=2),
    }


def frames() -> dict[str, pl.DataFrame]:
    """Table name to its rows of all dates; what a row does not say is null. No return is violated."""
    rows = _rows()
    return {table.name: pl.DataFrame(rows.get(table.name, []), schema=table.schema) for table in TABLES}
