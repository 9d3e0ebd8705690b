"""`wgi recon file`: an account against files about it, at a terminal."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ledger_service.runtime.settings import SourceName
from orchestration.cli.installation import choose
from orchestration.cli.ledger_books import Units, refuse
from orchestration.resources import exponents_on
from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, PAYMENTS
from pipelines.lake.store import Lake
from pipelines.reconciliation.account_files import (
    AROUND,
    AccountReconciled,
    NothingStated,
    period,
    reconcile_account,
)
from pipelines.reconciliation.rules import load_rules
from pipelines.reconciliation.stated_files import StatedAccount, read_stated_files

SHOWN = 30
"""Breaks and refusals printed, at most."""


def run(*, source: SourceName | None, paths: Sequence[Path], account: str, named: Sequence[str]) -> None:
    """Print what matches and what does not; exit status 1 when something does not."""
    participant, _, reference = account.partition("/")
    if not reference:
        refuse(f"{account} is no account: PARTICIPANT/REFERENCE, such as KE-B01/nostro:GB-P01:GBP")
    lake = Lake(choose(source).lake)
    if not (dates := lake.dates(ACCOUNTS)):
        refuse("no business date has been closed yet: `wgi day`")
    ours = (pl.col("participant_id") == participant) & (pl.col("external_ref") == reference)
    row = lake.scan(ACCOUNTS, dates[-1:]).filter(ours).collect()
    if row.is_empty():
        refuse(f"there is no account {account} on {dates[-1]}: `wgi ledger accounts {participant}`")
    meant = StatedAccount(
        participant=participant, account=reference, named=tuple(named), files=() if named else ("*",)
    )
    stated = read_stated_files({path.name: path for path in paths}, accounts=[meant])
    written = stated.statements["servicer_id"].len()
    found = period(stated)
    if found is None:
        refuse(f"nothing is stated: {'; '.join(stated.rejected['message'].head(3)) or 'no entries'}")
    near = [day for day in dates if found[0] - AROUND <= day <= found[1] + AROUND]
    keys = ["book_id", "account_id"]
    entries = lake.scan(ENTRIES, near).join(row.lazy().select(keys), on=keys, how="semi").collect()
    payments = lake.scan(PAYMENTS, near).join(entries.lazy(), on="payment_id", how="semi").collect()
    try:
        result = reconcile_account(
            account=row, entries=entries, payments=payments, statements=stated, rules=load_rules()
        )
    except NothingStated as error:
        refuse(str(error))
    units = Units(exponents_on(found[1]))
    _show(result, account=account, files=len(paths), statements=written, units=units)
    if result.breaks.height or result.refused.height:
        raise typer.Exit(1)


def _show(result: AccountReconciled, *, account: str, files: int, statements: int, units: Units) -> None:
    console = Console(emoji=False)
    matched = result.matches["statement_ref"].n_unique()
    answer = "Everything is there." if result.breaks.is_empty() else "Not everything is there."
    console.print(
        f"[bold]{answer}[/] {account}, {result.begin} to {result.end}: {matched:,} of "
        f"{result.stated_items:,} stated entries are matched, {result.breaks.height:,} breaks, "
        f"{result.proposals:,} proposals, {result.refused.height:,} records refused; "
        f"{files} files with {statements} statements, {result.ledger_items:,} entries of ours.",
        soft_wrap=True,
        highlight=False,
    )
    if result.matches.height:
        console.print(_by_pass(result.matches))
    if result.breaks.height:
        console.print(_breaks(result.breaks, units))
    for row in result.refused.head(SHOWN).iter_rows(named=True):
        place = f"{row['source_file']}, record {row['row']}" if row["row"] else row["source_file"]
        console.print(
            f"refused: {place}, {row['field']}: {row['message']} ({row['code']})", soft_wrap=True
        )


def _by_pass(matches: pl.DataFrame) -> Table:
    table = Table(title="Matched", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("pass")
    table.add_column("stated entries", justify="right")
    counts = matches.group_by("pass_id", maintain_order=True).agg(pl.col("statement_ref").n_unique())
    for pass_id, count in counts.iter_rows():
        table.add_row(pass_id.replace("_", " "), f"{count:,}")
    return table


def _breaks(breaks: pl.DataFrame, units: Units) -> Table:
    title = f"Breaks, the largest of {breaks.height:,}" if breaks.height > SHOWN else "Breaks"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("class, where", overflow="fold", min_width=17)
    table.add_column("reference, value date", overflow="fold", ratio=1)
    for name in ("our books", "stated"):
        table.add_column(name, justify="right", no_wrap=True)
    largest = breaks.sort(pl.col("difference_minor").abs(), "ref", descending=[True, False]).head(SHOWN)
    for row in largest.iter_rows(named=True):
        currency = row["currency"]
        sides = [
            "" if row[side] is None else f"{units.shown(row[side], currency)} {currency}"
            for side in ("ledger_minor", "stated_minor")
        ]
        known = [row["end_to_end_id"], str(row["value_date"] or "")]
        where = row["statement_ref"] or f"entry {row['version']}"
        table.add_row(
            f"{row['break_class']}\n[dim]{escape(where)}[/]", "\n".join(filter(None, known)), *sides
        )
    return table
