"""Gridlock resolution, first in first out: what settles at once without overtaking anybody.

Belongs here: settling as much of a queue as the order of each participant's own payments allows.
Choosing payments for their value, out of order, is in `liquidity.py`.
"""

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum
from heapq import heappop, heappush

import numpy as np
import polars as pl

from pipelines.netting.payment_queue import Flags, Queue, Settlement, settlement


class Step(StrEnum):
    """By which step of the sequential mode a payment settled."""

    SINGLY = "singly"
    """By itself, at its entry or when its debtor had received enough."""
    BILATERALLY = "bilaterally"
    """Together with the payment at the head of the creditor's queue, which went to its debtor."""
    MULTILATERALLY = "multilaterally"
    """Together with all that gridlock resolution settled after the last entry."""


def resolve_gridlock(queue: Queue) -> Settlement:
    """Settle the largest set of payments in which nobody's payment overtakes another of its own.

    Each participant's settled payments are a prefix of its own queue; settled together they leave
    everybody within cover and bilateral limits. Such sets are closed under union, so the largest is
    unique: it is reached from all payments by withdrawing, while anybody is short, the last payment
    of one who is (Bech and Soramäki 2001), each payment at most once.
    """
    return settlement(queue, fifo_choice(queue))


def settle_as_they_enter(queue: Queue) -> Settlement:
    """Try each payment as it enters, in order of position, and resolve the gridlock that remains.

    Only the head of a participant's queue is tried: singly, then against a head that faces it, again
    whenever its debtor has received something. The settled rows carry two more columns: `step`, a
    `Step`, and `turn`, which counts what settled together; limits hold after every turn.
    """
    entry = _Entry(queue)
    for row in np.argsort(queue.payments["position"].to_numpy(), kind="stable").tolist():
        entry.enter(row)
    turn = np.array(entry.turn, np.int64)
    singly = np.array(entry.singly, np.bool_)
    rest = np.flatnonzero(turn < 0)
    remaining = replace(
        queue,
        payments=queue.payments[rest],
        debtor=queue.debtor[rest],
        creditor=queue.creditor[rest],
        amount=queue.amount[rest],
        pair=queue.pair[rest],
        cover=np.array(entry.cover_left, np.int64),
        pair_limit=np.array(entry.limit_left, np.int64),
    )
    together = rest[fifo_choice(remaining)]
    step = np.where(singly, Step.SINGLY, Step.BILATERALLY).astype(object)
    step[together], turn[together] = Step.MULTILATERALLY, entry.turns
    chosen = turn >= 0
    result = settlement(queue, chosen)
    steps = pl.Series("step", [str(by) for by in step[chosen]], pl.String)
    return replace(result, settled=result.settled.with_columns(steps, turn=turn[chosen]))


def fifo_choice(queue: Queue) -> Flags:
    """The payments that `resolve_gridlock` settles, as flags in the order of the queue."""
    chosen = np.ones(len(queue.amount), np.bool_)
    cover_left = queue.cover_left(chosen)
    limit_left = queue.limit_left(chosen)
    if (cover_left >= 0).all() and (limit_left >= 0).all():
        return chosen
    rows = np.argsort(queue.debtor, kind="stable")
    counts = np.bincount(queue.debtor, minlength=len(queue.cover))
    starts = np.cumsum(counts) - counts
    lasts = _withdraw_from_the_end(
        _InQueueOrder(
            creditor=queue.creditor[rows].tolist(),
            amount=queue.amount[rows].tolist(),
            pair=queue.pair[rows].tolist(),
            reverse=queue.reverse.tolist(),
            pair_debtor=queue.pair_debtor.tolist(),
        ),
        ends=(starts + counts).tolist(),
        cover_left=cover_left.tolist(),
        limit_left=limit_left.tolist(),
    )
    place = np.empty(len(rows), np.int64)
    place[rows] = np.arange(len(rows))
    return place < np.array(lasts, np.int64)[queue.debtor]


