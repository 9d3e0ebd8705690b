"""Reading and writing the lake: `<root>/<table>/business_date=YYYY-MM-DD/part.parquet`.

A write replaces its partition atomically (temporary file, fsync, rename), rows sorted by key with
fixed Parquet settings, so that the same frame is always the same bytes.
"""

import os
from collections.abc import Iterable
from datetime import date
from io import BytesIO
from pathlib import Path

import polars as pl

from pipelines.lake.table import Table


class PartitionMissing(LookupError):
    """A partition is read that was never written: the business date has not been closed."""

    def __init__(self, table: str, business_date: date) -> None:
        self.table = table
        self.business_date = business_date
        super().__init__(
            f"table {table} has no partition {business_date}: close that business date first"
        )


class Lake:
    """The lake under one root folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def partition(self, table: Table, business_date: date) -> Path:
        """Where the partition's file lies, whether or not it exists."""
        return self.root / table.name / f"business_date={business_date}" / "part.parquet"

    def has(self, table: Table, business_date: date) -> bool:
        """Whether the partition has been written."""
        return self.partition(table, business_date).exists()

    def dates(self, table: Table) -> list[date]:
        """The business dates that the table has, ascending."""
        folders = (self.root / table.name).glob("business_date=*/part.parquet")
        return sorted(date.fromisoformat(path.parent.name.partition("=")[2]) for path in folders)

    def written(self) -> dict[Path, int]:
        """When each partition was last written, in nanoseconds: unchanged ones keep their time."""
        parts = self.root.glob("*/business_date=*/part.parquet")
        return {path: path.stat().st_mtime_ns for path in parts}

    def write(self, table: Table, business_date: date, frame: pl.DataFrame) -> bool:
        """Replace one partition; False when it held the same bytes already.

        Raises `SchemaMismatch` for a frame that is not of the table.
        """
        buffer = BytesIO()
        table.conform(frame).write_parquet(
            buffer, compression="zstd", compression_level=3, statistics=True, row_group_size=131_072
        )
        content = buffer.getvalue()
        path = self.partition(table, business_date)
        if path.exists() and path.read_bytes() == content:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        return True

    def read(self, table: Table, business_date: date) -> pl.DataFrame:
        """One partition, in the table's column order; raises `PartitionMissing`."""
        path = self.partition(table, business_date)
        if not path.exists():
            raise PartitionMissing(table.name, business_date)
        return pl.read_parquet(path, hive_partitioning=False)

    def scan(self, table: Table, dates: Iterable[date]) -> pl.LazyFrame:
        """The given partitions, lazily; dates that the table does not have are passed over."""
        paths = [self.partition(table, day) for day in sorted(dates) if self.has(table, day)]
        if not paths:
            return table.empty().lazy()
        return pl.scan_parquet(paths, hive_partitioning=False)

    def scan_until(
        self, table: Table, business_date: date, *, since: date | None = None
    ) -> pl.LazyFrame:
        """What was known at the close of `business_date`: its partition and the earlier ones."""
        dates = (d for d in self.dates(table) if d <= business_date and (since is None or d >= since))
        return self.scan(table, dates)
