"""What the steps of stated balances prove and what they leave open: matches, breaks and the level.

Belongs here: turning the outcomes of `stated_balances.py` into rows. No comparison is made here but
that of the level with the open breaks.
"""

import polars as pl

from pipelines.reconciliation.rules import BreakClass
from pipelines.reconciliation.shapes import FOUND_SCHEMA, PROVED_SCHEMA, shaped
from pipelines.reconciliation.stated_balances import ACCOUNT, SteppedDay

COVERED = "stated_later"
RESOLVED = "stated_resolved"


def proved_and_open(day: SteppedDay, *, open_breaks: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Matches (`PROVED_SCHEMA`) and open breaks (`FOUND_SCHEMA`), rounding breaks included."""
    items = day.stated.join(day.outcomes, on=[*ACCOUNT, "version"]).with_columns(
        ledger_minor="signed_minor",
        counterparty_id="participant_id",
    )
    carried = open_breaks.filter(pl.col("break_class") != BreakClass.ROUNDING)
    covering = items.explode("covers", empty_as_null=True).drop_nulls("covers")
    waiting = _waiting(day, carried=carried)
    covered = waiting.join(
        covering.select(*ACCOUNT, version="covers", covered_by="statement_ref"),
        on=[*ACCOUNT, "version"],
    )
    resolved = carried.join(
        items.select(*ACCOUNT, ref="resolves_ref", resolving="statement_ref").drop_nulls(),
        on=[*ACCOUNT, "ref"],
    )
    still_waiting = waiting.join(covered, on=[*ACCOUNT, "version"], how="anti")
    still_open = carried.filter(pl.col("break_class") != BreakClass.MISSING_AT_BANK).join(
        resolved, on="ref", how="anti"
    )
    proved = pl.concat([_proved_steps(items), _proved_later(covered), _proved_resolved(resolved)])
    found = pl.concat(
        [
            _step_breaks(items, day=day),
            still_waiting.select(list(FOUND_SCHEMA)),
            still_open.select(list(FOUND_SCHEMA)),
        ]
    )
    rounding = _rounding_breaks(
        day, found=found, earlier=open_breaks.filter(pl.col("break_class") == BreakClass.ROUNDING)
    )
    return proved, pl.concat([found, rounding])


def _proved_steps(items: pl.DataFrame) -> pl.DataFrame:
    """Items whose step agrees, exactly, within the rounding, or together with another step."""
    difference = pl.col("difference_minor")
    together = pl.col("resolves_ref").is_not_null() | pl.col("resolves_version").is_not_null()
    amount = pl.format("the stated balance moved by {} minor units", pl.col("signed_minor") + difference)
    evidence = (
        pl.when(together)
        .then(
            pl.format(
                "{}, {} beyond the entry, which {} takes back",
                amount,
                difference,
                pl.coalesce("resolves_ref", pl.format("entry {}", "resolves_version")),
            )
        )
        .when(difference != 0)
        .then(pl.format("{}, {} beyond the entry: within the bank's rounding", amount, difference))
        .otherwise(pl.format("{}, as the entry", amount))
    )
    pass_id = (
        pl.when(together)
        .then(pl.lit(RESOLVED))
        .when(difference != 0)
        .then(pl.lit("stated_step_rounding"))
        .otherwise(pl.lit("stated_step"))
    )
    return shaped(
        items.filter(~pl.col("is_break")).with_columns(
            pass_id=pass_id, stated_minor=pl.col("signed_minor") + difference, evidence=evidence
        ),
        PROVED_SCHEMA,
    )


def _waiting(day: SteppedDay, *, carried: pl.DataFrame) -> pl.DataFrame:
    """Entries that no stated balance had included before, as breaks: the carried ones, the new ones."""
    unstated = day.entries.join(day.stated, on=[*ACCOUNT, "version"], how="anti").with_columns(
        break_class=pl.lit(str(BreakClass.MISSING_AT_BANK)),
        counterparty_id="participant_id",
        ledger_minor="signed_minor",
        detail=pl.lit("booked in the ledger, in no balance that the bank has stated since"),
    )
    earlier = carried.filter(pl.col("break_class") == BreakClass.MISSING_AT_BANK)
    return pl.concat([earlier.select(list(FOUND_SCHEMA)), shaped(unstated, FOUND_SCHEMA)])


def _proved_later(covered: pl.DataFrame) -> pl.DataFrame:
    """Entries that a later stated balance includes."""
    return shaped(
        covered.with_columns(
            pass_id=pl.lit(COVERED),
            statement_ref="covered_by",
            stated_minor="ledger_minor",
            evidence=pl.lit("the stated balance moved by this entry as well"),
        ),
        PROVED_SCHEMA,
    )


def _proved_resolved(resolved: pl.DataFrame) -> pl.DataFrame:
    """Breaks of earlier dates that a step of this date takes back."""
    return shaped(
        resolved.with_columns(
            pass_id=pl.lit(RESOLVED),
            evidence=pl.format(
                "{}: its difference of {} minor units is taken back at {}",
                "ref",
                "difference_minor",
                "resolving",
            ),
        ),
        PROVED_SCHEMA,
    )


def _step_breaks(items: pl.DataFrame, *, day: SteppedDay) -> pl.DataFrame:
    """A break at each step that disagrees; `opening` where the account begins with it."""
    first = items.join(
        day.accounts.filter(pl.col("previous_stated_minor").is_null()).select(
            *ACCOUNT, "ledger_before_minor"
        ),
        on=ACCOUNT,
        how="left",
    ).with_columns(
        begins=(pl.col("version") == pl.col("version").min().over(ACCOUNT))
        & ((pl.col("ledger_before_minor") != 0) | (pl.col("kind") == "opening_balance"))
    )
    opening = pl.col("begins").fill_null(value=False)
    sentence = pl.format(
        "the stated balance moved by {}, the entry by {} minor units: a movement that the ledger does "
        "not have, or a wrong amount",
        pl.col("signed_minor") + pl.col("difference_minor"),
        "signed_minor",
    )
    return shaped(
        first.filter("is_break").with_columns(
            break_class=pl.when(opening)
            .then(pl.lit(str(BreakClass.OPENING)))
            .otherwise(pl.lit(str(BreakClass.AMOUNT))),
            stated_minor=pl.col("signed_minor") + pl.col("difference_minor"),
            detail=sentence,
        ),
        FOUND_SCHEMA,
    )


def _rounding_breaks(day: SteppedDay, *, found: pl.DataFrame, earlier: pl.DataFrame) -> pl.DataFrame:
    """One break an account whose rounding has added up to more than a step may be off by."""
    difference = pl.col("stated_minor").fill_null(0) - pl.col("ledger_minor").fill_null(0)
    explained = found.group_by(ACCOUNT).agg(explained_minor=difference.sum())
    level = pl.col("stated_closing_minor") - pl.col("ledger_closing_minor")
    introduced = (
        day.stated.join(day.outcomes.filter(pl.col("difference_minor") != 0), on=[*ACCOUNT, "version"])
        .sort(*ACCOUNT, "version")
        .group_by(ACCOUNT, maintain_order=True)
        .agg(pl.last("payment_id", "statement_ref", "version", "value_date"))
    )
    accumulated = (
        day.accounts.join(explained, on=ACCOUNT, how="left")
        .with_columns(rounding_minor=level - pl.col("explained_minor").fill_null(0))
        .filter(pl.col("rounding_minor").abs() > pl.col("tolerance_minor"))
        .with_columns(counterparty_id="participant_id")
    )
    kept = ("ref", "first_seen", "payment_id", "statement_ref", "version", "value_date")
    known = accumulated.join(earlier.select(*ACCOUNT, *kept), on=ACCOUNT)
    fresh = accumulated.join(earlier, on=ACCOUNT, how="anti").join(introduced, on=ACCOUNT, how="left")
    parts = [
        shaped(
            part.with_columns(
                break_class=pl.lit(str(BreakClass.ROUNDING)),
                stated_minor="stated_closing_minor",
                ledger_minor=pl.col("stated_closing_minor") - pl.col("rounding_minor"),
                detail=pl.format(
                    "rounding of stated balances has added up to {} minor units", "rounding_minor"
                ),
            ),
            FOUND_SCHEMA,
        )
        for part in (known, fresh)
    ]
    return pl.concat(parts)
