"""For every suite a frame of a few rows that keeps all of its rules."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from ml.tables import SCORES
from pipelines.aml.tables import ALERTS
from pipelines.lake.ledger_tables import PAYMENTS, QUARANTINE, STATED_BALANCES
from pipelines.lake.table import Table
from pipelines.netting.tables import NET_POSITIONS
from pipelines.reconciliation.camt053 import ENTRIES_SCHEMA
from pipelines.reconciliation.tables import BREAKS
from pipelines.regulatory.tables import RETURN_CELLS
from pipelines.settlement.tables import SETTLEMENT_TRANSACTIONS

DAY = date(2024, 4, 2)
AT = datetime(2024, 4, 2, 9, 30, tzinfo=UTC)
UUIDS = [f"00000000-0000-7000-8000-00000000000{n}" for n in range(3)]


def _frame(table: Table, *rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{"business_date": DAY, **row} for row in rows], schema=table.schema)


def _payments() -> pl.DataFrame:
    usual = {"kind": "credit_transfer", "event_at": AT, "value_date": DAY, "currency": "KES"}
    sent = usual | {"amount_minor": 2**60 + 1, "debtor_agent": "kisumu", "creditor_agent": "lagos"}
    conversion = {"counter_currency": "NGN", "counter_amount_minor": 900, "end_to_end_id": "E" * 35}
    return _frame(
        PAYMENTS,
        sent | {"payment_id": UUIDS[0]},
        sent | conversion | {"payment_id": UUIDS[1], "debtor_agent": None},
        sent | {"payment_id": UUIDS[2], "creditor_agent": None, "merchant_category": "5411"},
    )


def _stated_balances() -> pl.DataFrame:
    usual = {"book_id": 1, "currency": "KES", "stated_balance_minor": -5, "source_file": "a.csv"}
    return _frame(
        STATED_BALANCES,
        usual | {"account_id": 1, "payment_id": UUIDS[0]},
        usual | {"account_id": 2, "payment_id": UUIDS[0]},
    )


def _statement_entries() -> pl.DataFrame:
    usual = {"file": "a.xml", "statement_ordinal": 1, "currency": "KES", "value_date": DAY}
    rows = [
        usual | {"entry_ordinal": 1, "detail_ordinal": 0, "direction": "CRDT", "amount_minor": 0},
        usual
        | {"entry_ordinal": 2, "detail_ordinal": 1, "direction": "DBIT", "amount_minor": 9}
        | {"booking_date": DAY},
    ]
    return pl.DataFrame(rows, schema=ENTRIES_SCHEMA)


def _quarantine() -> pl.DataFrame:
    usual = {"source_file": "a.csv", "code": "not_positive", "message": "the amount must be positive"}
    return _frame(QUARANTINE, usual | {"row": 0}, usual | {"row": 7, "field": "amount"})


def _net_positions() -> pl.DataFrame:
    def row(window: str, participant: str, owes: int, is_owed: int) -> dict[str, Any]:
        return {
            "ref": f"net:{DAY}:{window}:KES:{participant}",
            "window_id": window,
            "currency": "KES",
            "participant_id": participant,
            "owes_minor": owes,
            "is_owed_minor": is_owed,
            "net_minor": is_owed - owes,
            "obligations": 1,
        }

    return _frame(
        NET_POSITIONS,
        row("noon", "a", 2**62, 0),
        row("noon", "b", 0, 2**62),
        row("evening", "a", 2**62, 0),
        row("evening", "b", 0, 2**62),
    )


def _settlement_transactions() -> pl.DataFrame:
    usual = {"message_id": "M1", "currency": "KES", "amount_minor": 5}
    agents = {"debtor_agent": "a", "creditor_agent": "b"}
    return _frame(
        SETTLEMENT_TRANSACTIONS,
        usual
        | agents
        | {"ref": "tx:M1:E1", "end_to_end_id": "E1", "transaction_id": "T1"}
        | {"payment_id": UUIDS[0]},
        usual
        | agents
        | {"ref": "tx:M1:E2", "end_to_end_id": "E2", "transaction_id": "T2"}
        | {"net_ref": "net:1", "uetr": UUIDS[1]},
    )


def _breaks() -> pl.DataFrame:
    usual = {"break_class": "amount", "owner": "operations", "participant_id": "a", "currency": "KES"}
    return _frame(
        BREAKS,
        usual
        | {"ref": "break:1", "first_seen": DAY, "age_days": 0}
        | {"stated_minor": 5, "ledger_minor": 7, "difference_minor": -2},
        usual
        | {"ref": "break:2", "first_seen": date(2024, 3, 1), "age_days": 32}
        | {"ledger_minor": 7, "difference_minor": -7},
    )


def _alerts() -> pl.DataFrame:
    usual = {
        "rule_id": "structuring",
        "rule_version": 1,
        "severity": "high",
        "transfers": 1,
        "amount_minor": 0,
        "explanation": "Three deposits just below the threshold",
        "first_event_at": AT,
        "last_event_at": AT,
    }
    return _frame(ALERTS, usual | {"ref": "alert:1"}, usual | {"ref": "alert:2", "severity": "low"})


def _return_cells() -> pl.DataFrame:
    usual = {"return_id": "liquidity", "participant_id": "a", "currency": "KES", "label": "Deposits"}
    return _frame(
        RETURN_CELLS,
        usual | {"ref": "cell:1", "cell": "A010", "unit": "minor", "value": -7},
        usual | {"ref": "cell:2", "cell": "A020", "unit": "count", "value": 0},
    )


def _scores() -> pl.DataFrame:
    def row(account: int, probability: float, score: int) -> dict[str, Any]:
        return {
            "ref": f"score:{account}",
            "book_id": 1,
            "account_id": account,
            "model_id": "m",
            "probability_of_default": probability,
            "score": score,
            "reason_1": "short history",
            "reason_2": "few inflows",
        }

    return _frame(SCORES, row(1, 0.5, 500), row(2, 0.0, 850), row(3, 1.0, 300), row(4, 0.501, 500))


GOOD: dict[str, pl.DataFrame] = {
    "payments": _payments(),
    "stated_balances": _stated_balances(),
    "statement_entries": _statement_entries(),
    "quarantine": _quarantine(),
    "statement_quarantine": _quarantine(),
    "net_positions": _net_positions(),
    "settlement_transactions": _settlement_transactions(),
    "reconciliation_breaks": _breaks(),
    "alerts": _alerts(),
    "return_cells": _return_cells(),
    "scores": _scores(),
}
