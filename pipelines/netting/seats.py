"""The seats of a window: what each participant needs, as others leave it and come back.

Belongs here: positions under leaving and coming back, each at the cost of the flows that it moves. Who
leaves and who comes back is decided in `partial_settlement.py`.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.netting.positions import CYCLE

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Slices:
    """Numbers of flows by what they belong to."""

    flows: Integers
    begin: Integers

    @classmethod
    def by(cls, owners: Integers, flows: Integers, *, size: int) -> "Slices":
        """`flows` by their `owners`, which are below `size`."""
        order = np.argsort(owners, kind="stable")
        begin = np.searchsorted(owners[order], np.arange(size + 1))
        return cls(flows[order], begin.astype(np.int64))

    def of(self, owner: int) -> Integers:
        """The flows of one."""
        return self.flows[self.begin[owner] : self.begin[owner + 1]]


@dataclass(frozen=True, slots=True)
class Seats:
    """A seat is a participant in a currency; a place is a seat in one window.

    A flow stays while neither of its seats is out, nor a seat of a flow that it is tied to. The arrays
    `out` to `value` are what changes, and they change only by `move`.
    """

    names: pl.DataFrame  # seat, participant_id, currency, funds_minor
    currency: Integers  # by seat: its currency's number
    funds: Integers  # by seat
    seat_of: Integers  # by place
    debtor: Integers  # by flow: place
    creditor: Integers
    amount: Integers
    leaving: Integers  # by flow: obligations that leave with it, itself and those it is tied to
    group: Integers  # by flow; -1 for none
    of_seat: Slices
    of_group: Slices
    out: Flags  # by seat
    active: Flags  # by flow
    net: Integers  # by place
    need: Integers  # by seat: its debit positions, each window by itself
    count: Integers  # by seat: obligations that would leave with it
    value: Integers  # by seat: of its own flows

    @classmethod
    def of(cls, obligations: pl.DataFrame, funds: pl.DataFrame) -> "Seats":
        """Everybody in. Takes `tied_groups`, and funds by participant_id and currency."""
        flows, places, names = _numbered(obligations, funds)
        seat_of = places["seat"].to_numpy()
        debtor, creditor = (
            flows.select(*CYCLE, participant_id=side)
            .join(places, on=[*CYCLE, "participant_id"], how="left", maintain_order="left")["place"]
            .to_numpy()
            for side in ("debtor_id", "creditor_id")
        )
        size, every = names.height, np.arange(flows.height)
        group = flows["group"].to_numpy()
        tied = np.flatnonzero(group >= 0)
        both = np.concatenate([seat_of[debtor], seat_of[creditor]])
        made = cls(
            names=names,
            currency=names["currency"].rank("dense").cast(pl.Int64).to_numpy(),
            funds=names["funds_minor"].to_numpy(),
            seat_of=seat_of,
            debtor=debtor,
            creditor=creditor,
            amount=flows["amount_minor"].to_numpy(),
            leaving=flows["leaving"].to_numpy(),
            group=group,
            of_seat=Slices.by(both, np.concatenate([every, every]), size=size),
            of_group=Slices.by(group[tied], tied, size=int(group.max(initial=-1)) + 1),
            out=np.zeros(size, np.bool_),
            active=np.zeros(flows.height, np.bool_),
            net=np.zeros(places.height, np.int64),
            need=np.zeros(size, np.int64),
            count=np.zeros(size, np.int64),
            value=np.zeros(size, np.int64),
        )
        made._switch(every)
        return made

    def move(self, seat: int, *, out: bool) -> bool:
        """Put a seat out or back in; whether any flow left or came by it. Undone by its opposite."""
        self.out[seat] = out
        own = self.of_seat.of(seat)
        groups = np.unique(self.group[own])
        whole = [self.of_group.of(group) for group in groups if group >= 0]
        touched = np.unique(np.concatenate([own, *whole]))
        debtor, creditor = (self.seat_of[side[touched]] for side in (self.debtor, self.creditor))
        stays = ~(self.out[debtor] | self.out[creditor])
        broken = np.unique(self.group[touched][~stays])
        group = self.group[touched]
        stays &= ~((group >= 0) & np.isin(group, broken))
        changed = touched[stays != self.active[touched]]
        self._switch(changed)
        return bool(len(changed))

    def _switch(self, flows: Integers) -> None:
        """Flows that were there leave, those that were not come."""
        sign = np.where(self.active[flows], -1, 1)
        self.active[flows] ^= True
        amount, leaving = sign * self.amount[flows], sign * self.leaving[flows]
        debtor, creditor = self.debtor[flows], self.creditor[flows]
        places = np.unique(np.concatenate([debtor, creditor]))
        seats = self.seat_of[places]
        np.subtract.at(self.need, seats, np.maximum(-self.net[places], 0))
        np.subtract.at(self.net, debtor, amount)
        np.add.at(self.net, creditor, amount)
        np.add.at(self.need, seats, np.maximum(-self.net[places], 0))
        for side in (debtor, creditor):
            np.add.at(self.count, self.seat_of[side], leaving)
            np.add.at(self.value, self.seat_of[side], amount)


def _numbered(
    obligations: pl.DataFrame, funds: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Flows, places and seats. Untied obligations are summed per direction, tied ones per group."""
    flows = (
        obligations.group_by(*CYCLE, "debtor_id", "creditor_id", "group")
        .agg(pl.col("amount_minor").sum(), own=pl.len().cast(pl.Int64))
        .sort(*CYCLE, "debtor_id", "creditor_id", "group")
        .with_columns(
            leaving=pl.when(pl.col("group").is_null())
            .then("own")
            .otherwise(pl.col("own").sum().over("group")),
            group=pl.col("group").rank("dense").cast(pl.Int64) - 1,
        )
        .with_columns(pl.col("group").fill_null(-1))
    )
    sides = pl.concat(flows.select(*CYCLE, participant_id=side) for side in ("debtor_id", "creditor_id"))
    names = (
        sides.select("currency", "participant_id")
        .unique()
        .sort("currency", "participant_id")
        .with_row_index("seat")
        .join(funds, on=["participant_id", "currency"], how="left", maintain_order="left")
        .with_columns(
            pl.col("seat").cast(pl.Int64),
            pl.col("funds_minor").fill_null(0),
        )
    )
    places = (
        sides.unique()
        .sort(*CYCLE, "participant_id")
        .with_row_index("place")
        .join(names, on=["currency", "participant_id"], how="left", maintain_order="left")
    )
    return flows, places.with_columns(pl.col("place").cast(pl.Int64)), names
