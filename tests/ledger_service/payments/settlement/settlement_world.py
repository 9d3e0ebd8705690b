"""A small scheme in tests: four participants, two currencies, short ways to say what happens."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import polars as pl
import psycopg

from ledger_service.ledger.books import register_participants
from ledger_service.ledger.lookups import lookup_accounts
from ledger_service.ledger.verification import verify
from ledger_service.payments.settlement.acceptance import OBLIGATION_SCHEMA, accept
from ledger_service.payments.settlement.instruction_log import Instruction
from ledger_service.payments.settlement.instructions import instruct
from ledger_service.payments.settlement.participants import Cover, join, set_cover
from ledger_service.payments.settlement.positions import NetPosition
from ledger_service.payments.settlement.scheme_book import (
    SchemeBook,
    operate,
    operator_book,
    scheme_accounts,
)
from ledger_service.payments.settlement.window_obligations import obligations_of
from ledger_service.payments.settlement.windows import Window, close, open_first, window
from ledger_service.reference.schemes import Scheme, SettlementModel
from pipelines.netting.positions import net_positions

DAY = date(2026, 3, 2)
MORNING = datetime(2026, 3, 2, 6, tzinfo=UTC)
EVENING = datetime(2026, 3, 2, 23, tzinfo=UTC)
PARTICIPANTS = ("KE-B01", "RW-B01", "TZ-B01", "UG-B01")
PLENTY = 10**12

AGENT = {
    "kind": "central_bank",
    "name": "Settlement agent",
    "format_profile": "net-settlement-pacs.009",
    "cut_off": "22:00",
    "confirmation_within_s": 3600,
    "retries": [
        {"code": "AM04", "after_s": 600, "attempts": 3},
        {"code": "exceeds_cover", "after_s": 60, "attempts": 9},
    ],
}


def scheme(**other: Any) -> Scheme:
    """Deferred net, one window by the clock a day, KES and UGX tied."""
    return Scheme.model_validate(
        {
            "id": "small",
            "title": "A small scheme",
            "valid_from": date(1970, 1, 1),
            "model": "deferred_net",
            "netting": "multilateral",
            "currencies": ["KES", "UGX"],
            "windows": [
                {"id": "small-1", "closes_at": "12:00"},
                {"id": "small-2", "closes_at": "20:00"},
            ],
            "pvp_pairs": [["KES", "UGX"]],
            "operator": {"participant_id": "OP-SMALL", "name": "Operator", "country": "KE"},
            "agent": AGENT,
        }
        | other
    )


def by_amount(minor: int) -> Scheme:
    """A scheme whose windows close by amount."""
    return scheme(windows=[{"id": "flow", "closes_at_minor": {"KES": minor}}])


def payment_id(number: int) -> str:
    milliseconds = int(MORNING.timestamp() * 1_000)
    return str(UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | number))


def obligation(
    number: int,
    debtor: str,
    creditor: str,
    amount: int,
    *,
    currency: str = "KES",
    partner: int | None = None,
) -> dict[str, Any]:
    return {
        "payment_id": payment_id(number),
        "debtor_id": debtor,
        "creditor_id": creditor,
        "currency": currency,
        "amount_minor": amount,
        "event_at": MORNING,
        "pvp_partner_id": None if partner is None else payment_id(partner),
    }


@dataclass
class World:
    """A scheme in a book of its own."""

    connection: psycopg.Connection
    books: SchemeBook
    numbers: list[int] = field(default_factory=list)

    def accept(self, *rows: dict[str, Any], at: datetime = MORNING) -> list[str]:
        frame = pl.DataFrame(rows, schema=dict(OBLIGATION_SCHEMA))
        return accept(self.connection, self.books, frame, at=at)["result"].to_list()

    def balance(self, participant_id: str, currency: str = "KES") -> int:
        return self._of(self.books.reference("position", currency, participant_id))

    def agent(self, currency: str = "KES") -> int:
        return -self._of(self.books.reference("agent", currency))

    def pair(self, low: str, high: str, currency: str = "KES") -> int:
        """What the low one owes the high one."""
        return -self._of(self.books.reference("pair", currency, low, high))

    def _of(self, reference: str) -> int:
        account_id = scheme_accounts(self.connection, self.books)[reference]
        found = lookup_accounts(
            self.connection, book_id=self.books.book_id, account_ids=[account_id]
        ).row(0, named=True)
        return int(found["credits_posted"] - found["debits_posted"])

    def close(self, number: int, *, at: datetime = EVENING) -> Window:
        return close(self.connection, self.books, number=number, at=at)

    def window(self, number: int) -> Window:
        return window(self.connection, self.books, number)

    def nets(self, number: int) -> list[NetPosition]:
        return nets_of(obligations_of(self.connection, self.books, self.window(number)))

    def instruct(self, number: int, *, at: datetime = EVENING) -> list[Instruction]:
        return instruct(self.connection, self.books, number=number, positions=self.nets(number), at=at)

    def differences(self) -> Sequence[object]:
        found = verify(self.connection, only_book_id=self.books.book_id)
        return [difference for book in found for difference in book.differences]


def nets_of(obligations: pl.DataFrame) -> list[NetPosition]:
    """What the netting makes of a window."""
    if obligations.is_empty():
        return []
    _, multilateral = net_positions(obligations)
    rows = multilateral.select("participant_id", "currency", "net_minor").rows()
    return [NetPosition(*row) for row in rows]


def new_world(
    connection: psycopg.Connection, of: Scheme, *, number: int, cap_minor: int = PLENTY
) -> World:
    """The scheme in the book of an operator that nobody else has, its participants with cover."""
    rows = [
        {
            "participant_id": participant_id,
            "name": "Bank",
            "kind": "bank",
            "country": "KE",
            "bic": None,
            "home_currency": "KES",
            "has_book": False,
        }
        for participant_id in PARTICIPANTS
    ]
    register_participants(connection, pl.DataFrame(rows, infer_schema_length=None))
    operator = of.operator.model_copy(update={"participant_id": f"OP-{number:04}"})
    books = operator_book(connection, of.model_copy(update={"operator": operator}))
    operate(connection, books, opened_on=DAY)
    for participant_id in PARTICIPANTS:
        join(connection, books, participant_id=participant_id, opened_on=DAY)
        for currency in of.currencies:
            set_cover(
                connection,
                books,
                participant_id=participant_id,
                currency=currency,
                cover=Cover(cap_minor),
                reason="rule book",
            )
    if of.model == SettlementModel.DEFERRED_NET:
        open_first(connection, books, business_date=DAY, at=MORNING - timedelta(hours=1))
    return World(connection, books)
