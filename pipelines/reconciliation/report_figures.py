"""The figures of the finance report: accounts, breaks, passes, ages and trend as frames.

Belongs here: what the HTML, the workbook and the PDF all show, computed once. Amounts of different
currencies are never added. A match rate is what was matched of all that was due: matched ledger items
against these and the open breaks; rounding is no item and counts on neither side.
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.reconciliation.report_inputs import ReportDay, ReportNames, printable, words
from pipelines.reconciliation.report_trend import banded, trend_of
from pipelines.reconciliation.rules import BreakClass
from pipelines.reconciliation.tables import RECONCILED_ACCOUNTS

ACCOUNT = RECONCILED_ACCOUNTS.key

UNEXPLAINED, NOT_STATED, OPEN, AGREES = "unexplained", "no statement", "breaks", "agrees"
"""States of an account, the most urgent first."""
STATE_ORDER = (UNEXPLAINED, NOT_STATED, OPEN, AGREES)
DONE_STATES = ("written off", "closed", "resolved")
"""States of a case in which no due date is missed any more."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All that a report shows of a date.

    `accounts`: RECONCILED_ACCOUNTS with `account`, `whose`, `counterparty`, `ledger_opening_minor`,
    `stated_opening_minor`, `due_items`, `state`; the most urgent first. `breaks`: BREAKS with `class`,
    `whose`, `counterparty`, `account`, `owner`, `state`, `assignee`, `due_date`, `comments`, `overdue`,
    `size_minor`; per currency the largest first, the currencies with the most breaks first. `passes`:
    per account and pass. `ageing`: per currency and band. `trend`: per date. `proposals`: PROPOSALS
    with `account` and `pass`.
    """

    business_date: date
    accounts: pl.DataFrame
    breaks: pl.DataFrame
    passes: pl.DataFrame
    ageing: pl.DataFrame
    trend: pl.DataFrame
    proposals: pl.DataFrame
    refused: pl.DataFrame

    @property
    def everything_is_there(self) -> bool:
        """Whether nothing is open, nothing is missing and nothing was refused."""
        settled = (self.accounts["state"] == AGREES).all()
        return settled and self.breaks.is_empty() and self.refused.is_empty()


def figures_of(day: ReportDay, *, names: ReportNames) -> Figures:
    """Compute the figures of a day; the order of rows of its frames does not matter."""
    breaks = _breaks(day, names=names)
    accounts = _accounts(day, names=names)
    return Figures(
        business_date=day.business_date,
        accounts=printable(accounts),
        breaks=printable(breaks),
        passes=printable(_passes(day, accounts=accounts, names=names)),
        ageing=_ageing(breaks),
        trend=trend_of(day),
        proposals=printable(_proposals(day, accounts=accounts, names=names)),
        refused=printable(day.refused.sort("source_file", "row", "field", "code")),
    )


def totals(breaks: pl.DataFrame, *, by: str) -> pl.DataFrame:
    """Open breaks per value of `by` and currency: number, new today, overdue, net, without sign, oldest.

    The value with the most breaks first, and of each the currency with the most. Sums are Int128.
    """
    difference = pl.col("difference_minor").cast(pl.Int128)
    return (
        breaks.group_by(by, "currency")
        .agg(
            breaks=pl.len().cast(pl.Int64),
            new_today=(pl.col("age_days") == 0).sum().cast(pl.Int64),
            overdue=pl.col("overdue").sum().cast(pl.Int64),
            difference_minor=difference.sum(),
            absolute_minor=difference.abs().sum(),
            oldest=pl.col("first_seen").min(),
        )
        .with_columns(of_group=pl.col("breaks").sum().over(by))
        .sort("of_group", by, "breaks", "currency", descending=[True, False, True, False])
        .drop("of_group")
    )


def largest(breaks: pl.DataFrame, most: int, *, skip: int = 0) -> pl.DataFrame:
    """The `most` largest after the `skip` largest, in the order of `breaks`, which is that of `Figures`.

    As amounts of different currencies cannot be compared, the largest of every currency come before the
    second largest of any.
    """
    ranked = breaks.with_row_index("place").with_columns(rank=pl.int_range(pl.len()).over("currency"))
    chosen = ranked.sort("rank", "place").slice(skip, most)
    return chosen.sort("place").drop("place", "rank")


def by_currency(breaks: pl.DataFrame) -> pl.DataFrame:
    """As `totals`, of all breaks together: one row a currency, that with the most breaks first."""
    everything = breaks.with_columns(everything=pl.lit("all"))
    return totals(everything, by="everything").drop("everything")


def _named(column: str, names: ReportNames) -> pl.Expr:
    known = pl.col(column).replace(dict(names.participants))
    return known.fill_null("unknown")


def _account_refs(day: ReportDay) -> pl.DataFrame:
    known = [day.account_refs, day.breaks.select("book_id", "account_id", "external_ref")]
    refs = pl.concat([frame.select("book_id", "account_id", "external_ref") for frame in known])
    return refs.drop_nulls().group_by(ACCOUNT).agg(pl.col("external_ref").min())


def _accounts(day: ReportDay, *, names: ReportNames) -> pl.DataFrame:
    before = (
        day.accounts_before.filter(pl.col("business_date") < day.business_date)
        .sort("business_date")
        .group_by(ACCOUNT)
        .agg(
            ledger_opening_minor=pl.col("ledger_closing_minor").last(),
            stated_opening_minor=pl.col("stated_closing_minor").last(),
        )
        .collect()
    )
    due = (
        day.breaks.filter(pl.col("break_class") != BreakClass.ROUNDING)
        .group_by(ACCOUNT)
        .agg(open_items=pl.len().cast(pl.Int64))
    )
    behind = pl.col("stated_until").is_null() | (pl.col("stated_until") < day.business_date)
    state = (
        pl.when(pl.col("unexplained_minor") != 0)
        .then(pl.lit(UNEXPLAINED))
        .when(behind & (pl.col("ledger_items") > 0))
        .then(pl.lit(NOT_STATED))
        .when(pl.col("breaks") > 0)
        .then(pl.lit(OPEN))
        .otherwise(pl.lit(AGREES))
    )
    return (
        day.accounts.join(before, on=ACCOUNT, how="left")
        .join(due, on=ACCOUNT, how="left")
        .join(_account_refs(day), on=ACCOUNT, how="left")
        .with_columns(
            account=pl.coalesce("external_ref", pl.col("account_id").cast(pl.String)),
            whose=_named("participant_id", names),
            counterparty=_named("counterparty_id", names),
            due_items=pl.col("matched_items") + pl.col("open_items").fill_null(0),
            state=state.cast(pl.Enum(STATE_ORDER)),
        )
        .sort("state", "breaks", *ACCOUNT, descending=[False, True, False, False])
        .cast({"state": pl.String})
        .drop("open_items", "external_ref")
    )


def _breaks(day: ReportDay, *, names: ReportNames) -> pl.DataFrame:
    classes = {name: names.classes.get(name, words(name)) for name in day.breaks["break_class"].unique()}
    late = (pl.col("due_date") < day.business_date) & ~pl.col("state").is_in(DONE_STATES)
    cases = day.cases.unique("ref", keep="last", maintain_order=True)
    return (
        day.breaks.join(cases, on="ref", how="left")
        .with_columns(
            pl.col("owner").str.replace_all("_", " ", literal=True).fill_null("nobody"),
            pl.col("state").fill_null("open"),
            account=pl.coalesce("external_ref", pl.col("account_id").cast(pl.String)),
            whose=_named("participant_id", names),
            counterparty=_named("counterparty_id", names),
            size_minor=pl.max_horizontal(pl.col("ledger_minor").abs(), pl.col("stated_minor").abs()),
            of_currency=pl.len().over("currency"),
            overdue=late.fill_null(value=False),
        )
        .with_columns(
            pl.col("break_class").replace_strict(classes, return_dtype=pl.String).alias("class")
        )
        .sort(
            "of_currency",
            "currency",
            pl.col("difference_minor").abs(),
            "size_minor",
            "ref",
            descending=[True, False, True, True, False],
            nulls_last=True,
        )
        .drop("of_currency")
    )


def _passes(day: ReportDay, *, accounts: pl.DataFrame, names: ReportNames) -> pl.DataFrame:
    """Per account and pass: matched ledger items, their turnover, and what was due on the account."""
    order = {name: place for place, name in enumerate(names.passes)}
    known = {name: names.passes.get(name, words(name)) for name in day.matches["pass_id"].unique()}
    return (
        day.matches.group_by(*ACCOUNT, "currency", "pass_id")
        .agg(
            matched=pl.col("version").drop_nulls().n_unique().cast(pl.Int64),
            ledger_minor=pl.col("ledger_minor").cast(pl.Int128).abs().sum(),
        )
        .join(accounts.select(*ACCOUNT, "account", "whose", "due_items"), on=ACCOUNT, how="left")
        .with_columns(
            pl.col("pass_id").replace_strict(known, return_dtype=pl.String).alias("pass"),
            place=pl.col("pass_id").replace_strict(order, default=len(order), return_dtype=pl.Int64),
            due_items=pl.col("due_items").fill_null(pl.col("matched")),
            account=pl.col("account").fill_null(pl.col("account_id").cast(pl.String)),
            whose=pl.col("whose").fill_null("unknown"),
        )
        .sort(*ACCOUNT, "currency", "place", "pass_id")
    )


def _proposals(day: ReportDay, *, accounts: pl.DataFrame, names: ReportNames) -> pl.DataFrame:
    known = {name: names.passes.get(name, words(name)) for name in day.proposals["pass_id"].unique()}
    return (
        day.proposals.join(accounts.select(*ACCOUNT, "account"), on=ACCOUNT, how="left")
        .with_columns(
            pl.col("pass_id").replace_strict(known, return_dtype=pl.String).alias("pass"),
            account=pl.col("account").fill_null(pl.col("account_id").cast(pl.String)),
        )
        .sort("ref", "side", "version", "statement_ref", nulls_last=True)
    )


def _ageing(breaks: pl.DataFrame) -> pl.DataFrame:
    """Per currency and age band: number, net, without sign, oldest; bands in their order."""
    difference = pl.col("difference_minor").cast(pl.Int128)
    return (
        banded(breaks)
        .group_by("currency", "age_band")
        .agg(
            breaks=pl.len().cast(pl.Int64),
            difference_minor=difference.sum(),
            absolute_minor=difference.abs().sum(),
            oldest=pl.col("first_seen").min(),
        )
        .with_columns(of_currency=pl.col("breaks").sum().over("currency"))
        .sort("of_currency", "currency", "age_band", descending=[True, False, False])
        .drop("of_currency")
    )
