"""Opening accounts, in batches, one result per item."""

from pathlib import Path

import polars as pl
import psycopg

from ledger_service.ledger.chart import CHART

ACCOUNT_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "account_id": pl.Int64,
    "external_ref": pl.String,
    "chart_code": pl.Int32,
    "currency": pl.String,
    "counterparty_id": pl.String,
    "party_id": pl.String,
    "party_kind": pl.String,
    "holder_name": pl.String,
    "opened_on": pl.Date,
    "debit_limit": pl.Int64,
    "credit_limit": pl.Int64,
}
"""Columns of a batch of accounts; limits in minor units, null for none."""

_STATEMENT = Path(__file__).with_name("create_accounts.sql").read_bytes()


def create_accounts(
    connection: psycopg.Connection, *, book_id: int, accounts: pl.DataFrame
) -> pl.Series:
    """Open accounts in a book; `accounts` has `ACCOUNT_COLUMNS`.

    Returns `AccountResult` values (String) in input order. The normal side follows the chart.
    """
    sides = {int(code): str(line.normal_side) for code, line in CHART.items()}
    columns = accounts.select(list(ACCOUNT_COLUMNS)).with_columns(
        normal_side=pl.col("chart_code").replace_strict(sides, default=None, return_dtype=pl.String)
    )
    order = ("account_id", "external_ref", "chart_code", "normal_side", *list(ACCOUNT_COLUMNS)[3:])
    values = [columns[name].to_list() for name in order]
    row = connection.execute(_STATEMENT, [book_id, *values]).fetchone()
    return pl.Series("result", row[0] if row else [], dtype=pl.String)
