"""What there is of settlement: `schemes`, `windows`, `positions`, `cover`, `instructions`, `repairs`."""

from collections.abc import Iterable
from datetime import date, datetime

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ledger_service.ledger.lookups import lookup_accounts
from ledger_service.payments.settlement.instruction_log import (
    Instruction,
    InstructionState,
    instructions,
)
from ledger_service.payments.settlement.positions import kept_positions
from ledger_service.payments.settlement.repairs import Repair, repair_queue
from ledger_service.payments.settlement.repairs import repairs as repairs_of
from ledger_service.payments.settlement.scheme_book import (
    SchemeBook,
    positions_frame,
    scheme_accounts,
    suspended,
)
from ledger_service.payments.settlement.window_obligations import flows_of
from ledger_service.payments.settlement.windows import (
    Window,
    WindowNotFound,
    WindowState,
    current,
    window,
    windows,
)
from ledger_service.reference.schemes import Scheme
from ledger_service.runtime.settings import SourceName
from orchestration.cli.ledger_books import Units, refuse
from orchestration.cli.ledger_tables import WIDE, moment
from orchestration.cli.settlement_books import Settlement, on_date, open_settlement
from pipelines.netting.positions import net_flows

_NOTHING = "nothing was settled yet: `wgi day` settles a business date"
_GOOD = {WindowState.SETTLED, InstructionState.CONFIRMED}
_BAD = {WindowState.PARTLY_SETTLED, InstructionState.REJECTED}


def show_schemes(*, source: SourceName | None) -> None:
    """Print the schemes."""
    with open_settlement(source) as settlement:
        known = {books.scheme.id: books for books in settlement.books()}
        table = _table("Schemes")
        for name in ("scheme", "model", "currencies", "window that is open"):
            table.add_column(name, overflow="fold")
        for scheme in settlement.schemes():
            books = known.get(scheme.id)
            table.add_row(
                scheme.id,
                _model(scheme),
                " ".join(scheme.currencies),
                _open_window(settlement, books) if books else "",
            )
    Console(emoji=False).print(table)


def show_windows(
    *, source: SourceName | None, scheme_id: str | None, on: date | None, limit: int
) -> None:
    """Print windows, the latest first."""
    with open_settlement(source) as settlement:
        found = [
            (books, one)
            for books in settlement.books(scheme_id)
            for one in windows(settlement.connection, books, business_date=on)
        ]
    console = Console(emoji=False)
    if not found:
        console.print(_NOTHING if on is None else f"no window has the business date {on}")
        return
    found.sort(key=lambda pair: (pair[1].opened_at, pair[1].number), reverse=True)
    wide = console.width >= WIDE
    table = _table("Windows")
    for name in ("scheme", "no.", "window", "state"):
        table.add_column(name, overflow="fold")
    for name in ("date", "run", "opened (UTC)", "closed (UTC)", "events") if wide else ("date",):
        table.add_column(name, no_wrap=True)
    for books, one in found[:limit]:
        events = f"{one.event_from + 1}-{'' if one.event_to is None else one.event_to}"
        more = (str(one.run), moment(one.opened_at), _when(one.closed_at), events)
        table.add_row(
            books.scheme.id,
            str(one.number),
            one.window_id,
            _state(one.state),
            str(one.business_date),
            *(more if wide else ()),
        )
    console.print(table)
    _rest(console, len(found), limit)


def show_positions(*, source: SourceName | None, scheme_id: str, number: int) -> None:
    """Print the net positions of a window: kept ones, or what they would be now."""
    with open_settlement(source) as settlement:
        books = settlement.book(scheme_id)
        found = window_of(settlement, books, number)
        kept = kept_positions(settlement.connection, books, found)
        if not kept:
            flows = flows_of(settlement.connection, books, found)
            nets = net_flows(flows)[1].select("participant_id", "currency", "net_minor")
            rows = list(nets.iter_rows())
        else:
            rows = [tuple(position) for position in kept]
        in_units = settlement.units
    console = Console(emoji=False)
    if not rows:
        console.print(f"window {number} of {scheme_id} ({found.window_id}) has no obligations")
        return
    standing = "" if kept else ", as it stands now"
    table = _table(f"{found.window_id} of {found.business_date}, {found.state}{standing}")
    table.add_column("participant", no_wrap=True)
    table.add_column("currency")
    for name in ("pays", "receives"):
        table.add_column(name, justify="right", no_wrap=True)
    for currency in sorted({row[1] for row in rows}):
        of_currency = sorted((row for row in rows if row[1] == currency), key=lambda row: row[2])
        for participant_id, _, net in of_currency:
            shown = in_units.shown(abs(net), currency)
            table.add_row(participant_id, currency, *((shown, "") if net < 0 else ("", shown)))
        total = in_units.shown(sum(max(row[2], 0) for row in of_currency), currency)
        table.add_row("all", currency, total, total, style="bold", end_section=True)
    console.print(table)


