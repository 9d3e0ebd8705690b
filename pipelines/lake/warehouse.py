"""Loading the lake into PostgreSQL: schema `raw`, one table a lake table, replaced by business date.

Belongs here: the mapping of a `Table` to a PostgreSQL table, the bulk load, the log of loads. What
is made of the raw tables afterwards belongs to the dbt project in `dbt/`.

A load is one transaction: the rows of the given business dates are deleted, the new ones copied, the
load noted in `raw.load_log` (from which dbt reads the freshness of its sources). The moment of the
load is an argument, so that the same arguments always leave the same content. PostgreSQL 18 or later
is assumed: earlier ones end a CSV copy at a line that reads `\\.`, even inside a quoted text.
"""

import io
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import LiteralString

import polars as pl
from psycopg import Connection, sql

from pipelines.lake.table import Table

RAW_SCHEMA = "raw"
ROWS_A_CHUNK = 250_000
"""Rows turned into CSV at a time: bounds the memory of a load to some tens of megabytes."""

_NUL_SYMBOL = "\u2400"
_DDL_LOCK = 0x57474952
"""Key of the advisory lock under which tables are created: PostgreSQL's IF NOT EXISTS races."""

_POSTGRES_TYPES: dict[pl.DataType, LiteralString] = {
    pl.Int16(): "smallint",
    pl.Int32(): "integer",
    pl.Int64(): "bigint",
    pl.Float64(): "double precision",
    pl.Boolean(): "boolean",
    pl.String(): "text",
    pl.Date(): "date",
    pl.Datetime("us", "UTC"): "timestamp with time zone",
}
_LOAD_LOG = (Path(__file__).parent / "warehouse_load_log.sql").read_bytes()
_NOTE_LOAD = (Path(__file__).parent / "warehouse_note_load.sql").read_bytes()
_COLUMNS = (Path(__file__).parent / "warehouse_columns.sql").read_bytes()


class UnsupportedType(TypeError):
    """A lake table declares a type that has no counterpart in the warehouse."""

    def __init__(self, table: str, column: str, kind: pl.DataType) -> None:
        self.table = table
        self.column = column
        self.kind = kind
        super().__init__(f"table {table}: column {column} of type {kind} has no PostgreSQL type here")


class WarehouseSchemaMismatch(ValueError):
    """The warehouse has a table that differs from the lake's by more than missing columns."""

    def __init__(self, table: str, differences: tuple[str, ...]) -> None:
        self.table = table
        self.differences = differences
        super().__init__(
            f"{RAW_SCHEMA}.{table}: " + "; ".join(differences) + " (drop the table and load it again)"
        )


class ForeignDates(ValueError):
    """A frame holds rows of business dates that the load was not asked to replace."""

    def __init__(self, table: str, dates: tuple[date | None, ...]) -> None:
        self.table = table
        self.dates = dates
        shown = ", ".join(str(day) for day in dates[:5])
        super().__init__(f"table {table}: rows of business dates outside the load: {shown}")


