"""Retention: old months of the journal leave the database for Parquet, with proof, and can come back.

A month is that of the time in the transfers' ids, a partition of the journal. It is archived when all of
it is settled: sealed, closed, no hold open, no older month left. What stays in the database is enough to
verify every seal: blocks that are archived in part keep the hashes of what is gone. The accounts' totals
and numbers go on from where they were; verification begins with their first remaining entries.
"""

import json
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from ledger_service.ledger.archive_files import TABLES, file_hash, load_parquet, write_parquet
from ledger_service.ledger.leaves import leaf_hashes
from ledger_service.ledger.merkle import merkle_root
from ledger_service.ledger.sealing import Block, blocks

_FOLDER = Path(__file__).parent
_BLOCKS = (_FOLDER / "archive_blocks.sql").read_bytes()

Numbered = list[tuple[int, bytes]]
"""Leaves with their sequence."""


class ArchiveRefused(ValueError):
    """The month cannot be archived, or restored; the reason says what stands in the way."""

    def __init__(self, month: date, reason: str) -> None:
        self.month = month
        self.reason = reason
        super().__init__(f"{month:%Y-%m}: {reason}")


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """One file of an archive."""

    table: str
    name: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ArchivedBook:
    """What a month has of one book; block hashes in hexadecimal, by height."""

    book_id: int
    transfers: int
    first_sequence: int
    last_sequence: int
    block_hashes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Archive:
    """The manifest of an archived month (`manifest.json` beside the files)."""

    month: str
    files: tuple[ArchivedFile, ...]
    books: tuple[ArchivedBook, ...]


