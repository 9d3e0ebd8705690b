"""What goes out as a binary array comes back as the same values."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID

import polars as pl
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_service.ledger import arrays
from ledger_service.ledger.arrays import BinaryArray, MalformedIdentifier, array_cursor
from ledger_service.ledger.transfers import TIMESTAMP

UTC_TIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 # hypothesis adds the zone
KINDS = [
    (arrays.integers, pl.Int64, st.integers(-(2**63), 2**63 - 1)),
    (arrays.booleans, pl.Boolean, st.booleans()),
    (arrays.dates, pl.Date, st.dates(date(1, 1, 1))),
    (arrays.timestamps, TIMESTAMP, UTC_TIMES),
    (arrays.identifiers, pl.String, st.uuids().map(str)),
    (
        arrays.texts,
        pl.String,
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    ),
]


@pytest.mark.parametrize(("encode", "dtype", "values"), KINDS)
def test_values_and_nulls_arrive_as_they_are(
    connection: psycopg.Connection,
    encode: Callable[[pl.Series], BinaryArray],
    dtype: pl.DataType,
    values: st.SearchStrategy[object],
) -> None:
    @given(column=st.lists(st.none() | values, max_size=8))
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    def check(column: list[object]) -> None:
        parameter = encode(pl.Series("column", column, dtype=dtype))
        row = array_cursor(connection).execute("SELECT %s", [parameter]).fetchone()
        assert row is not None
        assert [str(value) if isinstance(value, UUID) else value for value in row[0]] == column

    check()


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "no",
        "0" * 32,
        "0" * 36,
        "-" * 36,
        "00000000-0000-7000-8000-00000000000",
        "00000000-0000-7000-8000-0000000000000",
        "00000000-0000-7000-8000-00000000000g",
        "00000000-0000-7000-8000-0000000000 1",
        "00000000 0000-7000-8000-000000000001",
        "00000000-0000-7000-8000-00000000000é",
    ],
)
def test_a_malformed_identifier_is_named_with_its_row(malformed: str) -> None:
    column = pl.Series("payment_id", [None, str(UUID(int=1)), malformed])
    with pytest.raises(MalformedIdentifier, match="payment_id of item 2 is not a UUID"):
        arrays.identifiers(column)


def test_a_digit_too_many_does_not_make_up_for_one_too_few() -> None:
    short, long = "00000000-0000-7000-8000-00000000000", "00000000-0000-7000-8000-0000000000000"
    with pytest.raises(MalformedIdentifier, match="payment_id of item 0"):
        arrays.identifiers(pl.Series("payment_id", [short, long]))


def test_an_identifier_may_be_written_in_capitals(connection: psycopg.Connection) -> None:
    column = pl.Series("transfer_id", ["00000000-0000-7000-8000-00000000ABCD"])
    row = array_cursor(connection).execute("SELECT %s", [arrays.identifiers(column)]).fetchone()
    assert row == ([UUID("00000000-0000-7000-8000-00000000abcd")],)
