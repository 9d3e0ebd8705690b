"""Customer balances: the ledger against the balance that the bank itself states after each payment.

Belongs here: which steps follow from each other, what the others mean, and the level they add up to.

Two things are compared. The **movement**: from one stated balance to the next the bank's balance must
move by the entry's amount. The bank rounds what it states, so a step may be off by the declared
rounding; more is a break, at the entry where it arises, once. It then stays open, and the steps after
it agree again. The **level**: stated less ledger at the close is the sum of the open breaks and of
all rounding so far; rounding that has added up to more than one step may be off by becomes one
`rounding` break of the account, whose amount follows the level and which closes when it returns.

The accounts and open breaks of the date before are all the memory that is needed.
"""

from dataclasses import dataclass

import polars as pl

from pipelines.reconciliation.rules import BreakClass, Rules
from pipelines.reconciliation.stepping import (
    OpenDifference,
    Outstanding,
    StatedItem,
    walk_account,
)

ACCOUNT = ("book_id", "account_id")

OUTCOMES_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "book_id": pl.Int32,
    "account_id": pl.Int64,
    "version": pl.Int64,
    "difference_minor": pl.Int64,
    "is_break": pl.Boolean,
    "covers": pl.List(pl.Int64),
    "resolves_ref": pl.String,
    "resolves_version": pl.Int64,
}


@dataclass(frozen=True, slots=True)
class SteppedDay:
    """The items of a date on accounts with stated balances, and what became of each.

    `accounts`: one row an account, with `opening_minor`, `tolerance_minor` and the closing balances.
    `entries`: posted entries, signed; `stated`: those with a stated balance; `outcomes`: theirs.
    """

    accounts: pl.DataFrame
    entries: pl.DataFrame
    stated: pl.DataFrame
    outcomes: pl.DataFrame
    unattributed: pl.DataFrame


def step_balances(
    *,
    accounts: pl.DataFrame,
    entries: pl.DataFrame,
    stated_balances: pl.DataFrame,
    previous_accounts: pl.DataFrame,
    open_breaks: pl.DataFrame,
    rules: Rules,
) -> SteppedDay:
    """Compare every stated balance of the date with the one before it and the entry between.

    An account takes part from its first stated balance on. `previous_accounts` and `open_breaks` are
    the tables of the date reconciled before, both without nostro accounts.
    """
    taking_part = pl.concat(
        [stated_balances.select(ACCOUNT), previous_accounts.select(ACCOUNT)]
    ).unique()
    signed = _signed_entries(entries, accounts=accounts.join(taking_part, on=ACCOUNT, how="semi"))
    stated = _stated_entries(stated_balances, entries=signed)
    states = _opening_states(
        accounts.join(taking_part, on=ACCOUNT, how="semi"),
        entries=signed,
        previous_accounts=previous_accounts,
        rules=rules,
    )
    stepped = _simple_steps(stated, states=states)
    unstated = signed.join(stated, on=[*ACCOUNT, "version"], how="anti")
    missing = open_breaks.filter(pl.col("break_class") == BreakClass.MISSING_AT_BANK)
    off = stepped.filter(pl.col("difference_minor").abs() > pl.col("tolerance_minor"))
    concerned = pl.concat([frame.select(ACCOUNT) for frame in (off, unstated, missing)]).unique()
    walked = _walk(
        stepped.join(concerned, on=ACCOUNT, how="semi"),
        unstated=unstated,
        open_breaks=open_breaks,
    )
    simple = stepped.join(concerned, on=ACCOUNT, how="anti").with_columns(
        is_break=pl.lit(value=False),
        covers=pl.lit([], dtype=pl.List(pl.Int64)),
        resolves_ref=pl.lit(None, dtype=pl.String),
        resolves_version=pl.lit(None, dtype=pl.Int64),
    )
    last = _last_stated(stepped, walked=walked)
    return SteppedDay(
        accounts=states.join(last, on=ACCOUNT, how="left").with_columns(
            stated_closing_minor=pl.coalesce("last_stated_minor", "previous_stated_minor")
        ),
        entries=signed,
        stated=stated,
        outcomes=pl.concat([simple.select(list(OUTCOMES_SCHEMA)), walked]),
        unattributed=stated_balances.join(stated, on=[*ACCOUNT, "payment_id"], how="anti"),
    )


def _signed_entries(entries: pl.DataFrame, *, accounts: pl.DataFrame) -> pl.DataFrame:
    """Posted entries of the accounts, signed on the account's normal side."""
    columns = accounts.select(*ACCOUNT, "normal_side", "participant_id", "external_ref")
    with_side = entries.filter(pl.col("amount_minor") != 0).join(columns, on=ACCOUNT)
    on_normal_side = pl.col("side") == pl.col("normal_side")
    return with_side.with_columns(
        signed_minor=pl.when(on_normal_side).then("amount_minor").otherwise(-pl.col("amount_minor"))
    )