def show_cover(*, source: SourceName | None, scheme_id: str, currency: str | None) -> None:
    """Print positions, limits and headroom."""
    with open_settlement(source) as settlement:
        books = settlement.book(scheme_id)
        known = positions_frame(books, scheme_accounts(settlement.connection, books))
        named = known if currency is None else known.filter(currency=currency)
        accounts = lookup_accounts(
            settlement.connection, book_id=books.book_id, account_ids=named["account_id"].to_list()
        )
        rows = named.join(accounts.drop("currency"), on="account_id").sort("currency", "participant_id")
        in_units = settlement.units
    table = _table(f"Cover in {scheme_id}")
    table.add_column("participant", no_wrap=True)
    table.add_column("currency")
    for name in ("position", "held", "may owe", "left"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows.iter_rows(named=True):
        position = row["credits_posted"] - row["debits_posted"]
        left = position - row["debits_pending"] + row["debit_limit"]
        amounts = (position, row["debits_pending"], row["debit_limit"], left)
        shown = (in_units.shown(amount, row["currency"]) for amount in amounts)
        table.add_row(row["participant_id"], row["currency"], *shown)
    Console(emoji=False).print(table)


def show_instructions(
    *,
    source: SourceName | None,
    scheme_id: str | None,
    on: date | None,
    state: InstructionState | None,
    limit: int,
) -> None:
    """Print instructions, the latest first."""
    with open_settlement(source) as settlement:
        found = [
            (of_window[one.window_number], one)
            for books in settlement.books(scheme_id)
            for of_window in [{each.number: each for each in windows(settlement.connection, books)}]
            for one in instructions(settlement.connection, books)
            if on_date(of_window[one.window_number].business_date, on) and state in {None, one.state}
        ]
        in_units = settlement.units
    console = Console(emoji=False)
    if not found:
        console.print("no instruction is like that" if on or state or scheme_id else _NOTHING)
        return
    found.sort(key=lambda pair: (pair[0].opened_at, pair[0].number, pair[1].at), reverse=True)
    console.print(
        instructions_table("Instructions", found[:limit], in_units, wide=console.width >= WIDE)
    )
    _rest(console, len(found), limit)


def show_repairs(*, source: SourceName | None) -> None:
    """Print the repair queue, and proposals that nobody has decided."""
    with open_settlement(source) as settlement:
        queue: list[tuple[Window, Instruction]] = []
        proposals: list[Repair] = []
        for books in settlement.books():
            of_window = {each.number: each for each in windows(settlement.connection, books)}
            queue += [
                (of_window[one.window_number], one) for one in repair_queue(settlement.connection, books)
            ]
            known = repairs_of(settlement.connection, books)
            proposals += [one for one in known if one.decision is None]
        in_units = settlement.units
    console = Console(emoji=False)
    if not queue and not proposals:
        console.print("nothing waits for a person")
        return
    if queue:
        console.print(instructions_table("To be repaired", queue, in_units, wide=console.width >= WIDE))
        console.print("`wgi settlement propose INSTRUCTION retry|confirm|cancel --by ... --because ...`")
    if proposals:
        console.print(_proposals_table(proposals))
        console.print("`wgi settlement approve REPAIR --by ...`, by another person, or `refuse`")


def window_of(settlement: Settlement, books: SchemeBook, number: int) -> Window:
    """A window of a scheme; one that is not there is refused."""
    try:
        return window(settlement.connection, books, number)
    except WindowNotFound as error:
        refuse(str(error))


def instructions_table(
    title: str, found: Iterable[tuple[Window, Instruction]], units: Units, *, wide: bool
) -> Table:
    """Instructions with their windows; where there is room also when."""
    table = _table(title)
    table.add_column("window, instruction", overflow="fold", min_width=36)
    table.add_column("participant", no_wrap=True)
    table.add_column("amount", justify="right", overflow="fold")
    table.add_column("state, why", overflow="fold", ratio=1)
    for name in ("attempt", "since (UTC)", "again at (UTC)") if wide else ():
        table.add_column(name, no_wrap=True)
    for of, one in found:
        pays = "pays" if one.direction == "pay_in" else "receives"
        why = " ".join(part for part in (one.code, one.reason) if part)
        more = (str(one.attempt), moment(one.at), _when(one.retry_at))
        table.add_row(
            f"{of.business_date} {of.window_id}\n[dim]{one.instruction_id}[/]",
            f"{one.participant_id}\n[dim]{pays}[/]",
            f"{units.shown(one.amount_minor, one.currency)} {one.currency}",
            _state(one.state) + (f"\n{escape(why)}" if why else ""),
            *(more if wide else ()),
        )
    return table


def _proposals_table(proposals: Iterable[Repair]) -> Table:
    table = _table("Proposals that nobody has decided")
    table.add_column("repair, instruction", overflow="fold", min_width=36)
    for name in ("action", "by", "because"):
        table.add_column(name, overflow="fold")
    for one in proposals:
        why = one.reason + (f" ({one.evidence})" if one.evidence else "")
        table.add_row(
            f"{one.repair_id}\n[dim]{one.instruction_id}[/]",
            one.action,
            escape(one.proposed_by),
            escape(why),
        )
    return table


def _model(scheme: Scheme) -> str:
    said = scheme.model.replace("_", " ")
    return f"{said}, {scheme.netting}" if scheme.netting else said


def _open_window(settlement: Settlement, books: SchemeBook) -> str:
    found = current(settlement.connection, books)
    said = f"{found.business_date} {found.window_id}" if found else ""
    return f"{said} SUSPENDED" if suspended(settlement.connection, books) else said


def _state(state: WindowState | InstructionState) -> str:
    said = state.replace("_", " ")
    if state in _GOOD:
        return f"[green]{said}[/]"
    return f"[bold red]{said}[/]" if state in _BAD else said


def _when(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"


def _rest(console: Console, found: int, limit: int) -> None:
    if found > limit:
        console.print(
            f"{found - limit:,} earlier ones are not shown: raise --limit, or name a --scheme or --date"
        )


def _table(title: str) -> Table:
    return Table(title=escape(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
