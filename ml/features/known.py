"""What was known of customer accounts at the close of a business date: the only door to the ledger.

Belongs here: leaving out what is later. Everything that computes features reads these frames, so that
an entry of a later business date, or booked after the close, cannot matter.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from ml.features.expressions import SUBJECT

CUSTOMER_CHART = ("customer_deposits", "customer_wallets")
"""The chart lines whose accounts have features."""

ACCOUNT = ("book_id", "account_id")
LAST_DATE_ENDS = time(12)
"""A date ends last at UTC-12: at noon, UTC, of the date after."""

LOAN_PURPOSE = "UVER"
"""Purpose by which banks mark instalments of a loan that another bank holds (Berka: `UVER`, loan)."""

_ENTRY_COLUMNS = (
    SUBJECT, "business_date", "version", "side", "amount_minor", "kind", "payment_id",
    "debits_posted_after", "credits_posted_after",
)  # fmt: skip
_PAYMENT_COLUMNS = (
    "payment_id", "debtor_agent", "debtor_account", "creditor_agent", "creditor_account", "purpose",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """The ledger as known at one close.

    `accounts`: subject, book_id, account_id, participant_id, party_id, opened_on, version and
    balance_minor, sorted by book and account; `subject` is the row's number. `entries` and
    `payments` are lazy and restricted to those accounts and to what was known.
    """

    business_date: date
    accounts: pl.DataFrame
    entries: pl.LazyFrame
    payments: pl.LazyFrame

    def entries_of(self, window_days: int) -> pl.DataFrame:
        """The entries of the last days, sorted by subject and version."""
        first = self.business_date - timedelta(days=window_days - 1)
        recent = self.entries.filter(pl.col("business_date") >= first)
        return recent.collect().sort(SUBJECT, "version")

    def payments_of(self, window_days: int) -> pl.DataFrame:
        """The payments of the last days."""
        first = self.business_date - timedelta(days=window_days - 1)
        return self.payments.filter(pl.col("business_date") >= first).drop("business_date").collect()


def known_at_close(
    *, business_date: date, entries: pl.LazyFrame, accounts: pl.LazyFrame, payments: pl.LazyFrame
) -> Known:
    """Leave out of the lake's tables what was not known at the close of `business_date`.

    `accounts` must hold the partition of that date. Each participant closes by its own calendar; what
    was booked after the date had ended everywhere on Earth was known at no close of it, and is left
    out whatever date it carries.
    """
    ended = datetime.combine(business_date + timedelta(days=1), LAST_DATE_ENDS, UTC)
    customers = _customers(accounts, business_date)
    subjects = customers.lazy().select(SUBJECT, *ACCOUNT)
    until = pl.col("business_date") <= business_date
    return Known(
        business_date=business_date,
        accounts=customers,
        entries=entries.filter(until, pl.col("booked_at") < ended)
        .join(subjects, on=list(ACCOUNT))
        .select(_ENTRY_COLUMNS),
        payments=payments.filter(until).select("business_date", "kind", *_PAYMENT_COLUMNS),
    )


def _customers(accounts: pl.LazyFrame, business_date: date) -> pl.DataFrame:
    return (
        accounts.filter(
            pl.col("business_date") == business_date, pl.col("chart_name").is_in(CUSTOMER_CHART)
        )
        .select(
            *ACCOUNT,
            "participant_id",
            "party_id",
            "opened_on",
            "version",
            balance_minor=pl.col("credits_posted") - pl.col("debits_posted"),
        )
        .sort(ACCOUNT)
        .with_row_index(SUBJECT)
        .cast({SUBJECT: pl.Int64})
        .collect()
    )
