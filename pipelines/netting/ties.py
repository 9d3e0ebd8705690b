"""Ties: obligations of two currencies that settle both or neither (payment versus payment).

Belongs here: which obligations hang together. Who may tie what is judged when the ledger accepts them.
"""

from typing import Final

import polars as pl

TIES_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "payment_id": pl.String,
    "partner_id": pl.String,  # payment id of the obligation that it is tied to
}
"""One row a tie, in either direction or both; rows without a partner say nothing."""


class TieIncomplete(LookupError):
    """An obligation of the window is tied to one that is not in it."""

    def __init__(self, payment_id: str, partner_id: str) -> None:
        self.payment_id = payment_id
        self.partner_id = partner_id
        super().__init__(f"payment {payment_id} is tied to {partner_id}, which is not in the window")


def tied_groups(obligations: pl.DataFrame, ties: pl.DataFrame | None) -> pl.DataFrame:
    """The obligations with `group`: a payment id that all which hang together share, null for none.

    Ends: a round that changes anything lowers the group of a payment, and groups are payment ids.
    Raises `TieIncomplete`.
    """
    if ties is None or ties.is_empty():
        return obligations.with_columns(group=pl.lit(None, pl.String))
    said = ties.drop_nulls().select("payment_id", "partner_id")
    edges = pl.concat([said, said.select(payment_id="partner_id", partner_id="payment_id")]).unique()
    edges = edges.join(obligations, on="payment_id", how="semi")
    alone = edges.join(obligations, left_on="partner_id", right_on="payment_id", how="anti").sort(
        "payment_id", "partner_id"
    )
    if alone.height:
        raise TieIncomplete(*alone.row(0))
    groups = edges.select("payment_id", group="payment_id").unique()
    while True:
        reached = edges.join(groups, left_on="partner_id", right_on="payment_id")
        lowest = pl.concat([groups, reached.select("payment_id", "group")])
        lower = lowest.group_by("payment_id").agg(pl.col("group").min())
        if lower.join(groups, on=["payment_id", "group"], how="anti").is_empty():
            return obligations.join(groups, on="payment_id", how="left", maintain_order="left")
        groups = lower
