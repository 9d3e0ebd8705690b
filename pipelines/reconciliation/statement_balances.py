"""Balances of nostro accounts: what the statements say they hold, and whether it follows.

Belongs here: the two breaks that concern no single item. `balance`: a statement whose opening balance
plus entries is not its closing balance. `opening`: a statement that does not begin where the last
one ended (or, for the first one, where the ledger stood). With them the difference between both
closing balances is always the sum of the open breaks.
"""

from dataclasses import replace
from datetime import date

import polars as pl

from pipelines.reconciliation.items import ACCOUNT_COLUMNS, NostroItems
from pipelines.reconciliation.rules import BreakClass
from pipelines.reconciliation.shapes import FOUND_SCHEMA, PROVED_SCHEMA, shaped

ACCOUNT_KEY = ("book_id", "account_id")
OPENING_PASS = "opening_balance"  # noqa: S105 (a pass of the matching, not a password)


def closing_states(
    items: NostroItems,
    *,
    business_date: date,
    nostro: pl.DataFrame,
    open_breaks: pl.DataFrame,
    previous_accounts: pl.DataFrame,
) -> pl.DataFrame:
    """One row a nostro account with the balances of both sides and the `gap_minor` between statements.

    A statement that arrives late, for days before the last one known, does not replace the closing
    balance: its entries then explain the gap that its absence left.
    """
    before = previous_accounts.select(
        *ACCOUNT_KEY, previous_minor="stated_closing_minor", previous_until="stated_until"
    )
    joined = (
        nostro.join(before, on=ACCOUNT_KEY, how="left")
        .join(_received(items.statements, business_date=business_date), on="account", how="left")
        .join(_open_differences(open_breaks, nostro=nostro), on="account", how="left")
        .join(_sums(items.ledger, side="ledger"), on="account", how="left")
        .join(_sums(items.stated, side="stated"), on="account", how="left")
        .with_columns(
            pl.col("^(ledger|stated)_(items|sum_minor)$", "covered_minor", "other_minor").fill_null(0),
            pl.col("wrong_minor").fill_null(0),
            pl.col("complete").fill_null(value=False),
            ledger_closing_minor=_on_normal_side(),
        )
    )
    return _follow(_expect(joined))


def _received(statements: pl.DataFrame, *, business_date: date) -> pl.DataFrame:
    """Per account what today's statements say together; the last in time states the closing balance."""
    both = pl.col("opening_minor").is_not_null() & pl.col("closing_minor").is_not_null()
    return (
        statements.filter(pl.col("currency_stated") == pl.col("account_currency"))
        .with_columns(pl.col("to_date").fill_null(business_date))
        .sort("to_date", "file", "statement_ordinal")
        .group_by("account", maintain_order=True)
        .agg(
            pl.last("to_date", "closing_minor"),
            opening_file=pl.first("file"),
            complete=both.all(),
            wrong_minor=pl.col("balance_difference_minor").fill_null(0).sum(),
        )
    )


def _open_differences(open_breaks: pl.DataFrame, *, nostro: pl.DataFrame) -> pl.DataFrame:
    """Per account what is open from before: entries that a first statement may cover, and the rest."""
    missing = pl.col("break_class") == BreakClass.MISSING_AT_BANK
    return (
        open_breaks.join(
            nostro.select(*ACCOUNT_KEY, "currency", "account"), on=[*ACCOUNT_KEY, "currency"]
        )
        .group_by("account")
        .agg(
            covered_minor=pl.col("ledger_minor").filter(missing).sum(),
            other_minor=pl.col("difference_minor").filter(~missing).sum(),
        )
    )


def _on_normal_side() -> pl.Expr:
    debits, credits_ = pl.col("debits_posted"), pl.col("credits_posted")
    return pl.when(pl.col("normal_side") == "D").then(debits - credits_).otherwise(credits_ - debits)


def _sums(items: pl.DataFrame, *, side: str) -> pl.DataFrame:
    """Number and sum of the date's own items; a migrated opening balance is counted, not summed."""
    return (
        items.filter(pl.col("first_seen").is_null() & pl.col("account").is_not_null())
        .group_by("account")
        .agg(
            pl.len().cast(pl.Int64).alias(f"{side}_items"),
            pl.col("signed_minor").filter(~pl.col("is_opening")).sum().alias(f"{side}_sum_minor"),
        )
    )


def _expect(accounts: pl.DataFrame) -> pl.DataFrame:
    """From which balance the statements should begin.

    The first statement should begin where the ledger stood, migrated balances and all entries so far
    included (`covers_all`); if it does not, what was missing at the bank stays missing.
    """
    begins = pl.col("previous_minor").is_null() & pl.col("complete")
    ledger_before = pl.col("ledger_closing_minor") - pl.col("ledger_sum_minor") + pl.col("other_minor")
    opening = pl.col("closing_minor") - pl.col("stated_sum_minor") - pl.col("wrong_minor")
    return accounts.with_columns(
        begins=begins, covers_all=(begins & (opening == ledger_before)).fill_null(value=False)
    ).with_columns(
        expected_minor=pl.coalesce(
            "previous_minor",
            pl.when("covers_all").then(ledger_before),
            pl.when("begins").then(ledger_before - pl.col("covered_minor")),
        )
    )


