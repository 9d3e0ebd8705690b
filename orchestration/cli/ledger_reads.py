"""`wgi ledger accounts`, `account`, `transfers`, `balance`, `statement` and `trial-balance`."""

from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from pathlib import Path

import polars as pl
import typer
from rich.console import Console
from rich.table import Table

from ledger_service.ledger import balances, history, lookups
from ledger_service.ledger.chart import Side
from ledger_service.ledger.history import BEGINNING, END, Position
from ledger_service.ledger.trial_balance import trial_balance
from ledger_service.runtime.settings import SourceName
from orchestration.cli import ledger_tables as tables
from orchestration.cli.ledger_books import (
    Books,
    NamedAccount,
    chart_code,
    open_books,
    refuse,
)
from orchestration.cli.ledger_files import write_statement


def accounts(
    *,
    source: SourceName | None,
    participant: str | None,
    chart: str | None,
    currency: str | None,
    parent: str | None,
    limit: int,
    after: int | None,
) -> None:
    """Print a page of accounts, of one book or all."""
    console = Console(emoji=False)
    code = chart_code(chart) if chart else None
    with open_books(source) as books:
        above = books.account(parent) if parent else None
        if participant is None and above:
            participant = above.participant_id
        if participant is None and after is not None:
            refuse("--after is an account id of one book: name its PARTICIPANT too")
        chosen = {participant: books.book(participant)} if participant else books.by_participant
        if above and above.participant_id != participant:
            refuse(f"{above.ref} is not an account of {participant}")
        if currency and currency.upper() not in books.units.exponents:
            refuse(f"{currency} is not a currency of ISO 4217")

        def found() -> Iterator[NamedAccount]:
            for name, book_id in chosen.items():
                rows = lookups.query_accounts(
                    books.connection,
                    book_id=book_id,
                    chart_code=code,
                    currency=currency and currency.upper(),
                    parent_account_id=above.account_id if above else None,
                    after=after or 0,
                    limit=limit + 1,
                )
                yield from (NamedAccount(name, book_id, row) for row in rows.iter_rows(named=True))

        page = list(islice(found(), limit + 1))
        console.print(tables.accounts_table(page[:limit], books.units))
    if not page:
        console.print("No account is like that.")
    elif len(page) > limit:
        last, following = page[limit - 1], page[limit]
        begin = last.account_id if last.book_id == following.book_id else 0
        console.print(
            f"There are more: go on with PARTICIPANT {following.participant_id} --after {begin}"
        )


def account(*, source: SourceName | None, ref: str) -> None:
    """Print everything of one account."""
    console = Console(emoji=False)
    with open_books(source) as books:
        found = books.account(ref)
        parent_id = found.row["parent_account_id"]
        parents = [parent_id] if parent_id is not None else []
        above = lookups.lookup_accounts(books.connection, book_id=found.book_id, account_ids=parents)
        parent = f"{found.participant_id}/{above['external_ref'][0]}" if above.height else None
        console.print(tables.account_table(found, parent, books.units))
        revisions = lookups.account_revisions(
            books.connection, book_id=found.book_id, account_id=found.account_id
        )
        console.print(tables.revisions_table(revisions, found, books.units))
        children = lookups.query_accounts(
            books.connection, book_id=found.book_id, parent_account_id=found.account_id
        )
        if children.height:
            below = (
                NamedAccount(found.participant_id, found.book_id, row)
                for row in children.iter_rows(named=True)
            )
            console.print("Accounts whose balances roll up into it:")
            console.print(tables.accounts_table(below, books.units))


def transfers(
    *,
    source: SourceName | None,
    ref: str,
    since: datetime | None,
    until: datetime | None,
    side: Side | None,
    kind: str | None,
    newest_first: bool,
    limit: int,
    after: str | None,
) -> None:
    """Print a page of an account's entries and where the next one begins."""
    console = Console(emoji=False)
    position = parse_cursor(after) if after else None
    _in_order(since, until)
    with open_books(source) as books:
        found = books.account(ref)
        page = history.query_transfers(
            books.connection,
            book_id=found.book_id,
            account_id=found.account_id,
            since=since or BEGINNING,
            until=until or END,
            side=side,
            kind=kind,
            descending=newest_first,
            after=position,
            limit=limit + 1,
        )
        shown = page.head(limit)
        console.print(tables.entries_table(f"Entries of {found.ref}", shown, found, books.units))
    if page.is_empty():
        console.print("No entry is like that.")
    if page.height > limit:
        last = Position.of_last(shown)
        console.print(f"There are more: --after {cursor(last)}" if last else "", soft_wrap=True)


