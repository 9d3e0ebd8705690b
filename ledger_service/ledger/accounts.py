"""Opening accounts, in batches, one result per item; closing, freezing and limiting one."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import psycopg

from ledger_service.ledger.chart import CHART
from ledger_service.ledger.results import AccountChangeResult

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
"""Columns that every batch of accounts has; limits in minor units, null for none."""

OPTIONAL_ACCOUNT_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {"parent_account_id": pl.Int64}
"""Columns that a batch may have: the account into whose balance an account rolls up."""

_PARAMETERS = (
    "account_id",
    "external_ref",
    "chart_code",
    "normal_side",
    "currency",
    "parent_account_id",
    "counterparty_id",
    "party_id",
    "party_kind",
    "holder_name",
    "opened_on",
    "debit_limit",
    "credit_limit",
)
"""In the order of the database function's."""

_STATEMENT = Path(__file__).with_name("create_accounts.sql").read_bytes()


def create_accounts(
    connection: psycopg.Connection, *, book_id: int, accounts: pl.DataFrame
) -> pl.Series:
    """Open accounts in a book: `ACCOUNT_COLUMNS`, and any of `OPTIONAL_ACCOUNT_COLUMNS`.

    Returns `AccountResult` values (String) in input order. The normal side follows the chart.
    """
    sides = {int(code): str(line.normal_side) for code, line in CHART.items()}
    absent = [
        pl.lit(None, kind).alias(name)
        for name, kind in OPTIONAL_ACCOUNT_COLUMNS.items()
        if name not in accounts.columns
    ]
    columns = accounts.with_columns(
        *absent,
        normal_side=pl.col("chart_code").replace_strict(sides, default=None, return_dtype=pl.String),
    )
    values = [columns[name].to_list() for name in _PARAMETERS]
    row = connection.execute(_STATEMENT, [book_id, *values]).fetchone()
    return pl.Series("result", row[0] if row else [], dtype=pl.String)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTerms:
    """What can change on an account; limits in minor units, None for none."""

    closed: bool = False
    debits_frozen: bool = False
    credits_frozen: bool = False
    debit_limit: int | None = None
    credit_limit: int | None = None


def change_account(
    connection: psycopg.Connection,
    *,
    book_id: int,
    account_id: int,
    revision: int,
    terms: AccountTerms,
    reason: str,
) -> AccountChangeResult:
    """Give an account new terms; `revision` is the one that the caller has seen.

    The caller commits. Every revision is kept with its reason (`ledger.account_revision`).
    """
    row = connection.execute(
        "SELECT ledger.change_account(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            book_id,
            account_id,
            revision,
            terms.closed,
            terms.debits_frozen,
            terms.credits_frozen,
            terms.debit_limit,
            terms.credit_limit,
            reason,
        ],
    ).fetchone()
    return AccountChangeResult(row[0] if row else AccountChangeResult.ACCOUNT_NOT_FOUND)
