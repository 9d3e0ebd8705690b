"""The answer to "is everything there, and if not: what, how much, since when, whose?" in words.

Belongs here: the sentences that stand first in every format of the finance report.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.reconciliation.report_figures import NOT_STATED, UNEXPLAINED, Figures, by_currency
from pipelines.reconciliation.report_inputs import ReportNames, cut, percent

MOST_NAMED = 6
"""Classes, currencies, owners that an answer names; the tables below it have all."""

NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Verdict:
    """One sentence, whether all is well, and the four answers, each a question with its lines."""

    sentence: str
    well: bool
    answers: tuple[tuple[str, tuple[str, ...]], ...]


def verdict_of(figures: Figures, *, names: ReportNames) -> Verdict:
    """The verdict on a date; of a date without accounts, that there was nothing to reconcile."""
    accounts, breaks = figures.accounts, figures.breaks
    if accounts.is_empty() and breaks.is_empty() and figures.refused.is_empty():
        nothing = "Nothing was reconciled: no account has another side that states it."
        return Verdict(nothing, well=False, answers=())
    if figures.everything_is_there:
        return Verdict(_all_well(accounts), well=True, answers=())
    affected = breaks.select("book_id", "account_id").n_unique() if breaks.height else 0
    everywhere = _count(accounts.height, "account")
    parts = _beside_breaks(figures)
    if breaks.height:
        parts.insert(0, f"{_count(breaks.height, 'break')} open on {affected:,} of {everywhere}")
    return Verdict(
        f"Not everything is there: {', '.join(parts)}.",
        well=False,
        answers=(
            ("What?", _what(figures)),
            ("How much?", _how_much(breaks, names=names)),
            ("Since when?", _since_when(figures)),
            ("Whose?", _whose(breaks)),
        ),
    )


def match_line(figures: Figures) -> str:
    """`92.35 % matched: 314 of 340 items`, of all accounts together."""
    matched, due = (int(figures.accounts[name].sum()) for name in ("matched_items", "due_items"))
    if not due:
        return "no items to match"
    return f"{percent(matched, due)} matched: {matched:,} of {_count(due, 'item')}"


def _all_well(accounts: pl.DataFrame) -> str:
    matched = int(accounts["matched_items"].sum())
    everywhere = _count(accounts.height, "account")
    return f"Everything is there: {_count(matched, 'item')} matched on {everywhere}, nothing is open."


def _beside_breaks(figures: Figures) -> list[str]:
    """What is wrong beside breaks; unexplained differences first, as they should never be."""
    states = figures.accounts["state"]
    unexplained, silent = (int((states == state).sum()) for state in (UNEXPLAINED, NOT_STATED))
    parts = []
    if unexplained:
        parts.append(f"{_count(unexplained, 'account')} with an unexplained difference")
    if silent:
        parts.append(f"{_count(silent, 'account')} without a statement for this date")
    if figures.refused.height:
        parts.append(f"{_count(figures.refused.height, 'statement row')} refused")
    return parts


def _what(figures: Figures) -> tuple[str, ...]:
    lines = _largest(figures.breaks, "class") or tuple(_beside_breaks(figures))
    proposed = figures.proposals["ref"].n_unique()
    return (*lines, f"{_count(proposed, 'proposed match')} to decide") if proposed else lines


def _how_much(breaks: pl.DataFrame, *, names: ReportNames) -> tuple[str, ...]:
    sums = by_currency(breaks).filter(pl.col("absolute_minor") != 0)
    wanted = sums.head(MOST_NAMED).select("currency", "absolute_minor", "breaks")
    lines = [
        f"{currency} {names.amount(minor, currency)} in {_count(number, 'break')}"
        for currency, minor, number in wanted.iter_rows()
    ]
    if sums.height > MOST_NAMED:
        lines.append(f"{_count(sums.height - MOST_NAMED, 'more currency')}, in the tables below")
    agreeing = breaks.filter(pl.col("difference_minor") == 0).height
    if agreeing:
        lines.append(f"{_count(agreeing, 'break')} of equal amounts")
    return tuple(lines) or ("no amount differs",)


def _since_when(figures: Figures) -> tuple[str, ...]:
    breaks = figures.breaks
    if breaks.is_empty():
        return ("since this date",)
    oldest = breaks.select(pl.col("first_seen").min().cast(pl.String), pl.col("age_days").max()).row(0)
    new = breaks.filter(pl.col("age_days") == 0).height
    lines = [f"oldest: {oldest[0]} ({_count(oldest[1], 'day')})", f"{new:,} new on this date"]
    older = breaks.filter(pl.col("age_days") > 7).height
    if older:
        lines.append(f"{older:,} open for more than 7 days")
    overdue = int(breaks["overdue"].sum())
    if overdue:
        lines.append(f"{overdue:,} past their due date")
    return tuple(lines)


def _whose(breaks: pl.DataFrame) -> tuple[str, ...]:
    nobody = breaks["assignee"].null_count()
    lines = _largest(breaks, "owner")
    if 0 < nobody < breaks.height:
        return (*lines, f"{nobody:,} without a person")
    return lines or ("nobody's yet",)


def _largest(breaks: pl.DataFrame, column: str) -> tuple[str, ...]:
    counts = breaks.group_by(column).len().sort("len", column, descending=[True, False])
    lines = [
        f"{cut(name, length=NAME_LENGTH)}: {number:,}"
        for name, number in counts.head(MOST_NAMED).iter_rows()
    ]
    rest: Sequence[int] = counts["len"][MOST_NAMED:].to_list()
    if rest:
        lines.append(f"{sum(rest):,} more, in the tables below")
    return tuple(lines)


def _count(number: int, noun: str) -> str:
    if noun.endswith("cy"):
        plural = f"{noun[:-1]}ies"
    else:
        plural = f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
