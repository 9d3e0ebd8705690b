"""The order of an account's transactions within a day, found from the balances the bank states.

A statement that gives a date but no time still tells the order: each transaction's balance before it
(`stated - signed`) is the balance after the one before it. A day is thus a walk through its balances:
every transaction is an edge from `stated - signed` to `stated`, and the order is an Eulerian path. Where
balances are rounded, or the record is broken, no exact path exists, so the order is the one of least
cost, compared in this sequence:

1. steps that disagree by more than the tolerance (each such step accuses the bank of an error, so the
   fewest accusations win),
2. the sum of all disagreements (rounding, where the first cannot tell),
3. inversions against the source's own numbering (a loop of equal sums may be walked either way).

The choice on one day decides the balance with which the next begins, so days cannot be solved one by
one. But a day with a single transaction leaves no choice: it ends a *segment*, and segments are
independent. Within a segment the least cost over (set of the day's transactions already placed, the
last of them) is the dynamic programme of Held and Karp (1962), exact in n * 2^n states a day instead of
n! orders, run here over all segments at once: one Polars join a step, as many steps as the longest
segment has transactions.
"""

from collections.abc import Sequence

import polars as pl

DAY_LIMIT = 14
"""Transactions of one account and day; beyond it the states (n * 2^n) outgrow memory."""

_COST = ("breaks", "gap", "inversions")
_STATE = ("segment", "placed", "last")


class DayTooLong(ValueError):
    """An account has more transactions on one day than can be chained exactly."""

    def __init__(self, account: object, day: object, transactions: int) -> None:
        self.account = account
        self.day = day
        self.transactions = transactions
        super().__init__(
            f"account {account} has {transactions} transactions on {day}, more than {DAY_LIMIT}"
        )


def chain_positions(items: pl.DataFrame, *, tolerance_minor: int) -> pl.DataFrame:
    """Order each account's transactions; returns `items` with `position` and `gap_minor`.

    `items`: account, day, number (the source's own, unique), signed_minor, stated_minor. An account
    begins at balance 0. `position` (Int64) counts 1, 2, 3 ... over the account's whole life;
    `gap_minor` is `balance before + signed - stated`: 0 where the step agrees.

    Raises `DayTooLong` for more than `DAY_LIMIT` transactions of one account on one day.
    """
    rows = _with_segments(items)
    order = _solved(rows, tolerance_minor=tolerance_minor)
    return (
        rows.join(order, on="number", how="left")
        .sort("account", "day", pl.col("step").fill_null(1))
        .with_columns(
            position=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("account"),
            before=pl.col("stated_minor").shift(1, fill_value=0).over("account"),
        )
        .with_columns(gap_minor=pl.col("before") + pl.col("signed_minor") - pl.col("stated_minor"))
        .select(*items.columns, "position", "gap_minor")
    )


def _with_segments(items: pl.DataFrame) -> pl.DataFrame:
    """Each transaction with its segment, the segment's opening balance, its day's place in it."""
    rows = items.sort("account", "day", "number").with_columns(
        day_size=pl.len().over("account", "day").cast(pl.Int64),
        rank=pl.int_range(pl.len(), dtype=pl.Int64).over("account", "day"),
    )
    too_long = rows.filter(pl.col("day_size") > DAY_LIMIT)
    if too_long.height:
        first = too_long.row(0, named=True)
        raise DayTooLong(first["account"], first["day"], first["day_size"])
    ends = pl.col("day_size") == 1
    starts = ends.shift(1, fill_value=True).over("account")
    opening = pl.col("stated_minor").shift(1, fill_value=0).over("account")
    return rows.with_columns(segment=starts.cum_sum().cast(pl.Int64), opening=opening).with_columns(
        pl.col("opening").first().over("segment"),
        segment_size=pl.len().over("segment").cast(pl.Int64),
        day_start=(pl.int_range(pl.len(), dtype=pl.Int64).over("segment") - pl.col("rank")),
    )


def _solved(rows: pl.DataFrame, *, tolerance_minor: int) -> pl.DataFrame:
    """number and step of every transaction in a segment that leaves a choice."""
    open_rows = rows.filter(pl.col("segment_size") > 1)
    sizes = open_rows.select("segment", "segment_size").unique()
    frontier = (
        open_rows.unique("segment", maintain_order=True)
        .select("segment", stated=pl.col("opening"))
        .with_columns(
            placed=pl.lit(0, pl.Int64),
            last=pl.lit(None, pl.Int64),
            **{name: pl.lit(0, pl.Int64) for name in _COST},
        )
    )
    steps: list[pl.DataFrame] = []
    longest = sizes["segment_size"].max()
    for step in range(1, (longest if isinstance(longest, int) else 0) + 1):
        day = open_rows.filter(
            pl.col("day_start") < step, pl.col("day_start") + pl.col("day_size") >= step
        )
        frontier = _advanced(frontier, day, step=step, tolerance_minor=tolerance_minor)
        steps.append(frontier)
    return _traced_back(steps, sizes)


def _advanced(
    frontier: pl.DataFrame, day: pl.DataFrame, *, step: int, tolerance_minor: int
) -> pl.DataFrame:
    """Place one more transaction in every way, and keep the cheapest way to each state."""
    bit = pl.lit(1, pl.Int64) * pl.lit(2, pl.Int64).pow(pl.col("rank")).cast(pl.Int64)
    before = pl.when(pl.col("day_start") == step - 1).then(0).otherwise(pl.col("placed"))
    gap = (pl.col("stated") + pl.col("signed_minor") - pl.col("stated_minor")).abs()
    passed_over = (bit - 1) - (before & (bit - 1))
    return (
        frontier.join(day, on="segment")
        .filter((before & bit) == 0)
        .select(
            "segment",
            placed=before | bit,
            last=pl.col("number"),
            stated=pl.col("stated_minor"),
            came_placed=pl.col("placed"),
            came_last=pl.col("last"),
            breaks=pl.col("breaks") + (gap > tolerance_minor).cast(pl.Int64),
            gap=pl.col("gap") + gap,
            inversions=pl.col("inversions") + passed_over.bitwise_count_ones().cast(pl.Int64),
        )
        .sort(*_STATE, *_COST, "came_last")
        .unique(list(_STATE), keep="first", maintain_order=True)
    )


def _traced_back(steps: Sequence[pl.DataFrame], sizes: pl.DataFrame) -> pl.DataFrame:
    """From each segment's cheapest end back to its start: number and step."""
    path = pl.DataFrame(schema=dict.fromkeys(_STATE, pl.Int64))
    placed: list[pl.DataFrame] = []
    for step in range(len(steps), 0, -1):
        states = steps[step - 1]
        ends = (
            states.join(sizes.filter(pl.col("segment_size") == step), on="segment", how="semi")
            .sort("segment", *_COST, "last")
            .unique("segment", keep="first", maintain_order=True)
            .select(_STATE)
        )
        here = pl.concat([path, ends]).join(states, on=list(_STATE))
        placed.append(here.select(number="last", step=pl.lit(step, pl.Int64)))
        path = here.select("segment", placed="came_placed", last="came_last")
    return pl.concat(placed) if placed else pl.DataFrame(schema={"number": pl.Int64, "step": pl.Int64})
