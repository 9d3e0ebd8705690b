"""`wgi ledger verify`."""

import time
from collections.abc import Iterator, Mapping

import typer
from rich.console import Console
from rich.table import Table

from ledger_service.ledger.checkpoints import Checkpoint, read_checkpoints, write_checkpoints
from ledger_service.ledger.verification import (
    BookVerification,
    Difference,
    verify,
    verify_in_parallel,
)
from ledger_service.runtime.database import Database, Role, Server
from ledger_service.runtime.settings import SourceName
from orchestration.cli.installation import choose
from orchestration.resources import open_platform


def run(*, source: SourceName | None, processes: int, from_checkpoint: bool) -> None:
    """Verify every book; exit status 1 when one row differs.

    A run that finds no difference leaves checkpoints, where the next one may begin.
    """
    console = Console(emoji=False)
    settings = choose(source)
    folder = settings.root / "checkpoints"
    since = read_checkpoints(folder) if from_checkpoint else {}
    if from_checkpoint and not since:
        console.print("There is no checkpoint yet: everything is verified.")
    with open_platform(settings) as platform, console.status("recomputing balances and seals") as status:
        began, books = time.perf_counter(), []
        for book in _verified(platform.server, processes, since):
            books.append(book)
            status.update(f"after book {book.book_id} {book.participant_id}")
        seconds = time.perf_counter() - began
    console.print(_report(f"Ledger of {settings.source}", books))
    read = sum(book.transfers for book in books) - _before(books, since)
    console.print(
        f"{read:,} transfers read in {seconds:,.1f} s: {read / seconds:,.0f} transfers/s "
        f"({processes} {'process' if processes == 1 else 'processes'})",
        highlight=False,
    )
    differences = [difference for book in books for difference in book.differences]
    if differences:
        _print_differences(console, differences)
        raise typer.Exit(1)
    write_checkpoints(folder, (book.checkpoint for book in books if book.checkpoint))
    if from_checkpoint and since:
        console.print("Every balance and every seal since the checkpoints follows from the transfers.")
        console.print("What lies before them was not read again: a run without --from-checkpoint does.")
    else:
        console.print("Every balance and every seal follows from the transfers.")


def _verified(
    server: Server, processes: int, since: Mapping[int, Checkpoint]
) -> Iterator[BookVerification]:
    if processes > 1:
        yield from verify_in_parallel(server, processes=processes, since=since)
        return
    with server.connect(Database.LEDGER, Role.CLOSE, autocommit=True) as connection:
        yield from verify(connection, since=since)


def _before(books: list[BookVerification], since: Mapping[int, Checkpoint]) -> int:
    """Transfers that the checkpoints stand for; one of another epoch was passed over."""
    used = (
        since[book.book_id]
        for book in books
        if book.book_id in since
        and (book.checkpoint is None or book.checkpoint.epoch == since[book.book_id].epoch)
    )
    return sum(checkpoint.transfers for checkpoint in used)


def _report(title: str, books: list[BookVerification]) -> Table:
    report = Table(title=title)
    for name in ("book", "participant"):
        report.add_column(name)
    for name in ("transfers", "accounts", "blocks"):
        report.add_column(name, justify="right")
    report.add_column("verified")
    for book in books:
        report.add_row(
            str(book.book_id),
            book.participant_id,
            f"{book.transfers:,}",
            f"{book.accounts:,}",
            f"{book.blocks:,}",
            "[red]differs" if book.differences else "[green]yes",
        )
    return report


def _print_differences(console: Console, differences: list[Difference]) -> None:
    for difference in differences:
        place = f"book {difference.book_id}"
        place += f", transfer {difference.transfer_id}" if difference.transfer_id else ""
        place += f", account {difference.account_id}" if difference.account_id else ""
        console.print(f"[red]{difference.check}[/]: {place}: {difference.description}", soft_wrap=True)
