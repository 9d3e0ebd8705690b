"""Interbank obligations: what a day's clearing entries say that participants owe each other.

Belongs here: reading obligations off the clearing accounts, each counted once, and proving that the
two books of a pair say the same. Netting them is in `positions.py`.
"""

from collections.abc import Iterable
from datetime import date

import polars as pl

from ledger_service.reference.schemes import Scheme
from pipelines.netting.tables import OBLIGATIONS
from pipelines.netting.windows import window_id

MIRROR_DIFFERENCES_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "business_date": pl.Date,
    "currency": pl.String,
    "debtor_id": pl.String,
    "creditor_id": pl.String,
    "debtor_book_minor": pl.Int64,
    "creditor_book_minor": pl.Int64,
    "difference_minor": pl.Int64,  # debtor's book - creditor's book
    "differing_payments": pl.Int64,
}


class SeveralBusinessDates(ValueError):
    """A frame mixes business dates where the computation is of one."""

    def __init__(self, dates: list[date]) -> None:
        self.dates = dates
        super().__init__(f"one business date is netted at a time, got {[str(day) for day in dates]}")


class ClearingAccountInvalid(ValueError):
    """A clearing account names no counterparty, its own participant, or an unknown one."""

    def __init__(self, book_id: int, account_id: int, counterparty_id: str | None) -> None:
        self.book_id = book_id
        self.account_id = account_id
        self.counterparty_id = counterparty_id
        super().__init__(
            f"clearing account {account_id} of book {book_id}: counterparty {counterparty_id!r} is not "
            "another participant"
        )


def business_date_of(frame: pl.DataFrame) -> date | None:
    """The one business date of a frame, None for an empty one; raises `SeveralBusinessDates`."""
    dates = frame["business_date"].unique().sort().to_list()
    if len(dates) > 1:
        raise SeveralBusinessDates(dates)
    return dates[0] if dates else None


def obligations(
    entries: pl.DataFrame,
    accounts: pl.DataFrame,
    participants: pl.DataFrame,
    *,
    schemes: Iterable[Scheme] | None = None,
) -> pl.DataFrame:
    """One row of OBLIGATIONS per obligation of the business date.

    A posted entry (`amount_minor` > 0) on a clearing account of participant P with Q is an obligation
    of P to Q when it is a credit, of Q to P when it is a debit. Where both have books each has a mirror
    entry: the one in the debtor's book counts. A debtor without a book is read from the creditor's.

    `schemes` give the windows, by default those that WGI ships. Raises `ClearingAccountInvalid`,
    `SeveralBusinessDates`, `TwoHomes`.
    """
    business_date = business_date_of(entries)
    if business_date is None:
        return OBLIGATIONS.empty()
    counted = (
        _clearing_entries(entries, accounts, participants)
        .filter(pl.col("in_debtor_book") | ~pl.col("both_have_books"))
        .with_columns(window_id(business_date, schemes))
        .select(list(OBLIGATIONS.schema))
        .collect()
    )
    return OBLIGATIONS.conform(counted)


def mirror_differences(
    entries: pl.DataFrame, accounts: pl.DataFrame, participants: pl.DataFrame
) -> pl.DataFrame:
    """Pairs whose two books do not agree on the day; empty when the ledger is sound.

    Compared payment by payment, so that two errors that cancel in the sum still show. Columns and
    units: `MIRROR_DIFFERENCES_SCHEMA`. Raises as `obligations`.
    """
    business_date_of(entries)
    amount = pl.col("amount_minor").cast(pl.Int128)
    by_payment = (
        _clearing_entries(entries, accounts, participants)
        .filter("both_have_books")
        .group_by("business_date", "currency", "debtor_id", "creditor_id", "payment_id")
        .agg(
            debtor_book_minor=amount.filter(pl.col("in_debtor_book")).sum(),
            creditor_book_minor=amount.filter(~pl.col("in_debtor_book")).sum(),
        )
    )
    return (
        by_payment.group_by("business_date", "currency", "debtor_id", "creditor_id")
        .agg(
            pl.col("debtor_book_minor", "creditor_book_minor").sum().cast(pl.Int64),
            differing_payments=(pl.col("debtor_book_minor") != pl.col("creditor_book_minor"))
            .sum()
            .cast(pl.Int64),
        )
        .filter(pl.col("differing_payments") > 0)
        .with_columns(difference_minor=pl.col("debtor_book_minor") - pl.col("creditor_book_minor"))
        .select(list(MIRROR_DIFFERENCES_SCHEMA))
        .sort("currency", "debtor_id", "creditor_id")
        .collect()
    )


def _clearing_entries(
    entries: pl.DataFrame, accounts: pl.DataFrame, participants: pl.DataFrame
) -> pl.LazyFrame:
    """Posted clearing entries with debtor, creditor and whose book they stand in."""
    clearing = _clearing_accounts(accounts, participants)
    owner, counterparty = pl.col("participant_id"), pl.col("counterparty_id")
    credit = pl.col("side") == "C"
    return (
        entries.lazy()
        .filter(pl.col("amount_minor") > 0)
        .join(clearing.lazy(), on=["book_id", "account_id"], how="inner")
        .with_columns(
            debtor_id=pl.when(credit).then(owner).otherwise(counterparty),
            creditor_id=pl.when(credit).then(counterparty).otherwise(owner),
            in_debtor_book=credit,
        )
    )


def _clearing_accounts(accounts: pl.DataFrame, participants: pl.DataFrame) -> pl.DataFrame:
    clearing = (
        accounts.filter(pl.col("chart_name") == "clearing")
        .select("book_id", "account_id", "participant_id", "counterparty_id")
        .join(
            participants.select(
                counterparty_id="participant_id",
                both_have_books=pl.col("book_id").is_not_null(),
            ),
            on="counterparty_id",
            how="left",
        )
    )
    invalid = clearing.filter(
        pl.col("both_have_books").is_null() | (pl.col("participant_id") == pl.col("counterparty_id"))
    ).sort("book_id", "account_id")
    if invalid.height:
        first = invalid.row(0, named=True)
        raise ClearingAccountInvalid(first["book_id"], first["account_id"], first["counterparty_id"])
    return clearing
