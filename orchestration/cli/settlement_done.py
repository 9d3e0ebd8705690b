"""What people do about settlement: `propose`, `approve`, `refuse`, `set-cover`, `recast`, `suspend` ...

Each is one act in the ledger, with its reason. What cannot be is one sentence and exit status 2.
"""

from datetime import UTC, datetime

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

from ledger_service.payments.settlement.instruction_log import instruction, instructions
from ledger_service.payments.settlement.participants import Cover, TermsRefused
from ledger_service.payments.settlement.participants import set_cover as give_cover
from ledger_service.payments.settlement.recast import RecastRefused
from ledger_service.payments.settlement.recast import recast as give_back
from ledger_service.payments.settlement.repairs import (
    MakerIsChecker,
    Repair,
    RepairAction,
    RepairDecided,
    RepairLapsed,
    RepairNotFound,
    decide,
    propose,
    repairs,
)
from ledger_service.payments.settlement.scheme_book import (
    NotAParticipant,
    SchemeBook,
    resume,
    suspend,
)
from ledger_service.payments.settlement.windows import WindowInState, WindowState, window
from ledger_service.runtime.settings import SourceName
from orchestration.cli.ledger_books import Units, refuse
from orchestration.cli.settlement_books import Settlement, open_settlement, without_defaulter
from orchestration.cli.settlement_csv import minor
from orchestration.cli.settlement_shown import window_of
from orchestration.settlement_cycle import instruct_window


def propose_repair(
    *,
    source: SourceName | None,
    instruction_id: str,
    action: RepairAction,
    actor: str,
    reason: str,
    evidence: str | None,
) -> None:
    """Keep a proposal and print its id."""
    if action is RepairAction.CONFIRM and not evidence:
        refuse("confirm needs --evidence: the agent's reference, by which it can be found again")
    with open_settlement(source) as settlement:
        books = _book_of_instruction(settlement, instruction_id)
        try:
            repair_id = propose(
                settlement.connection,
                books,
                instruction_id=instruction_id,
                action=action,
                actor=actor,
                reason=reason,
                evidence=evidence,
                at=datetime.now(UTC),
            )
        except RepairLapsed as error:
            refuse(f"{error}: only a rejected instruction is repaired")
    Console(emoji=False).print(
        f"repair {repair_id} is proposed: another person decides it with "
        f"`wgi settlement approve {repair_id} --by ...`",
        soft_wrap=True,
    )


def decide_repair(*, source: SourceName | None, repair_id: str, actor: str, approved: bool) -> None:
    """Decide a proposal, carry it out, and print what became of the instruction."""
    with open_settlement(source) as settlement:
        books, known = _repair(settlement, repair_id)
        try:
            decide(
                settlement.connection,
                books,
                repair_id=known.repair_id,
                approved=approved,
                actor=actor,
                at=datetime.now(UTC),
            )
        except (MakerIsChecker, RepairDecided, RepairLapsed, RepairNotFound, RecastRefused) as error:
            refuse(str(error))
        found = instruction(settlement.connection, books, known.instruction_id)
        of = window(settlement.connection, books, found.window_number)
        if of.state == WindowState.RECAST:
            instruct_window(settlement.connection, books, of, at=datetime.now(UTC))
    said = "approved" if approved else "refused"
    Console(emoji=False).print(
        f"{said}: instruction {found.instruction_id} is {found.state}", soft_wrap=True
    )


def change_cover(
    *,
    source: SourceName | None,
    scheme_id: str,
    participant_id: str,
    currency: str,
    cap: str,
    collateral: str,
    haircut_basis_points: int,
    reason: str,
) -> None:
    """Give a participant its cover and print what it may owe."""
    with open_settlement(source) as settlement:
        books = settlement.book(scheme_id)
        cover = Cover(
            minor(settlement.units, cap, currency),
            minor(settlement.units, collateral, currency),
            haircut_basis_points,
        )
        try:
            give_cover(
                settlement.connection,
                books,
                participant_id=participant_id,
                currency=currency,
                cover=cover,
                reason=reason,
            )
        except (NotAParticipant, TermsRefused) as error:
            refuse(str(error))
        shown = settlement.units.shown(cover.limit_minor, currency)
    Console(emoji=False).print(f"{participant_id} may owe {shown} {currency} in {scheme_id}")


def recast_without(
    *, source: SourceName | None, scheme_id: str, number: int, defaulter_id: str, reason: str
) -> None:
    """Recast a window without a participant, instruct it again, and print who gets less or pays more."""
    now = datetime.now(UTC)
    with open_settlement(source) as settlement:
        books = settlement.book(scheme_id)
        found = window_of(settlement, books, number)
        analysis = without_defaulter(settlement, books, found, defaulter_id)
        excluded = analysis.excluded.select(
            "payment_id", reason=pl.format("{}: {}", "reason", pl.lit(reason))
        )
        try:
            again = give_back(settlement.connection, books, number=number, excluded=excluded, at=now)
        except (WindowInState, RecastRefused) as error:
            refuse(str(error))
        instruct_window(settlement.connection, books, again, at=now)
        in_units = settlement.units
    console = Console(emoji=False)
    console.print(f"{excluded.height:,} obligations of {defaulter_id} are given back ({reason})")
    console.print(_recast_table(analysis.positions, in_units))


def turn_scheme(
    *, source: SourceName | None, scheme_id: str, actor: str, reason: str, accepting: bool
) -> None:
    """Suspend or resume a scheme."""
    turn = resume if accepting else suspend
    with open_settlement(source) as settlement:
        books = settlement.book(scheme_id)
        turn(settlement.connection, books, actor=actor, reason=reason, at=datetime.now(UTC))
    Console(emoji=False).print(f"{scheme_id} is {'open' if accepting else 'suspended'}")


def _book_of_instruction(settlement: Settlement, instruction_id: str) -> SchemeBook:
    found = [
        books
        for books in settlement.books()
        if any(
            one.instruction_id == instruction_id for one in instructions(settlement.connection, books)
        )
    ]
    sentence = f"there is no settlement instruction {instruction_id}: `wgi settlement instructions`"
    return found[0] if found else refuse(sentence)


def _repair(settlement: Settlement, repair_id: str) -> tuple[SchemeBook, Repair]:
    found = [
        (books, known)
        for books in settlement.books()
        for known in repairs(settlement.connection, books)
        if known.repair_id == repair_id
    ]
    sentence = f"there is no repair {repair_id}: `wgi settlement repairs`"
    return found[0] if found else refuse(sentence)


def _recast_table(positions: pl.DataFrame, units: Units) -> Table:
    """Positions (`RECAST_POSITIONS_SCHEMA`) that the recast changes."""
    table = Table(title="Positions", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("participant", "currency"):
        table.add_column(name)
    amounts = ("before_minor", "after_minor", "difference_minor", "to_settle_minor")
    for name in ("before", "recast", "difference", "to settle"):
        table.add_column(name, justify="right", no_wrap=True)
    changed = positions.filter(pl.col("difference_minor") != 0).sort("currency", "participant_id")
    for row in changed.iter_rows(named=True):
        shown = (units.shown(row[name], row["currency"]) for name in amounts)
        table.add_row(row["participant_id"], row["currency"], *shown)
    return table
