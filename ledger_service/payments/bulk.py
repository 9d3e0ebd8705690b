"""Frames to and from PostgreSQL in bulk: a query's rows as a frame, a frame's rows by COPY."""

import io
from collections.abc import Mapping, Sequence

import polars as pl
import psycopg
from psycopg import sql


def fetch_frame(
    connection: psycopg.Connection,
    statement: bytes,
    parameters: Sequence[object],
    *,
    schema: Mapping[str, pl.DataType | type[pl.DataType]],
) -> pl.DataFrame:
    """The rows of a query; its columns are those of `schema`, in order."""
    rows = connection.execute(statement, parameters, binary=True).fetchall()
    return pl.DataFrame(rows, schema=dict(schema), orient="row")


def copy_frame(connection: psycopg.Connection, frame: pl.DataFrame, *, table: str) -> None:
    """Append a frame to a table of schema `payments`, by column name."""
    if frame.is_empty():
        return
    buffer = io.BytesIO()
    frame.write_csv(
        buffer,
        include_header=False,
        null_value="",
        quote_style="non_numeric",
        datetime_format="%Y-%m-%d %H:%M:%S%.6f+00:00",
    )
    statement = sql.SQL("COPY payments.{} ({}) FROM STDIN (FORMAT csv)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, frame.columns))
    )
    with connection.cursor().copy(statement) as copy:
        copy.write(buffer.getbuffer())
