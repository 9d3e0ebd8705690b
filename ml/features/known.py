"""What was known of customer accounts at the close of a business date: the only door to the ledger.

Belongs here: leaving out what is later. Everything that computes features reads these frames, so that
an entry of a later business date, or booked after the close, cannot matter.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

import polars as pl

from ml.features.expressions import SUBJECT

CUSTOMER_CHART = ("customer_deposits", "customer_wallets")
"""The chart lines whose accounts have features."""

ACCOUNT = ("book_id", "account_id")
LAST_DATE_ENDS = time(12)
"""A date ends last at UTC-12: at noon, UTC, of the date after."""

OPENING = "opening_balance"
"""Kind of entry that brings a balance from an earlier system: no behaviour of the customer."""

LOAN_PURPOSE = "UVER"
"""Purpose by which banks mark instalments of a loan that another bank holds (Berka: `UVER`, loan)."""

_ENTRY_COLUMNS = (
    SUBJECT, "business_date", "value_date", "version", "side", "amount_minor", "kind", "payment_id",
    "debits_posted_after", "credits_posted_after",
)  # fmt: skip
_PAYMENT_COLUMNS = (
    "payment_id", "debtor_agent", "debtor_account", "creditor_agent", "creditor_account", "purpose",
)  # fmt: skip


@dataclass(frozen=True)
class Known:
    """The ledger as known at one close.

    `accounts`: subject, book_id, account_id, participant_id, party_id, opened_on, version and
    balance_minor, sorted by book and account; `subject` is the row's number. `entries` and
    `payments` are lazy and restricted to those accounts and to what was known; of them, the last
    `recent_days` are read once, whatever asks for them.
    """

    business_date: date
    accounts: pl.DataFrame
    entries: pl.LazyFrame
    payments: pl.LazyFrame
    recent_days: int

    @cached_property
    def recent_entries(self) -> pl.DataFrame:
        """The entries of the recent days, sorted by subject and version, with `days_ago`."""
        return (
            self.entries.filter(pl.col("business_date") > self._before_recent)
            .with_columns(days_ago=days_before(self.business_date))
            .collect()
            .sort(SUBJECT, "version")
        )

    @cached_property
    def recent_payments(self) -> pl.DataFrame:
        """The payments of the recent days."""
        recent = self.payments.filter(pl.col("business_date") > self._before_recent)
        return recent.drop("business_date", "kind").collect()

    @property
    def _before_recent(self) -> date:
        return self.business_date - timedelta(days=self.recent_days)


def known_at_close(
    *,
    business_date: date,
    entries: pl.LazyFrame,
    accounts: pl.LazyFrame,
    payments: pl.LazyFrame,
    recent_days: int,
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
        recent_days=recent_days,
    )


def days_before(business_date: date) -> pl.Expr:
    """How many days `business_date` of a row lies before the one given."""
    return (pl.lit(business_date) - pl.col("business_date")).dt.total_days().cast(pl.Int32)


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
