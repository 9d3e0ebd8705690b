"""Check that a transfer is in a sealed ledger: stand-alone, with Python 3.11 and its library only.

    python check_proof.py proof.json [expected-block-hash]

The proof says what a transfer is, the way from it to the root of its block, and the blocks from there to
a later one. This script recomputes, from what the transfer says alone, its bytes, its hash (the leaf),
the root, and the hash of every block. It succeeds when all agree and the last block's hash is the
expected one, which you have from where it was published. It exits with status 0, or 1 and the reason.

The bytes: the number of columns (16 bits), then each column as its length in octets (32 bits; -1 and
nothing else when absent) and its value. Numbers are big-endian. Dates are days, times microseconds
since 2000-01-01 UTC. A node of the tree is the hash of the octet 1 and its up to 16 children; the only
child of a node is carried up as it is. A block's hash is over book, height, first and last event, number
of transfers, root, and the hash of the block before. All hashes are SHA-256.
"""

import hashlib
import json
import struct
import sys
import uuid
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

INTEGER, DATE, FLAG, NUMBER, TIME, IDENTIFIER, TEXT = range(7)

COLUMNS = (
    ("book_id", INTEGER),
    ("business_date", DATE),
    ("value_date", DATE),
    ("dr_backdated", FLAG),
    ("cr_backdated", FLAG),
    ("sequence", NUMBER),
    ("debit_account_id", NUMBER),
    ("credit_account_id", NUMBER),
    ("amount", NUMBER),
    ("pending", NUMBER),
    ("booked_at", TIME),
    ("event_at", TIME),
    ("dr_version", NUMBER),
    ("dr_debits_posted", NUMBER),
    ("dr_credits_posted", NUMBER),
    ("dr_debits_pending", NUMBER),
    ("dr_credits_pending", NUMBER),
    ("cr_version", NUMBER),
    ("cr_debits_posted", NUMBER),
    ("cr_credits_posted", NUMBER),
    ("cr_debits_pending", NUMBER),
    ("cr_credits_pending", NUMBER),
    ("transfer_id", IDENTIFIER),
    ("phase", TEXT),
    ("currency", TEXT),
    ("payment_id", IDENTIFIER),
    ("pending_id", IDENTIFIER),
    ("reverses_id", IDENTIFIER),
    ("expires_at", TIME),
    ("balancing", TEXT),
    ("kind", TEXT),
)
"""What a transfer says, in the order in which it is hashed."""

MICROSECOND = timedelta(microseconds=1)


class NotProven(Exception):
    """The proof does not hold; the message says where."""


def column_bytes(kind: int, value: Any) -> bytes:
    """One column of a transfer, after its length."""
    if value is None:
        return struct.pack(">i", -1)
    if kind == INTEGER:
        octets = struct.pack(">i", value)
    elif kind == DATE:
        octets = struct.pack(">i", (date.fromisoformat(value) - date(2000, 1, 1)).days)
    elif kind == FLAG:
        octets = struct.pack(">?", value)
    elif kind == NUMBER:
        octets = struct.pack(">q", value)
    elif kind == TIME:
        since = datetime.fromisoformat(value) - datetime(2000, 1, 1, tzinfo=UTC)
        octets = struct.pack(">q", since // MICROSECOND)
    elif kind == IDENTIFIER:
        octets = uuid.UUID(value).bytes
    else:
        octets = value.encode()
    return struct.pack(">i", len(octets)) + octets


def leaf_hash(transfer: dict[str, Any]) -> bytes:
    """The hash of a transfer: a mapping of the names in COLUMNS."""
    if set(transfer) != {name for name, _ in COLUMNS}:
        raise NotProven("the transfer does not have the columns that are hashed")
    columns = (column_bytes(kind, transfer[name]) for name, kind in COLUMNS)
    return hashlib.sha256(struct.pack(">h", len(COLUMNS)) + b"".join(columns)).digest()


def root_from(leaf: bytes, path: list[dict[str, Any]]) -> bytes:
    """The root to which a path leads from a leaf."""
    digest = leaf
    for step in path:
        siblings = [bytes.fromhex(sibling) for sibling in step["siblings"]]
        at = step["position"]
        if not 0 <= at <= len(siblings) < 16 or any(len(sibling) != 32 for sibling in siblings):
            raise NotProven("a step of the path is not one of a tree of sixteen children")
        if siblings:
            children = [*siblings[:at], digest, *siblings[at:]]
            digest = hashlib.sha256(b"\x01" + b"".join(children)).digest()
    return digest


def block_hash(block: dict[str, Any]) -> bytes:
    """The hash of a block."""
    names = ("book_id", "height", "first_sequence", "last_sequence", "transfers")
    head = struct.pack(">iqqqq", *(block[name] for name in names))
    return hashlib.sha256(
        head + bytes.fromhex(block["merkle_root"]) + bytes.fromhex(block["previous_hash"])
    ).digest()


def check(proof: dict[str, Any], expected: str | None = None) -> str:
    """The hash, in hexadecimal, of the last block that the transfer is proven to stand in or before."""
    transfer, blocks = proof["transfer"], proof["blocks"]
    sealed = blocks[0]
    if sealed["book_id"] != transfer["book_id"]:
        raise NotProven("the block is one of another book")
    if not sealed["first_sequence"] <= transfer["sequence"] <= sealed["last_sequence"]:
        raise NotProven("the transfer's number is not one of the block's")
    if root_from(leaf_hash(transfer), proof["path"]).hex() != sealed["merkle_root"]:
        raise NotProven("the transfer and its path do not lead to the block's root")
    for before, after in pairwise(blocks):
        if after["previous_hash"] != block_hash(before).hex():
            raise NotProven(f"block {after['height']} does not follow from the block before it")
    last = block_hash(blocks[-1]).hex()
    if expected is not None and last != expected.lower():
        raise NotProven(f"the last block's hash is {last}, not the expected one")
    return last


def main(arguments: list[str]) -> int:
    """Check the proof in a file; the exit status."""
    if len(arguments) not in (1, 2):
        sys.stderr.write(str(__doc__))
        return 2
    try:
        proof = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
        last = check(proof, *arguments[1:])
    except NotProven as error:
        sys.stdout.write(f"NOT PROVEN: {error}\n")
        return 1
    except (OSError, ValueError, KeyError, TypeError, IndexError, struct.error) as error:
        sys.stdout.write(f"NOT PROVEN: the proof cannot be read ({error!r})\n")
        return 1
    transfer, height = proof["transfer"], proof["blocks"][-1]["height"]
    sys.stdout.write(
        f"PROVEN: transfer {transfer['transfer_id']} of {transfer['amount']} minor units"
        f" {transfer['currency']} is event {transfer['sequence']} of book {transfer['book_id']},"
        f" sealed under block {height}: {last}\n"
    )
    if len(arguments) == 1:
        sys.stdout.write("Compare this hash with the published one.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
