"""How accounts, entries, balances and trial balances look at a terminal of 80 columns or more."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import polars as pl
from rich import box
from rich.markup import escape
from rich.table import Table

from ledger_service.ledger.balances import Balance
from ledger_service.ledger.chart import Side
from orchestration.cli.ledger_books import NamedAccount, Units, chart_line

WIDE = 110
"""Columns from which turnover fits beside balances."""


def side_name(side: Side) -> str:
    """As people say it."""
    return "debit" if side is Side.DEBIT else "credit"


def moment(at: datetime | None) -> str:
    """A time in UTC, with fractions where it has any."""
    if at is None:
        return "never"
    return f"{at:%Y-%m-%d %H:%M:%S}" + (f".{at.microsecond:06}" if at.microsecond else "")


def state(row: Mapping[str, Any]) -> str:
    """Whether an account is open."""
    if row["closed"]:
        return "closed"
    frozen = [side for side in ("debits", "credits") if row[f"{side}_frozen"]]
    return "open" if not frozen else "frozen" if len(frozen) == 2 else f"{frozen[0]} frozen"


def account_balance(account: NamedAccount) -> Balance:
    """The totals that stand in the account's row."""
    row = account.row
    totals = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
    return Balance(row["version"], None, *(row[name] for name in totals))


def accounts_table(accounts: Iterable[NamedAccount], units: Units) -> Table:
    """Accounts, each with its balance on its normal side."""
    table = _table("Accounts")
    table.add_column("account, line", overflow="fold", ratio=1)
    table.add_column("currency", no_wrap=True)
    for name in ("balance", "held"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("state")
    table.add_column("entries", justify="right", no_wrap=True)
    for account in accounts:
        balance = account_balance(account)
        table.add_row(
            f"{escape(account.ref)}\n[dim]{chart_line(account.row['chart_code'])}[/]",
            account.currency,
            units.shown(balance.posted(account.side), account.currency),
            _held(balance, account.currency, units),
            state(account.row),
            f"{balance.version:,}",
        )
    return table


def account_table(account: NamedAccount, parent: str | None, units: Units) -> Table:
    """All that an account is."""
    row, currency, balance = account.row, account.currency, account_balance(account)

    def limit(name: str) -> str:
        return "none" if row[name] is None else f"{units.shown(row[name], currency)} {currency}"

    line = f"{chart_line(row['chart_code'])} ({row['chart_code']}), grows on the"
    facts = {
        "id": f"{row['account_id']} in book {account.book_id}",
        "line of the chart": f"{line} {side_name(account.side)} side",
        "balance": f"{units.shown(balance.posted(account.side), currency)} {currency}",
        "debits, credits posted": _pair(balance.debits_posted, balance.credits_posted, currency, units),
        "debits, credits held": _pair(balance.debits_pending, balance.credits_pending, currency, units),
        "entries": f"{balance.version:,}",
        "debits may exceed credits by": limit("debit_limit"),
        "credits may exceed debits by": limit("credit_limit"),
        "state": state(row),
        "opened on": str(row["opened_on"]),
        "parent": parent,
        "counterparty": row["counterparty_id"],
        "holder": row["holder_name"],
        "party": " ".join(filter(None, (row["party_id"], row["party_kind"]))) or None,
    }
    return facts_table(f"Account {account.ref}", facts)


def revisions_table(revisions: pl.DataFrame, account: NamedAccount, units: Units) -> Table:
    """The terms that an account has had, each with its reason."""
    table = _table("Revisions")
    table.add_column("no.", justify="right")
    table.add_column("since (UTC)", no_wrap=True)
    table.add_column("state")
    for name in ("debit limit", "credit limit"):
        table.add_column(name, justify="right")
    table.add_column("reason", overflow="fold")
    for row in revisions.iter_rows(named=True):
        limits = (row["debit_limit"], row["credit_limit"])
        table.add_row(
            str(row["revision"]),
            moment(row["changed_at"].replace(microsecond=0)),
            state(row),
            *("none" if limit is None else units.shown(limit, account.currency) for limit in limits),
            escape(row["reason"]),
        )
    return table


def entries_table(title: str, entries: pl.DataFrame, account: NamedAccount, units: Units) -> Table:
    """Entries of an account (`history.ENTRY_ROW`), with the balance on its normal side after each."""
    table = _table(f"{title}, {account.currency}, balances on the {side_name(account.side)} side")
    table.add_column("booked at (UTC), transfer", no_wrap=True)
    table.add_column("kind, other account", overflow="fold", ratio=1)
    table.add_column("entry", justify="right")
    table.add_column("balance", justify="right", no_wrap=True)
    for row in entries.iter_rows(named=True):
        excess = row["debits_posted_after"] - row["credits_posted_after"]
        after = excess if account.side is Side.DEBIT else -excess
        table.add_row(
            f"{moment(row['booked_at'])}\n[dim]{row['transfer_id']}[/]",
            f"{escape(row['kind'])}\n{escape(row['other_external_ref'])}",
            _moved(row, account.currency, units),
            units.shown(after, account.currency),
        )
    return table


def balance_table(title: str, account: NamedAccount, balance: Balance, units: Units) -> Table:
    """The totals of an account at a time."""
    currency = account.currency
    on_side = f"balance on the {side_name(account.side)} side"
    facts = {
        on_side: f"{units.shown(balance.posted(account.side), currency)} {currency}",
        "debits, credits posted": _pair(balance.debits_posted, balance.credits_posted, currency, units),
        "debits, credits held": _pair(balance.debits_pending, balance.credits_pending, currency, units),
        "entries up to it": f"{balance.version:,}",
        "last of them booked at": f"{moment(balance.booked_at)}" + (" UTC" if balance.booked_at else ""),
    }
    return facts_table(title, facts)


def trial_table(currency: str, lines: pl.DataFrame, totals: Mapping[str, Any], units: Units) -> Table:
    """A currency of a trial balance: lines by group with subtotals, and the totals."""
    return _trial_table(currency, lines, totals, units, turnover=False)


def trial_table_with_turnover(
    currency: str, lines: pl.DataFrame, totals: Mapping[str, Any], units: Units
) -> Table:
    """The same with debits and credits posted: for terminals of `WIDE` columns."""
    return _trial_table(currency, lines, totals, units, turnover=True)


def _trial_table(
    currency: str, lines: pl.DataFrame, totals: Mapping[str, Any], units: Units, *, turnover: bool
) -> Table:
    amounts = ["debit_balance", "credit_balance"]
    amounts = ["debits_posted", "credits_posted", *amounts] if turnover else amounts
    table = _table(f"{currency}: debits {'equal' if totals['balanced'] else 'DO NOT EQUAL'} credits")
    table.add_column("line", no_wrap=True)
    table.add_column("accounts", justify="right")
    for name in amounts:
        table.add_column(name.replace("_", " "), justify="right", no_wrap=True)

    def row(name: str, frame: pl.DataFrame, style: str = "") -> None:
        sums = (int(frame[column].sum()) for column in amounts)
        cells = (units.shown(total, currency) for total in sums)
        table.add_row(name, f"{frame['accounts'].sum():,}", *cells, style=style)

    for (group,), of_group in lines.group_by("group", maintain_order=True):
        for line in of_group.iter_slices(1):
            row(f"{line['chart_code'][0]} {line['line'][0]}", line)
        row(f"{group}, total", of_group, "bold")
        table.add_section()
    row("all", lines, "bold" if totals["balanced"] else "bold red")
    return table


def facts_table(title: str, facts: Mapping[str, str | None]) -> Table:
    """Names and what they are; what is not there is left out."""
    table = Table(title=escape(title), title_justify="left", show_header=False, box=box.SIMPLE)
    table.add_column("what", style="dim")
    table.add_column("is", overflow="fold")
    for name, fact in facts.items():
        if fact is not None:
            table.add_row(name, escape(fact))
    return table


def _table(title: str) -> Table:
    return Table(title=escape(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)


def _pair(debits: int, credits: int, currency: str, units: Units) -> str:
    return f"{units.shown(debits, currency)}, {units.shown(credits, currency)}"


def _held(balance: Balance, currency: str, units: Units) -> str:
    held = (("debit", balance.debits_pending), ("credit", balance.credits_pending))
    return "\n".join(f"{side} {units.shown(minor, currency)}" for side, minor in held if minor)


def _moved(row: Mapping[str, Any], currency: str, units: Units) -> str:
    side, lines = side_name(Side(row["side"])), []
    if row["amount_minor"]:
        lines.append(f"{side} {units.shown(row['amount_minor'], currency)}")
    if row["pending_minor"]:
        what = "held" if row["pending_minor"] > 0 else "released"
        amount = units.shown(abs(row["pending_minor"]), currency)
        lines.append(f"{what} {amount}" if lines else f"{side} {what}\n{amount}")
    return "\n".join(lines) or f"{side} {units.shown(0, currency)}"
