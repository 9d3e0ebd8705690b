"""Verification: every balance and every seal recomputed from the transfers alone.

Each check names the first row that differs, so that an auditor knows where to look.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from ledger_service.ledger.sealing import GENESIS, blocks, leaf_hashes, merkle_root

FOLDER = Path(__file__).parent

CHECKS: dict[str, str] = {
    "transfers": "every transfer has its two entries, and they say what it says",
    "entries": "the entries of an account are numbered without gaps and their totals add up",
    "accounts": "the totals of an account are those after its last entry",
    "zero": "per currency the book sums to zero",
    "unsealed": "no date before the last sealed one has transfers without being sealed itself",
}
"""Checks in the order they run, each one `verify_<name>.sql` that returns its first difference."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first row of a check that differs."""

    book_id: int
    check: str
    transfer_id: str | None
    account_id: int | None
    description: str


@dataclass(frozen=True, slots=True)
class BookVerification:
    """What was found in one book."""

    book_id: int
    participant_id: str
    transfers: int
    accounts: int
    blocks: int
    differences: tuple[Difference, ...]


def verify(
    connection: psycopg.Connection, *, only_book_id: int | None = None
) -> Iterator[BookVerification]:
    """Verify every book, or one, one after the other, each in one snapshot.

    Needs a connection in autocommit mode; reads only.
    """
    rows = connection.execute(
        """SELECT book_id, participant_id FROM ledger.book
        WHERE book_id = coalesce(%s, book_id) ORDER BY book_id""",
        [only_book_id],
    ).fetchall()
    for book_id, participant_id in rows:
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            counts = connection.execute(
                """SELECT (SELECT count(*) FROM ledger.transfer WHERE book_id = %(book_id)s),
                    (SELECT count(*) FROM ledger.account WHERE book_id = %(book_id)s),
                    (SELECT count(*) FROM ledger.block WHERE book_id = %(book_id)s)""",
                {"book_id": book_id},
            ).fetchone()
            differences = (
                *_sql_differences(connection, book_id),
                *_seal_differences(connection, book_id),
            )
        transfers, accounts, sealed = counts or (0, 0, 0)
        yield BookVerification(book_id, participant_id, transfers, accounts, sealed, differences)


def _sql_differences(connection: psycopg.Connection, book_id: int) -> Iterator[Difference]:
    for check in CHECKS:
        statement = (FOLDER / f"verify_{check}.sql").read_bytes()
        for transfer_id, account_id, description in connection.execute(statement, {"book_id": book_id}):
            yield Difference(book_id, check, transfer_id, account_id, description)


def _seal_differences(connection: psycopg.Connection, book_id: int) -> Iterator[Difference]:
    previous = GENESIS
    for height, (block, stored_hash) in enumerate(blocks(connection, book_id=book_id), start=1):
        leaves = leaf_hashes(connection, book_id=book_id, business_date=block.business_date)
        day = f"block {block.height} of {block.business_date}"
        found = ""
        if block.height != height:
            found = f"{day} stands where block {height} belongs"
        elif block.previous_hash != previous:
            found = f"{day} does not name the block before it"
        elif block.block_hash != stored_hash:
            found = f"{day} does not have the hash of its content"
        elif block.transfers != len(leaves):
            found = f"{day} seals {block.transfers} transfers, the journal has {len(leaves)}"
        elif block.merkle_root != merkle_root(leaves):
            found = f"{day} seals other transfers than the journal has"
        if found:
            yield Difference(book_id, "seals", None, None, found)
            return
        previous = stored_hash
