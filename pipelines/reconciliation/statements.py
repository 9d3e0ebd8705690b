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
from pipelines.reconciliation.match_rows import group_rows, proposal_rows
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
            _proved(_joined(matching.pairs, items=items), business_date=business_date),
            group_rows(matching, items=items, business_date=business_date),
        ]
    )
    pairs = breaking.pairs.filter(pl.col("outcome") != SEPARATE)
    together = _joined(pairs, items=items)
    alone = _alone(items, taken=_taken(matching, pairs=pairs), currency_pairs=breaking.pairs)
    classified = _classified(alone, proved=pl.concat([_keys(proved), _keys(earlier_matches)]))
    found = pl.concat([_found_together(together), classified, carried.select(list(FOUND_SCHEMA))])
    proposed = proposal_rows(matching, items=items, paired=pairs)
    return _corrected(proved=proved, found=found, proposed=proposed)


def _taken(matching: Matching, *, pairs: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """By side, the items that are in a match or in a break of two."""
    return {
        side: pl.concat(
            [
                matching.pairs.select(item=f"{side}_item"),
                matching.members.filter(pl.col("side") == side).select("item"),
                pairs.select(item=f"{side}_item"),
            ]
        )
        for side in ("ledger", "stated")
    }


def _joined(pairs: pl.DataFrame, *, items: NostroItems) -> pl.DataFrame:
    """Pairs with the columns of both items, those of the stated one with the suffix `_stated`."""
    return pairs.join(items.ledger, left_on="ledger_item", right_on="item").join(
        items.stated, left_on="stated_item", right_on="item", suffix="_stated"
    )


def _proved(pairs: pl.DataFrame, *, business_date: date) -> pl.DataFrame:
    """Matches with what was compared, in words."""
    days = (pl.col("value_date_stated") - pl.col("value_date")).dt.total_days()
    both_referenced = pl.col("end_to_end_id") == pl.col("end_to_end_id_stated")
    compared = (
        pl.when(both_referenced.fill_null(value=False))
        .then(pl.format("reference {}, amount and direction equal", "end_to_end_id"))
        .when(both_referenced.is_not_null())
        .then(
            pl.format(
                "amount and direction equal, reference {} written as {} by the bank ({} alike), only "
                "candidate",
                "end_to_end_id",
                "end_to_end_id_stated",
                pl.col("score").round(3),
            )
        )
        .otherwise(pl.lit("amount and direction equal, only candidate, one side without reference"))
    )
    dates = (
        pl.when(days == 0)
        .then(pl.format("value date {} on both sides", "value_date"))
        .when(days > 0)
        .then(pl.format("value date {} in the ledger, {} day(s) later at the bank", "value_date", days))
        .otherwise(
            pl.format("value date {} in the ledger, {} day(s) earlier at the bank", "value_date", -days)
        )
    )
    since = pl.min_horizontal("first_seen", "first_seen_stated")
    late = (
        pl.when(since < business_date)
        .then(pl.format("; open since {} as {}", since, pl.coalesce("ref", "ref_stated")))
        .otherwise(pl.lit(""))
    )
    return shaped(
        pairs.with_columns(
            statement_ref="statement_ref_stated",
            ledger_minor="signed_minor",
            stated_minor="signed_minor_stated",
            evidence=pl.concat_str([compared, pl.lit("; "), dates, late]),
            end_to_end_id=pl.coalesce("end_to_end_id", "end_to_end_id_stated"),
            items=pl.lit(2, dtype=pl.Int64),
        ),
        PROVED_SCHEMA,
    )


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
    items: NostroItems, *, taken: dict[str, pl.DataFrame], currency_pairs: pl.DataFrame
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
            frame.join(taken[side], on="item", how="anti")
            .join(counterpart.select("other_currency", "other_account", item=own), on="item", how="left")
            .with_columns(side=pl.lit(side))
        )
    return pl.concat(sides)


def _keys(matches: pl.DataFrame) -> pl.DataFrame:
    """What identifies an item that comes again: account, reference and signed amount."""
    signed = pl.coalesce("stated_minor", "ledger_minor").alias("signed_minor")
    return matches.select("book_id", "account_id", "end_to_end_id", signed).drop_nulls()


def _known(proved: pl.DataFrame) -> pl.DataFrame:
    """Keys of matched items and of their opposites: what would repeat and what would return one."""
    keys = proved.unique()
    opposite = keys.with_columns(-pl.col("signed_minor"))
    return (
        pl.concat(
            [
                keys.with_columns(repeats=pl.lit(value=True), returns=pl.lit(value=False)),
                opposite.with_columns(repeats=pl.lit(value=False), returns=pl.lit(value=True)),
            ]
        )
        .group_by("book_id", "account_id", "end_to_end_id", "signed_minor")
        .agg(pl.col("repeats", "returns").any())
    )


def _classified(alone: pl.DataFrame, *, proved: pl.DataFrame) -> pl.DataFrame:
    """One break for each item alone; an item open from before keeps its class and its words."""
    known = _known(proved)
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
