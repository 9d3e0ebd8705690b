"""Entries as chains: each account's version and totals follow from the entry before.

A range of events is checked by itself and becomes one run an account: what the account must have been
before its first entry there, and what it is after its last. Runs of consecutive ranges are joined end
to end, so that ranges can be read by several processes.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ledger_service.ledger.leaves import Rows

Numbers = npt.NDArray[np.int64]

NEVER = np.iinfo(np.int64).min
"""Booking time and value date before the first entry."""

TOTALS = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")


@dataclass(frozen=True, slots=True)
class Accounts:
    """Every account of a book after some event; arrays as long as each other, by account id."""

    account_id: Numbers
    currency: Numbers
    """Its three letters as a number."""
    version: Numbers
    totals: Numbers
    """One row a kind of total, as `TOTALS`."""
    booked_at: Numbers
    """Of its last entry: microseconds since 2000."""
    value_date: Numbers
    """Latest of its entries': days since 2000."""
    sequence: Numbers
    """Number of the event that its last entry is; 0 before the first."""


@dataclass(frozen=True, slots=True)
class Runs:
    """One row an account that a range of events touches, by account id."""

    account_id: Numbers
    first_sequence: Numbers
    opening_version: Numbers
    opening_totals: Numbers
    first_booked_at: Numbers
    currency: Numbers
    unmarked_from: Numbers
    """Least value date that, to be right, no entry before the range may exceed."""
    marked_through: Numbers
    """Greatest value date that, to be right, some entry before the range exceeds."""
    version: Numbers
    totals: Numbers
    booked_at: Numbers
    value_date: Numbers
    sequence: Numbers


@dataclass(frozen=True, slots=True)
class Break:
    """An entry that does not follow from what stands before it."""

    sequence: int
    account_id: int
    description: str


@dataclass(frozen=True, slots=True)
class _Legs:
    """Both sides of the transfers of a range, by account and then by event; 2n rows."""

    account_id: Numbers
    sequence: Numbers
    version: Numbers
    totals: Numbers
    changes: Numbers
    booked_at: Numbers
    value_date: Numbers
    backdated: npt.NDArray[np.bool_]
    currency: Numbers
    continues: npt.NDArray[np.bool_]
    """Whether the row before is of the same account."""


def _legs(rows: Rows) -> _Legs:
    def sides(
        debit: npt.NDArray[np.generic], credit: npt.NDArray[np.generic]
    ) -> npt.NDArray[np.generic]:
        both = np.empty(2 * len(debit), debit.dtype.newbyteorder("="))
        both[0::2], both[1::2] = debit, credit
        return both

    fixed = rows.fixed
    account_id = sides(fixed["debit_account_id"], fixed["credit_account_id"])
    order = np.argsort(account_id, kind="stable")
    transfer = order >> 1
    account_id = account_id[order]
    moves = (fixed["phase_initial"] == ord("s")) | (fixed["phase_length"] == len("post")) & (
        fixed["phase_initial"] == ord("p")
    )
    posted = np.where(moves, rows.column("amount"), 0)[transfer]
    pending = rows.column("pending")[transfer]
    credit = order & 1
    totals = [sides(fixed[f"dr_{name}"], fixed[f"cr_{name}"])[order] for name in TOTALS]
    changes = [posted * (1 - credit), posted * credit, pending * (1 - credit), pending * credit]
    continues = np.zeros(len(order), dtype=bool)
    continues[1:] = account_id[1:] == account_id[:-1]
    return _Legs(
        account_id=account_id.astype(np.int64),
        sequence=rows.column("sequence")[transfer],
        version=sides(fixed["dr_version"], fixed["cr_version"])[order].astype(np.int64),
        totals=np.array(totals, dtype=np.int64),
        changes=np.array(changes),
        booked_at=rows.column("booked_at")[transfer],
        value_date=rows.column("value_date")[transfer],
        backdated=sides(fixed["dr_backdated"], fixed["cr_backdated"])[order].astype(bool),
        currency=rows.currency.astype(np.int64)[transfer],
        continues=continues,
    )


def account_runs(rows: Rows, *, archived_through: int) -> tuple[Runs, Break | None]:
    """The runs of a range, and its first entry that does not follow from the one before in it.

    Where events up to `archived_through` are archived, an entry may begin anew after one of them.
    """
    legs = _legs(rows)
    before = {
        name: np.concatenate([values[:1], values[:-1]])
        for name, values in (
            ("version", legs.version),
            ("booked_at", legs.booked_at),
            ("currency", legs.currency),
            ("sequence", legs.sequence),
        )
    }
    opening = legs.totals - legs.changes
    unlike = np.zeros(len(legs.version), dtype=bool)
    unlike[1:] = (opening[:, 1:] != legs.totals[:, :-1]).any(axis=0)
    unlike |= legs.version != before["version"] + 1
    if archived_through:
        unlike &= ~((before["sequence"] <= archived_through) & (legs.version > before["version"] + 1))
    unlike |= (legs.booked_at < before["booked_at"]) | (legs.currency != before["currency"])
    # The greatest value date before each entry in the range; accounts lie apart, so that one pass does.
    apart = np.cumsum(~legs.continues) << 34
    greatest = np.maximum.accumulate(apart + legs.value_date) - apart
    earlier = np.concatenate([greatest[:1], greatest[:-1]])
    exceeded = legs.continues & (earlier > legs.value_date)
    unlike |= exceeded & ~legs.backdated
    broken = np.flatnonzero(unlike & legs.continues)
    found = None
    if len(broken):
        row = broken[np.argmin(legs.sequence[broken])]
        found = Break(
            int(legs.sequence[row]),
            int(legs.account_id[row]),
            _description(legs, int(row)),
        )
    return _runs(legs, opening, exceeded), found