def ensure_tables(connection: Connection, tables: Iterable[Table]) -> None:
    """Create what is absent of `raw.<table>` and add the columns that a table has gained.

    The warehouse is built over all tables: those of a subject that has not run yet are there, empty.
    Raises `UnsupportedType` and `WarehouseSchemaMismatch`.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_DDL_LOCK,))
        connection.execute(_LOAD_LOG)
        for table in tables:
            _ensure(connection, table)


def load_partition(
    connection: Connection,
    *,
    table: Table,
    business_date: date,
    frame: pl.DataFrame,
    loaded_at: datetime,
) -> int:
    """Replace one business date of `raw.<table>` by `frame`; returns the rows loaded.

    Raises `SchemaMismatch` for a frame that is not of the table, and as `load_dates` does.
    """
    return load_dates(connection, table=table, dates=(business_date,), frame=frame, loaded_at=loaded_at)


def load_dates(
    connection: Connection,
    *,
    table: Table,
    dates: Iterable[date],
    frame: pl.DataFrame,
    loaded_at: datetime,
) -> int:
    """Replace the given business dates of `raw.<table>` by `frame` in one transaction and one COPY.

    A date without rows in `frame` is emptied. Characters NUL, which PostgreSQL text cannot hold and
    a refused input row may, are written as U+2400. Returns the rows loaded; raises `SchemaMismatch`,
    `ForeignDates`, `UnsupportedType`, `WarehouseSchemaMismatch`.
    """
    rows, days = table.conform(frame), sorted(set(dates))
    counts = dict(rows.group_by("business_date").len().iter_rows())
    if foreign := sorted(counts.keys() - set(days), key=str):
        raise ForeignDates(table.name, tuple(foreign))
    ensure_tables(connection, (table,))
    with connection.transaction():
        name = sql.Identifier(RAW_SCHEMA, table.name)
        # Two loads of one date at a time would each delete what they see and both insert.
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(name))
        connection.execute(sql.SQL("DELETE FROM {} WHERE business_date = ANY(%s)").format(name), (days,))
        _copy(connection, name=name, rows=rows)
        noted = [(table.name, day, counts.get(day, 0), loaded_at) for day in days]
        connection.cursor().executemany(_NOTE_LOAD, noted)
        # Statistics at once: dbt reads within seconds, long before autovacuum would look.
        connection.execute(sql.SQL("ANALYZE {}").format(name))
    return rows.height


def _postgres_type(table: Table, column: str) -> LiteralString:
    """The PostgreSQL type of a column, as the catalogue spells it."""
    kind = table.schema[column]
    instance = kind() if isinstance(kind, type) else kind
    if isinstance(instance, pl.Decimal):
        return "numeric"
    if instance not in _POSTGRES_TYPES:
        raise UnsupportedType(table.name, column, instance)
    return _POSTGRES_TYPES[instance]


def _ensure(connection: Connection, table: Table) -> None:
    """Bring one raw table to the shape of its lake table."""
    declared = {column: _postgres_type(table, column) for column in table.schema}
    found: dict[str, str] = dict(connection.execute(_COLUMNS, (RAW_SCHEMA, table.name)).fetchall())
    if found:
        differences = [f"column {name} is no longer declared" for name in found if name not in declared]
        differences += [
            f"column {name} is {found[name]}, declared {kind}"
            for name, kind in declared.items()
            if name in found and found[name] != kind
        ]
        if differences:
            raise WarehouseSchemaMismatch(table.name, tuple(differences))
    absent = {column: kind for column, kind in declared.items() if column not in found}
    if absent:
        _add(connection, table=table, columns=absent, create=not found)


def _add(
    connection: Connection, *, table: Table, columns: dict[str, LiteralString], create: bool
) -> None:
    """Create the table with these columns and the index of its dates, or add them to it."""
    name = sql.Identifier(RAW_SCHEMA, table.name)
    typed = [sql.SQL("{} {}").format(sql.Identifier(c), sql.SQL(kind)) for c, kind in columns.items()]
    if create:
        connection.execute(sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(", ").join(typed)))
        connection.execute(sql.SQL("CREATE INDEX ON {} (business_date)").format(name))
        return
    added = sql.SQL(", ").join(sql.SQL("ADD COLUMN {}").format(column) for column in typed)
    connection.execute(sql.SQL("ALTER TABLE {} {}").format(name, added))


def _copy(connection: Connection, *, name: sql.Identifier, rows: pl.DataFrame) -> None:
    """COPY the rows in as CSV, where an absent text is bare and an empty one is quoted."""
    columns = sql.SQL(", ").join(sql.Identifier(column) for column in rows.columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(name, columns)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for chunk in rows.iter_slices(ROWS_A_CHUNK):
            buffer = io.BytesIO()
            visible = pl.col(pl.String).str.replace_all("\0", _NUL_SYMBOL, literal=True)
            chunk.with_columns(visible).write_csv(buffer, include_header=False)
            copy.write(buffer.getbuffer())
