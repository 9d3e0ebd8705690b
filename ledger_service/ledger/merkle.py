"""Merkle trees of sixteen children a node.

A level's nodes are taken sixteen by sixteen: a node is SHA-256 of the octet 1 and its children; a child
that is alone is carried up as it is. A tree over 65,536 leaves has four levels, and hashing its nodes
costs a fifteenth of hashing the leaves; with two children it costs as much. No leaves: 32 zero octets.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

EMPTY = bytes(32)
"""Root of no leaves, and the hash before the first block."""

CHILDREN = 16
_WIDTH = 32 * CHILDREN


@dataclass(frozen=True, slots=True)
class PathStep:
    """One level of the way from a leaf to the root."""

    position: int
    """Where our hash stands among its siblings, from 0."""
    siblings: tuple[bytes, ...]
    """The other children of the node, in order; none where the child is carried up."""


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes."""
    level = b"".join(leaves)
    while len(level) > 32:
        level = _parents(level)
    return level or EMPTY


def merkle_path(leaves: Sequence[bytes], *, position: int) -> list[PathStep]:
    """The steps from the leaf at `position` (from 0) to the root, lowest first."""
    level, steps = b"".join(leaves), []
    while len(level) > 32:
        first = position // CHILDREN * _WIDTH
        children = [level[at : at + 32] for at in range(first, min(first + _WIDTH, len(level)), 32)]
        own = position % CHILDREN
        steps.append(PathStep(own, tuple(children[:own] + children[own + 1 :])))
        level, position = _parents(level), position // CHILDREN
    return steps


def _parents(level: bytes) -> bytes:
    nodes = [
        hashlib.sha256(b"\x01" + level[at : at + _WIDTH]).digest()
        for at in range(0, len(level) - 32, _WIDTH)
    ]
    alone = level[-32:] if len(level) % _WIDTH == 32 else b""
    return b"".join(nodes) + alone
