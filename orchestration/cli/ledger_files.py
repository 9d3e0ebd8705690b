"""Files that the ledger's commands write: each appears whole or not at all."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ledger_service.ledger.archive_files import file_hash
from ledger_service.ledger.balances import archived_until
from ledger_service.ledger.history import BEGINNING, END
from ledger_service.ledger.trial_balance import GENERAL_LEDGER_ROW, general_ledger
from ledger_service.runtime.settings import SourceName
from orchestration.cli.ledger_books import NamedAccount, Units, open_books, refuse

_NOTHING_ARCHIVED = datetime(1970, 1, 1, tzinfo=UTC)
ISO_8601 = "%Y-%m-%dT%H:%M:%S%.6f%:z"


def export(
    *,
    source: SourceName | None,
    participant: str,
    out: Path,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """Write the general ledger of a book as CSV or Parquet, in minor units, frame by frame."""
    console = Console(emoji=False)
    if out.suffix not in {".csv", ".parquet"}:
        refuse(f"{out} is neither a .csv nor a .parquet file")
    if not out.absolute().parent.is_dir():
        refuse(f"there is no folder {out.absolute().parent}")
    with open_books(source) as books:
        book_id = books.book(participant)
        frames = general_ledger(
            books.connection, book_id=book_id, since=since or BEGINNING, until=until or END
        )
        row = books.connection.execute(
            "SELECT sequence FROM ledger.book_state WHERE book_id = %s", [book_id]
        ).fetchone()
        begun = archived_until(books.connection, book_id=book_id)
        write = _write_csv if out.suffix == ".csv" else _write_parquet
        with whole_file(out) as unfinished:
            rows = write(unfinished, _watched(console, frames, events=int(row[0]) if row else 0))
            digest = file_hash(unfinished)
    console.print(f"{rows:,} entries of {participant} written to {out}", soft_wrap=True)
    console.print(f"sha256 {digest}", soft_wrap=True, highlight=False)
    if begun > _NOTHING_ARCHIVED and (since or BEGINNING) < begun:
        console.print(
            f"Months before {begun:%Y-%m} are archived and not in it: `wgi ledger restore` them for a "
            "whole export.",
            soft_wrap=True,
        )


def write_statement(path: Path, entries: pl.DataFrame, account: NamedAccount, units: Units) -> None:
    """The entries of a statement as CSV, amounts in units of the account's currency."""
    amounts = [name for name in entries.columns if name.endswith(("_minor", "_after"))]

    def in_units(name: str) -> pl.Series:
        shown = [str(units.decimal(minor, account.currency)) for minor in entries[name]]
        return pl.Series(name.removesuffix("_minor"), shown, dtype=pl.String)

    columns = [in_units(name) if name in amounts else entries[name] for name in entries.columns]
    currency = pl.lit(account.currency).alias("currency")
    with whole_file(path) as unfinished:
        pl.DataFrame(columns).with_columns(currency).write_csv(unfinished, datetime_format=ISO_8601)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write what becomes `path` when all of it is written; on failure nothing is left."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _watched(console: Console, frames: Iterable[pl.DataFrame], *, events: int) -> Iterator[pl.DataFrame]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task, rows = progress.add_task("general ledger", total=events), 0
        for frame in frames:
            yield frame
            rows += frame.height
            described = f"{rows:,} entries"
            progress.update(task, completed=int(frame["sequence"][-1]), description=described)


def _write_csv(path: Path, frames: Iterable[pl.DataFrame]) -> int:
    rows = 0
    with path.open("wb") as file:
        pl.DataFrame(schema=GENERAL_LEDGER_ROW).write_csv(file)
        for frame in frames:
            frame.write_csv(file, include_header=False, datetime_format=ISO_8601)
            rows += frame.height
    return rows


def _write_parquet(path: Path, frames: Iterable[pl.DataFrame]) -> int:
    rows = 0
    schema = pl.DataFrame(schema=GENERAL_LEDGER_ROW).to_arrow().schema
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for frame in frames:
            writer.write_table(frame.to_arrow())
            rows += frame.height
    return rows
