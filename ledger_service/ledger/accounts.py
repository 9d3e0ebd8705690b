"""Opening accounts, in batches, one result per item; closing, freezing and limiting one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import psycopg

from ledger_service.ledger.chart import CHART
from ledger_service.ledger.results import AccountChangeResult, AccountResult
from ledger_service.ledger.whole_numbers import whole_numbers
from ledger_service.reference.currencies import exponents_on

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

_WHOLE_NUMBERS = ("account_id", "parent_account_id", "debit_limit", "credit_limit")

_SIDES = {int(code): str(line.normal_side) for code, line in CHART.items()}

_STATEMENT = Path(__file__).with_name("create_accounts.sql").read_bytes()


def create_accounts(
    connection: psycopg.Connection, *, book_id: int, accounts: pl.DataFrame
) -> pl.Series:
    """Open accounts in a book: `ACCOUNT_COLUMNS`, and any of `OPTIONAL_ACCOUNT_COLUMNS`.

    Returns `AccountResult` values (String) in input order. The normal side follows the chart; a parent
    may stand in the batch before its children. The caller commits. Raises `NotAWholeNumber` where
    a limit is not in minor units.
    """
    absent = [
        pl.lit(None, kind).alias(name)
        for name, kind in OPTIONAL_ACCOUNT_COLUMNS.items()
        if name not in accounts.columns
    ]
    columns = accounts.with_columns(*absent).with_columns(
        *(whole_numbers(accounts[name]) for name in _WHOLE_NUMBERS if name in accounts.columns),
        normal_side=pl.col("chart_code").replace_strict(_SIDES, default=None, return_dtype=pl.String),
        known=_currency_known(accounts),
    )
    results = [_opened(connection, book_id, part) for part in _parents_first(columns)]
    return pl.concat([pl.Series("result", [], dtype=pl.String), *results])


def _opened(connection: psycopg.Connection, book_id: int, accounts: pl.DataFrame) -> pl.Series:
    """The answers to accounts none of whose parents stands among them."""
    # The database knows the form of a currency alone: one that does not exist travels without form.
    known = accounts["known"] | accounts["currency"].is_null()
    checked = accounts.with_columns(currency=pl.when(known).then("currency").otherwise(pl.lit("")))
    values = [checked[name].to_list() for name in _PARAMETERS]
    row = connection.execute(_STATEMENT, [book_id, *values]).fetchone()
    results = pl.Series("result", row[0] if row else [], dtype=pl.String)
    well_formed = accounts["currency"].str.contains("^[A-Z]{3}$").fill_null(value=False)
    unknown = (results == AccountResult.CURRENCY_MALFORMED.value) & well_formed
    return results.zip_with(~unknown, pl.Series([AccountResult.CURRENCY_UNKNOWN.value]))


def _currency_known(accounts: pl.DataFrame) -> pl.Series:
    """Whether ISO 4217 has each account's currency on the date that it is opened."""
    pairs = accounts.select("currency", on="opened_on")
    exponents = exponents_on(pairs).select("currency", "on", known=pl.col("exponent").is_not_null())
    return pairs.join(
        exponents, on=["currency", "on"], how="left", nulls_equal=True, maintain_order="left"
    )["known"]


def _parents_first(accounts: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Accounts in parts, such that an account whose parent stands before it is in a later part."""
    parents = accounts["parent_account_id"]
    if not parents.drop_nulls().is_in(accounts["account_id"].drop_nulls().implode()).any():
        yield accounts
        return
    first, ids = 0, set[int]()
    for row, (account_id, parent_id) in enumerate(zip(accounts["account_id"], parents, strict=True)):
        if parent_id in ids:
            yield accounts[first:row]
            first, ids = row, set()
        ids.add(account_id)
    yield accounts[first:]


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
