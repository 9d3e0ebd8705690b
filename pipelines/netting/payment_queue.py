"""The liquidity-saving queue: whole payments that wait, and the limits that settling them must keep.

Belongs here: reading and checking a queue, what settling some of its payments leaves, and the statement
of the result. Which payments settle is chosen in order by `gridlock.py`, by value by `liquidity.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

Schema = Mapping[str, pl.DataType | type[pl.DataType]]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

QUEUE_SCHEMA: Schema = {
    "payment_id": pl.String,
    "debtor_id": pl.String,
    "creditor_id": pl.String,
    "amount_minor": pl.Int64,  # > 0
    "position": pl.Int64,  # order of entry, unique
    "priority": pl.Int64,  # optional: smaller goes first; 0 where the column is absent
}
LIQUIDITY_SCHEMA: Schema = {
    "participant_id": pl.String,
    "liquidity_minor": pl.Int64,  # available at the start, >= 0
    "net_debit_cap_minor": pl.Int64,  # optional: how far below zero it may go, >= 0
}
BILATERAL_LIMITS_SCHEMA: Schema = {
    "debtor_id": pl.String,
    "creditor_id": pl.String,
    "limit_minor": pl.Int64,  # the most that the debtor may pay the creditor net, >= 0
}
LIQUIDITY_AFTER_SCHEMA: Schema = {
    "participant_id": pl.String,
    "liquidity_minor": pl.Int64,
    "paid_minor": pl.Int64,
    "received_minor": pl.Int64,
    "liquidity_after_minor": pl.Int64,
    "queued_minor": pl.Int64,  # of its own payments, what stays in the queue
}

_OPTIONAL = ("priority", "net_debit_cap_minor")
_NO_LIMIT = 2**61
_LARGEST_TOTAL = 2**60


class QueueInvalid(ValueError):
    """A queue, its liquidity or its limits say something that cannot hold; carries rule and key."""

    def __init__(self, rule: str, key: str) -> None:
        self.rule = rule
        self.key = key
        super().__init__(f"queue of payments: {key}: {rule}")


class QueueTooLarge(OverflowError):
    """All amounts and covers together do not fit the 64-bit integers of the computation."""

    def __init__(self, total_minor: int, largest_minor: int) -> None:
        self.total_minor = total_minor
        super().__init__(f"a queue of {total_minor} minor units; at most {largest_minor} can be settled")


@dataclass(frozen=True)
class Queue:
    """Payments in order of their debtors' queues, participants by number, limits by directed pair.

    A payment's debtor, creditor and amount stand at its row; `pair` is its row of `pair_debtor`,
    `pair_creditor`, `pair_limit`; `reverse` is the pair in the other direction. `cover` is liquidity
    and net debit cap together: the most that a participant may pay net.
    """

    payments: pl.DataFrame
    participants: pl.DataFrame
    debtor: Integers
    creditor: Integers
    amount: Integers
    cover: Integers
    pair: Integers
    pair_debtor: Integers
    pair_creditor: Integers
    pair_limit: Integers
    reverse: Integers

    @cached_property
    def total_minor(self) -> int:
        """Value of all payments in the queue."""
        return int(self.amount.sum())

    def value(self, chosen: Flags) -> int:
        """Value of the chosen payments."""
        return int(self.amount[chosen].sum())

    def cover_left(self, chosen: Flags) -> Integers:
        """Per participant: cover after the chosen payments; negative where it does not suffice."""
        amounts = np.where(chosen, self.amount, 0)
        left = self.cover.copy()
        np.subtract.at(left, self.debtor, amounts)
        np.add.at(left, self.creditor, amounts)
        return left

    def limit_left(self, chosen: Flags) -> Integers:
        """Per directed pair: bilateral limit after the chosen payments; negative where exceeded."""
        gross = np.zeros(len(self.pair_debtor), np.int64)
        np.add.at(gross, self.pair, np.where(chosen, self.amount, 0))
        return self.pair_limit - gross + gross[self.reverse]

    def holds(self, chosen: Flags) -> bool:
        """Whether settling the chosen payments together leaves everybody within cover and limits."""
        return bool((self.cover_left(chosen) >= 0).all() and (self.limit_left(chosen) >= 0).all())


@dataclass(frozen=True, slots=True)
class Settlement:
    """What settles together: the rows of the queue in its order, and what it leaves.

    `liquidity` has the columns of `LIQUIDITY_AFTER_SCHEMA`, sorted by participant.
    """

    settled: pl.DataFrame
    liquidity: pl.DataFrame
    settled_minor: int
    queued_minor: int


def read_queue(
    payments: pl.DataFrame, liquidity: pl.DataFrame, bilateral_limits: pl.DataFrame | None = None
) -> Queue:
    """A queue in one currency, from frames of the three schemas above.

    Further columns of `payments` are kept and come back with what settled. Raises `QueueInvalid`,
    `QueueTooLarge`.
    """
    limits = pl.DataFrame(schema=dict(BILATERAL_LIMITS_SCHEMA))
    if bilateral_limits is not None:
        limits = _checked(bilateral_limits, BILATERAL_LIMITS_SCHEMA, key=("debtor_id", "creditor_id"))
    queue = _checked(payments, QUEUE_SCHEMA, key=("payment_id",))
    participants = _checked(liquidity, LIQUIDITY_SCHEMA, key=("participant_id",)).sort("participant_id")
    _refuse_first(queue.filter(pl.col("amount_minor") == 0), "payment_id", "an amount of nothing")
    _refuse_first(queue.filter(pl.col("position").is_duplicated()), "payment_id", "position taken twice")
    cover = participants["liquidity_minor"].cast(pl.Int128) + participants["net_debit_cap_minor"]
    total = int(queue["amount_minor"].cast(pl.Int128).sum()) + int(cover.sum())
    if total > _LARGEST_TOTAL:
        raise QueueTooLarge(total, _LARGEST_TOTAL)
    ordered = queue.sort("priority", "position")
    numbers = participants.select("participant_id", number=pl.int_range(pl.len(), dtype=pl.Int64))
    debtor, creditor = _numbered(ordered, numbers)
    limit_debtor, limit_creditor = _numbered(limits, numbers)
    count = participants.height
    there = np.concatenate([debtor * count + creditor, limit_debtor * count + limit_creditor])
    pairs = np.union1d(there, there % max(count, 1) * count + there // max(count, 1))
    pair_debtor, pair_creditor = pairs // max(count, 1), pairs % max(count, 1)
    pair_limit = np.full(len(pairs), _NO_LIMIT, np.int64)
    limited = np.searchsorted(pairs, limit_debtor * count + limit_creditor)
    pair_limit[limited] = np.minimum(limits["limit_minor"].to_numpy(), _NO_LIMIT)
    return Queue(
        payments=ordered,
        participants=participants,
        debtor=debtor,
        creditor=creditor,
        amount=ordered["amount_minor"].to_numpy(),
        cover=cover.cast(pl.Int64).to_numpy(),
        pair=np.searchsorted(pairs, debtor * count + creditor),
        pair_debtor=pair_debtor,
        pair_creditor=pair_creditor,
        pair_limit=pair_limit,
        reverse=np.searchsorted(pairs, pair_creditor * count + pair_debtor),
    )


def settlement(queue: Queue, chosen: Flags) -> Settlement:
    """What settling the chosen payments together comes to; the caller has made sure that it holds."""
    count = len(queue.cover)
    paid, received, queued = (np.zeros(count, np.int64) for _ in range(3))
    np.add.at(paid, queue.debtor[chosen], queue.amount[chosen])
    np.add.at(received, queue.creditor[chosen], queue.amount[chosen])
    np.add.at(queued, queue.debtor[~chosen], queue.amount[~chosen])
    after = queue.participants.with_columns(
        paid_minor=paid, received_minor=received, queued_minor=queued
    ).with_columns(
        liquidity_after_minor=pl.col("liquidity_minor") - pl.col("paid_minor") + pl.col("received_minor")
    )
    settled_minor = queue.value(chosen)
    return Settlement(
        settled=queue.payments.filter(chosen),
        liquidity=after.select(list(LIQUIDITY_AFTER_SCHEMA)),
        settled_minor=settled_minor,
        queued_minor=queue.total_minor - settled_minor,
    )


def _checked(frame: pl.DataFrame, schema: Schema, *, key: tuple[str, ...]) -> pl.DataFrame:
    """The frame with its optional columns; no nulls, nothing negative, each key once."""
    for name, kind in schema.items():
        if name not in frame.columns and name in _OPTIONAL:
            frame = frame.with_columns(pl.lit(0, pl.Int64).alias(name))
        if name not in frame.columns or frame.schema[name] != kind:
            raise QueueInvalid(f"must be a column of {kind}", name)
        _refuse_first(frame.filter(pl.col(name).is_null()), name, f"{name} is missing")
        if name.endswith("_minor"):
            _refuse_first(frame.filter(pl.col(name) < 0), key[0], f"{name} is negative")
    _refuse_first(frame.filter(frame.select(key).is_duplicated()), key[0], "occurs twice")
    if "debtor_id" in schema:
        to_itself = pl.col("debtor_id") == pl.col("creditor_id")
        _refuse_first(frame.filter(to_itself), key[0], "debtor and creditor are the same")
    return frame


def _refuse_first(wrong: pl.DataFrame, key: str, rule: str) -> None:
    if wrong.height:
        raise QueueInvalid(rule, str(wrong[key][0]))


def _numbered(frame: pl.DataFrame, numbers: pl.DataFrame) -> tuple[Integers, Integers]:
    """Debtors and creditors by number; raises `QueueInvalid` for one without stated liquidity."""
    found = []
    for side in ("debtor_id", "creditor_id"):
        number = frame.join(
            numbers, left_on=side, right_on="participant_id", how="left", maintain_order="left"
        )["number"]
        _refuse_first(frame.filter(number.is_null()), side, "has no liquidity stated")
        found.append(number.to_numpy())
    return found[0], found[1]
