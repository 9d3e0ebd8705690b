"""The lake on disk."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lake.store import Lake, PartitionMissing
from pipelines.lake.table import SchemaMismatch, Table

DAY = date(2025, 6, 30)
TOTALS = Table(
    name="totals",
    description="A small table.",
    schema={"business_date": pl.Date, "currency": pl.String, "amount_minor": pl.Int64},
    key=("currency",),
)


def _totals(*rows: tuple[str, int | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [(DAY, currency, amount) for currency, amount in rows],
        schema=dict(TOTALS.schema),
        orient="row",
    )


def test_what_is_written_is_read_back_in_key_order(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write(TOTALS, DAY, _totals(("UGX", 2), ("KES", 1)))
    assert lake.read(TOTALS, DAY).rows() == [(DAY, "KES", 1), (DAY, "UGX", 2)]


@given(order=st.permutations([("KES", 1), ("UGX", 2), ("ZAR", None)]))
def test_the_same_rows_in_any_order_are_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, order: list[tuple[str, int | None]]
) -> None:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    assert lake.write(TOTALS, DAY, _totals(("KES", 1), ("UGX", 2), ("ZAR", None)))
    before = lake.written()
    assert not lake.write(TOTALS, DAY, _totals(*order))
    assert lake.written() == before


def test_a_changed_amount_replaces_the_partition(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write(TOTALS, DAY, _totals(("KES", 1)))
    assert lake.write(TOTALS, DAY, _totals(("KES", 2)))
    assert lake.read(TOTALS, DAY)["amount_minor"].to_list() == [2]
    assert [path.name for path in (tmp_path / "totals").rglob("*") if path.is_file()] == ["part.parquet"]


def test_a_float_is_never_taken_for_money(tmp_path: Path) -> None:
    wrong = _totals(("KES", 1)).with_columns(pl.col("amount_minor").cast(pl.Float64))
    with pytest.raises(SchemaMismatch, match="amount_minor is Float64, declared Int64"):
        Lake(tmp_path).write(TOTALS, DAY, wrong)


def test_missing_and_surplus_columns_are_named() -> None:
    wrong = _totals(("KES", 1)).rename({"amount_minor": "amount"})
    with pytest.raises(SchemaMismatch) as refused:
        TOTALS.conform(wrong)
    assert refused.value.differences == (
        "column amount_minor is missing",
        "column amount is not declared",
    )


def test_a_date_that_was_never_closed_is_named(tmp_path: Path) -> None:
    with pytest.raises(PartitionMissing, match="totals has no partition 2025-06-30"):
        Lake(tmp_path).read(TOTALS, DAY)


def test_a_scan_sees_nothing_later_than_its_date(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    for number in range(1, 6):
        frame = _totals(("KES", number)).with_columns(business_date=date(2025, 6, number))
        lake.write(TOTALS, date(2025, 6, number), frame)
    until = lake.scan_until(TOTALS, date(2025, 6, 3)).collect()
    assert sorted(until["amount_minor"]) == [1, 2, 3]
    since = lake.scan_until(TOTALS, date(2025, 6, 3), since=date(2025, 6, 2)).collect()
    assert sorted(since["amount_minor"]) == [2, 3]
    assert lake.scan_until(TOTALS, date(2025, 5, 31)).collect().is_empty()


def test_a_table_s_first_column_is_its_business_date() -> None:
    with pytest.raises(SchemaMismatch, match="business_date must be the first column"):
        Table(name="wrong", description="", schema={"currency": pl.String}, key=())
