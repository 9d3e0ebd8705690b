"""Which subsets of some amounts have a given sum, counted so that "the only one" is a proof.

Belongs here: the question, the choice of method, and meet in the middle (Horowitz and Sahni, 1974:
the sums of one half sorted against the sums of the other, 2^(n/2) steps). Larger questions go to
`reachable_sums.py` (a table of sums) and `sum_solver.py` (a constraint solver under a work bound).

A method that reaches its bound says so: `complete` is false, and `touched` then names every amount
that a subset not listed might use. Amounts are signed minor units and never rounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from pipelines.reconciliation.reachable_sums import ReachableSums, table_bytes
from pipelines.reconciliation.sum_solver import solve_sum

Integers = npt.NDArray[np.int64]

LARGEST_TOTAL = 2**62
"""Sums of amounts whose absolute values add up to less than this stay exact in 64 bits."""
LARGEST_HALF = 24
"""Items of a half at most: 16 million sums, 256 MiB with their subsets."""


class Method(StrEnum):
    """How the subsets were counted."""

    MEET_IN_THE_MIDDLE = "meet_in_the_middle"
    """All sums of one half against all sums of the other."""
    REACHABLE_SUMS = "reachable_sums"
    """A bit for every sum that the first n amounts can reach, then back along the bits."""
    CONSTRAINT_SOLVER = "constraint_solver"
    """CP-SAT, each subset forbidden once it is found, until no other exists."""
    NONE = "none"
    """Not counted: the amounts together exceed 64 bits."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much work a question may cost before its answer is left unproved."""

    subsets: int = 200
    """Subsets listed of one question; one more makes the answer incomplete."""
    half_items: int = 18
    """Meet in the middle up to twice as many items (2^18 sums of each half: 4 MiB)."""
    zero_sums: int = 2**20
    """Subsets of sum zero that are sifted for the minimal ones."""
    table_bytes: int = 64 * 2**20
    """Largest table of reachable sums."""
    solver_work: float = 2.0
    """Deterministic time of the constraint solver for all targets together (about
    seconds, but equal on every machine)."""

    def __post_init__(self) -> None:
        if not 1 <= self.half_items <= LARGEST_HALF:
            raise ValueError(f"half_items is {self.half_items}; it must be in 1..{LARGEST_HALF}")
        if self.subsets < 1 or self.solver_work <= 0:
            raise ValueError(
                "a bound of no work proves nothing: subsets and solver_work must be positive"
            )


@dataclass(frozen=True, slots=True)
class Subsets:
    """The subsets found, as ascending indexes of the amounts.

    When `complete`, there are no others. `touched` holds every index that any subset uses, listed or
    not.
    """

    found: tuple[tuple[int, ...], ...]
    complete: bool
    touched: frozenset[int]
    method: Method


def subsets_with_sums(
    amounts: Sequence[int], *, targets: Sequence[int], bounds: Bounds
) -> list[Subsets]:
    """For each target, the subsets of the positive `amounts` that add up to it.

    The targets are positive as well; halves are summed once for all of them.
    """
    if min([*amounts, *targets], default=1) <= 0:
        raise ValueError("amounts and targets must be positive minor units")
    if sum(amounts) >= LARGEST_TOTAL or max(targets, default=0) >= LARGEST_TOTAL:
        return [_uncounted(len(amounts)) for _ in targets]
    if len(amounts) <= 2 * bounds.half_items:
        halves = _Halves.of(amounts)
        return [halves.with_sum(target, limit=bounds.subsets) for target in targets]
    shared = replace(bounds, solver_work=bounds.solver_work / len(targets)) if targets else bounds
    return [_of_one_target(amounts, target=target, bounds=shared) for target in targets]


def minimal_zero_sums(amounts: Sequence[int], *, bounds: Bounds) -> Subsets:
    """The subsets of sum zero that contain no smaller one; `amounts` are signed and not zero.

    Every subset of sum zero is a union of minimal ones that share nothing, so these say it all.
    """
    if 0 in amounts:
        raise ValueError("an amount of zero is a sum of zero by itself")
    if sum(map(abs, amounts)) >= LARGEST_TOTAL:
        return _uncounted(len(amounts))
    if len(amounts) <= 2 * bounds.half_items:
        sifted = _Halves.of(amounts).minimal_zero_sums(bounds)
        if sifted is not None:
            return sifted
    return _solved(amounts, target=0, bounds=bounds)


def _uncounted(items: int) -> Subsets:
    return Subsets(found=(), complete=False, touched=frozenset(range(items)), method=Method.NONE)


