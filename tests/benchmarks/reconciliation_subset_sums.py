"""Batches of payments stated as one sum: which payments, proved to be the only ones.

The reference asks OR-tools' CP-SAT for the payments of each sum, and then for others: the same proof
without meeting in the middle.
"""

import random
import time

from pipelines.reconciliation.subset_sum import Bounds, subsets_with_sums
from pipelines.reconciliation.sum_solver import solve_sum

SEED = 20260302
PAYMENTS = 30
BATCH = 6


def measure(blocks: int) -> tuple[str, float, float]:
    """(name, our seconds, the solver's seconds) for some blocks of payments with one batch each."""
    draw = random.Random(SEED)
    questions = []
    for _ in range(blocks):
        amounts = [draw.randrange(10_000, 100_000_000) for _ in range(PAYMENTS)]
        questions.append((amounts, sum(draw.sample(amounts, BATCH))))
    started = time.perf_counter()
    ours = [
        subsets_with_sums(amounts, targets=[target], bounds=Bounds())[0] for amounts, target in questions
    ]
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    solved = [
        solve_sum(amounts, target=target, limit=Bounds().subsets, deterministic_time=10)
        for amounts, target in questions
    ]
    reference = time.perf_counter() - started
    for own, (found, complete) in zip(ours, solved, strict=True):
        if not own.complete or (complete and list(own.found) != sorted(found)):
            raise AssertionError(f"{own} is not what the solver finds: {found}")
    unique = sum(len(own.found) == 1 for own in ours)
    proved = sum(complete for _, complete in solved)
    name = (
        f"{blocks} sums of {BATCH} among {PAYMENTS} payments: {unique} proved unique, none unproved "
        f"(solver alone: {blocks - proved} unproved)"
    )
    return name, seconds, reference
