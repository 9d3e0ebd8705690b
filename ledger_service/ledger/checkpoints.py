"""Checkpoints: how far a book has been verified, so that the next run begins there.

A checkpoint stands at the end of a block and holds what every account was after it, as recomputed, not
as read later. A run from a checkpoint proves that everything after it follows from it, up to the totals
that the accounts have now, and that the block is still the one that was verified, as are those before
it by their hashes. It does not read the transfers before it again: what is changed there since is found
by a run without checkpoints.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from ledger_service.ledger.account_runs import Accounts


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A verified prefix of a book."""

    book_id: int
    epoch: int
    sequence: int
    height: int
    block_hash: bytes
    transfers: int
    resolutions: int
    reversals: int
    accounts: Accounts


def write_checkpoints(folder: Path, checkpoints: Iterable[Checkpoint]) -> None:
    """One file a book (`book-<id>.npz`), each replaced at once."""
    folder.mkdir(parents=True, exist_ok=True)
    for checkpoint in checkpoints:
        head = {
            field.name: getattr(checkpoint, field.name)
            for field in fields(checkpoint)
            if field.name not in {"accounts", "block_hash"}
        } | {"block_hash": checkpoint.block_hash.hex()}
        path = folder / f"book-{checkpoint.book_id}.npz"
        unfinished = path.with_suffix(".unfinished")
        with unfinished.open("wb") as file:
            np.savez_compressed(file, head=np.array(json.dumps(head)), **asdict(checkpoint.accounts))
        unfinished.replace(path)


def read_checkpoints(folder: Path) -> dict[int, Checkpoint]:
    """Checkpoints by book id; none where the folder is missing."""
    found = {}
    for path in sorted(folder.glob("book-*.npz")):
        with np.load(path, allow_pickle=False) as stored:
            head = json.loads(str(stored["head"]))
            accounts = Accounts(**{field.name: stored[field.name] for field in fields(Accounts)})
        head["block_hash"] = bytes.fromhex(head["block_hash"])
        found[head["book_id"]] = Checkpoint(**head, accounts=accounts)
    return found
