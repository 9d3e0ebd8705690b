"""Books made from a list of debts: what the close would write if exactly these had been booked."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl

from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, PARTICIPANTS

DAY = date(2026, 3, 2)
MORNING = datetime(2026, 3, 2, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Debt:
    debtor: str
    creditor: str
    amount_minor: int
    currency: str = "KES"
    payment_id: str = "payment"
    booked_at: datetime = MORNING


@dataclass(frozen=True)
class Books:
    entries: pl.DataFrame
    accounts: pl.DataFrame
    participants: pl.DataFrame


def books(debts: list[Debt], *, with_book: set[str], without_book: set[str] = frozenset()) -> Books:
    """Each debt as a clearing entry in every book of the two, with a customer entry beside it."""
    ids = {name: number for number, name in enumerate(sorted(with_book), start=1)}
    participants = [
        {"business_date": DAY, "participant_id": name, "book_id": ids.get(name), "name": name}
        for name in sorted(with_book | without_book)
    ]
    accounts: dict[tuple[str, str, str], int] = {}
    entries: list[dict[str, object]] = []
    versions: dict[tuple[int, int], int] = {}

    def enter(owner: str, account_id: int, side: str, debt: Debt) -> None:
        key = (ids[owner], account_id)
        versions[key] = versions.get(key, 0) + 1
        entries.append(
            {
                "business_date": DAY,
                "book_id": ids[owner],
                "account_id": account_id,
                "version": versions[key],
                "side": side,
                "currency": debt.currency,
                "amount_minor": debt.amount_minor,
                "pending_minor": 0,
                "payment_id": debt.payment_id,
                "booked_at": debt.booked_at,
            }
        )

    for debt in debts:
        sides = ((debt.debtor, debt.creditor, "C"), (debt.creditor, debt.debtor, "D"))
        for owner, counterparty, side in sides:
            if owner in ids:
                account = accounts.setdefault((owner, counterparty, debt.currency), 1000 + len(accounts))
                enter(owner, account, side, debt)
                enter(owner, 1, "D" if side == "C" else "C", debt)
    rows = [
        {
            "business_date": DAY,
            "book_id": ids[owner],
            "account_id": account_id,
            "participant_id": owner,
            "chart_name": "clearing",
            "currency": currency,
            "counterparty_id": counterparty,
        }
        for (owner, counterparty, currency), account_id in accounts.items()
    ]
    rows += [
        {
            "business_date": DAY,
            "book_id": number,
            "account_id": 1,
            "participant_id": owner,
            "chart_name": "customer_deposits",
        }
        for owner, number in ids.items()
    ]
    return Books(
        entries=pl.DataFrame(entries, schema=dict(ENTRIES.schema)),
        accounts=pl.DataFrame(rows, schema=dict(ACCOUNTS.schema)),
        participants=pl.DataFrame(participants, schema=dict(PARTICIPANTS.schema)),
    )


def at(hours: int, minutes: int = 0) -> datetime:
    """So long after 00:00 UTC of the business date."""
    return datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(hours=hours, minutes=minutes)