def _stated_entries(stated_balances: pl.DataFrame, *, entries: pl.DataFrame) -> pl.DataFrame:
    """Stated balances with their entry: the last one of the payment on that account."""
    last = entries.sort(*ACCOUNT, "version").unique([*ACCOUNT, "payment_id"], keep="last")
    return (
        stated_balances.drop("business_date", "currency")
        .join(last, on=[*ACCOUNT, "payment_id"])
        .with_columns(statement_ref=pl.format("{}#{}", "source_file", "source_row"))
        .sort(*ACCOUNT, "version")
    )


def _opening_states(
    accounts: pl.DataFrame, *, entries: pl.DataFrame, previous_accounts: pl.DataFrame, rules: Rules
) -> pl.DataFrame:
    """What both sides held before the date's first entry.

    Entries of dates that were never reconciled lie between the ledger's closing balance then and its
    opening balance now: the stated side is taken to have moved with them. An account without an
    earlier stated balance is taken to agree before its first entry.
    """
    moved = entries.group_by(ACCOUNT).agg(moved_minor=pl.col("signed_minor").sum())
    before = previous_accounts.select(
        *ACCOUNT,
        previous_ledger_minor="ledger_closing_minor",
        previous_stated_minor="stated_closing_minor",
        previous_until="stated_until",
    )
    debits, credits_ = pl.col("debits_posted"), pl.col("credits_posted")
    closing = pl.when(pl.col("normal_side") == "D").then(debits - credits_).otherwise(credits_ - debits)
    ledger_before = pl.col("ledger_closing_minor") - pl.col("moved_minor").fill_null(0)
    rounding = pl.col("currency").replace_strict(
        dict(rules.rounding_minor), default=0, return_dtype=pl.Int64
    )
    return (
        accounts.with_columns(ledger_closing_minor=closing, tolerance_minor=rounding)
        .join(moved, on=ACCOUNT, how="left")
        .join(before, on=ACCOUNT, how="left")
        .with_columns(ledger_before_minor=ledger_before)
        .with_columns(
            opening_minor=(
                pl.col("previous_stated_minor")
                + pl.col("ledger_before_minor")
                - pl.col("previous_ledger_minor")
            ).fill_null(pl.col("ledger_before_minor"))
        )
    )


def _simple_steps(stated: pl.DataFrame, *, states: pl.DataFrame) -> pl.DataFrame:
    """Each step in the ledger's own order, with what the stated balance moved beyond its entry."""
    columns = states.select(*ACCOUNT, "opening_minor", "tolerance_minor")
    before = pl.col("stated_balance_minor").shift(1).over(ACCOUNT).fill_null(pl.col("opening_minor"))
    return (
        stated.join(columns, on=ACCOUNT)
        .sort(*ACCOUNT, "version")
        .with_columns(difference_minor=pl.col("stated_balance_minor") - pl.col("signed_minor") - before)
    )


def _walk(stepped: pl.DataFrame, *, unstated: pl.DataFrame, open_breaks: pl.DataFrame) -> pl.DataFrame:
    """Outcomes of the accounts on which something does not follow directly, account by account."""
    missing_class = pl.col("break_class") == BreakClass.MISSING_AT_BANK
    rounding_class = pl.col("break_class") == BreakClass.ROUNDING
    waiting = pl.concat(
        [
            open_breaks.filter(missing_class).select(*ACCOUNT, "version", signed_minor="ledger_minor"),
            unstated.select(*ACCOUNT, "version", "signed_minor"),
        ]
    ).sort("version")
    earlier = open_breaks.filter(~missing_class & ~rounding_class).sort("first_seen", "ref")
    waiting_of = waiting.partition_by(ACCOUNT, as_dict=True)
    earlier_of = earlier.partition_by(ACCOUNT, as_dict=True)
    rows = []
    for key, steps in sorted(stepped.partition_by(ACCOUNT, as_dict=True).items()):
        outstanding = waiting_of.get(key, waiting.clear())
        differences = earlier_of.get(key, earlier.clear())
        outcomes = walk_account(
            [
                StatedItem(*row)
                for row in steps.select("version", "signed_minor", "stated_balance_minor").iter_rows()
            ],
            opening_minor=steps["opening_minor"][0],
            tolerance_minor=steps["tolerance_minor"][0],
            outstanding=[
                Outstanding(*row) for row in outstanding.select("version", "signed_minor").iter_rows()
            ],
            open_differences=[
                OpenDifference(*row) for row in differences.select("ref", "difference_minor").iter_rows()
            ],
        )
        rows += [
            (
                *key,
                outcome.version,
                outcome.difference_minor,
                outcome.is_break,
                list(outcome.covers),
                outcome.resolves_ref,
                outcome.resolves_version,
            )
            for outcome in outcomes
        ]
    return pl.DataFrame(rows, schema=OUTCOMES_SCHEMA, orient="row")


def _last_stated(stepped: pl.DataFrame, *, walked: pl.DataFrame) -> pl.DataFrame:
    """The stated balance that is the last of the date, in the bank's order where it was walked."""
    in_bank_order = walked.select(*ACCOUNT, "version").with_row_index("walked_at")
    return (
        stepped.join(in_bank_order, on=[*ACCOUNT, "version"], how="left")
        .sort(*ACCOUNT, "walked_at", "version")
        .group_by(ACCOUNT, maintain_order=True)
        .agg(pl.last("stated_balance_minor").alias("last_stated_minor"))
    )
