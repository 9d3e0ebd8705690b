"""Loading lake tables into PostgreSQL, on the real thing."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import psycopg
import pytest

from pipelines.lake.ledger_tables import QUARANTINE
from pipelines.lake.table import SchemaMismatch, Table
from pipelines.lake.warehouse import (
    ForeignDates,
    UnsupportedType,
    WarehouseSchemaMismatch,
    ensure_tables,
    load_dates,
    load_partition,
)

MONDAY, TUESDAY, WEDNESDAY = (date(2024, 4, day) for day in (1, 2, 3))
AT = datetime(2024, 4, 3, 20, 0, tzinfo=UTC)
TABLE = Table(
    name="loaded",
    description="One column of each type.",
    schema={
        "business_date": pl.Date,
        "n": pl.Int64,
        "small": pl.Int32,
        "text": pl.String,
        "ratio": pl.Float64,
        "at": pl.Datetime("us", "UTC"),
        "flag": pl.Boolean,
    },
    key=("n",),
)
AWKWARD = ["", None, "NULL", "\\N", '"', "a,b", "line\nline", "\\.", "\n\\.\n", "\r\n", "é€😀", "'", " "]


def _rows(day: date, numbers: list[int]) -> pl.DataFrame:
    rows = [{"business_date": day, "n": n, "text": f"row {n}"} for n in numbers]
    return pl.DataFrame(rows, schema=TABLE.schema)


def _load(connection: psycopg.Connection, frame: pl.DataFrame, *dates: date) -> int:
    return load_dates(connection, table=TABLE, dates=dates, frame=frame, loaded_at=AT)


def _loaded(connection: psycopg.Connection) -> list[tuple[date, int]]:
    return connection.execute("SELECT business_date, n FROM raw.loaded ORDER BY 1, 2").fetchall()


def test_every_value_comes_back_as_it_was(connection: psycopg.Connection) -> None:
    drawn = random.Random(7)
    floats = [None, 0.1, -1e-300, 1.7976931348623157e308, *(drawn.random() for _ in range(9))]
    frame = pl.DataFrame(
        {
            "business_date": [MONDAY] * 13,
            "n": [None, 2**63 - 1, -(2**63), *range(10)],
            "small": [None, 2**31 - 1, -(2**31), *range(10)],
            "text": AWKWARD,
            "ratio": floats,
            "at": [None, datetime(1993, 1, 1, 23, 59, 59, 999_999, tzinfo=UTC)] + [AT] * 11,
            "flag": [None, True, False] + [True] * 10,
        },
        schema=TABLE.schema,
    )
    assert load_partition(
        connection, table=TABLE, business_date=MONDAY, frame=frame, loaded_at=AT
    ) == len(AWKWARD)
    back = connection.execute("SELECT * FROM raw.loaded ORDER BY n").fetchall()
    assert back == frame.sort("n", nulls_last=True).rows()


def test_a_character_that_postgresql_cannot_hold_is_shown_by_its_symbol(
    connection: psycopg.Connection,
) -> None:
    row = {"business_date": MONDAY, "source_file": "a.csv", "row": 1, "content": "a\0b"}
    frame = pl.DataFrame([row], schema=QUARANTINE.schema)
    load_partition(connection, table=QUARANTINE, business_date=MONDAY, frame=frame, loaded_at=AT)
    found = connection.execute(
        "SELECT content FROM raw.quarantine WHERE business_date = %s", (MONDAY,)
    ).fetchone()
    assert found == ("a\u2400b",)


def test_a_date_is_replaced_and_the_others_stay(connection: psycopg.Connection) -> None:
    both = pl.concat([_rows(MONDAY, [1, 2]), _rows(TUESDAY, [3])])
    assert _load(connection, both, MONDAY, TUESDAY) == 3
    assert _load(connection, _rows(MONDAY, [9]), MONDAY) == 1
    assert _loaded(connection) == [(MONDAY, 9), (TUESDAY, 3)]


def test_a_date_without_rows_is_emptied_and_noted(connection: psycopg.Connection) -> None:
    _load(connection, _rows(MONDAY, [1]), MONDAY)
    assert _load(connection, TABLE.empty(), MONDAY, WEDNESDAY) == 0
    assert _loaded(connection) == []
    log = connection.execute(
        "SELECT business_date, row_count, loaded_at FROM raw.load_log"
        " WHERE table_name = 'loaded' ORDER BY 1"
    ).fetchall()
    assert log == [(MONDAY, 0, AT), (WEDNESDAY, 0, AT)]


def test_rows_of_dates_that_are_not_replaced_are_refused(connection: psycopg.Connection) -> None:
    with pytest.raises(ForeignDates, match="2024-04-02") as refused:
        _load(connection, pl.concat([_rows(MONDAY, [1]), _rows(TUESDAY, [2])]), MONDAY)
    assert refused.value.dates == (TUESDAY,)


def test_a_frame_of_another_shape_is_refused(connection: psycopg.Connection) -> None:
    with pytest.raises(SchemaMismatch):
        _load(connection, _rows(MONDAY, [1]).drop("ratio"), MONDAY)


def test_a_failed_load_leaves_what_was(connection: psycopg.Connection) -> None:
    _load(connection, _rows(MONDAY, [1]), MONDAY)
    connection.execute("ALTER TABLE raw.loaded ADD CONSTRAINT not_five CHECK (n <> 5)")
    with pytest.raises(psycopg.errors.CheckViolation):
        _load(connection, _rows(MONDAY, [4, 5]), MONDAY)
    assert _loaded(connection) == [(MONDAY, 1)]


def test_a_new_column_is_added_and_null_on_earlier_rows(connection: psycopg.Connection) -> None:
    _load(connection, _rows(MONDAY, [1]), MONDAY)
    wider = replace(TABLE, schema={"business_date": pl.Date, "extra": pl.Int64, **TABLE.schema})
    frame = _rows(TUESDAY, [2]).with_columns(extra=pl.lit(7, dtype=pl.Int64))
    load_partition(connection, table=wider, business_date=TUESDAY, frame=frame, loaded_at=AT)
    rows = connection.execute("SELECT n, extra, text FROM raw.loaded ORDER BY n").fetchall()
    assert rows == [(1, None, "row 1"), (2, 7, "row 2")]


def test_a_changed_type_and_a_lost_column_are_named(connection: psycopg.Connection) -> None:
    _load(connection, _rows(MONDAY, [1]), MONDAY)
    schema = {name: kind for name, kind in TABLE.schema.items() if name != "flag"} | {"small": pl.Int64}
    with pytest.raises(WarehouseSchemaMismatch) as refused:
        ensure_tables(connection, [replace(TABLE, schema=schema)])
    assert refused.value.differences == (
        "column flag is no longer declared",
        "column small is integer, declared bigint",
    )


def test_a_type_without_counterpart_is_refused(connection: psycopg.Connection) -> None:
    odd = replace(TABLE, schema={**TABLE.schema, "parts": pl.List(pl.Int64)})
    with pytest.raises(UnsupportedType, match="column parts"):
        ensure_tables(connection, [odd])


def test_dates_have_an_index(connection: psycopg.Connection) -> None:
    ensure_tables(connection, [TABLE])
    (definition,) = connection.execute(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'raw' AND tablename = 'loaded'"
    ).fetchall()
    assert "(business_date)" in definition[0]
