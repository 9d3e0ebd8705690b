"""Gridlock resolution, first in first out: what settles at once without overtaking anybody.

Belongs here: settling as much of a queue as the order of each participant's own payments allows.
Choosing payments for their value, out of order, is in `liquidity.py`.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.netting.payment_queue import Flags, Queue, Settlement, settlement


def resolve_gridlock(queue: Queue) -> Settlement:
    """Settle the largest set of payments in which nobody's payment overtakes another of its own.

    Each participant's settled payments are a prefix of its own queue; settled together they leave
    everybody within cover and bilateral limits. Such sets are closed under union, so the largest is
    unique: it is reached from all payments by withdrawing, while anybody is short, the last payment
    of one who is (Bech and Soramäki 2001), each payment at most once.
    """
    return settlement(queue, fifo_choice(queue))


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
