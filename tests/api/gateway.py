"""The gateway over two small banks, for tests: who may call, and what the books hold at first.

KE-B01 and KE-B02 each have cash, a clearing account for the other, and three customers, who may not
overdraw: A-1 and A-2 in shillings with 1,000.00 on A-1, A-3 in US dollars.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Final
from uuid import uuid4

import polars as pl
from fastapi.testclient import TestClient

from api.app import create_app
from api.identity.caller import EVERY_PARTICIPANT, LIVE, Caller, Unauthenticated
from api.settings import GatewaySettings
from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.books import register_participants
from ledger_service.ledger.transfers import TRANSFER_COLUMNS, create_transfers
from ledger_service.runtime.database import Database, Role, Server

BANKS: Final = ("KE-B01", "KE-B02")
DAY: Final = date(2026, 3, 2)
NOON: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
SCOPES: Final = frozenset(
    {
        "transfers:read", "transfers:write", "holds:write", "payments:write", "balances:read",
        "participants:read", "accounts:read", "accounts:write", "statements:read",
    }
)  # fmt: skip


def _partner(name: str, *participants: str, scopes: frozenset[str] = SCOPES) -> Caller:
    return Caller(name, name, "partner", LIVE, scopes, frozenset(participants))


CALLERS: Final = {
    "first": _partner("first", "KE-B01", "KE-B0"),
    "second": _partner("second", "KE-B02"),
    "staff": _partner("staff", EVERY_PARTICIPANT),
    "powerless": _partner("powerless", EVERY_PARTICIPANT, scopes=frozenset()),
}
"""Who calls, by token."""


async def authenticate(token: str) -> Caller:
    """The caller of a test's token."""
    if token not in CALLERS:
        raise Unauthenticated("the token is not valid")
    return CALLERS[token]


def fill(server: Server) -> None:
    """Open the books of both banks."""
    with server.connect(Database.LEDGER, Role.APP) as connection:
        banks = {
            "participant_id": list(BANKS),
            "name": ["First Bank", "Second Bank"],
            "kind": ["bank"] * 2,
            "country": ["KE"] * 2,
            "bic": [None] * 2,
            "home_currency": ["KES"] * 2,
            "has_book": [True] * 2,
        }
        books = register_participants(connection, pl.DataFrame(banks))
        for bank, other in (BANKS, BANKS[::-1]):
            rows = [
                (1, "cash:KES", 1010, "KES", None, None, None, None, DAY, None, None),
                (2, f"clearing:{other}:KES", 1210, "KES", other, None, None, None, DAY, None, None),
                (11, "A-1", 2010, "KES", None, "P-1", "person", "One", DAY, 0, None),
                (12, "A-2", 2010, "KES", None, "P-2", "person", "Two", DAY, 0, None),
                (13, "A-3", 2010, "USD", None, "P-3", "person", "Three", DAY, 0, None),
            ]
            accounts = pl.DataFrame(rows, schema=ACCOUNT_COLUMNS, orient="row")
            create_accounts(connection, book_id=books[bank], accounts=accounts)
            first = {
                "transfer_id": str(uuid4()),
                "debit_account_id": 1,
                "credit_account_id": 11,
                "amount_minor": 100_000,
                "phase": "single",
                "linked": False,
                "kind": "cash_deposit",
                "event_at": NOON,
                "value_date": DAY,
            }
            transfers = pl.DataFrame([first], schema=TRANSFER_COLUMNS)
            create_transfers(connection, book_id=books[bank], business_date=DAY, transfers=transfers)


@contextmanager
def gateway(server: Server, settings: GatewaySettings | None = None) -> Iterator[TestClient]:
    """A client of the application, which runs on the server's ledger, at noon of `DAY`."""
    app = create_app(settings, server=server, authenticate=authenticate, now=lambda: NOON)
    with TestClient(app, headers={"Authorization": "Bearer first"}) as client:
        yield client


def keyed(key: str | None = None, caller: str = "first") -> dict[str, str]:
    """Headers of a request with a key, a new one where none is given."""
    return {"Idempotency-Key": key or str(uuid4()), "Authorization": f"Bearer {caller}"}


def transfer_body(**changed: object) -> dict[str, object]:
    """A body of a transfer that is good."""
    return {
        "participant_id": "KE-B01",
        "debit_account": "A-1",
        "credit_account": "A-2",
        "amount": "10.00",
        "currency": "KES",
    } | changed


def balance(server: Server, reference: str, participant_id: str = "KE-B01") -> int:
    """What an account holds, in minor units on the credit side."""
    statement = """
        SELECT a.credits_posted - a.debits_posted FROM ledger.account a JOIN ledger.book USING (book_id)
        WHERE participant_id = %s AND external_ref = %s"""
    with server.connect(Database.LEDGER, Role.APP) as connection:
        row = connection.execute(statement, [participant_id, reference]).fetchone()
    assert row is not None
    return int(row[0])
