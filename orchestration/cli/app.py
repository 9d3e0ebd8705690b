"""The commands and their help; each command's work is in the module of its name."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ledger_service.runtime.logging import configure_logging
from ledger_service.runtime.settings import Settings, SourceName
from orchestration.cli.audit import audit_app
from orchestration.cli.banks import banks_app
from orchestration.cli.clients import clients_app
from orchestration.cli.files import files_app
from orchestration.cli.ledger import ledger_app
from orchestration.cli.options import SourceOption
from orchestration.cli.people import people_app
from orchestration.cli.recon import recon_app
from orchestration.cli.settlement import settlement_app

app = typer.Typer(
    help="Wekeza Global Infrastructure: many banks, many currencies, one set of books.\n\n"
    "Start with `wgi day`: it starts PostgreSQL, books a business day, closes it and everything "
    "that follows from it, and shows what came out. Everything lies below `.wgi/<source>/`; every "
    "setting is an environment variable with prefix WGI_.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(ledger_app, name="ledger")
app.add_typer(files_app, name="files")
app.add_typer(banks_app, name="banks")
app.add_typer(settlement_app, name="settlement")
app.add_typer(recon_app, name="recon")
app.add_typer(clients_app, name="clients")
app.add_typer(people_app, name="people")
app.add_typer(audit_app, name="audit")


@app.callback()
def prepare() -> None:
    """Set up logging for every command."""
    configure_logging(Settings())


@app.command()
def day(
    *,
    date: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Business date. Simulated: the last of the days generated (default 2025-06-30). "
            "Berka: the last of the dates closed (default: all 15 months).",
        ),
    ] = None,
    source: Annotated[
        SourceName,
        typer.Option(help="Where the input comes from: a simulated economy, or a real bank's books."),
    ] = SourceName.SIMULATED,
    data: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Folder of input files. Simulated: import format (participants.csv, accounts.csv, "
            "instructions/<date>.csv, statements/<date>/*.xml), generated when not given. Berka: the "
            "folder of the .asc files or its parent.",
        ),
    ] = None,
    customers: Annotated[int, typer.Option(min=1, help="Simulated: customers of the economy.")] = 1000,
    days: Annotated[int, typer.Option(min=1, max=366, help="Simulated: days up to the date.")] = 1,
    seed: Annotated[int, typer.Option(help="Simulated: the same seed gives the same bytes.")] = 1,
) -> None:
    """Run the business day(s) end to end and show what came out.

    Starts or finds PostgreSQL, migrates, books the input, closes each date through Dagster (the same
    assets, checks and partitions that the UI shows), builds the warehouse. Running it again changes
    nothing and says so; a day that failed in the middle is resumed by running it again.
    """
    from orchestration.cli.day import run

    run(
        source=source,
        data=data,
        until=date.date() if date else None,
        customers=customers,
        days=days,
        seed=seed,
    )


@app.command()
def up(
    source: SourceOption = None,
    *,
    api_port: Annotated[int, typer.Option(help="Port of the API; 0 takes a free one.")] = 8000,
    ui_port: Annotated[int, typer.Option(help="Port of the Dagster UI; 0 takes a free one.")] = 3000,
) -> None:
    """Run PostgreSQL, the API and the Dagster UI on loopback until Ctrl-C."""
    from orchestration.cli.up import run

    run(source=source, api_port=api_port, ui_port=ui_port)


@app.command()
def trace(
    ref: Annotated[str, typer.Argument(help="A ref as tables and reports show it, or its beginning.")],
    source: SourceOption = None,
    *,
    limit: Annotated[int, typer.Option(min=1, help="Ledger entries shown.")] = 50,
) -> None:
    """Walk from a derived figure down to the ledger entries behind it.

    REF names a net position (`net:...`), a settlement file or a transaction in it (`file:...`,
    `tx:...`), a break or match (`break:...`, `match:...`), an alert (`alert:...`), a cell of a return
    (`cell:...`), a feature (`feature:...`) or a score (`score:...`).
    """
    from orchestration.cli.trace import run

    run(ref=ref, source=source, limit=limit)


@app.command()
def bench(
    subjects: Annotated[
        list[str] | None, typer.Argument(help="Subjects, such as ledger or netting; default all.")
    ] = None,
) -> None:
    """Time the hot paths, each against a named reference in the same run, as a ratio."""
    from orchestration.cli.bench import run

    run(subjects=subjects or [])


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Run the whole test command: format, lint, types, import contracts, then every test.

    Further arguments go to pytest, for instance `wgi test tests/pipelines -k netting`.
    """
    from orchestration.cli.test import run

    run(arguments=context.args)


@app.command()
def reset(
    source: SourceOption = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete an installation: its databases, lake, files and reports. Asks first."""
    from orchestration.cli.reset import run

    run(source=source, yes=yes)
