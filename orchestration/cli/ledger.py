"""The commands of `wgi ledger` and their help; their work is in the modules of their names."""

import os
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import SourceOption, day, instant, month

ledger_app = typer.Typer(
    help="The books themselves: look at them, export them, verify them, prove what they hold.\n\n"
    "An account is named PARTICIPANT/EXTERNAL_REF (`KE-B01/0012345`), or by its external ref where "
    "one book alone has it. Times are ISO 8601, in UTC unless they say otherwise; a date is its first "
    "moment. Amounts are in units of their currency. Commands end with status 2 when they are asked "
    "for what is not there, with 1 when a check fails.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


class SideName(StrEnum):
    """A side of an account, as people write it."""

    DEBIT = "debit"
    """The left one."""
    CREDIT = "credit"
    """The right one."""


RefArgument = Annotated[
    str,
    typer.Argument(metavar="REF", help="PARTICIPANT/EXTERNAL_REF, or an EXTERNAL_REF that is unique."),
]
ParticipantArgument = Annotated[str, typer.Argument(help="Whose book, such as KE-B01.")]
AtOption = Annotated[
    datetime | None,
    typer.Option(
        parser=instant, metavar="T", help="As the ledger stood then, by booking time; default now."
    ),
]
SinceOption = Annotated[
    datetime | None, typer.Option(parser=instant, metavar="T", help="Booked at or after this time.")
]
UntilOption = Annotated[
    datetime | None, typer.Option(parser=instant, metavar="T", help="Booked before this time.")
]
LimitOption = Annotated[int, typer.Option(min=1, max=9_999, help="Rows shown at most.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@ledger_app.command()
def accounts(
    participant: Annotated[
        str | None, typer.Argument(help="Whose book, such as KE-B01; default all.")
    ] = None,
    *,
    chart: Annotated[
        str | None,
        typer.Option(metavar="LINE", help="A line of the chart: its name or code (nostro, 2010)."),
    ] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217, such as KES.")] = None,
    parent: Annotated[
        str | None, typer.Option(metavar="REF", help="Accounts that roll up into this one.")
    ] = None,
    limit: LimitOption = 50,
    after: Annotated[
        int | None, typer.Option(min=0, metavar="ID", help="Where the page before ended.")
    ] = None,
    source: SourceOption = None,
) -> None:
    """List accounts: balance on the normal side, what is held, state, number of entries."""
    from orchestration.cli import ledger_reads

    ledger_reads.accounts(
        source=source,
        participant=participant,
        chart=chart,
        currency=currency,
        parent=parent,
        limit=limit,
        after=after,
    )


@ledger_app.command()
def account(ref: RefArgument, source: SourceOption = None) -> None:
    """Show everything of one account: totals, limits, revisions with their reasons, children."""
    from orchestration.cli import ledger_reads

    ledger_reads.account(source=source, ref=ref)


@ledger_app.command()
def transfers(
    ref: RefArgument,
    *,
    since: SinceOption = None,
    until: UntilOption = None,
    side: Annotated[SideName | None, typer.Option(help="Debits or credits alone.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="One kind of transfer, such as credit_transfer.")
    ] = None,
    newest_first: Annotated[bool, typer.Option("--newest-first", help="Last entry first.")] = False,
    limit: LimitOption = 20,
    after: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Where the page before ended, as it printed it.")
    ] = None,
    source: SourceOption = None,
) -> None:
    """List an account's entries page by page; new entries do not shift the pages."""
    from ledger_service.ledger.chart import Side
    from orchestration.cli import ledger_reads

    ledger_reads.transfers(
        source=source,
        ref=ref,
        since=since,
        until=until,
        side=Side[side.name] if side else None,
        kind=kind,
        newest_first=newest_first,
        limit=limit,
        after=after,
    )


@ledger_app.command()
def balance(
    ref: RefArgument,
    *,
    at: AtOption = None,
    value_date: Annotated[
        date | None,
        typer.Option(parser=day, metavar="D", help="Entries valued up to this date, known at --at."),
    ] = None,
    with_children: Annotated[
        bool, typer.Option("--with-children", help="Add the accounts that roll up into it.")
    ] = False,
    source: SourceOption = None,
) -> None:
    """Show the balance of an account: now, at any time, or of any value date."""
    from orchestration.cli import ledger_reads

    ledger_reads.balance(
        source=source, ref=ref, at=at, value_date=value_date, with_children=with_children
    )


@ledger_app.command()
def statement(
    ref: RefArgument,
    *,
    since: Annotated[
        datetime, typer.Option(parser=instant, metavar="T", help="Booked at or after this time.")
    ],
    until: Annotated[
        datetime, typer.Option(parser=instant, metavar="T", help="Booked before this time.")
    ],
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Write the entries here.")
    ] = None,
    source: SourceOption = None,
) -> None:
    """State an account between two times: opening and closing balance, the entries between."""
    from orchestration.cli import ledger_reads

    ledger_reads.statement(source=source, ref=ref, since=since, until=until, csv=csv)


@ledger_app.command(name="trial-balance")
def trial_balance(
    participant: ParticipantArgument, *, at: AtOption = None, source: SourceOption = None
) -> None:
    """Show the trial balance of a book: by currency, line and group; whether debits equal credits.

    Ends with status 1 when they do not in some currency.
    """
    from orchestration.cli import ledger_reads

    ledger_reads.trial(source=source, participant=participant, at=at)


@ledger_app.command()
def export(
    participant: ParticipantArgument,
    *,
    out: Annotated[
        Path, typer.Option(metavar="FILE", dir_okay=False, help="A .csv or a .parquet file, replaced.")
    ],
    since: SinceOption = None,
    until: UntilOption = None,
    source: SourceOption = None,
) -> None:
    """Write the general ledger of a book, in the order of its events; amounts in minor units.

    Streamed: a book of any size. The file appears when all of it is written.
    """
    from orchestration.cli import ledger_files

    ledger_files.export(source=source, participant=participant, out=out, since=since, until=until)


@ledger_app.command()
def verify(
    *,
    processes: Annotated[
        int, typer.Option(min=1, max=64, help="How many processes share the work.")
    ] = min(4, os.cpu_count() or 1),
    from_checkpoint: Annotated[
        bool,
        typer.Option("--from-checkpoint", help="Begin where the last run that found nothing ended."),
    ] = False,
    source: SourceOption = None,
) -> None:
    """Recompute every balance and seal from the transfers alone; name the first row that differs.

    A run that finds no difference leaves checkpoints in the installation's folder. Ends with status 1
    when a check differs.
    """
    from orchestration.cli.verify import run

    run(source=source, processes=processes, from_checkpoint=from_checkpoint)


@ledger_app.command()
def prove(
    transfer_id: Annotated[str, typer.Argument(help="As `wgi ledger transfers` shows it.")],
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", dir_okay=False, help="The proof, as JSON.")],
    participant: Annotated[
        str | None, typer.Option(help="Whose book, where several have a transfer of that id.")
    ] = None,
    source: SourceOption = None,
) -> None:
    """Prove to a third party that a transfer stands in the sealed ledger, and disclose no other.

    Prints the command that checks the proof: one script, which needs nothing of this platform.
    """
    from orchestration.cli import ledger_evidence

    ledger_evidence.prove(source=source, transfer_id=transfer_id, participant=participant, out=out)


MonthArgument = Annotated[
    date, typer.Argument(parser=month, metavar="MONTH", help="A month of transfer ids, such as 2025-06.")
]


@ledger_app.command()
def archive(
    month: MonthArgument,
    *,
    drop: Annotated[bool, typer.Option("--drop", help="Drop the detached tables too.")] = False,
    yes: YesOption = False,
    source: SourceOption = None,
) -> None:
    """Take an old month out of the journal into Parquet files, with proof. Asks first.

    The month must be sealed and closed, without open holds, and the oldest one left.
    """
    from orchestration.cli import ledger_evidence

    ledger_evidence.archive(source=source, month=month, drop=drop, yes=yes)


@ledger_app.command()
def restore(month: MonthArgument, *, yes: YesOption = False, source: SourceOption = None) -> None:
    """Bring an archived month back into the journal, the latest first. Asks first.

    Every transfer must be the one that was sealed.
    """
    from orchestration.cli import ledger_evidence

    ledger_evidence.restore(source=source, month=month, yes=yes)
