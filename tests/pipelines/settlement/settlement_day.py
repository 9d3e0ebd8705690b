"""A day to settle, made from a list of payments that each crossed from one participant to another."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from uuid import UUID

import polars as pl

from pipelines.lake.ledger_tables import PARTICIPANTS, PAYMENTS
from pipelines.netting.positions import net
from pipelines.netting.tables import OBLIGATIONS
from pipelines.settlement.files import SettlementResult, write_settlement_files

DAY = date(2026, 3, 2)
EXPONENTS = {"KES": 2, "XOF": 0, "TND": 3, "USD": 2}
UETR = "8a562c67-ca16-48ba-b074-65581be6f001"
PARTICIPANT_IDS = ["amani", "baobab", "cauri", "dogon"]


@dataclass(frozen=True)
class Crossing:
    """One payment and its obligation; `payment` overrides columns of the payment."""

    debtor: str
    creditor: str
    amount_minor: int
    currency: str = "KES"
    window_id: str = "w1"
    payment: dict[str, object] = field(default_factory=dict)


CIRCLE = [
    Crossing("amani", "baobab", 10_050),
    Crossing("baobab", "cauri", 4_000),
    Crossing("cauri", "amani", 2_500),
    Crossing("dogon", "amani", 999, window_id="w2"),
    Crossing("amani", "dogon", 75_000, currency="XOF"),
    Crossing("amani", "dogon", 1_234_567, currency="TND"),
]


def payment_id(number: int) -> str:
    return str(UUID(int=number + 1))


def obligations(crossings: list[Crossing]) -> pl.DataFrame:
    rows = [
        (
            DAY,
            c.window_id,
            c.currency,
            c.debtor,
            c.creditor,
            c.amount_minor,
            payment_id(number),
            PARTICIPANT_IDS.index(c.debtor),
            PARTICIPANT_IDS.index(c.creditor),
            number + 1,
        )
        for number, c in enumerate(crossings)
    ]
    return OBLIGATIONS.conform(pl.DataFrame(rows, schema=dict(OBLIGATIONS.schema), orient="row"))


def payments(crossings: list[Crossing]) -> pl.DataFrame:
    rows = [
        {
            "business_date": DAY,
            "payment_id": payment_id(number),
            "uetr": UETR,
            "end_to_end_id": f"INV-{number}",
            "value_date": DAY,
            "currency": c.currency,
            "amount_minor": c.amount_minor,
            "debtor_agent": c.debtor,
            "debtor_account": f"0100-{number}",
            "debtor_name": "Debtor",
            "creditor_agent": c.creditor,
            "creditor_account": f"0200-{number}",
            "creditor_name": "Creditor",
            **c.payment,
        }
        for number, c in enumerate(crossings)
    ]
    return pl.DataFrame(rows, schema=dict(PAYMENTS.schema))


def participants() -> pl.DataFrame:
    rows = [
        {
            "business_date": DAY,
            "participant_id": name,
            "name": f"{name.title()} & Co",
            "bic": "BAOBKENAXXX" if name == "baobab" else None,
        }
        for name in PARTICIPANT_IDS
    ]
    return pl.DataFrame(rows, schema=dict(PARTICIPANTS.schema))


def settle(crossings: list[Crossing], folder: Path) -> SettlementResult:
    owed = obligations(crossings)
    return write_settlement_files(
        net_positions=net(owed).multilateral,
        obligations=owed,
        payments=payments(crossings),
        participants=participants(),
        business_date=DAY,
        exponents=EXPONENTS,
        folder=folder,
    )
