"""Partial settlement: whose positions can be settled whole with the money that is there now.

Belongs here: choosing who is left out of a window for lack of cover. What leaving out means is in
`recast.py`. Choosing single payments, instead of whole participants, is for `gridlock.py` and
`liquidity.py`.

The rule. A participant is short in a currency when its debit positions there, those of all windows
together, exceed its funds; it counts on no credit of another window. While somebody is short, in each
currency one of those is left out: with whom the fewest obligations leave the window (tied ones
included), of equals the least value, of equals the first by id; the others are netted again without
it. Then, from the greatest value down, whoever brings obligations back without anybody being short
comes back, until nobody can. So everybody who is left is covered, and nobody is left out by whose
return alone more would settle.

Both loops end: the first leaves out at least one more participant and currency a round, and without
any there are no positions; the second brings back at least one a round, or stops.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.netting.positions import CYCLE, PositionOverflow
from pipelines.netting.recast import REASONS_OF_SHORTAGE, Recast, recast_without
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

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


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
    window = _Window.of(tied_groups(obligations, ties), funds)
    out, rounds = window.leave_out()
    window.bring_back(out)
    left = np.flatnonzero(out)
    deferred = (
        pl.DataFrame(rounds, schema={"seat": pl.Int64, **_MEASURES}, orient="row")
        .filter(pl.col("seat").is_in(left.tolist()))
        .join(window.seats, on="seat", how="inner")
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


@dataclass(frozen=True, slots=True)
class _Window:
    """Flows by number. A seat is a participant in a currency; a place is a seat in one window."""

    seats: pl.DataFrame  # seat, participant_id, currency, currency_number, funds_minor
    funds: Integers  # by seat
    currency: Integers  # by seat
    seat_of_place: Integers
    debtor: Integers  # by flow: place
    creditor: Integers
    amount: Integers
    count: Integers  # obligations that leave with the flow: its own, or all that it is tied to
    group: Integers  # -1 for none
    groups: int

    @classmethod
    def of(cls, obligations: pl.DataFrame, funds: pl.DataFrame) -> "_Window":
        """Untied obligations summed per direction; tied ones stay apart by their group."""
        flows = (
            obligations.group_by(*CYCLE, "debtor_id", "creditor_id", "group")
            .agg(pl.col("amount_minor").sum(), own=pl.len().cast(pl.Int64))
            .sort(*CYCLE, "debtor_id", "creditor_id", "group")
            .with_columns(
                count=pl.when(pl.col("group").is_null())
                .then("own")
                .otherwise(pl.col("own").sum().over("group")),
                group=pl.col("group").rank("dense").cast(pl.Int64) - 1,
            )
            .with_columns(pl.col("group").fill_null(-1))
        )
        sides = pl.concat(
            flows.select(*CYCLE, participant_id=side) for side in ("debtor_id", "creditor_id")
        )
        seats = (
            sides.select("currency", "participant_id")
            .unique()
            .sort("currency", "participant_id")
            .with_row_index("seat")
            .join(
                funds.select(list(FUNDS_SCHEMA)),
                on=["participant_id", "currency"],
                how="left",
                maintain_order="left",
            )
            .with_columns(
                pl.col("seat").cast(pl.Int64),
                pl.col("funds_minor").fill_null(0),
                currency_number=pl.col("currency").rank("dense").cast(pl.Int64),
            )
        )
        places = (
            sides.unique()
            .sort(*CYCLE, "participant_id")
            .with_row_index("place")
            .join(seats, on=["currency", "participant_id"], how="left", maintain_order="left")
        )

        def numbered(side: str) -> Integers:
            found = flows.select(*CYCLE, participant_id=side).join(
                places, on=[*CYCLE, "participant_id"], how="left", maintain_order="left"
            )
            return found["place"].cast(pl.Int64).to_numpy()

        return cls(
            seats=seats,
            funds=seats["funds_minor"].to_numpy(),
            currency=seats["currency_number"].to_numpy(),
            seat_of_place=places["seat"].to_numpy(),
            debtor=numbered("debtor_id"),
            creditor=numbered("creditor_id"),
            amount=flows["amount_minor"].to_numpy(),
            count=flows["count"].to_numpy(),
            group=flows["group"].to_numpy(),
            groups=int(flows["group"].n_unique()),
        )

    def active(self, out: Flags) -> Flags:
        """Flows that stay: neither party is out, nor is a party of anything they are tied to."""
        out_of_place = out[self.seat_of_place]
        stays = ~(out_of_place[self.debtor] | out_of_place[self.creditor])
        tied = self.group >= 0
        broken = np.zeros(self.groups, np.bool_)
        broken[self.group[tied & ~stays]] = True
        return np.asarray(stays & ~(tied & broken[self.group]), np.bool_)

    def need(self, active: Flags) -> Integers:
        """Debit positions by seat, each window by itself."""
        net_minor = np.zeros(len(self.seat_of_place), np.int64)
        np.add.at(net_minor, self.creditor[active], self.amount[active])
        np.subtract.at(net_minor, self.debtor[active], self.amount[active])
        need = np.zeros(len(self.funds), np.int64)
        np.add.at(need, self.seat_of_place, np.maximum(-net_minor, 0))
        return need

    def leave_out(self) -> tuple[Flags, list[tuple[int, ...]]]:
        """Seats that are out when nobody is short, and a row of `_MEASURES` for each, by round."""
        out, rows, turn = np.zeros(len(self.funds), np.bool_), list[tuple[int, ...]](), 0
        while True:
            active = self.active(out)
            need = self.need(active)
            short = np.flatnonzero(need > self.funds)
            if not len(short):
                return out, rows
            turn += 1
            count, value = self._harm(active)
            order = np.lexsort((short, value[short], count[short], self.currency[short]))
            ranked = short[order]
            _, first = np.unique(self.currency[ranked], return_index=True)
            chosen = ranked[first]
            out[chosen] = True
            rows += [(int(s), turn, int(need[s]), int(count[s]), int(value[s])) for s in chosen]

    def bring_back(self, out: Flags) -> None:
        """Take seats off `out`, in place, while more settles by it and nobody becomes short."""
        _, value = self._harm(np.ones(len(self.amount), np.bool_))
        settles = int(self.active(out).sum())
        while True:
            waiting = np.flatnonzero(out)
            for seat in waiting[np.argsort(-value[waiting], kind="stable")]:
                out[seat] = False
                active = self.active(out)
                if active.sum() > settles and not (self.need(active) > self.funds).any():
                    settles = int(active.sum())
                    break
                out[seat] = True
            else:
                return

    def _harm(self, active: Flags) -> tuple[Integers, Integers]:
        """By seat: obligations that would leave with it, and the value of its own."""
        count, value = (np.zeros(len(self.funds), np.int64) for _ in range(2))
        for side in (self.debtor, self.creditor):
            seats = self.seat_of_place[side[active]]
            np.add.at(count, seats, self.count[active])
            np.add.at(value, seats, self.amount[active])
        return count, value


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
