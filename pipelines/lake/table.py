"""What a lake table is: a named, described, strictly typed Polars schema with a key.

Belongs here: the type `Table` and its schema check. The tables themselves are declared beside the
subject that derives them (`pipelines/lake/ledger_tables.py`, `pipelines/<subject>/tables.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl


class SchemaMismatch(ValueError):
    """A frame does not have the columns or types that its table declares."""

    def __init__(self, table: str, differences: tuple[str, ...]) -> None:
        self.table = table
        self.differences = differences
        super().__init__(f"table {table}: " + "; ".join(differences))


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table of the lake, partitioned by `business_date`, which is always its first column.

    `schema` maps column to Polars type in written order; `key` names the columns that identify a
    row within a business date and by which rows are sorted, so that the same rows are the same bytes.
    """

    name: str
    description: str
    schema: Mapping[str, pl.DataType | type[pl.DataType]]
    key: tuple[str, ...]

    def __post_init__(self) -> None:
        if next(iter(self.schema)) != "business_date":
            raise SchemaMismatch(self.name, ("business_date must be the first column",))
        if unknown := [column for column in self.key if column not in self.schema]:
            raise SchemaMismatch(self.name, (f"key columns {unknown} are not in the schema",))

    def empty(self) -> pl.DataFrame:
        """A frame of this table with no rows."""
        return pl.DataFrame(schema=dict(self.schema))

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return `frame` in this table's column order, sorted by key.

        Raises `SchemaMismatch` when a column is missing, surplus or of another type: types are never
        coerced here, because a silent cast is how money is rounded.
        """
        expected, found = dict(self.schema), dict(frame.schema)
        differences = [f"column {name} is missing" for name in expected if name not in found]
        differences += [f"column {name} is not declared" for name in found if name not in expected]
        differences += [
            f"column {name} is {found[name]}, declared {kind}"
            for name, kind in expected.items()
            if name in found and found[name] != kind
        ]
        if differences:
            raise SchemaMismatch(self.name, tuple(differences))
        return frame.select(list(expected)).sort(self.key)
