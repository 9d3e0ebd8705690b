"""Sealing: events of a book become blocks of a hash chain, off the hot path.

leaf  = SHA-256 of a transfer's canonical bytes (`leaves.py`), leaves in order of sequence
root  = Merkle root over the leaves (`merkle.py`)
block = SHA-256 of book id (int32), height, first and last sequence, transfers (int64 each, all
        big-endian), the root and the previous block's hash (32 zero octets before the first)

A leaf says everything that its transfer says, with the totals of both accounts after it: so a seal
covers the balances.
"""

import hashlib
import struct
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg

from ledger_service.ledger.leaves import leaf_hashes
from ledger_service.ledger.merkle import EMPTY, merkle_root

GENESIS = EMPTY
"""The hash before the first block of a book."""

BLOCK_EVENTS = 65_536
"""Events of a block at most: bounds the memory of sealing, verifying and proving."""

_LAST_BLOCK = Path(__file__).with_name("last_block.sql").read_bytes()
_BLOCKS = Path(__file__).with_name("blocks.sql").read_bytes()


class SealRefused(ValueError):
    """The events are not the next to be sealed: another has sealed them, or they have not happened."""

    def __init__(self, book_id: int, reason: str) -> None:
        self.book_id = book_id
        self.reason = reason
        super().__init__(f"book {book_id} cannot be sealed: {reason}")


@dataclass(frozen=True, slots=True)
class Block:
    """One seal: the events `first_sequence` to `last_sequence` of a book."""

    book_id: int
    height: int
    first_sequence: int
    last_sequence: int
    transfers: int
    merkle_root: bytes
    previous_hash: bytes

    @property
    def block_hash(self) -> bytes:
        """SHA-256 that names this block and, through the previous hash, all before it."""
        numbers = (self.height, self.first_sequence, self.last_sequence, self.transfers)
        head = struct.pack(">iqqqq", self.book_id, *numbers)
        return hashlib.sha256(head + self.merkle_root + self.previous_hash).digest()


def seal(
    connection: psycopg.Connection, *, book_id: int, sealed_at: datetime, through: int | None = None
) -> list[Block]:
    """Seal all events that have none yet up to number `through` (the book's last); the new blocks.

    The caller commits. Each block has at most `BLOCK_EVENTS`, the last one ends at `through`; when
    nothing is left to seal there are no blocks. Of two sealers of a book at once the second waits for
    the first to commit and is refused: raises `SealRefused`, as for events that have not happened.
    """
    row = connection.execute(_LAST_BLOCK, {"book_id": book_id}, binary=True).fetchone()
    if row is None:
        raise SealRefused(book_id, "there is no such book")
    happened, height, sealed, previous = row[0], row[1] or 0, row[2] or 0, row[3] or GENESIS
    last = happened if through is None else through
    if last > happened:
        raise SealRefused(book_id, f"event {last} has not happened, the last one is {happened}")
    made = []
    for first in range(sealed + 1, last + 1, BLOCK_EVENTS):
        end = min(first + BLOCK_EVENTS - 1, last)
        leaves = leaf_hashes(connection, book_id=book_id, first=first, last=end)
        height += 1
        block = Block(book_id, height, first, end, len(leaves), merkle_root(leaves), previous)
        _append(connection, block, sealed_at)
        previous = block.block_hash
        made.append(block)
    return made


def _append(connection: psycopg.Connection, block: Block, sealed_at: datetime) -> None:
    values = [block.first_sequence, block.last_sequence, block.transfers, block.merkle_root]
    try:
        with connection.transaction():
            connection.execute(
                "SELECT ledger.seal(%s, %s, %s, %s, %s, %s, %s, %s)",
                [block.book_id, *values, block.previous_hash, block.block_hash, sealed_at],
            )
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        raise SealRefused(block.book_id, error.diag.message_primary or str(error)) from error
    except psycopg.errors.UniqueViolation as error:
        raise SealRefused(block.book_id, f"block {block.height} was sealed meanwhile") from error


def blocks(connection: psycopg.Connection, *, book_id: int, above: int = 0) -> list[tuple[Block, bytes]]:
    """The book's blocks above a height, in order, each with the hash that is stored for it."""
    rows = connection.execute(_BLOCKS, {"book_id": book_id, "above": above}, binary=True)
    return [(Block(*row[:7]), row[7]) for row in rows]
