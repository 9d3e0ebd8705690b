"""Obligations of a date between four banks, as the close writes them, for the settlement cycle."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl
import psycopg

from ledger_service.ledger.books import register_participants
from pipelines.lake.ledger_tables import ENTRIES
from pipelines.netting.tables import OBLIGATIONS

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
BANKS = ("KE-B01", "RW-B01", "TZ-B01", "UG-B01")


@dataclass(frozen=True)
class Owed:
    """Obligations of a date with the entries that they are."""

    obligations: pl.DataFrame
    entries: pl.DataFrame


def owed(day: date, *debts: tuple[str, str, int, int], currency: str = "KES") -> Owed:
    """Debts as (debtor, creditor, minor units, hour of booking); the entry's version is its place."""
    rows = [
        {
            "business_date": day,
            "currency": currency,
            "debtor_id": debtor,
            "creditor_id": creditor,
            "amount_minor": amount,
            "payment_id": f"payment {number}",
            "book_id": BANKS.index(debtor) + 1,
            "account_id": 7,
            "version": day.toordinal() * 100 + number,
            "booked_at": datetime(day.year, day.month, day.day, hour, tzinfo=UTC),
            "window_id": next(
                f"east-africa-{place}"
                for place, close in enumerate((7, 10, 13, 99), start=1)
                if hour < close
            ),
        }
        for number, (debtor, creditor, amount, hour) in enumerate(debts)
    ]
    schema = {**OBLIGATIONS.schema, "booked_at": ENTRIES.schema["booked_at"]}
    frame = pl.DataFrame(rows, schema=schema)
    return Owed(OBLIGATIONS.conform(frame.select(list(OBLIGATIONS.schema))), frame)


def register_banks(connection: psycopg.Connection) -> None:
    """The four banks, without books of their own."""
    rows = [
        {
            "participant_id": bank,
            "name": bank,
            "kind": "bank",
            "country": "KE",
            "bic": None,
            "home_currency": "KES",
            "has_book": False,
        }
        for bank in BANKS
    ]
    schema = dict.fromkeys(rows[0], pl.String) | {"has_book": pl.Boolean}
    register_participants(connection, pl.DataFrame(rows, schema=schema))
