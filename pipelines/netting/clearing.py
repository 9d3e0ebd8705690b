"""Obligation clearing: the most that can be set off without changing anybody's net position.

Belongs here: the optimum over the whole graph of who owes whom, and what it clears of each obligation.
Set-off notices, ring by ring, are in `set_off.py`; the proof by other means in `verification.py`.

What is cleared is a circulation: at each party as much of what it owes as of what it is owed. The one of
the largest value is a min-cost flow with obligations as capacities and a cost of -1 a minor unit. Where
debts run both ways, clearing the pair first would lose value: a debt may be worth more in a longer ring.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from ortools.graph.python.min_cost_flow import (  # type: ignore[import-untyped]  # publishes none
    SimpleMinCostFlow,
)
from scipy.sparse import csr_array  # type: ignore[import-untyped]  # publishes none
from scipy.sparse.csgraph import (  # type: ignore[import-untyped]  # publishes none
    connected_components,
)

from pipelines.netting.positions import CYCLE
from pipelines.netting.tables import CLEARED_OBLIGATIONS, OBLIGATIONS

Integers = NDArray[np.int64]

CLEARING_TOTALS_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "business_date": pl.Date,
    "window_id": pl.String,
    "currency": pl.String,
    "parties": pl.Int64,
    "obligations": pl.Int64,
    "gross_minor": pl.Int128,
    "cleared_minor": pl.Int128,
    "remaining_minor": pl.Int128,  # gross - cleared
}

_LARGEST_TOTAL: Final = 2**62
_TIGHTENINGS: Final = 8
"""How often capacities are lowered to what can pass at their ends; more finds next to nothing."""


class ObligationInvalid(ValueError):
    """An obligation that cannot be cleared as it is stated; carries the rule and its key."""

    def __init__(self, rule: str, key: tuple[int, int, int]) -> None:
        self.rule = rule
        self.key = key
        super().__init__("obligation {}/{}/{}: ".format(*key) + rule)


class ClearingTooLarge(OverflowError):
    """The obligations of a cycle together exceed what the solver's 64-bit integers can add up."""

    def __init__(self, window_id: str, currency: str, total_minor: int) -> None:
        self.window_id = window_id
        self.currency = currency
        self.total_minor = total_minor
        super().__init__(
            f"window {window_id}: {total_minor} minor units of {currency}; "
            f"at most {_LARGEST_TOTAL} are cleared together"
        )


class ClearingUnsolved(RuntimeError):
    """The min-cost flow solver gave up on a problem that has a solution; carries its status."""

    def __init__(self, status: str) -> None:
        self.status = status
        super().__init__(f"obligations were not cleared: {status}")


@dataclass(frozen=True, slots=True)
class Cleared:
    """Rows of CLEARED_OBLIGATIONS, and per cycle a row of `CLEARING_TOTALS_SCHEMA`."""

    obligations: pl.DataFrame
    totals: pl.DataFrame


def cleared(obligations: pl.DataFrame) -> Cleared:
    """Clear the most value, each window and currency by itself; all net positions stay what they were.

    Takes rows of OBLIGATIONS between parties of any kind; those that must not be cleared are left out by
    the caller. What a pair clears is taken from its obligations in order of their key, in an account
    hence the oldest first. Nothing clears more; which of several equal optima is found depends on the
    set of rows alone. Raises `ObligationInvalid`, `ClearingTooLarge`, `ClearingUnsolved`.
    """
    owing = OBLIGATIONS.conform(obligations)
    _check(owing)
    parts = owing.partition_by(CYCLE, maintain_order=True)
    done = [part.with_columns(cleared_minor=_cleared_in_cycle(part)) for part in parts]
    with_cleared = (
        pl.concat([CLEARED_OBLIGATIONS.empty().drop("remaining_minor"), *done])
        .with_columns(remaining_minor=pl.col("amount_minor") - pl.col("cleared_minor"))
        .pipe(CLEARED_OBLIGATIONS.conform)
    )
    return Cleared(obligations=with_cleared, totals=clearing_totals(with_cleared))


def clearing_totals(cleared_obligations: pl.DataFrame) -> pl.DataFrame:
    """Gross, cleared and remaining value per cycle; takes rows of CLEARED_OBLIGATIONS."""
    value = pl.col("amount_minor", "cleared_minor", "remaining_minor").cast(pl.Int128).sum()
    sums = cleared_obligations.group_by(CYCLE).agg(value, obligations=pl.len().cast(pl.Int64))
    sides = [
        cleared_obligations.select(*CYCLE, party=side).unique() for side in ("debtor_id", "creditor_id")
    ]
    parties = pl.concat(sides).group_by(CYCLE).agg(parties=pl.col("party").n_unique().cast(pl.Int64))
    return (
        sums.join(parties, on=CYCLE, how="inner")
        .rename({"amount_minor": "gross_minor"})
        .select(list(CLEARING_TOTALS_SCHEMA))
        .sort(CYCLE)
    )