def archive_month(
    connection: psycopg.Connection,
    *,
    month: date,
    folder: Path,
    archived_at: datetime,
    drop: bool = False,
) -> Archive:
    """Write the month that begins on `month` to `folder`, and detach it; `drop` also drops the tables.

    On a connection of `Role.OWNER`; in one transaction, during which no book can be written. The files
    are loaded back and compared with the database row by row before anything is detached. Raises
    `ArchiveRefused`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with connection.transaction():
        connection.execute("LOCK TABLE ledger.book_state IN EXCLUSIVE MODE")
        _refuse(connection, month)
        files = []
        for table in TABLES:
            path = folder / f"{table}.parquet"
            rows = write_parquet(connection, table=table, partition=_named(table, month), path=path)
            files.append(ArchivedFile(table, path.name, rows, file_hash(path)))
        books = tuple(
            _archive_book(connection, book, month=month, archived_at=archived_at)
            for book in _books(connection, month)
        )
        _compare_files(connection, month, folder, tuple(files), books)
        for table in TABLES:
            _detach(connection, table, month, drop=drop)
        connection.execute(
            """UPDATE ledger.book_state SET id_floor = greatest(
                id_floor, ledger.first_id((%s::date + interval '1 month') AT TIME ZONE 'UTC'))""",
            [month],
        )
        archive = Archive(f"{month:%Y-%m}", tuple(files), books)
        (folder / "manifest.json").write_text(json.dumps(asdict(archive), indent=1) + "\n")
    return archive


def restore_month(connection: psycopg.Connection, *, month: date, folder: Path) -> Archive:
    """Attach an archived month again from its files, the latest first; returns its manifest.

    On a connection of `Role.OWNER`, in one transaction. Every transfer must be the one that was sealed:
    raises `ArchiveRefused` where a file or a leaf differs.
    """
    stored: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    archive = Archive(
        stored["month"],
        tuple(ArchivedFile(**file) for file in stored["files"]),
        tuple(ArchivedBook(**book) for book in stored["books"]),
    )
    with connection.transaction():
        connection.execute("LOCK TABLE ledger.book_state IN EXCLUSIVE MODE")
        _refuse_restoring(connection, month, folder, archive)
        for file in archive.files:
            name = _named(file.table, month)
            left = sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier("ledger", name))
            connection.execute(left)
            rows = load_parquet(connection, table=file.table, into=name, path=folder / file.name)
            if rows != file.rows:
                raise ArchiveRefused(month, f"{file.name} has {rows} rows, not {file.rows}")
        for book in archive.books:
            _compare_seals(connection, month, book)
        for table in TABLES:
            _attach(connection, table, month)
        for table in ("archive_block", "archive"):
            _forget(connection, sql.Identifier("ledger", table), month)
        connection.execute((_FOLDER / "lower_id_floor.sql").read_bytes())
    return archive


def _named(table: str, month: date) -> str:
    return f"{table}_{month:%Y_%m}"


def _formatted(connection: psycopg.Connection, name: str, month: date) -> list[tuple[Any, ...]]:
    """The rows of a statement on the partitions of a month."""
    parts = {table: sql.Identifier(_named(table, month)) for table in TABLES}
    statement = sql.SQL((_FOLDER / f"{name}.sql").read_text()).format(**parts)
    return connection.execute(statement, {}).fetchall()


def _attached(connection: psycopg.Connection) -> list[date]:
    statement = (_FOLDER / "attached_months.sql").read_bytes()
    return [month for (month,) in connection.execute(statement)]


def _refuse(connection: psycopg.Connection, month: date) -> None:
    attached = _attached(connection)
    if month not in attached:
        raise ArchiveRefused(month, "the journal has no such partition")
    for older in attached[: attached.index(month)]:
        if _formatted(connection, "archive_ranges", older):
            raise ArchiveRefused(month, f"{older:%Y-%m} is older and comes first")
    for (reason,) in _formatted(connection, "archive_refusal", month):
        raise ArchiveRefused(month, reason)


def _refuse_restoring(
    connection: psycopg.Connection, month: date, folder: Path, archive: Archive
) -> None:
    if archive.month != f"{month:%Y-%m}":
        raise ArchiveRefused(month, f"the folder holds {archive.month}")
    if month in _attached(connection):
        raise ArchiveRefused(month, "it is attached")
    later = connection.execute("SELECT month FROM ledger.archive WHERE month > %s", [month]).fetchone()
    if later:
        raise ArchiveRefused(month, f"{later[0]:%Y-%m} is later and comes first")
    for file in archive.files:
        if file_hash(folder / file.name) != file.sha256:
            raise ArchiveRefused(month, f"{file.name} is not the file that was written")


def _books(connection: psycopg.Connection, month: date) -> list[ArchivedBook]:
    """What the month has of each book; without block hashes."""
    return [
        ArchivedBook(book_id, transfers, first, last, {})
        for book_id, transfers, first, last in _formatted(connection, "archive_ranges", month)
    ]


def _archive_book(
    connection: psycopg.Connection, book: ArchivedBook, *, month: date, archived_at: datetime
) -> ArchivedBook:
    """Keep what verification needs of a book's part of the month."""
    values = [book.book_id, month, book.transfers, book.first_sequence, book.last_sequence]
    connection.execute(
        "INSERT INTO ledger.archive VALUES (%s, %s, %s, %s, %s, %s)", [*values, archived_at]
    )
    hashes = {}
    for block, block_hash in blocks(connection, book_id=book.book_id):
        own = _leaves(connection, block, _named("transfer", month))
        if not own:
            continue
        hashes[str(block.height)] = block_hash.hex()
        before = _archived_before(connection, block)
        whole = len(own) + len(before) == block.transfers
        connection.execute(
            "INSERT INTO ledger.archive_block VALUES (%s, %s, %s, %s, %s)",
            [
                book.book_id,
                block.height,
                month,
                None if whole else [number for number, _ in own],
                None if whole else [leaf for _, leaf in own],
            ],
        )
    return replace(book, block_hashes=hashes)


def _leaves(connection: psycopg.Connection, block: Block, relation: str) -> Numbered:
    book_id, first, last = block.book_id, block.first_sequence, block.last_sequence
    statement = sql.SQL(
        "SELECT sequence FROM {} WHERE book_id = %s AND sequence BETWEEN %s AND %s ORDER BY sequence"
    ).format(sql.Identifier("ledger", relation))
    numbers = [number for (number,) in connection.execute(statement, [book_id, first, last])]
    hashes = leaf_hashes(connection, book_id=book_id, first=first, last=last, relation=relation)
    return list(zip(numbers, hashes, strict=True))


