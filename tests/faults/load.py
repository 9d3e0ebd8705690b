"""Load for the fault tests: transactions over two books, and what must hold of them afterwards."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from uuid import UUID

import numpy as np
import polars as pl
import psycopg

from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.books import register_participants
from ledger_service.ledger.transfers import TRANSFER_COLUMNS, create_transfers
from ledger_service.runtime.database import Database, Role, Server

BOOKS = (1, 2)
ACCOUNTS = 50
BATCH = 100
DAY = date(2025, 3, 3)
NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)


def open_books(server: Server) -> None:
    with server.connect(Database.LEDGER, Role.APP) as connection:
        participants = {
            "participant_id": [f"KE-B0{book_id}" for book_id in BOOKS],
            "name": ["Bank"] * 2,
            "kind": ["bank"] * 2,
            "country": ["KE"] * 2,
            "bic": [None] * 2,
            "home_currency": ["KES"] * 2,
            "has_book": [True] * 2,
        }
        books = register_participants(connection, pl.DataFrame(participants))
        assert set(books.values()) == set(BOOKS)
        ids = range(1, ACCOUNTS + 1)
        given = {
            "account_id": ids,
            "external_ref": [f"A{number}" for number in ids],
            "chart_code": [2010] * ACCOUNTS,
            "currency": ["KES"] * ACCOUNTS,
            "opened_on": [DAY] * ACCOUNTS,
        }
        absent = {name: [None] * ACCOUNTS for name in ACCOUNT_COLUMNS if name not in given}
        for book_id in BOOKS:
            accounts = pl.DataFrame(given | absent)
            results = create_accounts(connection, book_id=book_id, accounts=accounts)
            assert set(results) == {"created"}


def batches(seed: int) -> Iterator[pl.DataFrame]:
    """Endless batches whose ids no other seed has; every tenth transfer begins a chain of two."""
    rng = np.random.default_rng(seed)
    first = 1 + seed * 10**9
    while True:
        debit = rng.integers(1, ACCOUNTS + 1, BATCH)
        columns = {
            "transfer_id": [str(UUID(int=first + n)) for n in range(BATCH)],
            "debit_account_id": debit,
            "credit_account_id": (debit + rng.integers(1, ACCOUNTS - 1, BATCH) - 1) % ACCOUNTS + 1,
            "amount_minor": rng.integers(1, 1_000, BATCH),
            "phase": ["single"] * BATCH,
            "pending_id": [None] * BATCH,
            "linked": np.arange(BATCH) % 10 == 0,
            "kind": ["credit_transfer"] * BATCH,
            "payment_id": [None] * BATCH,
            "event_at": [NOON] * BATCH,
            "booked_at": [None] * BATCH,
            "value_date": [DAY] * BATCH,
        }
        yield pl.DataFrame(columns, schema_overrides=TRANSFER_COLUMNS)
        first += BATCH


def post_in_both_books(connection: psycopg.Connection, transfers: pl.DataFrame) -> set[str]:
    """One transaction: the batch in one book, then in the other; returns the codes."""
    with connection.transaction():
        codes = [
            create_transfers(connection, book_id=book_id, business_date=DAY, transfers=transfers)
            for book_id in BOOKS
        ]
    return {code for column in codes for code in column}


def present(connection: psycopg.Connection) -> set[str]:
    """The transfers that both books have; none is in one of them alone."""
    first, second = (
        {
            row[0]
            for row in connection.execute(
                "SELECT transfer_id::text FROM ledger.transfer WHERE book_id = %s", [book_id]
            )
        }
        for book_id in BOOKS
    )
    assert first == second
    return first


def settle(
    connection: psycopg.Connection,
    *,
    expected: set[str],
    acknowledged: list[pl.DataFrame],
    last: list[pl.DataFrame],
) -> None:
    """What was acknowledged is there, the last batches whole or not at all; retries settle them.

    `expected`: every transfer acknowledged so far; those of `last` are added.
    """
    found = present(connection)
    assert expected <= found
    for transfers in last:
        assert len(found.intersection(transfers["transfer_id"])) in {0, BATCH}
    assert found - expected <= {name for transfers in last for name in transfers["transfer_id"]}
    for transfers in last + acknowledged:
        there_before = set(transfers["transfer_id"]) <= found
        codes = post_in_both_books(connection, transfers)
        assert codes == ({"exists"} if there_before else {"created"})
        expected |= set(transfers["transfer_id"])
    assert present(connection) == expected
