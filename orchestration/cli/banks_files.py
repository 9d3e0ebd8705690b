"""`wgi banks files`, `life` and `again`: the log of files at banks, read and added to by a person."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ledger_service.payments.bank_files import BankFileLife, BankFileLog, last_exchange_date
from ledger_service.runtime.database import Database, Role
from ledger_service.runtime.settings import SourceName
from orchestration.cli.installation import choose
from orchestration.cli.ledger_books import Units, refuse, units
from orchestration.cli.ledger_tables import WIDE, moment
from orchestration.resources import Platform, open_platform
from pipelines.settlement.banks.delivery import ALARMS, State, follows


def show_files(*, source: SourceName | None, bank: str | None, state: str | None, limit: int) -> None:
    """Print the latest files, each with its state."""
    if state is not None and state not in list(State):
        refuse(f"there is no state {state!r}: choose one of {', '.join(State)}")
    with _log(source) as (platform, log):
        ends = _ends(log.lives(bank_id=bank))
        in_units = units(platform)
    found = sorted(
        (end for end in ends if state is None or end.state == state),
        key=lambda end: end.at,
        reverse=True,
    )
    console = Console(emoji=False)
    if not found:
        what = "no file is known" if state is None else f"no file is {state}"
        console.print(f"{what}: `wgi day` brings the files of a business date to their banks")
        return
    console.print(_files_table(found[:limit], in_units, wide=console.width >= WIDE))
    if len(found) > limit:
        console.print(
            f"{len(found) - limit:,} earlier ones are not shown: raise --limit, or name a --state"
        )


def show_life(*, source: SourceName | None, bank: str, file_id: str) -> None:
    """Print the events of one file."""
    with _log(source) as (_, log):
        events = _known(log, bank, file_id)
    table = Table(title=escape(f"{file_id} at {bank}"), title_justify="left")
    for name in ("", "state", "at (UTC)", "why"):
        table.add_column(name, overflow="fold")
    for event in events:
        table.add_row(str(event.number), _state(event), moment(event.at), escape(event.detail or ""))
    Console(emoji=False).print(table)


def queue_again(*, source: SourceName | None, bank: str, file_id: str, because: str) -> None:
    """Add `queued` to the life of a dead letter."""
    with _log(source) as (_, log):
        last = _known(log, bank, file_id)[-1]
        if State(last.state) is not State.DEAD_LETTER or not follows(State(last.state), State.QUEUED):
            refuse(f"{file_id} at {bank} is {last.state}: only what was given up is queued again")
        log.add(
            bank,
            file_id,
            number=last.number + 1,
            state=State.QUEUED,
            at=datetime.now(UTC),
            detail=because,
        )
        day = log.exchange_date
    Console(emoji=False).print(
        f"{file_id} is queued: the next exchange takes it (`wgi day`, or asset bank_files of {day})"
    )


@contextmanager
def _log(source: SourceName | None) -> Iterator[tuple[Platform, BankFileLog]]:
    with (
        open_platform(choose(source)) as platform,
        platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection,
    ):
        day = last_exchange_date(connection) or date.min
        yield platform, BankFileLog(connection, exchange_date=day)


def _known(log: BankFileLog, bank: str, file_id: str) -> list[BankFileLife]:
    events = log.events(bank, file_id)
    if not events:
        refuse(f"no file {file_id!r} is known for bank {bank!r}: `wgi banks files` lists them")
    return events


def _ends(lives: Iterable[BankFileLife]) -> list[BankFileLife]:
    """The last event of each file."""
    return list({(life.file.bank_id, life.file.file_id): life for life in lives}.values())


def _state(event: BankFileLife) -> str:
    return f"[bold red]{event.state}[/]" if State(event.state) in ALARMS else event.state


def _files_table(ends: Iterable[BankFileLife], in_units: Units, *, wide: bool) -> Table:
    """One row a file; where there is room also when and why."""
    table = Table(title="Files at banks", title_justify="left")
    table.add_column("bank", overflow="fold")
    table.add_column("file", overflow="fold", min_width=30)
    table.add_column("total", justify="right", overflow="fold")
    table.add_column("state", no_wrap=True)
    for name in ("payments", "since (UTC)", "why") if wide else ():
        table.add_column(name, overflow="fold")
    for end in ends:
        file = end.file
        row = (
            escape(file.bank_id),
            escape(file.file_id),
            f"{in_units.shown(file.total_minor, file.currency)} {file.currency}",
            _state(end),
        )
        more = (f"{file.payments:,}", moment(end.at), escape(end.detail or ""))
        table.add_row(*row, *(more if wide else ()))
    return table
