"""Partial settlement: whose positions can be settled whole with the money that is there now.

Belongs here: choosing who is left out of a window for lack of cover. What leaving out means is in
`recast.py`. Choosing single payments, instead of whole participants, is for `gridlock.py` and
`liquidity.py`.

The rule. A participant is short in a currency when its debit positions there, those of all windows
together, exceed its funds; it counts on no credit of another window. While somebody is short, in each
currency one of those is left out: with whom the fewest obligations leave the window (tied ones
included), of equals the least value, of equals the first by id; the others are netted again without
it. Then, from the greatest value down and again from there until nobody can, whoever brings obligations
back without anybody being short comes back. So everybody who is left is covered, and nobody is left out
by whose return alone more would settle.

Both loops end: the first leaves out at least one more participant and currency a round, and without
any there are no positions; the second brings back at least one a round, or it is the last.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from pipelines.netting.positions import PositionOverflow
from pipelines.netting.recast import REASONS_OF_SHORTAGE, Recast, recast_without
from pipelines.netting.seats import Integers, Seats
from pipelines.netting.ties import tied_groups

FUNDS_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "participant_id": pl.String,
    "currency": pl.String,
    "funds_minor": pl.Int64,  # what it can pay now
}
"""Money for net positions; who is not named has none."""

DEFERRED_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "participant_id": pl.String,
    "currency": pl.String,
    "round": pl.Int64,  # 1, 2, 3 ... in which it was left out
    "need_minor": pl.Int64,  # its debit positions in that round
    "funds_minor": pl.Int64,
    "obligations": pl.Int64,  # that left the window with it in that round, tied ones included
    "value_minor": pl.Int64,  # its own in that currency among them
}
"""Who is left out of a window for lack of cover."""


class FundsInvalid(ValueError):
    """What a participant can pay cannot be; carries the participant, or the column, and the rule."""

    def __init__(self, rule: str, whose: str) -> None:
        self.rule = rule
        self.whose = whose
        super().__init__(f"funds of {whose}: {rule}")


@dataclass(frozen=True, slots=True)
class Settleable:
    """What of a window can be settled now.

    `deferred` has `DEFERRED_SCHEMA`; every debit position of `recast.netted` is within its funds.
    """

    deferred: pl.DataFrame
    recast: Recast


def settleable(
    obligations: pl.DataFrame, funds: pl.DataFrame, *, ties: pl.DataFrame | None = None
) -> Settleable:
    """Settle as many participants whole as the rule of this module finds; the rest are left out.

    `obligations` are rows of OBLIGATIONS of one business date, `funds` of `FUNDS_SCHEMA`, `ties` of
    `TIES_SCHEMA`. Raises `FundsInvalid`, `TieIncomplete`, and as `net`.
    """
    _check(funds)
    _refuse_beyond_64_bits(obligations)
    window = Seats.of(tied_groups(obligations, ties), funds.select(list(FUNDS_SCHEMA)))
    greatest_first = np.argsort(-window.value, kind="stable")
    rounds = _leave_out(window)
    _bring_back(window, greatest_first)
    left = np.flatnonzero(window.out)
    deferred = (
        pl.DataFrame(rounds, schema={"seat": pl.Int64, **_MEASURES}, orient="row")
        .filter(pl.col("seat").is_in(left.tolist()))
        .join(window.names, on="seat", how="inner")
        .select(list(DEFERRED_SCHEMA))
        .sort("round", "currency", "participant_id")
    )
    named = deferred.select("participant_id", "currency").sort("participant_id", "currency")
    found = recast_without(obligations, named, reasons=REASONS_OF_SHORTAGE, ties=ties)
    return Settleable(deferred=deferred, recast=found)


_MEASURES: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    name: kind
    for name, kind in DEFERRED_SCHEMA.items()
    if name not in {"participant_id", "currency", "funds_minor"}
}


def _leave_out(window: Seats) -> list[tuple[int, ...]]:
    """Leave seats out until nobody is short; a row of `_MEASURES` for each, by round."""
    rows, turn = list[tuple[int, ...]](), 0
    while len(short := np.flatnonzero(window.need > window.funds)):
        turn += 1
        rank = (short, window.value[short], window.count[short], window.currency[short])
        ranked = short[np.lexsort(rank)]
        _, first = np.unique(window.currency[ranked], return_index=True)
        chosen = ranked[first]
        measures = (window.need[chosen], window.count[chosen], window.value[chosen])
        rows += [
            (int(seat), turn, *map(int, said)) for seat, *said in zip(chosen, *measures, strict=True)
        ]
        for seat in chosen:
            window.move(seat, out=True)
    return rows


def _bring_back(window: Seats, in_order: Integers) -> None:
    """Bring seats back while more settles by it and nobody becomes short."""
    brought = True
    while brought:
        brought = False
        for seat in in_order[window.out[in_order]]:
            more = window.move(seat, out=False)
            if more and not (window.need > window.funds).any():
                brought = True
            else:
                window.move(seat, out=True)


def _check(funds: pl.DataFrame) -> None:
    for name, kind in FUNDS_SCHEMA.items():
        if funds.schema.get(name) != kind:
            raise FundsInvalid(f"must be a column of {kind}", name)
    twice = funds.select("participant_id", "currency").is_duplicated()
    for wrong, rule in (
        (funds.filter(pl.any_horizontal(pl.all().is_null())), "something is missing"),
        (funds.filter(pl.col("funds_minor") < 0), "are negative"),
        (funds.filter(twice), "are stated twice"),
    ):
        if wrong.height:
            raise FundsInvalid(rule, str(wrong["participant_id"][0]))


def _refuse_beyond_64_bits(obligations: pl.DataFrame) -> None:
    """Every sum that is made here is a part of the value of one currency."""
    totals = obligations.group_by("currency").agg(pl.col("amount_minor").cast(pl.Int128).sum())
    beyond = totals.filter(pl.col("amount_minor") > 2**63 - 1).sort("currency")
    if beyond.height:
        raise PositionOverflow(*beyond.row(0))
