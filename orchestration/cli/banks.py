"""`wgi banks`: what became of the files at banks, and what a person asks a bank or does about a file."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import SourceOption, day

banks_app = typer.Typer(
    help="Files at banks: their lives, and questions to a bank.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

BankArgument = Annotated[str, typer.Argument(metavar="BANK", help="Id of the bank's connection.")]
FileArgument = Annotated[str, typer.Argument(metavar="FILE", help="Message id of the file.")]
AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Of ours at the bank.")]


@banks_app.command()
def files(
    *,
    source: SourceOption = None,
    bank: Annotated[str | None, typer.Option(help="Of one bank.")] = None,
    state: Annotated[
        str | None, typer.Option(help="In one state: delivered, overdue, rejected, dead_letter ...")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the latest.")] = 50,
) -> None:
    """List files by bank with the state that they are in, since when, and why."""
    from orchestration.cli.banks_files import show_files

    show_files(source=source, bank=bank, state=state, limit=limit)


@banks_app.command()
def life(bank: BankArgument, file: FileArgument, *, source: SourceOption = None) -> None:
    """Show every event of one file."""
    from orchestration.cli.banks_files import show_life

    show_life(source=source, bank=bank, file_id=file)


@banks_app.command()
def again(
    bank: BankArgument,
    file: FileArgument,
    *,
    because: Annotated[str, typer.Option(help="Why it may go now; kept with the file.")],
    source: SourceOption = None,
) -> None:
    """Queue a dead letter again: it goes with the next exchange, if the bank does not have it."""
    from orchestration.cli.banks_files import queue_again

    queue_again(source=source, bank=bank, file_id=file, because=because)


@banks_app.command()
def balance(bank: BankArgument, account: AccountArgument, *, source: SourceOption = None) -> None:
    """Ask a bank of `WGI_BANKS` for the balance of an account now."""
    from orchestration.cli.banks_asking import ask_balance

    ask_balance(source=source, bank=bank, account=account)


@banks_app.command()
def statement(
    bank: BankArgument,
    account: AccountArgument,
    *,
    on: Annotated[str, typer.Option(metavar="DATE", help="Date of the statement.")],
    out: Annotated[
        Path, typer.Option(metavar="FILE", dir_okay=False, help="Where to put it, as it came.")
    ],
    source: SourceOption = None,
) -> None:
    """Fetch the statement of an account; `wgi files read` shows what it says."""
    from orchestration.cli.banks_asking import fetch_statement

    fetch_statement(source=source, bank=bank, account=account, on=day(on), out=out)


@banks_app.command()
def recall(
    bank: BankArgument,
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="A camt.056, as `wgi files write` makes it."),
    ],
    *,
    source: SourceOption = None,
) -> None:
    """Ask a bank for payments back; it answers in the next exchange."""
    from orchestration.cli.banks_asking import send_recall

    send_recall(source=source, bank=bank, path=file)