def _archived_before(connection: psycopg.Connection, block: Block) -> Numbered:
    """Leaves of a block that are kept because other months took their transfers."""
    parameters = {"book_id": block.book_id, "first": block.height, "last": block.height}
    rows = connection.execute(_BLOCKS, parameters, binary=True)
    return [pair for _, _, *kept in rows for pair in zip(*kept, strict=True)]


def _compare_files(
    connection: psycopg.Connection,
    month: date,
    folder: Path,
    files: tuple[ArchivedFile, ...],
    books: tuple[ArchivedBook, ...],
) -> None:
    """Load the files into tables of their own and compare every row with the database."""
    for file in files:
        copied, original = f"archived_{file.table}", _named(file.table, month)
        load_parquet(connection, table=file.table, into=copied, path=folder / file.name)
        names = {
            "copied": sql.Identifier("ledger", copied),
            "original": sql.Identifier("ledger", original),
        }
        statement = sql.SQL((_FOLDER / "archive_difference.sql").read_text()).format(**names)
        (differ,) = connection.execute(statement).fetchone() or (True,)
        if differ:
            raise ArchiveRefused(month, f"{file.name} does not hold the rows of the database")
    for book in books:
        where = {"book_id": book.book_id, "first": book.first_sequence, "last": book.last_sequence}
        original = _named("transfer", month)
        if leaf_hashes(connection, relation="archived_transfer", **where) != leaf_hashes(
            connection, relation=original, **where
        ):
            raise ArchiveRefused(month, f"leaves of book {book.book_id} differ in the file")
    for file in files:
        copied = f"archived_{file.table}"
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier("ledger", copied)))


def _compare_seals(connection: psycopg.Connection, month: date, book: ArchivedBook) -> None:
    """Every block over the month seals the transfers that were loaded, with those that are elsewhere."""
    counted = 0
    for block, block_hash in blocks(connection, book_id=book.book_id):
        own = _leaves(connection, block, _named("transfer", month))
        if not own:
            continue
        counted += len(own)
        # Of the leaves kept, the month's own are among them unless it completed the block.
        numbers = {number for number, _ in own}
        kept = [pair for pair in _archived_before(connection, block) if pair[0] not in numbers]
        here = _leaves(connection, block, "transfer")
        leaves = [leaf for _, leaf in sorted([*own, *kept, *here])]
        if merkle_root(leaves) != block.merkle_root or (
            book.block_hashes.get(str(block.height)) != block_hash.hex()
        ):
            raise ArchiveRefused(
                month, f"block {block.height} of book {book.book_id} seals other transfers"
            )
    if counted != book.transfers:
        raise ArchiveRefused(month, f"book {book.book_id} has {counted} transfers, not {book.transfers}")


def _forget(connection: psycopg.Connection, table: sql.Identifier, month: date) -> None:
    """Take a month out of what is known of archives."""
    connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER immutable").format(table))
    connection.execute(sql.SQL("DELETE FROM {} WHERE month = %s").format(table), [month])
    connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER immutable").format(table))


def _detach(connection: psycopg.Connection, table: str, month: date, *, drop: bool) -> None:
    parent, part = sql.Identifier("ledger", table), sql.Identifier("ledger", _named(table, month))
    connection.execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(parent, part))
    if drop:
        connection.execute(sql.SQL("DROP TABLE {}").format(part))


def _attach(connection: psycopg.Connection, table: str, month: date) -> None:
    parent, part = sql.Identifier("ledger", table), sql.Identifier("ledger", _named(table, month))
    row = connection.execute(
        """SELECT ledger.first_id(%(month)s::timestamp AT TIME ZONE 'UTC')::text,
            ledger.first_id((%(month)s::timestamp + interval '1 month') AT TIME ZONE 'UTC')::text""",
        {"month": month},
    ).fetchone()
    first, after = row or ("", "")
    connection.execute(
        sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            parent, part, sql.Literal(first), sql.Literal(after)
        )
    )
    connection.execute(
        sql.SQL(
            """CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON {}
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()"""
        ).format(part)
    )
