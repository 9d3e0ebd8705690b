"""What people do about breaks: assign, comment, write off by two, reopen.

What cannot be is one sentence and exit status 2.
"""

from datetime import UTC, datetime

from rich.console import Console

from ledger_service.payments.break_cases.cases import CaseInState, assign, case, comment, reopen
from ledger_service.payments.break_cases.write_offs import (
    MakerIsChecker,
    WriteOffRefused,
    decide_write_off,
    propose_write_off,
)
from ledger_service.payments.settlement.transfers import TransferRefused
from ledger_service.runtime.settings import SourceName
from orchestration.cli.ledger_books import refuse
from orchestration.cli.recon_books import open_breaks


def assign_break(*, source: SourceName | None, ref: str, to: str, actor: str) -> None:
    """Give a break to somebody."""
    with open_breaks(source) as breaks:
        found = breaks.named(ref)
        assign(breaks.connection, break_ref=found.break_ref, to=to, actor=actor, at=datetime.now(UTC))
    Console(emoji=False).print(f"{found.break_ref} is with {to}", soft_wrap=True)


def comment_break(*, source: SourceName | None, ref: str, words: str, actor: str) -> None:
    """Say something about a break."""
    with open_breaks(source) as breaks:
        found = breaks.named(ref)
        comment(
            breaks.connection,
            break_ref=found.break_ref,
            words=words,
            actor=actor,
            at=datetime.now(UTC),
        )
    Console(emoji=False).print(f"kept with {found.break_ref}", soft_wrap=True)


def propose(*, source: SourceName | None, ref: str, actor: str, words: str) -> None:
    """Propose a write-off."""
    with open_breaks(source) as breaks:
        found = breaks.named(ref)
        try:
            propose_write_off(
                breaks.connection,
                break_ref=found.break_ref,
                actor=actor,
                words=words,
                at=datetime.now(UTC),
            )
        except (CaseInState, WriteOffRefused) as error:
            refuse(str(error))
        shown = f"{breaks.units.shown(found.difference_minor, found.currency)} {found.currency}"
    Console(emoji=False).print(
        f"writing {shown} off is proposed: another person decides it with "
        f"`wgi recon approve {found.break_ref} --by ...`",
        soft_wrap=True,
    )


def decide(*, source: SourceName | None, ref: str, actor: str, approved: bool) -> None:
    """Decide a write-off."""
    with open_breaks(source) as breaks:
        found = breaks.named(ref)
        try:
            decide_write_off(
                breaks.connection,
                break_ref=found.break_ref,
                approved=approved,
                actor=actor,
                at=datetime.now(UTC),
            )
        except (CaseInState, MakerIsChecker, TransferRefused, WriteOffRefused) as error:
            refuse(str(error))
        decided = case(breaks.connection, found.break_ref)
    transfer_id = decided.events[-1].transfer_id
    booked = f", booked as transfer {transfer_id}" if transfer_id else ""
    Console(emoji=False).print(
        f"{found.break_ref} is {decided.state.replace('_', ' ')}{booked}", soft_wrap=True
    )


def reopen_break(*, source: SourceName | None, ref: str, actor: str, words: str) -> None:
    """Reopen a break."""
    with open_breaks(source) as breaks:
        found = breaks.named(ref)
        try:
            reopen(
                breaks.connection,
                break_ref=found.break_ref,
                words=words,
                actor=actor,
                at=datetime.now(UTC),
            )
        except CaseInState as error:
            refuse(str(error))
    Console(emoji=False).print(f"{found.break_ref} is open again", soft_wrap=True)
