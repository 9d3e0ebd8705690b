"""Subset sums by a table of bits: which sums the first n amounts can reach.

Belongs here: the table and the way back through it. The table costs n * target / 8 bytes whatever
the number of subsets (Bellman, 1957; packed into words as bitset dynamic programming), and every
step back along its bits ends in a subset, so listing k subsets costs k * n steps.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
WORD_BITS = 64


def table_bytes(amounts: Sequence[int], *, target: int) -> int:
    """Memory of the table for positive amounts: one row of bits an amount, up to the target."""
    unit = math.gcd(*amounts)
    return (len(amounts) + 1) * _words(target // unit) * (WORD_BITS // 8)


@dataclass(frozen=True, slots=True)
class ReachableSums:
    """Row n holds a bit for every sum, in units of the amounts' common divisor, of the first n."""

    amounts: tuple[int, ...]
    target: int
    rows: tuple[Words, ...]

    @classmethod
    def of(cls, amounts: Sequence[int], *, target: int) -> "ReachableSums":
        """The table of positive `amounts` up to a positive target; a multiple of no divisor is -1."""
        unit = math.gcd(*amounts)
        if target % unit:
            return cls(amounts=(), target=-1, rows=())
        scaled = tuple(amount // unit for amount in amounts)
        first = np.zeros(_words(target // unit), dtype=np.uint64)
        first[0] = 1
        rows = [first]
        for amount in scaled:
            rows.append(_with_shifted(rows[-1], by=amount))
        return cls(amounts=scaled, target=target // unit, rows=tuple(rows))

    def subsets(self, *, limit: int) -> tuple[list[tuple[int, ...]], bool]:
        """Up to `limit` subsets of the target, as ascending indexes, and whether these are all."""
        if self.target < 0 or not self._reaches(len(self.amounts), self.target):
            return [], True
        found = list(islice(self._back(), limit + 1))
        return sorted(found[:limit]), len(found) <= limit

    def _back(self) -> Iterator[tuple[int, ...]]:
        """Every way from the target back to zero; only steps that lead there are taken."""
        pending: list[tuple[int, int, tuple[int, ...]]] = [(len(self.amounts), self.target, ())]
        while pending:
            count, left, chosen = pending.pop()
            if count == 0:
                yield chosen
                continue
            amount = self.amounts[count - 1]
            if amount <= left and self._reaches(count - 1, left - amount):
                pending.append((count - 1, left - amount, (count - 1, *chosen)))
            if self._reaches(count - 1, left):
                pending.append((count - 1, left, chosen))

    def _reaches(self, count: int, total: int) -> bool:
        word, bit = divmod(total, WORD_BITS)
        return bool(int(self.rows[count][word]) >> bit & 1)


def _words(largest: int) -> int:
    return largest // WORD_BITS + 1


def _with_shifted(row: Words, *, by: int) -> Words:
    """`row | row << by`, cut off at the length of the row."""
    words, bits = divmod(by, WORD_BITS)
    result = row.copy()
    if words >= row.size:
        return result
    kept = row[: row.size - words]
    result[words:] |= kept << np.uint64(bits)
    if bits:
        result[words + 1 :] |= kept[:-1] >> np.uint64(WORD_BITS - bits)
    return result
