"""The whole of a book: its trial balance at any time, and the export of its general ledger."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl
import psycopg

from ledger_service.ledger.balances import HistoryArchived, archived_until
from ledger_service.ledger.chart import ChartCode
from ledger_service.ledger.history import BEGINNING, END
from ledger_service.ledger.transfers import TIMESTAMP

GROUPS = {
    1: "assets",
    2: "liabilities",
    3: "equity",
    4: "income",
    5: "expense",
    6: "foreign exchange",
}
"""Groups of the chart of accounts, by the thousands of the code."""

TRIAL_ROW: dict[str, pl.DataType | type[pl.DataType]] = {
    "account_id": pl.Int64,
    "external_ref": pl.String,
    "chart_code": pl.Int32,
    "normal_side": pl.String,
    "currency": pl.String,
    "debits_posted": pl.Int64,
    "credits_posted": pl.Int64,
}

GENERAL_LEDGER_ROW: dict[str, pl.DataType | type[pl.DataType]] = {
    "sequence": pl.Int64,
    "business_date": pl.Date,
    "booked_at": TIMESTAMP,
    "value_date": pl.Date,
    "transfer_id": pl.String,
    "side": pl.String,
    "account": pl.String,
    "chart_code": pl.Int32,
    "other_account": pl.String,
    "currency": pl.String,
    "amount_minor": pl.Int64,
    "pending_minor": pl.Int64,
    "debits_posted_after": pl.Int64,
    "credits_posted_after": pl.Int64,
    "phase": pl.String,
    "kind": pl.String,
    "payment_id": pl.String,
    "version": pl.Int64,
}
"""A line of the general ledger: an entry with the totals of its account after it, in minor units."""

_CHUNK = 20_000
"""Events of one read of an export: bounds its memory."""

_FOLDER = Path(__file__).parent
_TRIAL, _GENERAL, _STATE = (
    (_FOLDER / f"{name}.sql").read_bytes() for name in ("trial_balance", "general_ledger", "book_state")
)


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """A book at a time, by booking time."""

    accounts: pl.DataFrame
    """`TRIAL_ROW`: the accounts that had entries by then."""

    def lines(self) -> pl.DataFrame:
        """Per currency and line of the chart: group, chart_code, line, accounts, debits and credits
        posted, and the balance on the debit or the credit side (Int128, minor units)."""
        total = pl.col("debits_posted", "credits_posted").cast(pl.Int128).sum()
        lines = self.accounts.group_by("currency", "chart_code").agg(total, accounts=pl.len())
        debits, credits = pl.col("debits_posted"), pl.col("credits_posted")
        names = {int(code): code.name.lower() for code in ChartCode}
        return (
            lines.with_columns(
                group=(pl.col("chart_code") // 1000).replace_strict(GROUPS, default="other"),
                line=pl.col("chart_code").replace_strict(names, default="other"),
                debit_balance=(debits - credits).clip(0),
                credit_balance=(credits - debits).clip(0),
            )
            .select(
                "currency",
                "group",
                "chart_code",
                "line",
                "accounts",
                "debits_posted",
                "credits_posted",
                "debit_balance",
                "credit_balance",
            )
            .sort("currency", "chart_code")
        )

    def groups(self) -> pl.DataFrame:
        """Per currency and group of the chart: the sums of `lines`, in the order of the chart."""
        names = pl.Enum([*GROUPS.values(), "other"])
        summed = pl.col("accounts", "debits_posted", "credits_posted", "debit_balance", "credit_balance")
        groups = self.lines().group_by("currency", pl.col("group").cast(names)).agg(summed.sum())
        return groups.sort("currency", "group").cast({"group": pl.String})

    def totals(self) -> pl.DataFrame:
        """Per currency: debits and credits posted, which are equal in a sound book, and `balanced`."""
        total = pl.col("debits_posted", "credits_posted").cast(pl.Int128).sum()
        totals = self.accounts.group_by("currency").agg(total).sort("currency")
        return totals.with_columns(balanced=pl.col("debits_posted") == pl.col("credits_posted"))


def trial_balance(connection: psycopg.Connection, *, book_id: int, at: datetime) -> TrialBalance:
    """The trial balance of a book at `at` (aware): one index probe an account, side and partition.

    Raises `HistoryArchived` where the journal does not reach back to `at`.
    """
    until = archived_until(connection, book_id=book_id)
    named = {"book_id": book_id, "at": at, "archived_until": until}
    rows = connection.execute(_TRIAL, named, prepare=False, binary=True).fetchall()
    found = pl.DataFrame(rows, schema=TRIAL_ROW | {"unknown": pl.Boolean}, orient="row")
    unknown = found.filter("unknown")
    if unknown.height:
        raise HistoryArchived(book_id, unknown["account_id"][0], at)
    return TrialBalance(found.drop("unknown"))


def general_ledger(
    connection: psycopg.Connection,
    *,
    book_id: int,
    since: datetime = BEGINNING,
    until: datetime = END,
    first_date: date = date.min,
    last_date: date = date.max,
) -> Iterator[pl.DataFrame]:
    """All entries of a book booked from `since` until before `until`, in order of its events; of the
    business dates from `first_date` to `last_date`, both included.

    Frames of `GENERAL_LEDGER_ROW`, each at most 40,000 rows.
    """
    state = connection.execute(_STATE, {"book_id": book_id}).fetchone()
    last = int(state[1]) if state else 0
    for after in range(0, last, _CHUNK):
        named = {
            "book_id": book_id,
            "after": after,
            "upto": min(after + _CHUNK, last),
            "since": since,
            "until": until,
            "first_date": first_date,
            "last_date": last_date,
        }
        rows = connection.execute(_GENERAL, named, prepare=False, binary=True).fetchall()
        if rows:
            yield pl.DataFrame(rows, schema=GENERAL_LEDGER_ROW, orient="row")