@dataclass(frozen=True, slots=True)
class _InQueueOrder:
    """Payments as lists, one participant's queue after the other: the worklist reads single ones."""

    creditor: list[int]
    amount: list[int]
    pair: list[int]
    reverse: list[int]
    pair_debtor: list[int]


def _withdraw_from_the_end(
    payments: _InQueueOrder, *, ends: list[int], cover_left: list[int], limit_left: list[int]
) -> list[int]:
    """Where each participant's settled prefix ends; takes the three lists over and changes them."""
    exceeded = [0] * len(ends)  # limits of the participant that it exceeds
    for pair, left in enumerate(limit_left):
        exceeded[payments.pair_debtor[pair]] += left < 0
    short = [number for number, left in enumerate(cover_left) if left < 0 or exceeded[number]]
    while short:
        debtor = short.pop()
        while cover_left[debtor] < 0 or exceeded[debtor]:
            ends[debtor] -= 1
            last = ends[debtor]
            amount, creditor, pair = (
                payments.amount[last],
                payments.creditor[last],
                payments.pair[last],
            )
            back = payments.reverse[pair]
            was_well = cover_left[creditor] >= 0 and not exceeded[creditor]
            exceeded[debtor] -= limit_left[pair] < 0 <= limit_left[pair] + amount
            exceeded[creditor] += limit_left[back] - amount < 0 <= limit_left[back]
            limit_left[pair] += amount
            limit_left[back] -= amount
            cover_left[debtor] += amount
            cover_left[creditor] -= amount
            if was_well and (cover_left[creditor] < 0 or exceeded[creditor]):
                short.append(creditor)
    return ends


class _Entry:
    """The state of the sequential mode: who waits, what is left, and the turn of what has settled."""

    def __init__(self, queue: Queue) -> None:
        self._debtor, self._creditor = queue.debtor.tolist(), queue.creditor.tolist()
        self._amount, self._pair = queue.amount.tolist(), queue.pair.tolist()
        self._reverse = queue.reverse.tolist()
        self._waiting: list[list[int]] = [[] for _ in queue.cover]
        self.cover_left, self.limit_left = queue.cover.tolist(), queue.pair_limit.tolist()
        self.turn = [-1] * len(self._amount)
        self.singly = [False] * len(self._amount)
        self.turns = 0

    def enter(self, row: int) -> None:
        """Queue a payment and settle whatever becomes possible by it."""
        own = self._waiting[self._debtor[row]]
        heappush(own, row)  # rows are in order of priority and position
        trying = deque([self._debtor[row]] if own[0] == row else [])
        while trying:
            debtor = trying.popleft()
            while received := self._settle_head(debtor):
                trying.extend(received)

    def _settle_head(self, debtor: int) -> tuple[int, ...]:
        """Settle the head of a queue if possible; who should try again because of it."""
        if not self._waiting[debtor]:
            return ()
        head = self._waiting[debtor][0]
        amount, creditor, pair = self._amount[head], self._creditor[head], self._pair[head]
        if amount <= self.cover_left[debtor] and amount <= self.limit_left[pair]:
            self.singly[head] = True
            self._settle(head)
            self.turns += 1
            return (creditor,)
        facing = self._waiting[creditor][0] if self._waiting[creditor] else None
        if facing is None or self._creditor[facing] != debtor:
            return ()
        net, back = amount - self._amount[facing], self._reverse[pair]
        covered = net <= self.cover_left[debtor] and -net <= self.cover_left[creditor]
        if not covered or net > self.limit_left[pair] or -net > self.limit_left[back]:
            return ()
        self._settle(head)
        self._settle(facing)
        self.turns += 1
        return (creditor,)

    def _settle(self, row: int) -> None:
        debtor, creditor, pair = self._debtor[row], self._creditor[row], self._pair[row]
        heappop(self._waiting[debtor])
        self.turn[row] = self.turns
        self.cover_left[debtor] -= self._amount[row]
        self.cover_left[creditor] += self._amount[row]
        self.limit_left[pair] -= self._amount[row]
        self.limit_left[self._reverse[pair]] += self._amount[row]
