"""Set-off notices: what was cleared, told as rings of debts that a person can follow.

Belongs here: taking a circulation apart into rings. Which amounts clear is decided in `clearing.py`.

Every ring uses at least one pair's cleared amount up, so there are never more rings than pairs. They
are kept short by going on to the smallest party and back as soon as somebody on the way is owed: the
large ones, who are owed by many, are thus spared until the end to close the rings of the small ones.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.netting.positions import CYCLE
from pipelines.netting.tables import CLEARED_OBLIGATIONS, SET_OFF_NOTICES

Integers = NDArray[np.int64]


class NotACirculation(ValueError):
    """A party has more cleared of what it owes than of what it is owed, or less; carries which."""

    def __init__(self, window_id: str, currency: str, party_id: str) -> None:
        self.window_id = window_id
        self.currency = currency
        self.party_id = party_id
        super().__init__(
            f"window {window_id}, {currency}: {party_id} is not cleared of as much as is cleared for it"
        )


@dataclass(frozen=True, slots=True)
class _Rings:
    """Rings one after the other: the parties on them, and of each ring its length and amount."""

    parties: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    amounts: list[int] = field(default_factory=list)


def set_off_notices(cleared_obligations: pl.DataFrame) -> pl.DataFrame:
    """Rows of SET_OFF_NOTICES, which sum per debtor and creditor to what was cleared between them.

    Takes rows of CLEARED_OBLIGATIONS; the rings depend on the set of rows alone. Time goes with the rows
    that come out: on a large trade-credit graph some six a pair. Raises `NotACirculation`.
    """
    cleared = CLEARED_OBLIGATIONS.conform(cleared_obligations).filter(pl.col("cleared_minor") > 0)
    parts = cleared.partition_by(CYCLE, maintain_order=True)
    return SET_OFF_NOTICES.conform(
        pl.concat([SET_OFF_NOTICES.empty(), *(_notices_of_cycle(part) for part in parts)])
    )


def _notices_of_cycle(cleared: pl.DataFrame) -> pl.DataFrame:
    pairs = cleared.group_by("debtor_id", "creditor_id").agg(pl.col("cleared_minor").sum())
    names = _largest_first(pairs)
    kind = pl.Enum(names)
    debtor, creditor = (
        pairs[side].cast(kind).to_physical().cast(pl.Int64).to_numpy()
        for side in ("debtor_id", "creditor_id")
    )
    amount = pairs["cleared_minor"].to_numpy()
    balance = np.zeros(len(names), np.int64)
    np.add.at(balance, creditor, amount)
    np.subtract.at(balance, debtor, amount)
    window_id, currency = cleared["window_id"][0], cleared["currency"][0]
    if balance.any():
        raise NotACirculation(window_id, currency, names[int(np.flatnonzero(balance)[0])])
    smallest_first = np.lexsort((-creditor, debtor))
    rings = _taken_apart(
        debtor[smallest_first], creditor[smallest_first], amount[smallest_first], parties=len(names)
    )
    return (
        _told(rings, names)
        .select(
            *(pl.lit(cleared[name][0], SET_OFF_NOTICES.schema[name]).alias(name) for name in CYCLE),
            "notice",
            "step",
            "debtor_id",
            "creditor_id",
            "amount_minor",
        )
        .select(list(SET_OFF_NOTICES.schema))
    )


def _largest_first(pairs: pl.DataFrame) -> pl.Series:
    """Ids of the parties by how many others they owe or are owed by, most first."""
    sides = pl.concat([pairs["debtor_id"].alias("party"), pairs["creditor_id"].alias("party")])
    return sides.value_counts().sort("count", "party", descending=[True, False])["party"]


def _taken_apart(debtor: Integers, creditor: Integers, amount: Integers, *, parties: int) -> _Rings:
    """Rings of a circulation whose arcs are ordered by debtor and how to go on from it.

    Walks along debts until somebody on the way is owed, and takes that ring off. A way goes on from
    before the first debt that the ring used up; since everybody is owed as much as it owes, it can end
    only where it began.
    """
    bounds = np.searchsorted(debtor, np.arange(parties + 1)).tolist()
    heads, amounts = creditor.tolist(), amount.tolist()
    owes = [
        dict(zip(heads[start:end], amounts[start:end], strict=True)) for start, end in pairwise(bounds)
    ]
    following, rings = bounds[:-1], _Rings()
    for first in range(parties):
        way, place = [first], {first: 0}
        while debts := owes[way[-1]]:
            if back := place.keys() & debts.keys():
                start = max(place[party] for party in back)
                stop = _take_off(way[start:], owes, rings) + start + 1
                for party in way[stop:]:
                    del place[party]
                del way[stop:]
            else:
                at = following[way[-1]]
                while heads[at] not in debts:
                    at += 1
                following[way[-1]] = at
                place[heads[at]] = len(way)
                way.append(heads[at])
    return rings


def _take_off(ring: list[int], owes: list[dict[int, int]], rings: _Rings) -> int:
    """Reduce the debts around a ring by the smallest; the first place whose debt that uses up."""
    accounts = [owes[debtor] for debtor in ring]
    creditors = [*ring[1:], ring[0]]
    debts = [account[creditor] for account, creditor in zip(accounts, creditors, strict=True)]
    smallest = min(debts)
    for account, creditor, debt in zip(accounts, creditors, debts, strict=True):
        if debt == smallest:
            del account[creditor]
        else:
            account[creditor] = debt - smallest
    rings.parties.extend(ring)
    rings.lengths.append(len(ring))
    rings.amounts.append(smallest)
    return debts.index(smallest)


def _told(rings: _Rings, names: pl.Series) -> pl.DataFrame:
    """Columns notice, step, debtor_id, creditor_id, amount_minor."""
    debtor, lengths = np.array(rings.parties, np.int64), np.array(rings.lengths, np.int64)
    ends = np.cumsum(lengths)
    starts = ends - lengths
    creditor = np.roll(debtor, -1)
    creditor[ends - 1] = debtor[starts]
    return pl.DataFrame(
        {
            "notice": np.repeat(np.arange(1, len(lengths) + 1), lengths),
            "step": np.arange(1, len(debtor) + 1) - np.repeat(starts, lengths),
            "debtor_id": names.gather(debtor),
            "creditor_id": names.gather(creditor),
            "amount_minor": np.repeat(np.array(rings.amounts, np.int64), lengths),
        }
    )
