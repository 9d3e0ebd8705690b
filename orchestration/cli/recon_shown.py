"""`wgi recon list` and `explain`: breaks as people look at them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ledger_service.payments.break_cases.cases import Case, CaseState, cases
from ledger_service.runtime.settings import SourceName
from orchestration.cli.ledger_books import Units
from orchestration.cli.ledger_tables import WIDE, facts_table, moment
from orchestration.cli.recon_books import Breaks, open_breaks
from pipelines.reconciliation.rules import load_rules
from pipelines.reconciliation.tables import BREAKS


@dataclass(frozen=True, slots=True)
class BreakFilter:
    """Which breaks are wanted; what is None does not matter."""

    state: CaseState | None
    break_class: str | None
    owner: str | None
    participant: str | None
    currency: str | None
    overdue: bool

    def takes(self, one: Case, today: date) -> bool:
        """Whether a break is among them."""
        in_state = one.state == self.state if self.state else one.state != CaseState.RESOLVED
        return (
            in_state
            and self.break_class in {None, one.break_class}
            and self.owner in {None, one.owner, one.assignee}
            and self.participant in {None, one.participant_id}
            and self.currency in {None, one.currency}
            and (one.is_overdue(today) or not self.overdue)
        )


def show_breaks(*, source: SourceName | None, wanted: BreakFilter, limit: int) -> None:
    """Print breaks: what is overdue first, then the largest."""
    with open_breaks(source) as breaks:
        today = _today(breaks)
        known = cases(breaks.connection)
        in_units = breaks.units
    found = [one for one in known if wanted.takes(one, today)]
    console = Console(emoji=False)
    if not found:
        console.print("no break is like that" if known else "no break was ever found: `wgi day`")
        return
    found.sort(key=lambda one: (not one.is_overdue(today), -abs(one.difference_minor), one.break_ref))
    console.print(_breaks_table(found[:limit], in_units, today, wide=console.width >= WIDE))
    overdue = sum(one.is_overdue(today) for one in found)
    console.print(f"{len(found):,} breaks, {overdue:,} overdue on {today}")
    if len(found) > limit:
        console.print(f"{len(found) - limit:,} more are not shown: raise --limit, or name a --class")


def show_break(*, source: SourceName | None, ref: str) -> None:
    """Print one break with its life."""
    with open_breaks(source) as breaks:
        one = breaks.named(ref)
        last = _in_the_lake(breaks, one)
        today = _today(breaks)
        in_units = breaks.units

    def amount(minor: int | None) -> str | None:
        return None if minor is None else f"{in_units.shown(minor, one.currency)} {one.currency}"

    rules = {str(name): rule for name, rule in load_rules().classes.items()}
    rule = rules.get(one.break_class)
    late = ", overdue" if one.is_overdue(today) else ""
    facts = {
        "what": rule.title if rule else one.break_class,
        "state": one.state.replace("_", " "),
        "account": f"{one.participant_id}/{one.external_ref}"
        if one.external_ref
        else one.participant_id,
        "the other side": last.get("counterparty_id"),
        "our books say": amount(last.get("ledger_minor")),
        "it states": amount(last.get("stated_minor")),
        "difference": amount(one.difference_minor),
        "first seen": str(one.first_seen),
        "due": f"{one.due_on}{late}",
        "owner": one.owner.replace("_", " "),
        "assigned to": one.assignee,
        "payment": last.get("payment_id"),
        "statement": last.get("statement_ref"),
        "detail": last.get("detail"),
        "next": rule.next_step if rule and one.state == CaseState.OPEN else None,
    }
    console = Console(emoji=False)
    console.print(facts_table(one.break_ref, facts))
    console.print(_life_table(one, in_units))
    console.print(f"`wgi trace {one.break_ref}` walks to its ledger entries", soft_wrap=True)


def _in_the_lake(breaks: Breaks, one: Case) -> dict[str, Any]:
    """The row of the last close that has it."""
    lake = breaks.platform.lake
    for day in reversed(lake.dates(BREAKS)):
        rows = lake.scan(BREAKS, [day]).filter(pl.col("ref") == one.break_ref).collect()
        if rows.height:
            return rows.row(0, named=True)
    return {}


def _today(breaks: Breaks) -> date:
    """The date by which breaks are judged: the last that was reconciled."""
    dates = breaks.platform.lake.dates(BREAKS)
    return dates[-1] if dates else date.min


def _breaks_table(found: Iterable[Case], units: Units, today: date, *, wide: bool) -> Table:
    table = Table(title="Breaks", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("break", overflow="fold", min_width=22)
    table.add_column("class, account", overflow="fold", ratio=1)
    table.add_column("difference", justify="right", overflow="fold")
    table.add_column("due", no_wrap=True)
    table.add_column("whose, state", overflow="fold")
    if wide:
        table.add_column("first seen", no_wrap=True)
    for one in found:
        account = escape(one.external_ref or one.participant_id)
        whose = escape(one.assignee or one.owner.replace("_", " "))
        due = f"[bold red]{one.due_on}[/]" if one.is_overdue(today) else str(one.due_on)
        row = (
            one.break_ref,
            f"{one.break_class.replace('_', ' ')}\n[dim]{account}[/]",
            f"{units.shown(one.difference_minor, one.currency)} {one.currency}",
            due,
            f"{whose}\n[dim]{one.state.replace('_', ' ')}[/]",
        )
        table.add_row(*row, *((str(one.first_seen),) if wide else ()))
    return table


def _life_table(one: Case, units: Units) -> Table:
    table = Table(title="Its life", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("", "what", "by", "at (UTC)", ""):
        table.add_column(name, overflow="fold")
    for each in one.events:
        told = [
            f"to {each.assignee}" if each.assignee else None,
            None
            if each.difference_minor is None
            else f"{units.shown(each.difference_minor, one.currency)} {one.currency}",
            each.words,
            f"transfer {each.transfer_id}" if each.transfer_id else None,
        ]
        when = str(each.business_date) if each.business_date else moment(each.at)
        words = escape("; ".join(part for part in told if part))
        table.add_row(str(each.number), each.event.replace("_", " "), escape(each.actor), when, words)
    return table
