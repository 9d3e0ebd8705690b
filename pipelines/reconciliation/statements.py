"""Nostro reconciliation: our entries at partner banks against the statements of those banks.

Belongs here: what becomes of each item and each statement. The comparison itself is declared in
`passes.yaml` and run by `matching.py`; the items are made in `items.py`.

Every item of either side, of the date or open from an earlier one, ends in exactly one match or one
break. Breaks of one item are compared again every day, so that a late arrival resolves them;
breaks of a pair stay until a correction of exactly their difference arrives under their reference.
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.reconciliation.corrections import apply_corrections
from pipelines.reconciliation.items import NostroItems
from pipelines.reconciliation.match_rows import (
    group_rows,
    pair_rows,
    pairs_with_items,
    proposal_rows,
    without_rows,
)
from pipelines.reconciliation.matching import Matching, match_items
from pipelines.reconciliation.rules import MATCH, BreakClass, Rules
from pipelines.reconciliation.shapes import FOUND_SCHEMA, PROVED_SCHEMA, shaped

SEPARATE = BreakClass.CURRENCY
"""A pair in two currencies is two breaks, as no one amount can express it; any other pair is one."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Matches (`PROVED_SCHEMA`), open breaks (`FOUND_SCHEMA`) and proposals (`PROPOSED_SCHEMA`)."""

    proved: pl.DataFrame
    found: pl.DataFrame
    proposed: pl.DataFrame


def compare_nostro(
    items: NostroItems,
    *,
    business_date: date,
    carried: pl.DataFrame,
    earlier_matches: pl.DataFrame,
    rules: Rules,
) -> Compared:
    """Compare both sides; `carried` are the open breaks that are no items, of nostro accounts.

    `earlier_matches` (the matches table of recent dates) lets an item that comes again days later be
    recognised as a duplicate instead of as missing on the other side.
    """
    ledger, stated = (
        side.with_columns(counterparty="counterparty_id") for side in (items.ledger, items.stated)
    )
    matching = match_items(
        ledger, stated, passes=[rule for rule in rules.passes if rule.outcome == MATCH]
    )
    charges = items.stated.filter("is_charge").select("item")
    comparable = matching.stated_left.join(charges, on="item", how="anti", maintain_order="left")
    breaking = match_items(
        matching.ledger_left,
        comparable,
        passes=[rule for rule in rules.passes if rule.outcome != MATCH],
        differences=rules.differences,
    )
    proved = pl.concat(
        [
            pair_rows(matching.pairs, items=items, business_date=business_date),
            group_rows(matching, items=items, business_date=business_date),
        ]
    )
    pairs = breaking.pairs.filter(pl.col("outcome") != SEPARATE)
    together = pairs_with_items(pairs, items=items)
    taken = {side: _taken(matching, pairs=pairs, side=side) for side in ("ledger", "stated")}
    alone = _alone(items, taken=taken, currency_pairs=breaking.pairs)
    known = _known(alone, matches=(proved, earlier_matches))
    classified = _classified(alone, known=known)
    found = pl.concat([_found_together(together), classified, carried.select(list(FOUND_SCHEMA))])
    proposed = proposal_rows(matching, items=items, paired=pairs)
    return _corrected(proved=proved, found=found, proposed=proposed)


def _taken(matching: Matching, *, pairs: pl.DataFrame, side: str) -> pl.Series:
    """The items of a side that are in a match or in a break of two."""
    members = matching.members.filter(pl.col("side") == side)["item"]
    return pl.concat([matching.pairs[f"{side}_item"], members, pairs[f"{side}_item"]])


def _found_together(pairs: pl.DataFrame) -> pl.DataFrame:
    """One break for each pair that agrees on its reference but not on amount or value date.

    When one of the two was already open, the break keeps its older ref and date.
    """
    ledger_is_older = pl.col("first_seen").fill_null(date.max) <= pl.col("first_seen_stated").fill_null(
        date.max
    )
    detail = pl.format(
        "reference {}: value date {} in the ledger, {} at the bank",
        "end_to_end_id",
        pl.col("value_date").cast(pl.String).fill_null("unknown"),
        pl.col("value_date_stated").cast(pl.String).fill_null("unknown"),
    )
    return pairs.with_columns(
        ref=pl.when(ledger_is_older).then("ref").otherwise("ref_stated"),
        first_seen=pl.min_horizontal("first_seen", "first_seen_stated"),
        break_class="outcome",
        ledger_minor="signed_minor",
        stated_minor="signed_minor_stated",
        statement_ref="statement_ref_stated",
        detail=detail,
    ).select(list(FOUND_SCHEMA))


