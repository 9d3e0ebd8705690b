"""What the finance report of a date is made from, and how names and amounts are written in it.

Belongs here: the inputs, with their checks, and text that is safe to show to a person. What is computed
from them is in `report_figures.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from pipelines.reconciliation.rules import Rules
from pipelines.reconciliation.tables import (
    BREAKS,
    MATCHES,
    PROPOSALS,
    RECONCILED_ACCOUNTS,
    STATEMENT_QUARANTINE,
)

CASES_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "ref": pl.String,  # of the break
    "state": pl.String,  # in words: open, assigned, written off, ...
    "assignee": pl.String,  # the person; null: nobody yet
    "due_date": pl.Date,  # by the service level of the class
    "comments": pl.String,  # newest last; null: none
}
"""What people have done about a break, one row a break; a break without a row is untouched."""

ACCOUNT_REFS_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "book_id": pl.Int32,
    "account_id": pl.Int64,
    "external_ref": pl.String,
}
"""The references by which people know accounts."""

UNPRINTABLE = (
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufffe\uffff]"
)
"""Control characters, and those that reorder the text around them."""
CUT = "…"


class ReportOfAnotherDate(ValueError):
    """A frame has rows of another business date than the report's; `table` names it."""

    def __init__(self, *, table: str, business_date: date) -> None:
        self.table = table
        self.business_date = business_date
        super().__init__(f"table {table} has rows that are not of {business_date}")


@dataclass(frozen=True, slots=True)
class ReportDay:
    """The lake's frames of a date, and of dates before it (the date itself and later are passed over).

    `accounts`, `matches`, `breaks`, `proposals` and `refused` are of the tables RECONCILED_ACCOUNTS,
    MATCHES, BREAKS, PROPOSALS and STATEMENT_QUARANTINE, in any order of rows.
    Raises `SchemaMismatch`, `ReportOfAnotherDate`.
    """

    business_date: date
    accounts: pl.DataFrame
    matches: pl.DataFrame
    breaks: pl.DataFrame
    proposals: pl.DataFrame = field(default_factory=PROPOSALS.empty)
    refused: pl.DataFrame = field(default_factory=STATEMENT_QUARANTINE.empty)
    accounts_before: pl.LazyFrame = field(default_factory=lambda: RECONCILED_ACCOUNTS.empty().lazy())
    breaks_before: pl.LazyFrame = field(default_factory=lambda: BREAKS.empty().lazy())
    account_refs: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=ACCOUNT_REFS_SCHEMA))
    cases: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CASES_SCHEMA))

    def __post_init__(self) -> None:
        tables = (
            (RECONCILED_ACCOUNTS, self.accounts),
            (MATCHES, self.matches),
            (BREAKS, self.breaks),
            (PROPOSALS, self.proposals),
            (STATEMENT_QUARANTINE, self.refused),
        )
        for table, frame in tables:
            table.conform(frame)
            if (frame["business_date"] != self.business_date).any():
                raise ReportOfAnotherDate(table=table.name, business_date=self.business_date)


@dataclass(frozen=True, slots=True)
class ReportNames:
    """Names for people: of participants, classes of break and passes, and decimals by currency.

    What has no name is shown by its identifier; an amount whose currency has no exponent is shown in
    minor units and says so.
    """

    participants: Mapping[str, str]
    classes: Mapping[str, str]
    passes: Mapping[str, str]
    exponents: Mapping[str, int]

    @classmethod
    def of_rules(
        cls, rules: Rules, *, participants: Mapping[str, str], exponents: Mapping[str, int]
    ) -> "ReportNames":
        """Classes and passes as the declared rules title them."""
        return cls(
            participants=participants,
            classes={str(name): rule.title for name, rule in rules.classes.items()},
            passes={item.id: item.title for item in rules.passes},
            exponents=exponents,
        )

    def amount(self, minor: int | None, currency: str) -> str:
        """Exact decimal text, grouped by thousands: `-1,234.56`; empty for an amount that is absent."""
        if minor is None:
            return ""
        exponent = self.exponents.get(currency)
        if exponent is None:
            return f"{minor:,} minor units"
        whole, fraction = divmod(abs(minor), 10**exponent)
        sign = "-" if minor < 0 else ""
        return f"{sign}{whole:,}" + (f".{fraction:0{exponent}d}" if exponent else "")


def words(identifier: str | None) -> str:
    """An identifier as words: `payments_operations` is "payments operations"."""
    return (identifier or "nobody").replace("_", " ")


def cut(text: str | None, *, length: int) -> str:
    """At most `length` characters, the last an ellipsis where something was cut."""
    whole = text or ""
    return whole if len(whole) <= length else whole[: length - 1] + CUT


def percent(part: int, whole: int) -> str:
    """`92.35 %`, rounded down so that only everything is 100 %; a dash of nothing."""
    if not whole:
        return "—"
    hundredths = part * 10_000 // whole
    return f"{hundredths // 100}.{hundredths % 100:02d} %"


def printable(frame: pl.DataFrame) -> pl.DataFrame:
    """Text columns without characters that cannot be shown; line ends become spaces."""
    text = pl.col(pl.String)
    return frame.with_columns(
        text.str.replace_all(r"[\t\r\n]+", " ").str.replace_all(UNPRINTABLE, "\ufffd")
    )
