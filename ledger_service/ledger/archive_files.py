"""Months of the journal as Parquet: written from the database, and loaded back into tables."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pyarrow.parquet as pq
from psycopg import sql

TABLES = {
    "transfer": ("book_id", "sequence"),
    "resolution": ("book_id", "pending_id"),
    "reversal": ("book_id", "reversed_id", "ordinal"),
}
"""What is archived, and in which order."""

_ROWS = 50_000
"""Rows of a group: bounds the memory."""

_TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "int4": pl.Int32,
    "int8": pl.Int64,
    "date": pl.Date,
    "timestamptz": pl.Datetime("us", "UTC"),
    "bool": pl.Boolean,
    "text": pl.String,
    "uuid": pl.String,
}


def write_parquet(connection: psycopg.Connection, *, table: str, partition: str, path: Path) -> int:
    """Write one partition, sorted; returns its rows. Ids are written as text."""
    columns = _columns(connection, table)
    statement = sql.SQL("SELECT {} FROM {} ORDER BY {}").format(
        sql.SQL(", ").join(
            sql.SQL("{}::text").format(sql.Identifier(name)) if kind == "uuid" else sql.Identifier(name)
            for name, kind in columns.items()
        ),
        sql.Identifier("ledger", partition),
        sql.SQL(", ").join(map(sql.Identifier, TABLES[table])),
    )
    schema = pl.Schema({name: _TYPES[kind] for name, kind in columns.items()})
    rows = 0
    with (
        connection.cursor(name="archive", binary=True) as cursor,
        pq.ParquetWriter(
            path, pl.DataFrame(schema=schema).to_arrow().schema, compression="zstd"
        ) as file,
    ):
        cursor.execute(statement)
        while part := cursor.fetchmany(_ROWS):
            frame = pl.DataFrame(part, schema=schema, orient="row")
            file.write_table(frame.to_arrow())
            rows += frame.height
    return rows


def load_parquet(connection: psycopg.Connection, *, table: str, into: str, path: Path) -> int:
    """Make table `into` like `table` from a file; returns its rows."""
    columns = _columns(connection, table)
    connection.execute(
        sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(
            sql.Identifier("ledger", into), sql.Identifier("ledger", table)
        )
    )
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier("ledger", into), names)
    rows = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in _rows(path):
            copy.write_row(row)
            rows += 1
    return rows


def _rows(path: Path) -> Iterator[tuple[Any, ...]]:
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            frame = pl.from_arrow(file.read_row_group(group))
            if isinstance(frame, pl.DataFrame):
                yield from frame.iter_rows()


def _columns(connection: psycopg.Connection, table: str) -> dict[str, str]:
    rows = connection.execute(
        """SELECT attname, typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum""",
        [f"ledger.{table}"],
    )
    return {str(name): str(kind) for name, kind in rows}


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