def _alone(
    items: NostroItems, *, taken: dict[str, pl.Series], currency_pairs: pl.DataFrame
) -> pl.DataFrame:
    """The items that no pair took, both sides; `other` names the counterpart in another currency."""
    sides = []
    for side, own, other in (
        ("ledger", "ledger_item", "stated_item"),
        ("stated", "stated_item", "ledger_item"),
    ):
        frame: pl.DataFrame = getattr(items, side)
        opposite: pl.DataFrame = items.stated if side == "ledger" else items.ledger
        counterpart = currency_pairs.filter(pl.col("outcome") == SEPARATE).join(
            opposite.select("item", other_currency="currency", other_account="external_ref"),
            left_on=other,
            right_on="item",
        )
        sides.append(
            without_rows(frame, taken[side])
            .join(counterpart.select("other_currency", "other_account", item=own), on="item", how="left")
            .with_columns(side=pl.lit(side))
        )
    return pl.concat(sides)


def _known(alone: pl.DataFrame, *, matches: tuple[pl.DataFrame, ...]) -> pl.DataFrame:
    """For keys of items alone: whether a match has the same (it repeats) or the opposite (it returns).

    A key is account, reference and signed amount.
    """
    references = alone["end_to_end_id"].drop_nulls().unique()
    perhaps = pl.col("end_to_end_id").hash().is_in(references.hash().implode())
    known = pl.col("end_to_end_id").is_in(references.implode())
    signed = pl.coalesce("stated_minor", "ledger_minor").alias("signed_minor")
    matched = pl.concat(
        [
            frame.lazy()
            .select("book_id", "account_id", "end_to_end_id", signed)
            .filter(perhaps)
            .collect()
            .filter(known)
            for frame in matches
        ]
    )
    repeats, returns = pl.lit(value=True).alias("repeats"), pl.lit(value=True).alias("returns")
    keys = matched.unique()
    return (
        keys.with_columns(repeats)
        .join(
            keys.with_columns(-pl.col("signed_minor"), returns),
            on=keys.columns,
            how="full",
            coalesce=True,
        )
        .with_columns(pl.col("repeats", "returns").fill_null(value=False))
    )


def _classified(alone: pl.DataFrame, *, known: pl.DataFrame) -> pl.DataFrame:
    """One break for each item alone; an item open from before keeps its class and its words."""
    in_ledger = pl.col("side") == "ledger"
    bank = pl.col("counterparty_id")
    other_currency = pl.col("other_currency").is_not_null() | pl.col("account").is_null()
    reference = pl.col("end_to_end_id").fill_null("(none)")
    repeats, returns = (pl.col(name).fill_null(value=False) for name in ("repeats", "returns"))
    cases = (
        (
            other_currency,
            BreakClass.CURRENCY,
            pl.format(
                "reference {}: the other side has it in {}",
                reference,
                pl.col("other_currency").fill_null("no currency of this account"),
            ),
        ),
        (
            ~in_ledger & pl.col("is_charge"),
            BreakClass.FEE,
            pl.format("charged by {}: book it or claim it back", bank),
        ),
        (
            repeats & in_ledger,
            BreakClass.DUPLICATE,
            pl.format("reference {} is booked again in the ledger; the first is matched", reference),
        ),
        (
            repeats,
            BreakClass.DUPLICATE,
            pl.format("reference {} is stated again by {}; the first is matched", reference, bank),
        ),
        (
            returns & in_ledger,
            BreakClass.RETURN,
            pl.format("reference {}: we booked it back; the payment itself is matched", reference),
        ),
        (
            returns,
            BreakClass.RETURN,
            pl.format("reference {}: {} gave it back; the payment itself is matched", reference, bank),
        ),
        (
            in_ledger,
            BreakClass.MISSING_AT_BANK,
            pl.format("reference {}: no entry of {} agrees with it", reference, bank),
        ),
    )
    break_class = pl.lit(str(BreakClass.MISSING_IN_LEDGER))
    detail = pl.format("reference {}: {} states it, no ledger entry agrees with it", reference, bank)
    for condition, name, sentence in reversed(cases):
        break_class = pl.when(condition).then(pl.lit(str(name))).otherwise(break_class)
        detail = pl.when(condition).then(sentence).otherwise(detail)
    return (
        alone.join(known, on=["book_id", "account_id", "end_to_end_id", "signed_minor"], how="left")
        .with_columns(
            break_class=pl.coalesce("break_class", break_class),
            detail=pl.coalesce("detail", detail),
            ledger_minor=pl.when(in_ledger).then("signed_minor"),
            stated_minor=pl.when(~in_ledger).then("signed_minor"),
        )
        .select(list(FOUND_SCHEMA))
    )


def _corrected(*, proved: pl.DataFrame, found: pl.DataFrame, proposed: pl.DataFrame) -> Compared:
    """Settle amount breaks whose exact difference stands alone under the same reference."""
    corrections, remaining = apply_corrections(found)
    return Compared(
        proved=pl.concat([proved, shaped(corrections, PROVED_SCHEMA)]),
        found=remaining,
        proposed=proposed,
    )
