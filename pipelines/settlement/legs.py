"""Settlement legs: which net debtor pays which net creditor how much.

Direct legs, not two movements through a central settlement agent: the platform is no central bank and
no counterparty, so an agent in the message would be an invented institution with an invented account.
Direct legs need nobody who is not in the books, are at most one fewer than the participants that
settle, and each message proves itself, its legs summing exactly to the debtor's net position.
"""

import polars as pl

from pipelines.netting.positions import CYCLE


class CycleUnbalanced(ValueError):
    """Net positions of a cycle do not sum to zero: nobody could be paid what is left."""

    def __init__(self, window_id: str, currency: str, difference_minor: int) -> None:
        self.window_id = window_id
        self.currency = currency
        self.difference_minor = difference_minor
        super().__init__(
            f"net positions of window {window_id} in {currency} sum to {difference_minor}, not to 0"
        )


def settlement_legs(net_positions: pl.DataFrame) -> pl.DataFrame:
    """Allocate every net debtor's position to net creditors, the largest to the largest.

    Takes NET_POSITIONS; returns business_date, window_id, currency, debtor_id, creditor_id,
    amount_minor (Int64, > 0) and net_ref, the ref of the debtor's position, in order of payment.
    Participants whose net is zero have no leg. Raises `CycleUnbalanced`.

    Both sides lie end to end along the amount that a cycle settles, largest first; every end of a
    debtor or creditor on that line ends a leg. So each leg's amount is a difference of two ends,
    and its parties are the next ends after it.
    """
    _refuse_unbalanced(net_positions)
    sides = pl.concat(
        [
            _ends(net_positions.filter(pl.col("net_minor") < 0), "debtor_id"),
            _ends(net_positions.filter(pl.col("net_minor") > 0), "creditor_id"),
        ],
        how="diagonal",
    )
    return (
        sides.group_by(*CYCLE, "end")
        .agg(pl.col("debtor_id", "creditor_id", "net_ref").drop_nulls().first())
        .sort(*CYCLE, "end")
        .with_columns(
            pl.col("debtor_id", "creditor_id", "net_ref").backward_fill().over(CYCLE),
            start=pl.col("end").shift(1).over(CYCLE).fill_null(pl.lit(0, pl.Int128)),
        )
        .with_columns(amount_minor=(pl.col("end") - pl.col("start")).cast(pl.Int64))
        .select(*CYCLE, "debtor_id", "creditor_id", "amount_minor", "net_ref")
    )


def _ends(positions: pl.DataFrame, side: str) -> pl.DataFrame:
    """Where each participant of one side ends on the line of the cycle's amount."""
    ref = pl.col("ref") if side == "debtor_id" else pl.lit(None, pl.String)
    return (
        positions.select(
            *CYCLE,
            pl.col("participant_id").alias(side),
            size=pl.col("net_minor").cast(pl.Int128).abs(),
            net_ref=ref,
        )
        .sort(*CYCLE, "size", side, descending=[False] * len(CYCLE) + [True, False])
        .with_columns(end=pl.col("size").cum_sum().over(CYCLE))
        .drop("size")
    )


def _refuse_unbalanced(net_positions: pl.DataFrame) -> None:
    unbalanced = (
        net_positions.group_by(CYCLE)
        .agg(pl.col("net_minor").cast(pl.Int128).sum())
        .filter(pl.col("net_minor") != 0)
        .sort(CYCLE)
    )
    if unbalanced.height:
        first = unbalanced.row(0, named=True)
        raise CycleUnbalanced(first["window_id"], first["currency"], int(first["net_minor"]))