def _description(legs: _Legs, row: int) -> str:
    """What is wrong with an entry, beside the one before it."""
    said = [int(total) for total in legs.totals[:, row]]
    due = [int(total) for total in legs.totals[:, row - 1] + legs.changes[:, row]]
    version, expected = int(legs.version[row]), int(legs.version[row - 1]) + 1
    if (said, version) != (due, expected):
        return (
            f"entry {version}: {_written(said)} after it, recomputed {_written(due)} as entry {expected}"
        )
    if legs.booked_at[row] < legs.booked_at[row - 1]:
        return f"entry {version} is booked before the one before it"
    if legs.currency[row] != legs.currency[row - 1]:
        return f"entry {version} is in another currency than the one before it"
    return f"entry {version} is valued before an earlier one, and not marked as backdated"


def _written(totals: list[int]) -> str:
    return "{}/{} posted and {}/{} pending".format(*totals)


def _runs(legs: _Legs, opening: Numbers, exceeded: npt.NDArray[np.bool_]) -> Runs:
    first = np.flatnonzero(~legs.continues)
    last = np.append(first, len(legs.version))[1:] - 1
    most, least = np.iinfo(np.int64).max, NEVER
    unmarked = np.where(legs.backdated | exceeded, most, legs.value_date)
    marked = np.where(legs.backdated & ~exceeded, legs.value_date, least)

    def by_run(extreme: np.ufunc, values: Numbers) -> Numbers:
        return np.asarray(extreme.reduceat(values, first)) if len(first) else values

    return Runs(
        account_id=legs.account_id[first],
        first_sequence=legs.sequence[first],
        opening_version=legs.version[first] - 1,
        opening_totals=opening[:, first],
        first_booked_at=legs.booked_at[first],
        currency=legs.currency[first],
        unmarked_from=by_run(np.minimum, unmarked),
        marked_through=by_run(np.maximum, marked),
        version=legs.version[last],
        totals=legs.totals[:, last],
        booked_at=legs.booked_at[last],
        value_date=by_run(np.maximum, legs.value_date),
        sequence=legs.sequence[last],
    )


def join(accounts: Accounts, runs: Runs, *, archived_through: int) -> tuple[Accounts, Break | None]:
    """The accounts after a range, and the first run that does not follow from the accounts before it."""
    if not len(runs.account_id):
        return accounts, None
    at = np.searchsorted(accounts.account_id, runs.account_id)
    at = np.minimum(at, max(len(accounts.account_id) - 1, 0))
    if not len(accounts.account_id) or (accounts.account_id[at] != runs.account_id).any():
        known = np.isin(runs.account_id, accounts.account_id)
        row = int(np.flatnonzero(~known)[0])
        return accounts, _break(runs, row, "the book has no such account")
    gap = (runs.opening_totals != accounts.totals[:, at]).any(axis=0)
    gap |= runs.opening_version != accounts.version[at]
    if archived_through:
        gap &= ~(
            (accounts.sequence[at] <= archived_through) & (runs.opening_version > accounts.version[at])
        )
    known_dates = accounts.value_date[at]
    dated = runs.unmarked_from < known_dates
    if not archived_through:
        dated |= (runs.marked_through != NEVER) & (runs.marked_through >= known_dates)
    wrong = (
        (gap, "its totals or number do not follow from the account's entry before"),
        (runs.currency != accounts.currency[at], "it is in another currency than the account"),
        (
            runs.first_booked_at < accounts.booked_at[at],
            "it is booked before the account's entry before",
        ),
        (dated, "from it on, an entry is marked as backdated that is not, or the other way"),
    )
    breaks = [
        _break(runs, int(rows[np.argmin(runs.first_sequence[rows])]), description)
        for mask, description in wrong
        if len(rows := np.flatnonzero(mask))
    ]
    after = replace(accounts, **{name: _with(accounts, runs, at, name) for name in _CLOSING})
    return after, min(breaks, key=lambda found: found.sequence, default=None)


_CLOSING = ("version", "totals", "booked_at", "value_date", "sequence")


def _with(accounts: Accounts, runs: Runs, at: Numbers, name: str) -> Numbers:
    """A column of the accounts with what the runs make of it."""
    values = getattr(accounts, name).copy()
    closing = getattr(runs, name)
    if name == "value_date":
        closing = np.maximum(closing, values[at])
    values[..., at] = closing
    return values  # type: ignore[no-any-return] # fields of one type, by name


def _break(runs: Runs, row: int, description: str) -> Break:
    return Break(int(runs.first_sequence[row]), int(runs.account_id[row]), description)
