"""`wgi settlement`: windows, positions, instructions and what people do about them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ledger_service.payments.settlement.instruction_log import InstructionState
from ledger_service.payments.settlement.repairs import RepairAction
from orchestration.cli.options import SourceOption, day

settlement_app = typer.Typer(
    help="Settlement schemes: windows, positions, instructions to the agents, repairs.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


class QueueMode(StrEnum):
    """How payments that wait for liquidity are chosen."""

    FIFO = "fifo"
    """Nobody's payment settles before an earlier one of the same debtor."""
    VALUE = "value"
    """The most value, whichever payments that takes."""


SchemeArgument = Annotated[str, typer.Argument(metavar="SCHEME", help="Id of the scheme.")]
WindowArgument = Annotated[
    int, typer.Argument(metavar="NUMBER", min=1, help="Number of the window in its scheme.")
]
SchemeOption = Annotated[str | None, typer.Option(help="Of one scheme.")]
DateOption = Annotated[str | None, typer.Option(metavar="DATE", help="Of one business date.")]
LimitOption = Annotated[int, typer.Option(min=1, help="At most so many, the latest.")]
ByOption = Annotated[str, typer.Option(metavar="PERSON", help="Who does it; kept with it.")]
BecauseOption = Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with it.")]


@settlement_app.command()
def schemes(*, source: SourceOption = None) -> None:
    """List the schemes: how each settles, in which currencies, and the window that is open."""
    from orchestration.cli.settlement_shown import show_schemes

    show_schemes(source=source)


@settlement_app.command()
def windows(
    *,
    scheme: SchemeOption = None,
    date: DateOption = None,
    limit: LimitOption = 50,
    source: SourceOption = None,
) -> None:
    """List windows with their state, from open to settled."""
    from orchestration.cli.settlement_shown import show_windows

    show_windows(source=source, scheme_id=scheme, on=day(date) if date else None, limit=limit)


@settlement_app.command()
def positions(scheme: SchemeArgument, number: WindowArgument, *, source: SourceOption = None) -> None:
    """Show what each participant pays or receives in a window; of an open one, as it stands."""
    from orchestration.cli.settlement_shown import show_positions

    show_positions(source=source, scheme_id=scheme, number=number)


@settlement_app.command()
def cover(
    scheme: SchemeArgument,
    *,
    currency: Annotated[str | None, typer.Option(help="In one currency.")] = None,
    source: SourceOption = None,
) -> None:
    """Show each participant's position and how much more it may owe, by currency."""
    from orchestration.cli.settlement_shown import show_cover

    show_cover(source=source, scheme_id=scheme, currency=currency)


@settlement_app.command()
def instructions(
    *,
    scheme: SchemeOption = None,
    date: DateOption = None,
    state: Annotated[InstructionState | None, typer.Option(help="In one state.")] = None,
    limit: LimitOption = 50,
    source: SourceOption = None,
) -> None:
    """List instructions to the settlement agents: state, attempt, and why one was rejected."""
    from orchestration.cli.settlement_shown import show_instructions

    on = day(date) if date else None
    show_instructions(source=source, scheme_id=scheme, on=on, state=state, limit=limit)


@settlement_app.command()
def repairs(*, source: SourceOption = None) -> None:
    """List what waits for a person: instructions that are not tried again, and proposals about them."""
    from orchestration.cli.settlement_shown import show_repairs

    show_repairs(source=source)


@settlement_app.command()
def propose(
    instruction: Annotated[str, typer.Argument(metavar="INSTRUCTION", help="Its id.")],
    action: Annotated[
        RepairAction,
        typer.Argument(
            metavar="ACTION",
            help="**retry**: instruct it again. **confirm**: the agent settled it all the same. "
            "**cancel**: give its obligations back and net the window again.",
        ),
    ],
    *,
    by: ByOption,
    because: BecauseOption,
    evidence: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The agent's reference; **confirm** needs it.")
    ] = None,
    source: SourceOption = None,
) -> None:
    """Propose a repair of a rejected instruction; another person decides it."""
    from orchestration.cli.settlement_done import propose_repair

    propose_repair(
        source=source,
        instruction_id=instruction,
        action=action,
        actor=by,
        reason=because,
        evidence=evidence,
    )


@settlement_app.command()
def approve(
    repair: Annotated[str, typer.Argument(metavar="REPAIR", help="Its id.")],
    *,
    by: ByOption,
    source: SourceOption = None,
) -> None:
    """Approve a repair, which carries it out. Who proposed it cannot."""
    from orchestration.cli.settlement_done import decide_repair

    decide_repair(source=source, repair_id=repair, actor=by, approved=True)


@settlement_app.command()
def refuse(
    repair: Annotated[str, typer.Argument(metavar="REPAIR", help="Its id.")],
    *,
    by: ByOption,
    source: SourceOption = None,
) -> None:
    """Refuse a repair; the instruction stays as it is. Who proposed it cannot."""
    from orchestration.cli.settlement_done import decide_repair

    decide_repair(source=source, repair_id=repair, actor=by, approved=False)