def most_value_circulation(debtor: Integers, creditor: Integers, capacity: Integers) -> Integers:
    """The flow of each arc in a circulation of the largest value; parties by number from zero.

    Arcs between different parties, at most one each way; capacities sum up to at most 2^62. Only arcs
    on some ring are given to the solver, with no more capacity than can pass at their ends. Raises
    `ClearingUnsolved`.
    """
    flow = np.zeros(len(capacity), np.int64)
    arcs = _arcs_on_rings(debtor, creditor)
    tightened = _tightened(debtor[arcs], creditor[arcs], capacity[arcs])
    arcs, tightened = arcs[tightened > 0], tightened[tightened > 0]
    solver = SimpleMinCostFlow()
    numbers = solver.add_arcs_with_capacity_and_unit_cost(
        debtor[arcs], creditor[arcs], tightened, np.full(len(arcs), -1, np.int64)
    )
    status = solver.solve()
    if status != solver.OPTIMAL:
        raise ClearingUnsolved(str(status))
    flow[arcs] = solver.flows(numbers)
    return flow


def _check(obligations: pl.DataFrame) -> None:
    """No nulls, nothing negative, nobody's debt to itself; or `ObligationInvalid`."""
    needed = (*CYCLE, "debtor_id", "creditor_id", "amount_minor", *OBLIGATIONS.key)
    rules = {f"{name} is missing": pl.col(name).is_null() for name in needed}
    rules["amount_minor is negative"] = pl.col("amount_minor") < 0
    rules["debtor and creditor are the same"] = pl.col("debtor_id") == pl.col("creditor_id")
    found = obligations.select(broken.any().alias(rule) for rule, broken in rules.items())
    for rule, broken in rules.items():
        if not found.is_empty() and found[rule][0]:
            raise ObligationInvalid(rule, obligations.filter(broken).select(OBLIGATIONS.key).row(0))


def _cleared_in_cycle(obligations: pl.DataFrame) -> pl.Series:
    """What is cleared of each obligation of one cycle, in the order of its rows."""
    total = int(obligations["amount_minor"].cast(pl.Int128).sum())
    if total > _LARGEST_TOTAL:
        raise ClearingTooLarge(obligations["window_id"][0], obligations["currency"][0], total)
    debtor, creditor, count = _numbered(obligations)
    amount = obligations["amount_minor"].to_numpy()
    key = debtor * count + creditor
    rows = np.argsort(key, kind="stable")
    pairs, first, sizes = np.unique(key[rows], return_index=True, return_counts=True)
    flow = most_value_circulation(pairs // count, pairs % count, np.add.reduceat(amount[rows], first))
    owed_before = np.cumsum(amount[rows]) - amount[rows]
    left = np.repeat(flow + owed_before[first], sizes) - owed_before
    spread = np.empty(len(rows), np.int64)
    spread[rows] = np.clip(left, 0, amount[rows])
    return pl.Series("cleared_minor", spread)


def _numbered(obligations: pl.DataFrame) -> tuple[Integers, Integers, int]:
    """Debtors and creditors by number in order of their ids, and how many parties there are."""
    sides = obligations["debtor_id"], obligations["creditor_id"]
    names = pl.concat([side.unique() for side in sides]).unique().sort()
    numbers = [side.cast(pl.Enum(names)).to_physical().cast(pl.Int64).to_numpy() for side in sides]
    return numbers[0], numbers[1], len(names)


def _arcs_on_rings(debtor: Integers, creditor: Integers) -> NDArray[np.intp]:
    """Arcs within strongly connected components: all others are on no ring, nothing of them clears."""
    count = int(max(debtor.max(), creditor.max())) + 1
    arcs = csr_array((np.ones(len(debtor), np.int8), (debtor, creditor)), shape=(count, count))
    _, component = connected_components(arcs, connection="strong")
    return np.flatnonzero(component[debtor] == component[creditor])


def _tightened(debtor: Integers, creditor: Integers, capacity: Integers) -> Integers:
    """Capacities no larger than what can come in at the debtor and go out at the creditor."""
    if not len(capacity):
        return capacity
    count = int(max(debtor.max(), creditor.max())) + 1
    for _ in range(_TIGHTENINGS):
        owed, owing = np.zeros((2, count), np.int64)
        np.add.at(owing, debtor, capacity)
        np.add.at(owed, creditor, capacity)
        lower = np.minimum(capacity, np.minimum(owed[debtor], owing[creditor]))
        if (lower == capacity).all():
            break
        capacity = lower
    return capacity
