"""Balances of nostro accounts: what the statements say they hold, and whether it follows.

Belongs here: the two breaks that concern no single item. `balance`: a statement whose opening balance
plus entries is not its closing balance. `opening`: a statement that does not begin where the last
one ended (or, for the first one, where the ledger stood). With them the difference between both
closing balances is always the sum of the open breaks.
"""

from datetime import date

import polars as pl

from pipelines.reconciliation.items import ACCOUNT_COLUMNS
from pipelines.reconciliation.rules import BreakClass
from pipelines.reconciliation.shapes import FOUND_SCHEMA, shaped


def closing_states(
    *,
    business_date: date,
    nostro: pl.DataFrame,
    ledger_items: pl.DataFrame,
    stated_items: pl.DataFrame,
    statements: pl.DataFrame,
    previous_accounts: pl.DataFrame,
) -> pl.DataFrame:
    """One row a nostro account with the balances of both sides and the `gap_minor` between statements.

    `ledger_items` and `stated_items` are those of the date alone. A statement that arrives late, for
    days before the last one known, does not replace the closing balance: its entries then explain
    the gap that its absence left.
    """
    own_currency = statements.filter(pl.col("currency_stated") == pl.col("account_currency"))
    latest = (
        own_currency.with_columns(pl.col("to_date").fill_null(business_date))
        .sort("to_date", "file", "statement_ordinal")
        .group_by("account", maintain_order=True)
        .agg(
            pl.last("to_date", "closing_minor"),
            complete=(
                pl.col("opening_minor").is_not_null() & pl.col("closing_minor").is_not_null()
            ).all(),
            wrong_minor=pl.col("balance_difference_minor").fill_null(0).sum(),
        )
    )
    before = previous_accounts.select(
        "book_id", "account_id", previous_minor="stated_closing_minor", previous_until="stated_until"
    )
    joined = (
        nostro.join(before, on=["book_id", "account_id"], how="left")
        .join(latest, on="account", how="left")
        .join(_sums(ledger_items, "ledger"), on="account", how="left")
        .join(_sums(stated_items, "stated"), on="account", how="left")
        .with_columns(pl.col("^(ledger|stated)_(items|sum_minor)$").fill_null(0))
    )
    return joined.with_columns(ledger_closing_minor=_on_normal_side()).pipe(_follow)


def _on_normal_side() -> pl.Expr:
    debits, credits_ = pl.col("debits_posted"), pl.col("credits_posted")
    return pl.when(pl.col("normal_side") == "D").then(debits - credits_).otherwise(credits_ - debits)


def _sums(items: pl.DataFrame, side: str) -> pl.DataFrame:
    return (
        items.drop_nulls("account")
        .group_by("account")
        .agg(
            pl.len().cast(pl.Int64).alias(f"{side}_items"),
            pl.col("signed_minor").sum().alias(f"{side}_sum_minor"),
        )
    )


def _follow(accounts: pl.DataFrame) -> pl.DataFrame:
    """Decide the stated closing balance, and the gap that neither entries nor statements explain."""
    received = pl.col("to_date").is_not_null()
    newer = received & (
        pl.col("previous_until").is_null() | (pl.col("to_date") >= pl.col("previous_until"))
    )
    ledger_before = pl.col("ledger_closing_minor") - pl.col("ledger_sum_minor")
    expected = pl.coalesce("previous_minor", pl.when(received).then(ledger_before))
    followed = expected + pl.col("stated_sum_minor") + pl.col("wrong_minor").fill_null(0)
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
        expected_minor=expected,
        gap_minor=(stated - followed).fill_null(0),
    )


def opening_breaks(states: pl.DataFrame) -> pl.DataFrame:
    """A break for every account whose statements leave a gap to what was stated before."""
    rows = states.filter(pl.col("gap_minor") != 0).select(
        *_account_columns(),
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


def _account_columns() -> list[pl.Expr]:
    return [pl.col(name) for name in (*ACCOUNT_COLUMNS, "currency")]
