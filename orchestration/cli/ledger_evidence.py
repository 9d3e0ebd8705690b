"""`wgi ledger prove`, `archive` and `restore`: what leaves the ledger with proof of where it stood."""

import shlex
import uuid
from datetime import UTC, date, datetime
from pathlib import Path

import typer
from rich.console import Console

from ledger_service.ledger import check_proof
from ledger_service.ledger.archive import Archive, ArchiveRefused, archive_month, restore_month
from ledger_service.ledger.lookups import lookup_transfers
from ledger_service.ledger.proofs import SealBroken, TransferNotSealed
from ledger_service.ledger.proofs import prove as prove_transfer
from ledger_service.runtime.database import Database, Role
from ledger_service.runtime.settings import PROJECT_ROOT, Settings, SourceName
from orchestration.cli.installation import choose
from orchestration.cli.ledger_books import Books, open_books, refuse
from orchestration.cli.ledger_files import whole_file
from orchestration.cli.ledger_tables import facts_table
from orchestration.resources import open_platform


def prove(*, source: SourceName | None, transfer_id: str, participant: str | None, out: Path) -> None:
    """Write the inclusion proof of a transfer; exit 1 when its block's seal is broken."""
    console = Console(emoji=False)
    try:
        named = str(uuid.UUID(transfer_id))
    except ValueError:
        refuse(f"{transfer_id} is not a transfer id: those are UUIDs")
    if not out.absolute().parent.is_dir():
        refuse(f"there is no folder {out.absolute().parent}")
    with open_books(source) as books:
        holder = _holder(books, named, participant)
        try:
            book_id = books.book(holder)
            proof = prove_transfer(books.connection, book_id=book_id, transfer_id=named)
        except TransferNotSealed as error:
            refuse(str(error))
        except SealBroken as error:
            console.print(f"[red]{error}[/]", soft_wrap=True)
            raise typer.Exit(1) from None
    with whole_file(out) as unfinished:
        unfinished.write_text(proof.to_json())
    last = proof.blocks[-1].height
    script = Path(check_proof.__file__).relative_to(PROJECT_ROOT)
    console.print(
        f"Proof that {named} is sealed in block {proof.blocks[0].height} of the book of {holder}:"
        f" {out}\n"
        f"Whoever has this file and the hash of block {last} checks it with:",
        soft_wrap=True,
        highlight=False,
    )
    command = f"python {script} {shlex.quote(str(out))} {proof.block_hash}"
    console.print(command, soft_wrap=True, highlight=False, markup=False)


def archive(*, source: SourceName | None, month: date, drop: bool, yes: bool) -> None:
    """Write a month to Parquet below the installation's folder and detach it from the journal."""
    console, settings = Console(emoji=False), choose(source)
    folder = _folder(settings, month)
    what = f"Take {month:%Y-%m} out of the journal of {settings.source} and keep it in {folder}"
    _confirm(console, what + (", dropping its tables" if drop else ""), yes=yes)
    with (
        open_platform(settings) as platform,
        platform.server.connect(Database.LEDGER, Role.OWNER, autocommit=True) as connection,
        console.status(f"archiving {month:%Y-%m}"),
    ):
        try:
            kept = archive_month(
                connection, month=month, folder=folder, archived_at=datetime.now(UTC), drop=drop
            )
        except ArchiveRefused as error:
            refuse(str(error))
    _print(console, "Archived", kept, folder)


def restore(*, source: SourceName | None, month: date, yes: bool) -> None:
    """Attach an archived month to the journal again."""
    console, settings = Console(emoji=False), choose(source)
    folder = _folder(settings, month)
    if not (folder / "manifest.json").exists():
        refuse(f"{month:%Y-%m} is not archived in {folder}")
    _confirm(console, f"Bring {month:%Y-%m} back into the journal of {settings.source}", yes=yes)
    with (
        open_platform(settings) as platform,
        platform.server.connect(Database.LEDGER, Role.OWNER, autocommit=True) as connection,
        console.status(f"restoring {month:%Y-%m}"),
    ):
        try:
            kept = restore_month(connection, month=month, folder=folder)
        except ArchiveRefused as error:
            refuse(str(error))
    _print(console, "Restored", kept, folder)


def _holder(books: Books, transfer_id: str, participant: str | None) -> str:
    """The participant in whose book a transfer stands."""
    chosen = {participant: books.book(participant)} if participant else books.by_participant
    holders = [
        name
        for name, book_id in chosen.items()
        if lookup_transfers(books.connection, book_id=book_id, transfer_ids=[transfer_id]).height
    ]
    if len(holders) > 1:
        refuse(f"several books have a transfer {transfer_id}: say --participant {' or '.join(holders)}")
    where = f"the book of {participant}" if participant else "no book"
    verb = "has no" if participant else "has a"
    return (
        holders[0] if holders else refuse(f"{where} {verb} transfer {transfer_id}; it may be archived")
    )


def _folder(settings: Settings, month: date) -> Path:
    return settings.root / "archive" / f"{month:%Y-%m}"


def _confirm(console: Console, what: str, *, yes: bool) -> None:
    if not yes and not typer.confirm(f"{what}?", default=False):
        console.print("Nothing was changed.")
        raise typer.Exit(1)


def _print(console: Console, done: str, archive: Archive, folder: Path) -> None:
    facts = {file.name: f"{file.rows:,} rows, sha256 {file.sha256}" for file in archive.files}
    transfers = sum(book.transfers for book in archive.books)
    facts["transfers"] = f"{transfers:,} of {len(archive.books)} books"
    console.print(facts_table(f"{done} {archive.month}: {folder}", facts))
