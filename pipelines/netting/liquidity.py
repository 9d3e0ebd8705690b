"""The value-optimal queue: the whole payments that settle the most value within everybody's liquidity.

Belongs here: turning solutions of the relaxation (`liquidity_bound.py`) into whole payments, improving
them, and the result with its gap to the bound. Payments may overtake each other here; the mode that
respects their order is in `gridlock.py`.

How: decide payments from the largest to the smallest, solving the relaxation of the rest after each
step, so that what rounding a large payment loses is made good by smaller ones; then take a part of the
decisions back and decide it again, many times. Effort is counted in steps, never in seconds, so that
the same queue gives the same choice on every machine.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from pipelines.netting.gridlock import fifo_choice
from pipelines.netting.liquidity_bound import (
    FREE,
    SETTLES,
    STAYS,
    Bound,
    Decided,
    Flows,
    Relaxation,
    tightened_bound,
)
from pipelines.netting.payment_queue import Flags, Integers, Queue, settlement


@dataclass(frozen=True, slots=True)
class Effort:
    """How often the relaxation is solved: about so often to choose, at most so often for the bound."""

    solutions: int = 450
    branches: int = 100
    seed: int = 1


@dataclass(frozen=True, slots=True)
class OptimalSettlement:
    """What settles together, and how much better any other choice could be.

    `settled` are rows of the queue in its order; `liquidity` has the columns of
    `LIQUIDITY_AFTER_SCHEMA`. `bound.leaves` prove that nothing settles more than `bound.bound_minor`;
    `gap_minor` is what is left between it and `settled_minor`, zero when the choice is proven optimal.
    """

    settled: pl.DataFrame
    liquidity: pl.DataFrame
    settled_minor: int
    queued_minor: int
    bound: Bound
    gap_minor: int


@dataclass(frozen=True, slots=True)
class _Pace:
    """How a descent rounds.

    `reserve` is the part of everybody's cover, in percent, that the relaxation leaves alone as long as
    it can, for the last payments never fit exactly. A step decides payments down to `reach` of the
    largest undecided one. Each of `leans` is tried: a payment settles when so much of it fits the flow
    of its pair.
    """

    reserve: int
    reach: float
    leans: tuple[float, ...]


_FIRST_PACES = (
    _Pace(20, 0.35, (0.6, 0.8, 1.0)),
    _Pace(10, 0.5, (0.6, 0.8, 1.0)),
    _Pace(30, 0.35, (0.5, 0.75, 1.0)),
)
_ONE_OR_THE_OTHER = (0.0, float("inf"))
"""Leans that settle a cut payment, and that do not."""
_PATIENCE = 24
"""How often a descent may take a shorter step instead of one that leaves somebody short."""
_RETREATS = 4
"""How often a descent may take smaller payments back where larger ones left somebody short."""


def settle_most_value(queue: Queue, effort: Effort | None = None) -> OptimalSettlement:
    """Choose whole payments for the most value, everybody within cover and bilateral limits.

    All chosen payments settle together. Never less than `resolve_gridlock` settles. Raises
    `QueueTooLarge`, `FlowUnsolved`.
    """
    given = Effort() if effort is None else effort
    relaxation = Relaxation(queue)
    chosen = _searched(relaxation, given)
    bound = tightened_bound(relaxation, settled_minor=queue.value(chosen), branches=given.branches)
    if bound.chosen is not None:
        chosen = bound.chosen
    result = settlement(queue, chosen)
    return OptimalSettlement(
        settled=result.settled,
        liquidity=result.liquidity,
        settled_minor=result.settled_minor,
        queued_minor=result.queued_minor,
        bound=bound,
        gap_minor=bound.bound_minor - result.settled_minor,
    )


def _searched(relaxation: Relaxation, effort: Effort) -> Flags:
    """The best of descents from nothing decided, then from parts of the best taken back."""
    queue = relaxation.queue
    best = _inserted(queue, fifo_choice(queue))
    most = relaxation.solve(relaxation.undecided()).value_minor
    for taken_back, pace in _attempts(queue, seed=effort.seed):
        if relaxation.solved >= effort.solutions or queue.value(best) == most:
            break
        decided = np.where(taken_back, FREE, best.astype(np.int8)).astype(np.int8)
        if relaxation.solve(decided).value_minor > queue.value(best):
            best = _better(queue, best, _descended(relaxation, decided, pace))
    return best


def _better(queue: Queue, best: Flags, other: Flags) -> Flags:
    return other if queue.value(other) > queue.value(best) else best


def _attempts(queue: Queue, *, seed: int) -> Iterator[tuple[Flags, _Pace]]:
    """Which decisions to take back, and how to decide again, without end.

    First all of them, then payments up to some size, everywhere or around some of the participants.
    """
    yield from ((np.ones(len(queue.amount), np.bool_), pace) for pace in _FIRST_PACES)
    draw = np.random.default_rng(seed)
    smallest = np.log(float(np.median(queue.amount)))
    largest = np.log(float(queue.amount.max()))
    while True:
        size = np.exp(draw.uniform(smallest, largest))
        around = draw.random(len(queue.cover)) < draw.choice([0.2, 0.4, 1.0])
        taken_back = (queue.amount <= size) & (around[queue.debtor] | around[queue.creditor])
        reserve, reach = int(draw.choice([2, 10, 20])), float(draw.choice([0.25, 0.35]))
        yield taken_back, _Pace(reserve, reach, (0.65, 1.0))


def _descended(relaxation: Relaxation, decided: Decided, pace: _Pace) -> Flags:
    """Decide every free payment, from the largest to the smallest, and make the choice hold."""
    queue = relaxation.queue
    cover = queue.cover - queue.cover // 100 * pace.reserve
    takeable = decided == FREE
    flows, retreats, patience = relaxation.solve(decided, cover), 0, _PATIENCE
    while (free := np.flatnonzero(decided == FREE)).size:
        free = free[np.argsort(-queue.amount[free], kind="stable")]
        reached = queue.amount[free] >= int(queue.amount[free[0]]) * pace.reach
        size = len(free) if len(free) <= len(queue.amount) // 256 else int(reached.sum())
        before, decided_before = flows, decided
        while size:
            trial = _best_step(
                relaxation, decided_before, before, free[:size], leans=pace.leans, cover=cover
            )
            decided, flows = trial
            if flows.short.any() and (flows.short <= queue.cover - cover).all():
                cover, flows = cover + flows.short, replace(flows, short=np.zeros_like(cover))
            again = flows.short.any() and not before.short.any() and patience > 0
            patience -= int(again)
            size = size // 4 if again else 0
        if flows.short.any() and retreats < _RETREATS:
            retreats += 1
            decided, flows = _retreated(relaxation, decided, takeable, flows, cover)
    return _inserted(queue, _relieved(queue, decided == SETTLES))


def _best_step(
    relaxation: Relaxation,
    decided: Decided,
    flows: Flows,
    step: Integers,
    *,
    leans: tuple[float, ...],
    cover: Integers,
) -> tuple[Decided, Flows]:
    """The decisions for the payments of a step that leave least short, then most to settle."""
    trials: list[Decided] = []
    for lean in leans if len(step) > 1 else _ONE_OR_THE_OTHER:
        trial = _rounded(relaxation, decided, flows, step, lean)
        if not any(np.array_equal(trial, earlier) for earlier in trials):
            trials.append(trial)
    solved = [relaxation.solve(trial, cover) for trial in trials]
    ranked = [(int(after.short.sum()), -after.value_minor, n) for n, after in enumerate(solved)]
    pick = min(ranked)[2]
    return trials[pick], solved[pick]


def _rounded(
    relaxation: Relaxation, decided: Decided, flows: Flows, step: Integers, lean: float
) -> Decided:
    """Decide the payments of a step as the flows of their pairs have it, cut ones by how much fits."""
    queue, rounded = relaxation.queue, decided.copy()
    settled, free = flows.settled[queue.pair[step]], flows.free[queue.pair[step]]
    rounded[step[settled >= free]] = SETTLES
    rounded[step[settled <= 0]] = STAYS
    cut = step[(settled > 0) & (settled < free)]
    left: dict[int, int] = {}
    for row in cut[np.argsort(-queue.amount[cut], kind="stable")].tolist():
        pair, amount = int(queue.pair[row]), int(queue.amount[row])
        fits = left.setdefault(pair, int(flows.settled[pair]))
        rounded[row] = STAYS
        if amount * lean <= fits:
            rounded[row] = SETTLES
            left[pair] = fits - amount
    return rounded


def _retreated(
    relaxation: Relaxation, decided: Decided, takeable: Flags, flows: Flows, cover: Integers
) -> tuple[Decided, Flows]:
    """Free payments again, up to ever larger ones, until nobody is short of what is decided."""
    amount = relaxation.queue.amount
    size = int(flows.short.sum()) * 4
    while flows.short.any():
        freed = takeable & (amount <= size)
        decided = np.where(freed, FREE, decided).astype(np.int8)
        flows = relaxation.solve(decided, cover)
        if (freed == takeable).all():
            break
        size *= 8
    return decided, flows


def _relieved(queue: Queue, chosen: Flags) -> Flags:
    """Withdraw payments of whoever is short or beyond a limit, until nobody is.

    Of its payments the smallest that suffices, or the largest when none does. First pairs, then
    participants; who becomes short by it waits at the end.
    """
    kept = chosen.copy()
    cover_left, limit_left = queue.cover_left(chosen), queue.limit_left(chosen)
    waiting = deque(
        [(queue.pair, int(pair), limit_left) for pair in np.flatnonzero(limit_left < 0)]
        + [(queue.debtor, int(number), cover_left) for number in np.flatnonzero(cover_left < 0)]
    )
    while waiting:
        owner, number, left = waiting.popleft()
        rows = np.flatnonzero(kept & (owner == number)) if left[number] < 0 else np.array([], np.int64)
        rows = rows[np.argsort(queue.amount[rows], kind="stable")].tolist()
        while left[number] < 0:
            enough = bisect_left(rows, -int(left[number]), key=queue.amount.__getitem__)
            row = rows.pop(min(enough, len(rows) - 1))
            amount, pair, creditor = queue.amount[row], queue.pair[row], queue.creditor[row]
            back = queue.reverse[pair]
            kept[row] = False
            cover_left[queue.debtor[row]] += amount
            cover_left[creditor] -= amount
            limit_left[pair] += amount
            limit_left[back] -= amount
            waiting.append((queue.debtor, int(creditor), cover_left))
            waiting.append((queue.pair, int(back), limit_left))
    return kept


def _inserted(queue: Queue, chosen: Flags) -> Flags:
    """Settle whatever still fits, largest first, as long as anything does."""
    with_more = chosen.copy()
    debtor, creditor, pair, reverse = queue.debtor, queue.creditor, queue.pair, queue.reverse
    while True:
        cover_left, limit_left = queue.cover_left(with_more), queue.limit_left(with_more)
        fits = queue.amount <= np.minimum(cover_left[debtor], limit_left[pair])
        rows = np.flatnonzero(fits & ~with_more)
        if not len(rows):
            return with_more
        rows = rows[np.argsort(-queue.amount[rows], kind="stable")]
        cover, limit = cover_left.tolist(), limit_left.tolist()  # single values are read faster so
        columns = (
            rows,
            queue.amount[rows],
            debtor[rows],
            creditor[rows],
            pair[rows],
            reverse[pair[rows]],
        )
        for row, amount, payer, payee, there, back in zip(*(c.tolist() for c in columns), strict=True):
            if amount <= cover[payer] and amount <= limit[there]:
                with_more[row] = True
                cover[payer] -= amount
                cover[payee] += amount
                limit[there] -= amount
                limit[back] += amount
