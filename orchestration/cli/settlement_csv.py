"""CSV files that people give settlement commands and get from them: amounts in units, exactly."""

import os
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

import polars as pl

from orchestration.cli.ledger_books import Units, refuse


def read_rows(
    path: Path, needed: Sequence[str], *, blank: Sequence[str] = (), optional: Sequence[str] = ()
) -> pl.DataFrame:
    """The named columns as text; a file, column or field that is not there is refused with its place.

    Fields of `blank` columns may be empty; `optional` columns may be absent, and are null then.
    """
    try:
        rows = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        refuse(f"{path.name} is no CSV: {error}")
    columns = [*needed, *blank]
    missing = [name for name in columns if name not in rows.columns]
    if missing:
        refuse(f"{path.name} has no column {missing[0]}; it needs {', '.join(columns)}")
    absent = [pl.lit(None, pl.String).alias(name) for name in optional if name not in rows.columns]
    chosen = rows.with_columns(absent).select(*columns, *optional)
    for name in needed:
        empty = chosen[name].is_null().arg_true()
        if len(empty):
            refuse(f"{path.name}, row {empty[0] + 2}: {name} is empty")
    return chosen


def minor(units: Units, amount: str, currency: str, place: str = "") -> int:
    """An amount in units as people write it, in minor units; `place` begins what a refusal says."""
    if currency not in units.exponents:
        refuse(f"{place}{currency} is no currency of ISO 4217")
    try:
        found = Decimal(amount.replace(",", "")).scaleb(units.exponents[currency])
    except InvalidOperation:
        refuse(f"{place}{amount!r} is no amount, such as 1000000.00")
    if not found.is_finite() or found != found.to_integral_value() or not 0 <= found < 2**63:
        refuse(f"{place}{amount} {currency} is no amount with the decimals of {currency}")
    return int(found)


def minor_column(
    path: Path, rows: pl.DataFrame, name: str, units: Units, *, currency: str = "currency"
) -> pl.Series:
    """A column of amounts in minor units, each in the currency of its row; empty ones are zero."""
    read = [
        minor(units, amount, code, f"{path.name}, row {number}: ") if amount else 0
        for number, (amount, code) in enumerate(rows.select(name, currency).iter_rows(), start=2)
    ]
    return pl.Series(f"{name}_minor", read, dtype=pl.Int64)


def write_in_units(path: Path, frame: pl.DataFrame, units: Units) -> None:
    """Replace a CSV whole or not at all; `*_minor` columns become units of the row's `currency`."""
    amounts = [name for name in frame.columns if name.endswith("_minor")]
    told = frame.with_columns(
        pl.Series(
            name,
            [
                f"{units.decimal(value, currency):f}"
                for value, currency in frame.select(name, "currency").iter_rows()
            ],
            dtype=pl.String,
        )
        for name in amounts
    ).rename({name: name.removesuffix("_minor") for name in amounts})
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    told.write_csv(temporary)
    temporary.replace(path)
