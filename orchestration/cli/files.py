"""`wgi files`: read what a bank sent, write what a bank takes."""

from pathlib import Path
from typing import Annotated

import typer

files_app = typer.Typer(
    help="Bank files: recognise and read any, write payments in any.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@files_app.command()
def read(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders of files.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="One JSON array, an object a file.")] = False,
) -> None:
    """Recognise and read bank files; print what each is, holds and refuses.

    Per file: type, version, sender, accounts, records, totals by currency, balances and whether they
    follow from the entries, and each record that was refused, with its place, a code and a sentence.
    ISO 20022, SWIFT MT, NACHA, South African EFT, providers' reports and banks' CSV. Amounts in JSON
    are minor units, beside them decimals as text. Ends with status 1 when a file was refused whole.
    """
    from orchestration.cli.files_read import run

    run(paths=paths, as_json=json)


@files_app.command()
def write(
    batch: Annotated[
        Path, typer.Argument(metavar="BATCH", help="Payments: a .parquet or .csv file, see `columns`.")
    ],
    *,
    format: Annotated[str, typer.Option("--format", help="Such as pacs.008.001.08; see `formats`.")],
    out: Annotated[Path, typer.Option(metavar="FILE", dir_okay=False, help="The file, replaced.")],
    profile: Annotated[
        str | None, typer.Option(help="A bank's, country's or scheme's profile of the format.")
    ] = None,
    message_id: Annotated[
        str | None, typer.Option(help="Id of the file, at most 35 characters; default from its content.")
    ] = None,
    created_at: Annotated[
        str | None,
        typer.Option(
            help="ISO 8601; default noon UTC of the first execution date: the same bytes again."
        ),
    ] = None,
    sender: Annotated[
        str,
        typer.Option(help="NAME, or NAME:BIC, or NAME:BIC:CLEARING:MEMBER:ACCOUNT; parts may be empty."),
    ] = "Wekeza Global Infrastructure",
    receiver: Annotated[str, typer.Option(help="Likewise.")] = "Bank",
    sequence: Annotated[int, typer.Option(min=1, help="Number of the file on its date.")] = 1,
) -> None:
    """Render a batch of payments in a format, by a profile.

    Payments that the profile refuses, and texts that were altered to fit, are printed as tables, with
    row, field and reason. The others are written; the file appears when all of it is written. Ends
    with status 1 when nothing could be written, 2 when some payments were refused.
    """
    from orchestration.cli.files_write import run

    run(
        batch=batch,
        format_name=format,
        out=out,
        profile_name=profile,
        message_id=message_id,
        created_at=created_at,
        sender=sender,
        receiver=receiver,
        sequence=sequence,
    )


@files_app.command()
def columns() -> None:
    """List the columns of a payment batch, with their types and meaning."""
    from orchestration.cli.files_write import print_columns

    print_columns()


@files_app.command()
def formats() -> None:
    """List the formats that can be read, and those that can be written with their profiles."""
    from orchestration.cli.files_write import print_formats

    print_formats()
