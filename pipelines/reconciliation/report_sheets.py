"""The tables of the finance report as rows of text, the same for the HTML and for the PDF.

Belongs here: which columns a person sees, in which order, and how a cell is written. Amounts are exact;
long text is cut, and so are long tables, with a note: the workbook has all.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import polars as pl

from pipelines.reconciliation.report_figures import totals
from pipelines.reconciliation.report_inputs import ReportNames, cut, percent
from pipelines.reconciliation.report_trend import BAND_NAMES

MOST_BREAKS = 500
"""Breaks that the HTML has; its totals count all."""
MOST_ROWS = 300
"""Rows of the other tables; the workbook has all."""
NAME_LENGTH = 80
DETAIL_LENGTH = 200
MONEY, NUMBER, TEXT = "money", "number", "text"


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and how its cells are set: `text`, `number` or `money`."""

    title: str
    kind: str = TEXT


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of text cells; the first column heads its row. `note` says what is left out.

    In a `grouped` table rows next to each other with the same first cell share it.
    """

    id: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    note: str = ""
    grouped: bool = False

    @property
    def spans(self) -> list[int]:
        """How many rows the first cell of each row heads; 0 where an earlier one does."""
        if not self.grouped:
            return [1] * len(self.rows)
        lengths = [len(list(rows)) for _, rows in groupby(self.rows, key=lambda row: row[0])]
        return [span for length in lengths for span in (length, *[0] * (length - 1))]


def columns_of(
    titles: Sequence[str], *, money: Collection[str] = (), number: Collection[str] = ()
) -> tuple[Column, ...]:
    """Columns by title; those in `money` and `number` are set to the right."""
    kinds = dict.fromkeys(money, MONEY) | dict.fromkeys(number, NUMBER)
    return tuple(Column(title, kinds.get(title, TEXT)) for title in titles)


def breaks_sheet(
    breaks: pl.DataFrame, *, names: ReportNames, total: int, id: str = "largest-breaks"
) -> Sheet:
    """Breaks one a row; `total` is how many there are in all."""
    left_out = total - MOST_BREAKS
    note = f"{left_out:,} smaller breaks are in the workbook and in the totals." if left_out > 0 else ""
    rows = [
        (
            cut(row["class"], length=NAME_LENGTH),
            row["currency"],
            names.amount(row["difference_minor"], row["currency"]),
            names.amount(row["ledger_minor"], row["currency"]),
            names.amount(row["stated_minor"], row["currency"]),
            f"{row['first_seen']} ({row['age_days']} d)",
            _person(row),
            cut(row["whose"], length=NAME_LENGTH),
            cut(row["counterparty"], length=NAME_LENGTH),
            cut(row["account"], length=NAME_LENGTH),
            cut(row["detail"], length=DETAIL_LENGTH),
            cut(row["comments"], length=DETAIL_LENGTH),
            row["ref"],
        )
        for row in breaks.iter_rows(named=True)
    ]
    columns = columns_of(
        (
            "Break",
            "Currency",
            "Difference",
            "In the ledger",
            "Stated",
            "Since",
            "Owner",
            "Books of",
            "Stated by",
            "Account",
            "Detail",
            "Comments",
            "Reference",
        ),
        money={"Difference", "In the ledger", "Stated"},
    )
    return Sheet(id, "Breaks, the largest of each currency", columns, rows, note)


def ageing_sheet(ageing: pl.DataFrame, *, names: ReportNames) -> Sheet:
    """Per currency the difference without sign in each age band, with the number of breaks."""
    cells = {(row[0], row[1]): (row[2], row[4]) for row in ageing.iter_rows()}
    sums = ageing.group_by("currency", maintain_order=True).agg(
        pl.col("breaks").sum(), pl.col("absolute_minor").sum(), pl.col("oldest").min()
    )
    rows = []
    for currency, breaks, absolute, oldest in sums.iter_rows():
        bands = [cells.get((currency, band)) for band in BAND_NAMES]
        filled = [f"{names.amount(band[1], currency)} ({band[0]:,})" if band else "—" for band in bands]
        total = f"{names.amount(absolute, currency)} ({breaks:,})"
        rows.append((currency, *filled, total, str(oldest)))
    columns = (
        Column("Currency"),
        *(Column(band, MONEY) for band in BAND_NAMES),
        Column("All", MONEY),
        Column("Oldest"),
    )
    caption = "Differences without sign by age, with the number of breaks in brackets"
    return Sheet("ageing-table", caption, columns, rows)


def trend_sheet(trend: pl.DataFrame) -> Sheet:
    """One row a date, the newest first."""
    rows = [
        (
            str(row["business_date"]),
            percent(row["matched_items"], row["due_items"]),
            *(f"{row[name]:,}" for name in ("matched_items", "breaks", "new")),
            "—" if row["resolved"] is None else f"{row['resolved']:,}",
            *(f"{row[band]:,}" for band in BAND_NAMES),
        )
        for row in trend.reverse().iter_rows(named=True)
    ]
    titles = ("Match rate", "Matched", "Open breaks", "New", "Resolved", *BAND_NAMES)
    columns = (Column("Date"), *(Column(title, NUMBER) for title in titles))
    return Sheet("trend-table", "Match rate and open breaks by date", columns, rows)


def group_sheet(breaks: pl.DataFrame, *, by: str, names: ReportNames) -> Sheet:
    """Open breaks per value of `by` (class, owner or counterparty) and currency."""
    sums = totals(breaks, by=by)
    rows = [
        (
            cut(row[by], length=NAME_LENGTH),
            row["currency"],
            f"{row['breaks']:,}",
            names.amount(row["absolute_minor"], row["currency"]),
            names.amount(row["difference_minor"], row["currency"]),
            str(row["oldest"]),
            f"{row['new_today']:,}",
            f"{row['overdue']:,}",
        )
        for row in sums.head(MOST_ROWS).iter_rows(named=True)
    ]
    title = {"class": "Class", "owner": "Owner", "counterparty": "Stated by"}[by]
    columns = (
        Column(title),
        Column("Currency"),
        Column("Breaks", NUMBER),
        Column("Without sign", MONEY),
        Column("Net, stated - ledger", MONEY),
        Column("Oldest"),
        Column("New", NUMBER),
        Column("Overdue", NUMBER),
    )
    words = {"class": "class", "owner": "owner", "counterparty": "who states otherwise"}[by]
    return Sheet(
        f"by-{by}", f"Open breaks by {words}", columns, rows, cut_note(sums.height), grouped=True
    )


def _person(row: dict[str, Any]) -> str:
    """`treasury operations`, and what is known of the case: who has it, its state, when it is due."""
    parts = [cut(row["owner"], length=NAME_LENGTH)]
    if row["assignee"]:
        parts.append(cut(row["assignee"], length=NAME_LENGTH))
    if row["state"] != "open":
        parts.append(cut(row["state"], length=NAME_LENGTH))
    if row["due_date"]:
        parts.append(f"{'overdue since' if row['overdue'] else 'due'} {row['due_date']}")
    return ", ".join(parts)


def cut_note(height: int) -> str:
    """Tells how many rows a table of `MOST_ROWS` leaves out; nothing where it has all."""
    return f"{height - MOST_ROWS:,} more rows are in the workbook." if height > MOST_ROWS else ""