def balance(
    *,
    source: SourceName | None,
    ref: str,
    at: datetime | None,
    value_date: date | None,
    with_children: bool,
) -> None:
    """Print the balance of an account at a time."""
    console = Console(emoji=False)
    if value_date and with_children:
        refuse("a balance is either that of a --value-date or one --with-children, not both")
    known_at = at or END
    with open_books(source) as books:
        found = books.account(ref)
        named = {"book_id": found.book_id, "account_id": found.account_id}
        title = f"Balance of {found.ref}" + (f" at {tables.moment(at)} UTC" if at else "")
        if value_date:
            title += f", valued up to {value_date}"
            totals = balances.balance_valued(
                books.connection, **named, value_date=value_date, known_at=known_at
            )
        elif with_children:
            title += ", with the accounts below it"
            totals = balances.balance_with_children(books.connection, **named, at=known_at)
        else:
            totals = balances.balance_at(books.connection, **named, at=known_at)
        console.print(tables.balance_table(title, found, totals, books.units))


def statement(
    *, source: SourceName | None, ref: str, since: datetime, until: datetime, csv: Path | None
) -> None:
    """Print an account's statement, its entries to a file if asked to; exit 1 if it does not add up."""
    console = Console(emoji=False)
    _in_order(since, until)
    if csv and not csv.absolute().parent.is_dir():
        refuse(f"there is no folder {csv.absolute().parent}")
    with open_books(source) as books:
        found = books.account(ref)
        try:
            stated = history.statement(
                books.connection,
                book_id=found.book_id,
                account_id=found.account_id,
                since=since,
                until=until,
            )
        except history.StatementBroken as error:
            console.print(f"[red]{error}[/]", soft_wrap=True)
            raise typer.Exit(1) from None
        if csv is None:
            title = f"Statement of {found.ref}"
            console.print(tables.entries_table(title, stated.entries, found, books.units))
        else:
            write_statement(csv, stated.entries, found, books.units)
            console.print(f"{stated.entries.height:,} entries written to {csv}", soft_wrap=True)
        console.print(_ends(books, found, stated))


def trial(*, source: SourceName | None, participant: str, at: datetime | None) -> None:
    """Print the trial balance of a book; exit 1 when debits do not equal credits in a currency."""
    console = Console(emoji=False)
    with open_books(source) as books:
        whole = trial_balance(books.connection, book_id=books.book(participant), at=at or END)
        lines, totals = whole.lines(), whole.totals()
        when = f" at {tables.moment(at)} UTC" if at else ""
        console.print(f"[bold]Trial balance of {participant}{when}[/]", highlight=False)
        wide = console.width >= tables.WIDE
        table = tables.trial_table_with_turnover if wide else tables.trial_table
        for total in totals.iter_rows(named=True):
            of_currency = lines.filter(currency=total["currency"])
            console.print(table(total["currency"], of_currency, total, books.units))
    broken = totals.filter(~pl.col("balanced"))["currency"].to_list()
    if broken:
        console.print(f"[red]Debits do not equal credits in {', '.join(broken)}.[/]")
        raise typer.Exit(1)
    currencies = ", ".join(totals["currency"])
    console.print(
        f"Debits equal credits in {currencies}." if currencies else "No entry was booked by then."
    )


def cursor(position: Position) -> str:
    """A position as the commands print it."""
    return f"{position.booked_at.isoformat()}/{position.version}"


def parse_cursor(text: str) -> Position:
    """The position that `cursor` printed."""
    booked_at, _, version = text.partition("/")
    try:
        at = datetime.fromisoformat(booked_at)
        if at.tzinfo is None:
            raise ValueError
        return Position(at, int(version))
    except ValueError:
        refuse(f"--after {text} is not the end of a page: copy what the page before printed")


def _ends(books: Books, found: NamedAccount, stated: history.Statement) -> Table:
    """Opening balance, sums of debits and credits, closing balance."""
    units, currency, entries = books.units, found.currency, stated.entries
    sums = {side: int(entries.filter(side=str(side))["amount_minor"].sum()) for side in Side}
    opened, ended = tables.moment(stated.since), tables.moment(stated.until)
    amounts = {
        f"opening balance, {opened} UTC": stated.opening.posted(found.side),
        "debits posted": sums[Side.DEBIT],
        "credits posted": sums[Side.CREDIT],
        f"closing balance, before {ended} UTC": stated.closing.posted(found.side),
    }
    facts = {name: f"{units.shown(minor, currency)} {currency}" for name, minor in amounts.items()}
    return tables.facts_table(
        f"Balance of {found.ref} on its {tables.side_name(found.side)} side", facts
    )


def _in_order(since: datetime | None, until: datetime | None) -> None:
    if since and until and since > until:
        refuse(f"--since {since.isoformat()} is after --until {until.isoformat()}")