def _follow(accounts: pl.DataFrame) -> pl.DataFrame:
    """Decide the stated closing balance, and the gap that neither entries nor statements explain."""
    received = pl.col("to_date").is_not_null()
    newer = received & (
        pl.col("previous_until").is_null() | (pl.col("to_date") >= pl.col("previous_until"))
    )
    followed = pl.col("expected_minor") + pl.col("stated_sum_minor") + pl.col("wrong_minor")
    stated = (
        pl.when(newer & pl.col("complete"))
        .then("closing_minor")
        .when(received & ~pl.col("complete"))
        .then(followed)
        .otherwise("previous_minor")
    )
    return accounts.with_columns(
        stated_closing_minor=stated,
        stated_until=pl.max_horizontal("previous_until", "to_date"),
        gap_minor=(stated - followed).fill_null(0),
    )


def take_openings(
    items: NostroItems, *, states: pl.DataFrame
) -> tuple[NostroItems, pl.DataFrame, pl.DataFrame]:
    """Take out the ledger items that a first statement's opening balance speaks of.

    Returns the items left, the matches (the opening balance includes them) and the migrated balances
    of accounts whose opening balance is another one, which become part of that break.
    """
    speaks = states.filter("begins").select("account", "covers_all", "opening_file")
    spoken = items.ledger.join(speaks, on="account").filter(
        pl.col("is_opening")
        | (pl.col("covers_all") & (pl.col("break_class") == BreakClass.MISSING_AT_BANK))
    )
    proved = shaped(
        spoken.filter("covers_all").with_columns(
            pass_id=pl.lit(OPENING_PASS),
            statement_ref="opening_file",
            ledger_minor="signed_minor",
            stated_minor="signed_minor",
            evidence=pl.lit("included in the first statement's opening balance, which is the ledger's"),
        ),
        PROVED_SCHEMA,
    )
    left = items.ledger.join(spoken, on="item", how="anti", maintain_order="left")
    return replace(items, ledger=left), proved, spoken.filter(~pl.col("covers_all"))


def opening_breaks(states: pl.DataFrame, *, migrated: pl.DataFrame) -> pl.DataFrame:
    """A break for every account whose statements leave a gap to what was stated before.

    `migrated` are opening entries that a first statement contradicts; the last of an account is the
    break's ledger entry.
    """
    entry = migrated.group_by("account").agg(
        pl.col("version", "payment_id", "end_to_end_id", "value_date").sort_by("version").last()
    )
    rows = (
        states.filter(pl.col("gap_minor") != 0)
        .join(entry, on="account", how="left")
        .with_columns(
            break_class=pl.lit(str(BreakClass.OPENING)),
            ledger_minor="expected_minor",
            stated_minor=pl.col("expected_minor") + pl.col("gap_minor"),
            detail=pl.format(
                "the statement up to {} opens {} minor units away from {}",
                "to_date",
                "gap_minor",
                pl.when(pl.col("previous_minor").is_null())
                .then(pl.lit("the ledger's balance, and no earlier statement is known"))
                .otherwise(pl.format("the closing balance stated up to {}", "previous_until")),
            ),
        )
    )
    return shaped(rows, FOUND_SCHEMA)


def balance_breaks(statements: pl.DataFrame) -> pl.DataFrame:
    """A break for every statement whose own arithmetic is wrong; stated is what it says it closes at."""
    wrong = statements.filter(pl.col("balance_difference_minor") != 0)
    rows = wrong.select(
        *ACCOUNT_COLUMNS,
        currency="currency_stated",
        break_class=pl.lit(str(BreakClass.BALANCE)),
        ledger_minor=pl.col("closing_minor") - pl.col("balance_difference_minor"),
        stated_minor="closing_minor",
        statement_ref="file",
        detail=pl.format(
            "statement {}: opening {} and entries {} do not make closing {} (minor units)",
            pl.col("statement_id").fill_null("(none)"),
            "opening_minor",
            "entries_minor",
            "closing_minor",
        ),
    )
    return shaped(rows, FOUND_SCHEMA)


def settle_openings(found: pl.DataFrame) -> pl.DataFrame:
    """Drop opening breaks of an account that cancel: the statement that was missing has arrived."""
    opening = pl.col("break_class") == BreakClass.OPENING
    difference = pl.when(opening).then(pl.col("stated_minor") - pl.col("ledger_minor"))
    total = difference.sum().over("book_id", "account_id", "currency")
    return found.filter(~opening | (total != 0))
