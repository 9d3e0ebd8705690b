"""Which accounts the books have, and opening those that a day's payments need.

Belongs here: the directory (external reference to account id), the customers' accounts of a source, and
the books' own accounts, which are opened when a leg first names them. An account keeps its id; a new one
gets the chart code times 10**9 plus the next number of that code in its book.
"""

from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
import psycopg

from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.chart import CUSTOMER_CODES, ChartCode
from ledger_service.ledger.results import AccountResult
from ledger_service.payments.bulk import fetch_frame

DIRECTORY_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "book_id": pl.Int32,
    "external_ref": pl.String,
    "account_id": pl.Int64,
    "chart_code": pl.Int32,
    "currency": pl.String,
}

_CODE_STRIDE: Final = 10**9
_BATCH: Final = 10_000
_PRODUCT_CODES: Final = {
    "deposit": int(ChartCode.CUSTOMER_DEPOSITS),
    "wallet": int(ChartCode.CUSTOMER_WALLETS),
}
_STATEMENT: Final = Path(__file__).with_name("account_directory.sql").read_bytes()


class AccountConflict(ValueError):
    """An account is delivered again with other content than the ledger holds."""

    def __init__(self, *, book_id: int, external_ref: str, result: str) -> None:
        self.book_id = book_id
        self.external_ref = external_ref
        self.result = result
        super().__init__(f"account {external_ref} of book {book_id}: {result.replace('_', ' ')}")


class AccountTaken(RuntimeError):
    """Another transaction opened accounts meanwhile: read the directory again."""


def read_directory(connection: psycopg.Connection, book_ids: list[int]) -> pl.DataFrame:
    """All accounts of the books (`DIRECTORY_SCHEMA`)."""
    return fetch_frame(connection, _STATEMENT, [book_ids], schema=DIRECTORY_SCHEMA)


def customer_codes() -> list[int]:
    """The chart codes under which customers' accounts are kept."""
    return sorted(int(code) for code in CUSTOMER_CODES)


def register_customers(
    connection: psycopg.Connection,
    *,
    accounts: pl.DataFrame,
    books: dict[str, int],
    directory: pl.DataFrame,
    business_date: date,
) -> pl.DataFrame:
    """Open the accounts (`ACCOUNT_SCHEMA`) that are due and missing; returns the new directory.

    Raises `AccountConflict` where the ledger keeps an account in another currency.
    """
    named = accounts.filter(pl.col("opened_on") <= business_date).select(
        "participant_id",
        "product",
        "currency",
        "party_id",
        "party_kind",
        "holder_name",
        "opened_on",
        book_id=pl.col("participant_id").replace_strict(books, default=None, return_dtype=pl.Int32),
        external_ref="account",
        debit_limit="overdraft_limit_minor",
    )
    kept = directory.select("book_id", "external_ref", currency_kept="currency")
    compared = named.join(kept, on=["book_id", "external_ref"], how="left", maintain_order="left")
    conflicts = compared.filter(pl.col("currency") != pl.col("currency_kept"))
    if conflicts.height:
        first = conflicts.row(0, named=True)
        raise AccountConflict(
            book_id=first["book_id"],
            external_ref=first["external_ref"],
            result=AccountResult.EXISTS_WITH_DIFFERENT_CURRENCY,
        )
    missing = compared.filter(pl.col("currency_kept").is_null(), pl.col("book_id").is_not_null())
    complete = missing.with_columns(
        chart_code=pl.col("product").replace_strict(_PRODUCT_CODES, return_dtype=pl.Int32),
        counterparty_id=pl.lit(None, pl.String),
        credit_limit=pl.lit(None, pl.Int64),
    )
    return _opened(connection, complete, directory=directory)


def open_own_accounts(
    connection: psycopg.Connection, *, legs: pl.DataFrame, directory: pl.DataFrame
) -> pl.DataFrame:
    """Open the books' own accounts that legs name and that are missing; returns the new directory.

    `legs`: `LEG_SCHEMA` and booking_date (Date), on which a missing account is opened.
    """
    sides = pl.concat(
        legs.filter(pl.col(f"{side}_chart_code").is_not_null()).select(
            "book_id",
            "currency",
            opened_on="booking_date",
            external_ref=f"{side}_ref",
            chart_code=f"{side}_chart_code",
            counterparty_id=f"{side}_counterparty",
        )
        for side in ("debit", "credit")
    )
    nobody, unlimited = pl.lit(None, pl.String), pl.lit(None, pl.Int64)
    named = sides.unique().sort("book_id", "chart_code", "external_ref")
    missing = named.join(directory, on=["book_id", "external_ref"], how="anti", maintain_order="left")
    nobody, unlimited = pl.lit(None, pl.String), pl.lit(None, pl.Int64)
    complete = missing.with_columns(
        party_id=nobody,
        party_kind=nobody,
        holder_name=nobody,
        debit_limit=unlimited,
        credit_limit=unlimited,
    )
    return _opened(connection, complete, directory=directory)


def _opened(
    connection: psycopg.Connection, missing: pl.DataFrame, *, directory: pl.DataFrame
) -> pl.DataFrame:
    """Open the accounts that the directory does not have; returns the new directory."""
    if missing.is_empty():
        return directory
    last = directory.group_by("book_id", "chart_code").agg(last_id=pl.col("account_id").max())
    numbered = missing.join(
        last, on=["book_id", "chart_code"], how="left", maintain_order="left"
    ).with_columns(
        account_id=pl.coalesce("last_id", pl.col("chart_code").cast(pl.Int64) * _CODE_STRIDE)
        + pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("book_id", "chart_code")
    )
    # In ascending order of books, as all that lock several of them.
    for book in numbered.sort("book_id", maintain_order=True).partition_by(
        "book_id", maintain_order=True
    ):
        book_id = int(book["book_id"][0])
        for batch in book.iter_slices(_BATCH):
            results = create_accounts(
                connection, book_id=book_id, accounts=batch.select(list(ACCOUNT_COLUMNS))
            )
            _assert_opened(book_id, batch, results)
    return pl.concat([directory, numbered.select(list(DIRECTORY_SCHEMA))])


def _assert_opened(book_id: int, batch: pl.DataFrame, results: pl.Series) -> None:
    opened = [AccountResult.CREATED.value, AccountResult.EXISTS.value]
    taken = {AccountResult.EXTERNAL_REF_TAKEN, AccountResult.EXISTS_WITH_DIFFERENT_EXTERNAL_REF}
    failed = batch.with_columns(result=results).filter(~pl.col("result").is_in(opened))
    for row in failed.iter_rows(named=True):
        if row["result"] not in taken:
            external_ref, result = row["external_ref"], row["result"]
            raise AccountConflict(book_id=book_id, external_ref=external_ref, result=result)
    if failed.height:
        raise AccountTaken(f"{failed.height} accounts of book {book_id}")
