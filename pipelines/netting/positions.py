"""Netting: what each pair, and each participant against all others, is left to settle.

Belongs here: bilateral and multilateral net positions and their evidence. That they are right is
proven by other means in `verification.py`. Figures and pictures for people are in `figures.py`.
"""

from dataclasses import dataclass

import polars as pl

from pipelines.netting.evidence import pair_runs, participant_runs
from pipelines.netting.obligations import business_date_of
from pipelines.netting.tables import BILATERAL_POSITIONS, NET_POSITIONS, NETTING_EVIDENCE

CYCLE = ["business_date", "window_id", "currency"]
"""What is netted together: one window of one business date in one currency."""


class PositionOverflow(OverflowError):
    """A sum of obligations does not fit the 64-bit minor units in which positions are kept."""

    def __init__(self, currency: str, amount_minor: int) -> None:
        self.currency = currency
        self.amount_minor = amount_minor
        super().__init__(f"a position of {amount_minor} minor units of {currency} exceeds 64 bits")


@dataclass(frozen=True, slots=True)
class Positions:
    """The result of netting a business date.

    Rows of BILATERAL_POSITIONS, of NET_POSITIONS and of NETTING_EVIDENCE.
    """

    bilateral: pl.DataFrame
    multilateral: pl.DataFrame
    evidence: pl.DataFrame


def net(obligations: pl.DataFrame) -> Positions:
    """Net the obligations of one business date, per window and currency.

    Positions are legally one amount per participant only under a netting rule book; the bilateral
    ones are kept beside them because that is what remains if it does not hold. Raises
    `SeveralBusinessDates`, `PositionOverflow`.
    """
    bilateral, multilateral = net_positions(obligations)
    return Positions(
        bilateral=bilateral,
        multilateral=multilateral,
        evidence=NETTING_EVIDENCE.conform(_evidence(obligations, bilateral)),
    )


def net_positions(obligations: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The bilateral and multilateral positions alone, for who only wants the amounts.

    Rows of BILATERAL_POSITIONS and NET_POSITIONS; raises as `net`.
    """
    business_date_of(obligations)
    return net_flows(gross_flows(obligations))


def net_flows(flows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Positions from `gross_flows`, wherever these were summed; raises as `net`."""
    return (
        BILATERAL_POSITIONS.conform(_bilateral(flows)),
        NET_POSITIONS.conform(_multilateral(flows)),
    )


def gross_flows(obligations: pl.DataFrame) -> pl.DataFrame:
    """Gross value per direction: the only pass over all obligations; the rest is a few rows.

    Columns: `CYCLE`, debtor_id, creditor_id, owed_minor (Int128), obligations.
    """
    return obligations.group_by(*CYCLE, "debtor_id", "creditor_id").agg(
        owed_minor=pl.col("amount_minor").cast(pl.Int128).sum(),
        obligations=pl.len().cast(pl.Int64),
    )


def _bilateral(flows: pl.DataFrame) -> pl.DataFrame:
    low_owes = pl.col("debtor_id") < pl.col("creditor_id")
    pairs = (
        flows.with_columns(
            low_id=pl.min_horizontal("debtor_id", "creditor_id"),
            high_id=pl.max_horizontal("debtor_id", "creditor_id"),
        )
        .group_by(*CYCLE, "low_id", "high_id")
        .agg(
            by_low=pl.col("owed_minor").filter(low_owes).sum(),
            by_high=pl.col("owed_minor").filter(~low_owes).sum(),
            obligations=pl.col("obligations").sum(),
        )
    )
    low_pays = pl.col("by_low") >= pl.col("by_high")
    signed = pairs.with_columns(
        debtor_id=pl.when(low_pays).then("low_id").otherwise("high_id"),
        creditor_id=pl.when(low_pays).then("high_id").otherwise("low_id"),
        owed_by_debtor_minor=pl.max_horizontal("by_low", "by_high"),
        owed_by_creditor_minor=pl.min_horizontal("by_low", "by_high"),
    ).with_columns(
        net_minor=pl.col("owed_by_debtor_minor") - pl.col("owed_by_creditor_minor"),
        ref=_bilateral_ref("debtor_id", "creditor_id"),
    )
    return _in_minor_units(signed).select(list(BILATERAL_POSITIONS.schema))


def _multilateral(flows: pl.DataFrame) -> pl.DataFrame:
    owed = pl.col("owed_minor")
    nothing = pl.lit(0, pl.Int128)
    sides = pl.concat(
        [
            flows.select(*CYCLE, "obligations", participant_id="debtor_id", owes=owed, due=nothing),
            flows.select(*CYCLE, "obligations", participant_id="creditor_id", owes=nothing, due=owed),
        ]
    )
    signed = (
        sides.group_by(*CYCLE, "participant_id")
        .agg(
            owes_minor=pl.col("owes").sum(),
            is_owed_minor=pl.col("due").sum(),
            obligations=pl.col("obligations").sum(),
        )
        .with_columns(
            net_minor=pl.col("is_owed_minor") - pl.col("owes_minor"),
            ref=net_ref("participant_id"),
        )
    )
    return _in_minor_units(signed).select(list(NET_POSITIONS.schema))


def _evidence(obligations: pl.DataFrame, bilateral: pl.DataFrame) -> pl.DataFrame:
    """Every obligation proves one bilateral position and the net positions of both participants."""
    pairs = pair_runs(obligations)
    direction = bilateral.select(
        *CYCLE,
        "ref",
        low_id=pl.min_horizontal("debtor_id", "creditor_id"),
        high_id=pl.max_horizontal("debtor_id", "creditor_id"),
    )
    of_pairs = pairs.join(direction, on=[*CYCLE, "low_id", "high_id"], how="inner")
    of_participants = participant_runs(pairs).with_columns(ref=net_ref("participant_id"))
    columns = list(NETTING_EVIDENCE.schema)
    return pl.concat([of_pairs.select(columns), of_participants.select(columns)])


def net_ref(participant: str) -> pl.Expr:
    """The ref of the net position of the participant in that column."""
    return pl.format("net:{}:{}:{}:{}", *CYCLE, participant)


def _bilateral_ref(debtor: str, creditor: str) -> pl.Expr:
    return pl.format("bilateral:{}:{}:{}:{}:{}", *CYCLE, debtor, creditor)


def _in_minor_units(frame: pl.DataFrame) -> pl.DataFrame:
    """Narrow the Int128 sums to the tables' Int64; raises `PositionOverflow` instead of wrapping."""
    sums = [name for name, kind in frame.schema.items() if kind == pl.Int128]
    limit = pl.lit(2**63 - 1, pl.Int128)
    for name in sums:
        too_large = frame.filter(pl.col(name) > limit)
        if too_large.height:
            row = too_large.row(0, named=True)
            raise PositionOverflow(row["currency"], row[name])
    return frame.with_columns(pl.col(sums).cast(pl.Int64))
