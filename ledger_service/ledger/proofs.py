"""Inclusion proofs: that one transfer is in the sealed ledger, for a third party to check.

A proof holds the transfer as the journal has it, its path to the root of its block, and the blocks from
there to the last one: whoever has the hash of that one needs nothing else. `check_proof.py`, which is
published and needs no part of the platform, checks it. No other transfer is disclosed but by its hash.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from ledger_service.ledger.leaves import leaf_hashes
from ledger_service.ledger.merkle import PathStep, merkle_path, merkle_root
from ledger_service.ledger.sealing import Block, blocks

_FOLDER = Path(__file__).parent
_TRANSFER = (_FOLDER / "proof_transfer.sql").read_bytes()
_LEAVES = (_FOLDER / "archive_blocks.sql").read_bytes()


class TransferNotFound(LookupError):
    """The book has no such transfer, or it is archived."""

    def __init__(self, book_id: int, transfer_id: str) -> None:
        self.book_id = book_id
        self.transfer_id = transfer_id
        super().__init__(f"book {book_id} has no transfer {transfer_id}; it may be archived")


class TransferNotSealed(ValueError):
    """No block covers the transfer yet."""

    def __init__(self, book_id: int, transfer_id: str, sequence: int) -> None:
        self.book_id = book_id
        self.transfer_id = transfer_id
        self.sequence = sequence
        super().__init__(
            f"transfer {transfer_id} is event {sequence} of book {book_id}, which is not sealed yet"
        )


class SealBroken(ValueError):
    """The block's root is not that of the journal's transfers: verify the book."""

    def __init__(self, block: Block) -> None:
        self.block = block
        super().__init__(
            f"block {block.height} of book {block.book_id} seals other transfers than the journal has"
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """What `check_proof.py` reads."""

    transfer: dict[str, Any]
    """What the transfer says, by column; dates and times as ISO 8601."""
    path: list[PathStep]
    blocks: list[Block]
    """From the transfer's to the last one, in order."""

    @property
    def block_hash(self) -> str:
        """Of the last block, in hexadecimal: the hash that is published."""
        return self.blocks[-1].block_hash.hex()

    def to_json(self) -> str:
        """The proof as a file."""
        path = [
            {"position": step.position, "siblings": [sibling.hex() for sibling in step.siblings]}
            for step in self.path
        ]
        chain = [
            {
                "book_id": block.book_id,
                "height": block.height,
                "first_sequence": block.first_sequence,
                "last_sequence": block.last_sequence,
                "transfers": block.transfers,
                "merkle_root": block.merkle_root.hex(),
                "previous_hash": block.previous_hash.hex(),
            }
            for block in self.blocks
        ]
        return json.dumps({"transfer": self.transfer, "path": path, "blocks": chain}, indent=1) + "\n"


def prove(connection: psycopg.Connection, *, book_id: int, transfer_id: str) -> Proof:
    """The proof for one transfer; reads the leaves of its block.

    Raises `TransferNotFound`, `TransferNotSealed` or `SealBroken`.
    """
    parameters = {"book_id": book_id, "transfer_id": transfer_id}
    row = connection.execute(_TRANSFER, parameters).fetchone()
    if row is None:
        raise TransferNotFound(book_id, transfer_id)
    transfer: dict[str, Any] = row[0]
    sequence = transfer["sequence"]
    chain = [
        block for block, _ in blocks(connection, book_id=book_id) if block.last_sequence >= sequence
    ]
    if not chain:
        raise TransferNotSealed(book_id, transfer_id, sequence)
    numbered = _leaves(connection, chain[0])
    leaves = [leaf for _, leaf in numbered]
    if merkle_root(leaves) != chain[0].merkle_root:
        raise SealBroken(chain[0])
    position = [number for number, _ in numbered].index(sequence)
    return Proof(transfer, merkle_path(leaves, position=position), chain)


def _leaves(connection: psycopg.Connection, block: Block) -> list[tuple[int, bytes]]:
    """The leaves of a block by sequence, those of its archived transfers among them."""
    book_id, first, last = block.book_id, block.first_sequence, block.last_sequence
    hashes = leaf_hashes(connection, book_id=book_id, first=first, last=last)
    rows = connection.execute(
        """SELECT sequence FROM ledger.transfer
        WHERE book_id = %s AND sequence BETWEEN %s AND %s ORDER BY sequence""",
        [book_id, first, last],
    )
    numbered = list(zip([number for (number,) in rows], hashes, strict=True))
    parameters = {"book_id": book_id, "first": block.height, "last": block.height}
    for _, _, sequences, archived in connection.execute(_LEAVES, parameters, binary=True):
        numbered += zip(sequences, archived, strict=True)
    return sorted(numbered)
