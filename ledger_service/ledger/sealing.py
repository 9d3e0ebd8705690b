"""Sealing: a closed business date of a book becomes one block of a hash chain, off the hot path.

leaf  = SHA-256 of a transfer's canonical bytes (`leaves.sql`), leaves in order of transfer id
root  = Merkle root: SHA-256 of each pair, an odd last node carried up; 32 zero bytes when empty
block = SHA-256(previous block hash | book id | height | business date | transfers | root)

The order is by transfer id, so that the same transfers give the same block on any machine.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg

GENESIS = bytes(32)
"""The hash before the first block of a book."""

_LEAVES = Path(__file__).with_name("leaves.sql").read_bytes()


class SealRefused(ValueError):
    """The date is not closed, or not the next one to be sealed."""

    def __init__(self, book_id: int, business_date: date, reason: str) -> None:
        self.book_id = book_id
        self.business_date = business_date
        super().__init__(f"{business_date} of book {book_id} cannot be sealed: {reason}")


@dataclass(frozen=True, slots=True)
class Block:
    """One sealed business date of a book."""

    book_id: int
    height: int
    business_date: date
    transfers: int
    merkle_root: bytes
    previous_hash: bytes

    @property
    def block_hash(self) -> bytes:
        """SHA-256 that names this block and, through the previous hash, all before it."""
        head = f"{self.book_id}|{self.height}|{self.business_date}|{self.transfers}|"
        return hashlib.sha256(self.previous_hash + b"|" + head.encode() + self.merkle_root).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes; `GENESIS` when there are none."""
    level = list(leaves)
    while len(level) > 1:
        pairs = [
            hashlib.sha256(left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        level = pairs + level[len(pairs) * 2 :]
    return level[0] if level else GENESIS


def leaf_hashes(connection: psycopg.Connection, *, book_id: int, business_date: date) -> list[bytes]:
    """Leaves of a business date, recomputed from the journal."""
    parameters = {"book_id": book_id, "business_date": business_date}
    return [leaf for _, leaf in connection.execute(_LEAVES, parameters, binary=True)]


def seal(connection: psycopg.Connection, *, book_id: int, business_date: date) -> Block:
    """Seal a closed business date as the book's next block, or return the block it already has.

    The caller commits. Dates are sealed in ascending order and none that has transfers is left out:
    raises `SealRefused`, with the reason.
    """
    sealed = blocks(connection, book_id=book_id)
    if present := next((block for block, _ in sealed if block.business_date == business_date), None):
        return present
    leaves = leaf_hashes(connection, book_id=book_id, business_date=business_date)
    block = Block(
        book_id=book_id,
        height=len(sealed) + 1,
        business_date=business_date,
        transfers=len(leaves),
        merkle_root=merkle_root(leaves),
        previous_hash=sealed[-1][1] if sealed else GENESIS,
    )
    _append(connection, block)
    return block


def _append(connection: psycopg.Connection, block: Block) -> None:
    values = [block.transfers, block.merkle_root, block.previous_hash, block.block_hash]
    try:
        with connection.transaction():
            connection.execute(
                "SELECT ledger.seal(%s, %s, %s, %s, %s, %s)",
                [block.book_id, block.business_date, *values],
            )
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        reason = error.diag.message_primary or str(error)
        raise SealRefused(block.book_id, block.business_date, reason) from error


def blocks(connection: psycopg.Connection, *, book_id: int) -> list[tuple[Block, bytes]]:
    """The book's blocks by height, each with the hash that is stored for it."""
    statement = """
        SELECT book_id, height, business_date, transfers, merkle_root, previous_hash, block_hash
        FROM ledger.block WHERE book_id = %s ORDER BY height"""
    rows = connection.execute(statement, [book_id], binary=True)
    return [(Block(*row[:6]), row[6]) for row in rows]
