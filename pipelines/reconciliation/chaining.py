"""The order within a day in which a bank's stated balances follow from each other.

Belongs here: finding that order. A bank's file and our ledger need not keep it, but each item says
it itself: `stated balance - amount` is the balance before. An order is better when fewer steps
disagree by more than the tolerance, then when the disagreements add up to less, then when it is
nearer to the ledger's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

Cost = tuple[int, int, tuple[int, ...]]

EXACT_LIMIT = 10
"""Up to this many items of one account and day, the best of all orders is found (2^n * n^2 steps)."""
NEAREST_LIMIT = 2_000
"""Up to this many, the nearest next item is taken (n^2 steps)."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one item says: the balance before it (stated - amount) and the stated balance after it."""

    before_minor: int
    after_minor: int


def best_order(steps: Sequence[Step], *, opening_minor: int, tolerance_minor: int) -> list[int]:
    """Indexes of `steps` in the order in which they chain best from the opening balance.

    Beyond `EXACT_LIMIT` items the next one is always the nearest to the balance reached; that finds
    every chain that agrees exactly and has no balance twice. Beyond `NEAREST_LIMIT` the given order
    stands.
    """
    if len(steps) > NEAREST_LIMIT:
        return list(range(len(steps)))
    if len(steps) > EXACT_LIMIT:
        return _nearest_first(steps, opening_minor=opening_minor)
    return _best_of_all(steps, opening_minor=opening_minor, tolerance_minor=tolerance_minor)


def _best_of_all(steps: Sequence[Step], *, opening_minor: int, tolerance_minor: int) -> list[int]:
    """Dynamic programming over (items used, last item); Held and Karp, 1962."""
    count = len(steps)
    reached: dict[tuple[int, int], Cost] = {(0, -1): (0, 0, ())}
    for _ in range(count):
        further: dict[tuple[int, int], Cost] = {}
        for (used, last), (breaks, distance, order) in reached.items():
            balance = opening_minor if last < 0 else steps[last].after_minor
            for item, step in enumerate(steps):
                if used & 1 << item:
                    continue
                apart = abs(step.before_minor - balance)
                cost = (breaks + (apart > tolerance_minor), distance + apart, (*order, item))
                state = (used | 1 << item, item)
                if state not in further or cost < further[state]:
                    further[state] = cost
        reached = further
    return list(min(reached.values())[2])


def _nearest_first(steps: Sequence[Step], *, opening_minor: int) -> list[int]:
    left, order, balance = list(range(len(steps))), [], opening_minor
    while left:
        item = min(left, key=lambda index: (abs(steps[index].before_minor - balance), index))
        left.remove(item)
        order.append(item)
        balance = steps[item].after_minor
    return order
