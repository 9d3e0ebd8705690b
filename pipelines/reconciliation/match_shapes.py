"""Frames that go into the matching engine and that come out of it.

Belongs here: their schemas, and the bundle that every kind of pass answers with.
"""

from dataclasses import dataclass, field

import polars as pl

from pipelines.reconciliation.shapes import Schema

ITEM_SCHEMA: Schema = {
    "item": pl.Int64,  # distinct within a side; among equal items the smaller one is taken first
    "account": pl.Int64,  # the same number for the same account on both sides
    "relation": pl.Int64,  # the same number for the same participant and partner bank
    "end_to_end_id": pl.String,
    "signed_minor": pl.Int64,  # + is in our favour
    "value_date": pl.Date,
}
"""What an item has on either side."""

OPTIONAL_SCHEMA: Schema = {
    "group_key": pl.String,  # batch, settlement file or payout that the item belongs to
    "name": pl.String,  # of the other party, or text that holds it
    "counterparty": pl.String,  # for differences declared by counterparty
    "currency": pl.String,
}
"""What an item may have besides; a column that is absent is null."""

PAIR_SCHEMA: Schema = {
    "ledger_item": pl.Int64,
    "stated_item": pl.Int64,
    "pass_id": pl.String,
    "outcome": pl.String,  # match, or a class of break
    "difference_minor": pl.Int64,  # stated - ledger
    "days": pl.Int32,  # stated value date - ledger value date; null when one is unknown
    "score": pl.Float64,  # 1 when all that was compared is equal
}
"""One ledger item with one stated item."""

GROUP_SCHEMA: Schema = {
    "match": pl.Int64,
    "pass_id": pl.String,
    "outcome": pl.String,
    "account": pl.Int64,
    "ledger_items": pl.Int64,
    "stated_items": pl.Int64,
    "ledger_minor": pl.Int128,
    "stated_minor": pl.Int128,
    "days": pl.Int32,  # from the earliest value date to the latest; null when one is unknown
    "score": pl.Float64,  # 1 / (1 + groups of this size expected to agree by chance)
    "method": pl.String,  # how it was found, and for subset sums how it was proved
}
"""One match of several items; its items are in the members."""

MEMBER_SCHEMA: Schema = {"match": pl.Int64, "side": pl.String, "item": pl.Int64}
"""The items of a group; `side` is ledger or stated."""

PROPOSAL_SCHEMA: Schema = {
    "match": pl.Int64,
    "pass_id": pl.String,
    "account": pl.Int64,
    "ledger_items": pl.Int64,
    "stated_items": pl.Int64,
    "ledger_minor": pl.Int128,
    "stated_minor": pl.Int128,
    "days": pl.Int32,
    "score": pl.Float64,
    "rivals": pl.Int64,  # other candidates known to share an item with this one
    "reason": pl.String,  # why it is not accepted, in words
}
"""One candidate that is not proved, for a person to decide; its items are in `proposed`."""

UNPROVED_SCHEMA: Schema = {
    "pass_id": pl.String,
    "account": pl.Int64,
    "from_date": pl.Date,
    "to_date": pl.Date,
    "ledger_items": pl.Int64,
    "stated_items": pl.Int64,
    "reason": pl.String,
}
"""One part of the work that was too large to prove."""


def _empty(schema: Schema) -> pl.DataFrame:
    return pl.DataFrame(schema=dict(schema))


@dataclass(frozen=True, slots=True)
class Found:
    """What one pass found; no item is in two pairs or groups. Group numbers are those of the pass."""

    pairs: pl.DataFrame = field(default_factory=lambda: _empty(PAIR_SCHEMA))
    groups: pl.DataFrame = field(default_factory=lambda: _empty(GROUP_SCHEMA))
    members: pl.DataFrame = field(default_factory=lambda: _empty(MEMBER_SCHEMA))
    proposals: pl.DataFrame = field(default_factory=lambda: _empty(PROPOSAL_SCHEMA))
    proposed: pl.DataFrame = field(default_factory=lambda: _empty(MEMBER_SCHEMA))
    unproved: pl.DataFrame = field(default_factory=lambda: _empty(UNPROVED_SCHEMA))