@settlement_app.command("set-cover")
def set_cover(
    scheme: SchemeArgument,
    participant: Annotated[str, typer.Argument(metavar="PARTICIPANT", help="Its id.")],
    currency: Annotated[str, typer.Argument(metavar="CURRENCY", help="ISO 4217.")],
    *,
    cap: Annotated[str, typer.Option(metavar="AMOUNT", help="Net debit cap, in units.")],
    because: BecauseOption,
    collateral: Annotated[str, typer.Option(metavar="AMOUNT", help="Collateral, in units.")] = "0",
    haircut: Annotated[
        int, typer.Option(min=0, max=10_000, help="Off the collateral, in basis points.")
    ] = 0,
    source: SourceOption = None,
) -> None:
    """Let a participant owe up to a cap and its collateral after the haircut."""
    from orchestration.cli.settlement_done import change_cover

    change_cover(
        source=source,
        scheme_id=scheme,
        participant_id=participant,
        currency=currency,
        cap=cap,
        collateral=collateral,
        haircut_basis_points=haircut,
        reason=because,
    )


@settlement_app.command()
def recast(
    scheme: SchemeArgument,
    number: WindowArgument,
    *,
    without: Annotated[str, typer.Option(metavar="PARTICIPANT", help="Who does not pay.")],
    because: BecauseOption,
    source: SourceOption = None,
) -> None:
    """Give back a defaulter's obligations of a window, net it again, and show whom it changes."""
    from orchestration.cli.settlement_done import recast_without

    recast_without(source=source, scheme_id=scheme, number=number, defaulter_id=without, reason=because)


@settlement_app.command("share-loss")
def share_loss(
    scheme: SchemeArgument,
    number: WindowArgument,
    currency: Annotated[str, typer.Argument(metavar="CURRENCY", help="ISO 4217.")],
    *,
    of: Annotated[str, typer.Option(metavar="PARTICIPANT", help="Who does not pay.")],
    resources: Annotated[
        Path,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="CSV in units: participant_id, currency, collateral (after haircut), contribution.",
        ),
    ],
    own_funds: Annotated[
        str, typer.Option(metavar="AMOUNT", help="The operator's own, in units.")
    ] = "0",
    source: SourceOption = None,
) -> None:
    """Show who would bear a defaulter's debt if the window settled as it stands: layer by layer."""
    from orchestration.cli.settlement_loss import share_loss as share

    share(
        source=source,
        scheme_id=scheme,
        number=number,
        defaulter_id=of,
        currency=currency,
        resources=resources,
        own_funds=own_funds,
    )


@settlement_app.command("set-off")
def set_off(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help="CSV of debts in units: reference, debtor, creditor, currency, amount.",
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(metavar="FOLDER", file_okay=False, help="Where results go.")],
) -> None:
    """Clear the most of who owes whom, around rings of any length; nobody's net position changes.

    For invoices between firms as for debts between banks. The result is proven before it is written:
    balanced at each party, traced to each debt, and no other clearing clears more.
    """
    from orchestration.cli.settlement_set_off import clear_file

    clear_file(file, out=out)


@settlement_app.command()
def queue(
    payments: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            metavar="PAYMENTS",
            help="CSV in units: payment_id, debtor_id, creditor_id, amount; priority if it likes.",
        ),
    ],
    *,
    liquidity: Annotated[
        Path,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="CSV in units: participant_id, liquidity; net_debit_cap if it likes.",
        ),
    ],
    currency: Annotated[str, typer.Option(help="ISO 4217, of all amounts.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", file_okay=False, help="Where results go.")],
    mode: Annotated[
        QueueMode, typer.Option(help="**fifo**: nobody is overtaken. **value**: the most value.")
    ] = QueueMode.FIFO,
) -> None:
    """Choose which waiting payments settle together with the liquidity that is there.

    The result is proven before it is written: everybody within liquidity and cap, in FIFO order where
    that is asked for; of the most value, the bound that no choice passes is told.
    """
    from orchestration.cli.settlement_queue import settle_queue

    settle_queue(
        payments, liquidity=liquidity, currency=currency, by_value=mode is QueueMode.VALUE, out=out
    )


@settlement_app.command()
def suspend(
    scheme: SchemeArgument, *, by: ByOption, because: BecauseOption, source: SourceOption = None
) -> None:
    """Accept no obligation of a scheme until it is resumed."""
    from orchestration.cli.settlement_done import turn_scheme

    turn_scheme(source=source, scheme_id=scheme, actor=by, reason=because, accepting=False)


@settlement_app.command()
def resume(
    scheme: SchemeArgument, *, by: ByOption, because: BecauseOption, source: SourceOption = None
) -> None:
    """Accept obligations of a suspended scheme again."""
    from orchestration.cli.settlement_done import turn_scheme

    turn_scheme(source=source, scheme_id=scheme, actor=by, reason=because, accepting=True)
