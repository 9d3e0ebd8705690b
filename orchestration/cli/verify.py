"""`wgi ledger verify`."""

import typer
from rich.console import Console
from rich.table import Table

from ledger_service.ledger.verification import Difference, verify
from ledger_service.runtime.database import Database, Role
from ledger_service.runtime.settings import SourceName
from orchestration.cli.installation import choose
from orchestration.resources import open_platform


def run(*, source: SourceName | None) -> None:
    """Verify every book; exit status 1 when one row differs."""
    console = Console()
    settings = choose(source)
    report = Table(title=f"Ledger of {settings.source}")
    for name in ("book", "participant"):
        report.add_column(name)
    for name in ("transfers", "accounts", "blocks"):
        report.add_column(name, justify="right")
    report.add_column("verified")
    differences: list[Difference] = []
    with (
        open_platform(settings) as platform,
        platform.server.connect(Database.LEDGER, Role.CLOSE, autocommit=True) as connection,
        console.status("recomputing balances and seals") as status,
    ):
        for book in verify(connection):
            status.update(f"book {book.book_id} {book.participant_id}")
            differences += book.differences
            report.add_row(
                str(book.book_id),
                book.participant_id,
                f"{book.transfers:,}",
                f"{book.accounts:,}",
                f"{book.blocks:,}",
                "[red]differs" if book.differences else "[green]yes",
            )
    console.print(report)
    for difference in differences:
        place = f"book {difference.book_id}"
        place += f", transfer {difference.transfer_id}" if difference.transfer_id else ""
        place += f", account {difference.account_id}" if difference.account_id else ""
        console.print(f"[red]{difference.check}[/]: {place}: {difference.description}", soft_wrap=True)
    if differences:
        raise typer.Exit(1)
    console.print("Every balance and every seal follows from the transfers.")
