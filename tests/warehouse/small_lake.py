"""Two business dates of a small platform: every table, with rows that follow from `small_books`."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from ml.tables import FEATURES, ML_TABLES, SCORES, SCORES_EVIDENCE
from pipelines.aml.tables import ALERT_TRANSFERS, ALERTS, AML_EVIDENCE, AML_TABLES
from pipelines.lake.ledger_tables import LEDGER_TABLES
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
    SETTLEMENT_FINALITY,
    SETTLEMENT_TABLES,
    SETTLEMENT_TRANSACTIONS,
)
from tests.warehouse.small_books import (
    DEPOSIT,
    FIRST,
    MONEY,
    PAYMENT,
    SECOND,
    SENT,
    Row,
    ledger_rows,
    morning,
)

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


_NET = MONEY | {"window_id": "evening"}
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


_BREAK = MONEY | {
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
_ALERT = MONEY | {
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
    "first_event_at": morning(FIRST),
    "last_event_at": morning(SECOND),
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
        "event_at": morning(day),
    }


def _derived_rows() -> dict[str, list[Row]]:
    cell = MONEY | {"return_id": "liquidity", "return_version": 1, "participant_id": "kisumu"}
    scored = {"business_date": SECOND, "book_id": 1, "account_id": 2}
    return {
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
        SETTLEMENT_FINALITY.name: [
            _NET
            | {
                "instruction_id": PAYMENT,
                "scheme_id": "inland",
                "operator_book_id": 9,
                "window_date": SECOND,
                "window_number": 1,
                "run": 1,
                "participant_id": "kisumu",
                "direction": "pay_in",
                "amount_minor": 30_000,
                "attempt": 1,
                "net_ref": f"net:{SECOND}:evening:KES:kisumu",
                "state": "confirmed",
                "reference": "tx:M1:E1",
                "at": morning(SECOND),
            }
        ],
        SETTLEMENT_TRANSACTIONS.name: [
            MONEY
            | {
                "ref": "tx:M1:E1",
                "message_id": "M1",
                "end_to_end_id": "E1",
                "transaction_id": "T1",
                "amount_minor": 30_000,
                "debtor_agent": "kisumu",
                "creditor_agent": "lagos",
            }
        ],
        SETTLEMENT_EVIDENCE.name: _evidence("file:M1"),
        MATCHES.name: [
            MONEY
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
            MONEY
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
        SCORES_EVIDENCE.name: _evidence(f"score:{SECOND}:1:2", account_id=2, version_to=2),
    }


def frames() -> dict[str, pl.DataFrame]:
    """Table name to its rows of all dates; what a row does not say is null. No return is violated."""
    rows = ledger_rows() | _derived_rows()
    return {table.name: pl.DataFrame(rows.get(table.name, []), schema=table.schema) for table in TABLES}
