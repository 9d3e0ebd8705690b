"""`wgi recon`: breaks of reconciliation, whose they are, and what people do about them."""

from pathlib import Path
from typing import Annotated

import typer

from ledger_service.payments.break_cases.cases import CaseState
from orchestration.cli.options import SourceOption

recon_app = typer.Typer(
    help="Breaks of reconciliation: what is open, whose, since when, and what is done about it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

BreakArgument = Annotated[
    str, typer.Argument(metavar="BREAK", help="Ref of the break, or its beginning.")
]
ByOption = Annotated[str, typer.Option(metavar="PERSON", help="Who does it; kept with it.")]
BecauseOption = Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with it.")]


@recon_app.command("list")
def list_breaks(
    *,
    state: Annotated[
        CaseState | None, typer.Option(help="In one state; by default all that is not resolved.")
    ] = None,
    break_class: Annotated[
        str | None, typer.Option("--class", help="Of one class, such as missing_at_bank.")
    ] = None,
    owner: Annotated[str | None, typer.Option(help="Of one team or person.")] = None,
    participant: Annotated[str | None, typer.Option(help="In the books of one participant.")] = None,
    currency: Annotated[str | None, typer.Option(help="In one currency.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Past their due date.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    source: SourceOption = None,
) -> None:
    """List breaks, what is overdue first, then the largest."""
    from orchestration.cli.recon_shown import BreakFilter, show_breaks

    wanted = BreakFilter(state, break_class, owner, participant, currency, overdue)
    show_breaks(source=source, wanted=wanted, limit=limit)


@recon_app.command()
def explain(ref: BreakArgument, *, source: SourceOption = None) -> None:
    """Show one break: both sides, its life, and what to do next."""
    from orchestration.cli.recon_shown import show_break

    show_break(source=source, ref=ref)


@recon_app.command()
def file(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", exists=True, dir_okay=False, help="Whatever `wgi files read` reads."
        ),
    ],
    *,
    account: Annotated[
        str, typer.Option(metavar="PARTICIPANT/REFERENCE", help="The account that they are about.")
    ],
    named: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="What the files call it, where they are about others too."),
    ] = None,
    source: SourceOption = None,
) -> None:
    """Compare an account with statements, providers' reports or card files about it.

    Any account of the ledger, and any file: a wallet with a provider's report, card settlement with the
    network's file. The passes and classes are those of the close; nothing is written. Ends with status
    1 when something does not agree.
    """
    from orchestration.cli.recon_file import run

    run(source=source, paths=paths, account=account, named=named or [])


@recon_app.command()
def assign(
    ref: BreakArgument,
    *,
    to: Annotated[str, typer.Option(metavar="PERSON", help="Who has it from now on.")],
    by: ByOption,
    source: SourceOption = None,
) -> None:
    """Give a break to somebody."""
    from orchestration.cli.recon_done import assign_break

    assign_break(source=source, ref=ref, to=to, actor=by)


@recon_app.command()
def comment(
    ref: BreakArgument,
    words: Annotated[str, typer.Argument(metavar="WORDS", help="What is to be said.")],
    *,
    by: ByOption,
    source: SourceOption = None,
) -> None:
    """Say something about a break."""
    from orchestration.cli.recon_done import comment_break

    comment_break(source=source, ref=ref, words=words, actor=by)


@recon_app.command("write-off")
def write_off(
    ref: BreakArgument, *, by: ByOption, because: BecauseOption, source: SourceOption = None
) -> None:
    """Propose to write a break's difference off; another person decides."""
    from orchestration.cli.recon_done import propose

    propose(source=source, ref=ref, actor=by, words=because)


@recon_app.command()
def approve(ref: BreakArgument, *, by: ByOption, source: SourceOption = None) -> None:
    """Approve a write-off, which books it. Who proposed it cannot."""
    from orchestration.cli.recon_done import decide

    decide(source=source, ref=ref, actor=by, approved=True)


@recon_app.command()
def refuse(ref: BreakArgument, *, by: ByOption, source: SourceOption = None) -> None:
    """Refuse a write-off; the break stays open. Who proposed it cannot."""
    from orchestration.cli.recon_done import decide

    decide(source=source, ref=ref, actor=by, approved=False)


@recon_app.command()
def reopen(
    ref: BreakArgument, *, by: ByOption, because: BecauseOption, source: SourceOption = None
) -> None:
    """Doubt that a break is resolved."""
    from orchestration.cli.recon_done import reopen_break

    reopen_break(source=source, ref=ref, actor=by, words=because)
