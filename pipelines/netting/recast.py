"""Recast: a window netted again without participants that cannot settle, and what that does to whom.

Belongs here: which obligations are left out and why, and every participant's position before and after
with the entries that make the difference. It is a rerun of netting, never a silent unwind: the ledger
gives exactly the `excluded` obligations back. Who has to be left out for lack of money is found in
`partial_settlement.py`; who bears what a defaulter does not pay, in `waterfall.py`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import polars as pl

from pipelines.lake.evidence import EVIDENCE_COLUMNS
from pipelines.netting.evidence import pair_runs, participant_runs
from pipelines.netting.positions import CYCLE, Positions, net, net_positions
from pipelines.netting.tables import OBLIGATIONS
from pipelines.netting.ties import tied_groups
from pipelines.netting.waterfall import Loss

SETTLED_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "window_id": pl.String,
    "currency": pl.String,
    "participant_id": pl.String,
    "settled_minor": pl.Int64,  # signed as a position: negative was paid, with finality
}
"""What an earlier run of the window has moved for good."""

OUT_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "participant_id": pl.String,
    "currency": pl.String,
}
"""Who is left out, and in which currency."""

EXCLUDED_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    **OBLIGATIONS.schema,
    "reason": pl.String,  # Reason
    "other_id": pl.String,  # the other party; null where the obligation is left out for a tied one
    "consequence": pl.String,  # Consequence, for the other
}
"""One row an obligation that is left out, with its keys."""

RECAST_POSITIONS_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "business_date": pl.Date,
    "ref": pl.String,  # recast:<date>:<window>:<currency>:<participant>
    "window_id": pl.String,
    "currency": pl.String,
    "participant_id": pl.String,
    "before_minor": pl.Int64,  # net position with all obligations
    "after_minor": pl.Int64,
    "difference_minor": pl.Int64,  # after - before: what the excluded obligations come to
    "excluded": pl.Int64,  # obligations of this participant
    "settled_minor": pl.Int64,  # of what earlier runs moved
    "to_settle_minor": pl.Int64,  # after - settled: what is left to instruct
}
"""One row a window, currency and participant with a position before; the differences sum to zero."""


class Reason(StrEnum):
    """Why an obligation is left out of the window."""

    DEBTOR_DEFAULTED = "debtor_defaulted"
    """Whoever owes it defaulted; so is it called where both did."""
    CREDITOR_DEFAULTED = "creditor_defaulted"
    """Whoever is owed it defaulted."""
    DEBTOR_SHORT = "debtor_short"
    """Whoever owes it cannot cover its net position now."""
    CREDITOR_SHORT = "creditor_short"
    """Whoever is owed it cannot cover its net position now."""
    PVP_PARTNER_EXCLUDED = "pvp_partner_excluded"
    """An obligation that it is tied to is left out: payment versus payment settles both or neither."""


class Consequence(StrEnum):
    """What an obligation that is left out leaves to the other party."""

    CLAIM_REMAINS = "claim_remains"
    """It is not paid in this window, and has its claim on the debtor outside of it."""
    DEBT_REMAINS = "debt_remains"
    """It does not pay in this window, and owes the creditor outside of it."""
    BOTH_LEGS_WAIT = "both_legs_wait"
    """Neither party of this leg did anything: the debt stands until the tied one settles as well."""


REASONS_OF_DEFAULT: Final = (Reason.DEBTOR_DEFAULTED, Reason.CREDITOR_DEFAULTED)
REASONS_OF_SHORTAGE: Final = (Reason.DEBTOR_SHORT, Reason.CREDITOR_SHORT)


class SettledUnknown(LookupError):
    """An amount is said to be settled for a position that the window never had, or is said twice."""

    def __init__(self, window_id: str, currency: str, participant_id: str) -> None:
        self.window_id = window_id
        self.currency = currency
        self.participant_id = participant_id
        super().__init__(
            f"settled amount of {participant_id} in {currency}, window {window_id}: no such position, "
            "or given twice"
        )


@dataclass(frozen=True, slots=True)
class Recast:
    """A window without some participants.

    `out` (`OUT_SCHEMA`) says who. `kept` and `excluded` (`EXCLUDED_SCHEMA`) are together the obligations
    of before; `netted` is the netting of `kept`; `positions` has `RECAST_POSITIONS_SCHEMA`, and
    `evidence` (`EVIDENCE_COLUMNS`) for each of its refs the entries of the excluded obligations that
    make the difference.
    """

    out: pl.DataFrame
    kept: pl.DataFrame
    excluded: pl.DataFrame
    netted: Positions
    positions: pl.DataFrame
    evidence: pl.DataFrame


def recast(
    obligations: pl.DataFrame,
    defaulters: Collection[str],
    *,
    settled: pl.DataFrame | None = None,
    ties: pl.DataFrame | None = None,
) -> Recast:
    """Net one business date again without all that defaulters owe and are owed, in every currency.

    `obligations` are rows of OBLIGATIONS, of any number of windows and currencies. `settled`
    (`SETTLED_SCHEMA`) is final and stays so: the rest is what is left to settle. `ties` (`TIES_SCHEMA`
    of `ties.py`) name obligations that settle together or not at all. A defaulter without obligations
    changes nothing. Raises `SettledUnknown`, `TieIncomplete`, and as `net`.
    """
    currencies = obligations.select(pl.col("currency").unique())
    names = pl.DataFrame(
        {"participant_id": sorted(set(defaulters))}, schema={"participant_id": pl.String}
    )
    out = names.join(currencies, how="cross").sort("participant_id", "currency")
    return recast_without(obligations, out, reasons=REASONS_OF_DEFAULT, settled=settled, ties=ties)


def unpaid(recast: Recast) -> tuple[Loss, ...]:
    """What defaulters would have had to pay and have not: the losses if the window settles as it was.

    Sharing these instead of recasting leaves everybody else's position as it stood. Per currency and
    defaulter the debits of all windows, credits of other windows not set against them.
    """
    due = pl.col("settled_minor").cast(pl.Int128) - pl.col("before_minor")
    losses = (
        recast.positions.join(recast.out, on=["participant_id", "currency"], how="semi")
        .group_by("participant_id", "currency")
        .agg(amount_minor=due.filter(due > 0).sum())
        .filter(pl.col("amount_minor") > 0)
        .sort("currency", "participant_id")
    )
    return tuple(Loss(*row) for row in losses.rows())


def recast_without(
    obligations: pl.DataFrame,
    out: pl.DataFrame,
    *,
    reasons: tuple[Reason, Reason],
    settled: pl.DataFrame | None = None,
    ties: pl.DataFrame | None = None,
) -> Recast:
    """As `recast`, for participants that are out in some currencies only (`OUT_SCHEMA`).

    `reasons` are of obligations whose debtor, and whose creditor, is out.
    """
    judged = _judged(tied_groups(obligations, ties), out, reasons=reasons)
    columns = list(OBLIGATIONS.schema)
    kept = OBLIGATIONS.conform(judged.filter(pl.col("reason").is_null()).select(columns))
    excluded = judged.filter(pl.col("reason").is_not_null()).select(list(EXCLUDED_SCHEMA))
    excluded = excluded.sort(OBLIGATIONS.key)
    netted = net(kept)
    _, before = net_positions(obligations)
    return Recast(
        out=out,
        kept=kept,
        excluded=excluded,
        netted=netted,
        positions=_positions(before, netted.multilateral, excluded=excluded, settled=settled),
        evidence=participant_runs(pair_runs(excluded))
        .with_columns(ref=_recast_ref("participant_id"))
        .select(list(EVIDENCE_COLUMNS))
        .sort("ref", "book_id", "account_id", "version_from"),
    )


def _judged(
    obligations: pl.DataFrame, out: pl.DataFrame, *, reasons: tuple[Reason, Reason]
) -> pl.DataFrame:
    """The obligations with reason (null for those that stay), other_id and consequence."""
    of_debtor, of_creditor = (str(reason) for reason in reasons)
    marked = obligations
    for side in ("debtor", "creditor"):
        names = out.select(
            "currency", pl.col("participant_id").alias(f"{side}_id"), pl.lit(True).alias(side)
        )
        on = ["currency", f"{side}_id"]
        marked = marked.join(names.unique(), on=on, how="left", maintain_order="left")
    itself = pl.col("debtor").is_not_null() | pl.col("creditor").is_not_null()
    broken = marked.filter(itself).select(pl.col("group").drop_nulls().unique(), broken=pl.lit(True))
    return marked.join(broken, on="group", how="left", maintain_order="left").with_columns(
        _chosen("reason", of_debtor, of_creditor, Reason.PVP_PARTNER_EXCLUDED.value),
        _chosen("other_id", pl.col("creditor_id"), pl.col("debtor_id"), None),
        _chosen(
            "consequence",
            Consequence.CLAIM_REMAINS.value,
            Consequence.DEBT_REMAINS.value,
            Consequence.BOTH_LEGS_WAIT.value,
        ),
    )


def _chosen(name: str, debtor: str | pl.Expr, creditor: str | pl.Expr, tied: str | None) -> pl.Expr:
    """One value each for obligations whose debtor is out, whose creditor is, and tied to such."""
    values = [
        value if isinstance(value, pl.Expr) else pl.lit(value, pl.String)
        for value in (debtor, creditor, tied)
    ]
    return (
        pl.when("debtor").then(values[0]).when("creditor").then(values[1]).when("broken").then(values[2])
    ).alias(name)


def _positions(
    before: pl.DataFrame, after: pl.DataFrame, *, excluded: pl.DataFrame, settled: pl.DataFrame | None
) -> pl.DataFrame:
    place = [*CYCLE, "participant_id"]
    counts = (
        pl.concat(excluded.select(*CYCLE, participant_id=side) for side in ("debtor_id", "creditor_id"))
        .group_by(place)
        .agg(excluded=pl.len().cast(pl.Int64))
    )
    moved = pl.DataFrame(schema=SETTLED_SCHEMA) if settled is None else settled
    _check_settled(before, moved)
    return (
        before.select(*place, before_minor="net_minor")
        .join(after.select(*place, after_minor="net_minor"), on=place, how="left")
        .join(counts, on=place, how="left")
        .join(moved, on=place[1:], how="left")
        .with_columns(pl.col("after_minor", "excluded", "settled_minor").fill_null(0))
        .with_columns(
            ref=_recast_ref("participant_id"),
            difference_minor=pl.col("after_minor") - pl.col("before_minor"),
            to_settle_minor=pl.col("after_minor") - pl.col("settled_minor"),
        )
        .select(list(RECAST_POSITIONS_SCHEMA))
        .sort(place)
    )


def _check_settled(before: pl.DataFrame, settled: pl.DataFrame) -> None:
    key = ["window_id", "currency", "participant_id"]
    wrong = pl.concat(
        [settled.join(before, on=key, how="anti"), settled.filter(settled.select(key).is_duplicated())]
    ).sort(key)
    if wrong.height:
        raise SettledUnknown(*wrong.select(key).row(0))


def _recast_ref(participant: str) -> pl.Expr:
    return pl.format("recast:{}:{}:{}:{}", *CYCLE, participant)
