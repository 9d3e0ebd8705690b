"""`wgi trace`: from a ref down to the immutable ledger entries behind it."""

import typer
from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.tree import Tree

from ledger_service.runtime.database import Database, Role
from ledger_service.runtime.settings import SourceName
from orchestration.cli.installation import choose
from orchestration.resources import Platform, open_platform
from orchestration.tracing import LedgerEntry, Traced, candidates, ledger_entries, trace


def run(*, ref: str, source: SourceName | None, limit: int) -> None:
    """Print the derived row, what it stands on, and its ledger entries; exit 1 when not found."""
    console = Console(emoji=False)
    settings = choose(source)
    with open_platform(settings) as platform:
        found = trace(platform.lake, ref)
        if found is None:
            _suggest(console, platform, ref)
            raise typer.Exit(1)
        with platform.server.connect(Database.LEDGER, Role.CLOSE, autocommit=True) as connection:
            entries = ledger_entries(connection, found.evidence, limit=limit)
    console.print(_tree(found))
    console.print(_entry_table(entries, total=found.entries, limit=limit))


def _suggest(console: Console, platform: Platform, ref: str) -> None:
    console.print(f"[red]nothing derived is called {ref}[/]", soft_wrap=True)
    near = candidates(platform.lake, ref)
    if near:
        console.print("refs that begin like it:")
        for other in near:
            console.print(f"  {other}", soft_wrap=True, highlight=False)


def _tree(found: Traced) -> Tree:
    tree = Tree(f"[bold]{found.ref}[/]  ({found.table})")
    for name, value in found.row.items():
        if value is not None and name != "ref":
            tree.add(f"{name}: {value}")
    below = tree.add(f"{found.entries:,} ledger entries in {found.evidence.height:,} runs")
    for run in found.evidence.head(20).iter_rows(named=True):
        below.add(
            f"book {run['book_id']} account {run['account_id']} entries "
            f"{run['version_from']}..{run['version_to']}"
        )
    return tree


def _entry_table(entries: list[LedgerEntry], *, total: int, limit: int) -> RichTable:
    title = "Ledger entries" + (f" (first {limit} of {total:,})" if total > limit else "")
    table = RichTable(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("account, transfer", overflow="fold")
    table.add_column("entry", justify="right", no_wrap=True)
    table.add_column("amount, minor units", justify="right", no_wrap=True)
    table.add_column("kind, booked at (UTC)", no_wrap=True)
    for entry in entries:
        table.add_row(
            f"book {entry.book_id} {entry.external_ref}\n[dim]{entry.transfer_id}[/]",
            str(entry.version),
            f"{'debit' if entry.side == 'D' else 'credit'} {entry.amount_minor:,}\n{entry.currency}",
            f"{entry.kind}\n{entry.booked_at:%Y-%m-%d %H:%M:%S}",
        )
    return table