def _of_one_target(amounts: Sequence[int], *, target: int, bounds: Bounds) -> Subsets:
    """Amounts above the target cannot be part of it; what is left decides the method."""
    usable = [index for index, amount in enumerate(amounts) if amount <= target]
    own = [amounts[index] for index in usable]
    if len(own) <= 2 * bounds.half_items:
        result = _Halves.of(own).with_sum(target, limit=bounds.subsets)
    elif table_bytes(own, target=target) <= bounds.table_bytes:
        table = ReachableSums.of(own, target=target)
        found, complete = table.subsets(limit=bounds.subsets)
        touched = frozenset[int]().union(*found) if complete else frozenset(range(len(own)))
        result = Subsets(tuple(found), complete, touched, Method.REACHABLE_SUMS)
    else:
        result = _solved(own, target=target, bounds=bounds)
    return Subsets(
        found=tuple(tuple(usable[index] for index in subset) for subset in result.found),
        complete=result.complete,
        touched=frozenset(usable[index] for index in result.touched),
        method=result.method,
    )


def _solved(amounts: Sequence[int], *, target: int, bounds: Bounds) -> Subsets:
    found, complete = solve_sum(
        amounts, target=target, limit=bounds.subsets, deterministic_time=bounds.solver_work
    )
    touched = frozenset[int]().union(*found) if complete else frozenset(range(len(amounts)))
    return Subsets(tuple(sorted(found)), complete, touched, Method.CONSTRAINT_SOLVER)


@dataclass(frozen=True, slots=True)
class _Halves:
    """All sums of the first and of the second half of the amounts, ascending, with their subsets.

    A subset is a bit mask over the amounts: bit i stands for amount i.
    """

    first_sums: Integers
    first_masks: Integers
    second_sums: Integers
    second_masks: Integers
    items: int

    @classmethod
    def of(cls, amounts: Sequence[int]) -> "_Halves":
        middle = len(amounts) // 2
        first_sums, first_masks = _all_sums(amounts[:middle])
        second_sums, second_masks = _all_sums(amounts[middle:])
        return cls(first_sums, first_masks, second_sums, second_masks << middle, len(amounts))

    def with_sum(self, target: int, *, limit: int) -> Subsets:
        """Up to `limit` subsets of this sum, which is not zero."""
        low, counts = self._partners(target)
        masks = self._masks(low, counts, limit=limit)
        return Subsets(
            found=tuple(sorted(_indexes(int(mask)) for mask in masks)),
            complete=int(counts.sum()) <= limit,
            touched=self._touched(low, counts),
            method=Method.MEET_IN_THE_MIDDLE,
        )

    def minimal_zero_sums(self, bounds: Bounds) -> Subsets | None:
        """The minimal subsets of sum zero; None when there are too many of any size to sift."""
        low, counts = self._partners(0)
        if int(counts.sum()) > bounds.zero_sums:
            return None
        masks = self._masks(low, counts, limit=bounds.zero_sums)
        masks = masks[masks != 0]
        masks = masks[np.lexsort((masks, np.bitwise_count(masks)))]
        found: list[tuple[int, ...]] = []
        while masks.size and len(found) < bounds.subsets:
            smallest = masks[0]
            found.append(_indexes(int(smallest)))
            masks = masks[(masks & smallest) != smallest]
        return Subsets(
            found=tuple(sorted(found)),
            complete=not masks.size,
            touched=self._touched(low, counts),
            method=Method.MEET_IN_THE_MIDDLE,
        )

    def _partners(self, target: int) -> tuple[Integers, Integers]:
        """For each sum of the first half, where its partners begin in the second, and how many."""
        wanted = target - self.first_sums
        low = np.searchsorted(self.second_sums, wanted, side="left")
        return low, np.searchsorted(self.second_sums, wanted, side="right") - low

    def _masks(self, low: Integers, counts: Integers, *, limit: int) -> Integers:
        """The subsets themselves, at most `limit`, those of the smallest first-half sums first."""
        hits = np.flatnonzero(counts)
        enough = int(np.searchsorted(np.cumsum(counts[hits]), limit)) + 1
        hits = hits[:enough]
        rows = np.repeat(hits, counts[hits])
        within = np.arange(rows.size) - np.repeat(np.cumsum(counts[hits]) - counts[hits], counts[hits])
        masks: Integers = self.first_masks[rows] | self.second_masks[low[rows] + within]
        return masks[:limit]

    def _touched(self, low: Integers, counts: Integers) -> frozenset[int]:
        """Indexes that any subset uses, without listing the subsets."""
        hits = counts > 0
        opened = np.zeros(self.second_sums.size + 1, dtype=np.int64)
        np.add.at(opened, low[hits], 1)
        np.add.at(opened, (low + counts)[hits], -1)
        second = self.second_masks[np.cumsum(opened[:-1]) > 0]
        union = np.bitwise_or.reduce(self.first_masks[hits], initial=0) | np.bitwise_or.reduce(
            second, initial=0
        )
        return frozenset(_indexes(int(union)))


def _all_sums(amounts: Sequence[int]) -> tuple[Integers, Integers]:
    """The sums of all subsets, ascending, and the subset of each (the smaller mask first if equal)."""
    sums = np.zeros(1, dtype=np.int64)
    for amount in amounts:
        sums = np.concatenate([sums, sums + amount])
    order = np.argsort(sums, kind="stable")
    return sums[order], order


def _indexes(mask: int) -> tuple[int, ...]:
    return tuple(index for index in range(mask.bit_length()) if mask >> index & 1)
