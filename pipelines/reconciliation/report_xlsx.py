"""The finance report as a workbook: everything that the HTML shows, whole, as numbers to work with.

Belongs here: sheets, formats and what a cell may hold. A spreadsheet keeps 15 digits of a number: an
amount with more is written as text, exactly. Text is never a formula, whatever it begins with.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import polars as pl
import xlsxwriter  # type: ignore[import-untyped]  # publishes no types

from pipelines.reconciliation.report_figures import Figures, by_currency, totals
from pipelines.reconciliation.report_inputs import ReportNames, cut
from pipelines.reconciliation.report_verdict import match_line, verdict_of
from pipelines.reconciliation.report_xlsx_fields import (
    ACCOUNTS,
    AGEING,
    BREAKS,
    DAY,
    GROUP,
    MONEY,
    NUMBER,
    PASSES,
    PROPOSALS,
    REFUSED,
    SCORE,
    SHARE,
    TEXT,
    TREND,
    Field,
)

MOST_ROWS = 250_000
"""Rows of a sheet; one that has more says so below its last row. A spreadsheet holds 1,048,576."""
MOST_DIGITS = 15
LONGEST_TEXT = 32_767
"""Characters that a cell can hold."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


CellWriter = Callable[[Any, int, int, Any, dict[str, Any]], None]
"""Writes a cell: sheet, row, column, value, and the row's other values."""


def report_xlsx(figures: Figures, *, names: ReportNames) -> bytes:
    """The workbook of a date; the same figures are the same bytes."""
    target = BytesIO()
    book = xlsxwriter.Workbook(target, {"constant_memory": True})
    midnight = datetime.combine(figures.business_date, datetime.min.time(), tzinfo=UTC)
    title = f"Reconciliation of {figures.business_date}"
    book.set_properties(
        {
            "title": title,
            "author": "Wekeza Global Infrastructure",
            "created": midnight.replace(tzinfo=None),
        }
    )
    writer = _Writer(book, names)
    writer.summary(figures)
    writer.sheet("accounts", figures.accounts, ACCOUNTS)
    writer.sheet("breaks", figures.breaks, BREAKS)
    writer.sheet("matches by pass", figures.passes, PASSES)
    writer.sheet("ageing", figures.ageing.with_columns(pl.col("age_band").cast(pl.String)), AGEING)
    writer.sheet("trend", figures.trend, TREND)
    if figures.proposals.height:
        writer.sheet("proposals", figures.proposals, PROPOSALS)
    if figures.refused.height:
        writer.sheet("refused rows", figures.refused, REFUSED)
    book.close()
    return target.getvalue()


class _Writer:
    """Writes cells of each kind, with one format a currency's number of decimals."""

    def __init__(self, book: Any, names: ReportNames) -> None:
        self.book, self.names = book, names
        self.formats: dict[str, Any] = {}
        self.money: dict[str, Any] = {}

    def summary(self, figures: Figures) -> None:
        """Verdict, answers, then totals by currency, class, owner and counterparty."""
        sheet = self.book.add_worksheet("summary")
        sheet.set_column(0, 0, 40)
        for place, field in enumerate(GROUP, start=1):
            sheet.set_column(place, place, field.width)
        verdict = verdict_of(figures, names=self.names)
        lines = [verdict.sentence, match_line(figures), *self._answers(verdict.answers)]
        for row, line in enumerate(lines):
            self._text(sheet, row, 0, line, self._style(bold=row == 0, font_size=14 if row == 0 else 11))
        row = len(lines) + 1
        tables = [
            ("Currency", by_currency(figures.breaks).with_columns(head=pl.lit("all breaks")), "head")
        ]
        for by, title in (("class", "Class"), ("owner", "Owner"), ("counterparty", "Stated by")):
            tables.append((title, totals(figures.breaks, by=by), by))
        for title, frame, by in tables:
            fields = (Field(title, by, width=40), *GROUP)
            row = self._table(sheet, frame, fields, top=row) + 1

    def sheet(self, name: str, frame: pl.DataFrame, fields: Sequence[Field]) -> None:
        """A sheet with a frozen, filterable heading."""
        sheet = self.book.add_worksheet(name)
        for place, field in enumerate(fields):
            sheet.set_column(place, place, field.width)
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, min(frame.height, MOST_ROWS), len(fields) - 1)
        self._table(sheet, frame, fields, top=0)

    def _answers(self, answers: Iterable[tuple[str, tuple[str, ...]]]) -> list[str]:
        return [f"{question} {line}" for question, lines in answers for line in lines]

    def _table(self, sheet: Any, frame: pl.DataFrame, fields: Sequence[Field], *, top: int) -> int:
        """Heading and rows from row `top`; returns the row below."""
        header = self._style(bold=True, bg_color="#e6ebf0", border=1, text_wrap=True, valign="top")
        for place, field in enumerate(fields):
            self._text(sheet, top, place, field.title, header)
        shown = frame.head(MOST_ROWS)
        writers = [(place, field.column, self._writer(field)) for place, field in enumerate(fields)]
        for row, values in enumerate(shown.iter_rows(named=True), start=top + 1):
            for place, column, write in writers:
                write(sheet, row, place, values.get(column), values)
        below = top + 1 + shown.height
        if frame.height > MOST_ROWS:
            rest = f"{frame.height - MOST_ROWS:,} more rows are not in this workbook but in its totals."
            self._text(sheet, below, 0, rest)
        return below + 1

    def _writer(self, field: Field) -> CellWriter:
        """What writes a cell of the field."""
        numbers = self._style(num_format="#,##0")
        scores = self._style(num_format="0.00")
        days = self._style(num_format="yyyy-mm-dd")

        def number(sheet: Any, row: int, place: int, value: int | None, _: dict[str, Any]) -> None:
            if value is not None:
                sheet.write_number(row, place, value, numbers)

        def score(sheet: Any, row: int, place: int, value: float | None, _: dict[str, Any]) -> None:
            if value is not None:
                sheet.write_number(row, place, Decimal(f"{value:.4f}"), scores)

        def day(sheet: Any, row: int, place: int, value: date | None, _: dict[str, Any]) -> None:
            if value is not None:
                sheet.write_datetime(row, place, value, days)

        def text(sheet: Any, row: int, place: int, value: object, _: dict[str, Any]) -> None:
            if value is not None:
                self._text(sheet, row, place, value)

        writers: dict[str, CellWriter] = {
            SCORE: score,
            NUMBER: number,
            DAY: day,
            TEXT: text,
            MONEY: self._money,
        }
        return self._share(field) if field.kind == SHARE else writers[field.kind]

    def _share(self, field: Field) -> CellWriter:
        """Writes a rate, whose column names part and whole: `matched_items/due_items`."""
        part, whole = field.column.split("/")
        style = self._style(num_format="0.00%")

        def share(sheet: Any, row: int, place: int, _: object, values: dict[str, Any]) -> None:
            if values[whole]:
                sheet.write_number(row, place, Decimal(values[part]) / values[whole], style)

        return share

    def _money(
        self, sheet: Any, row: int, place: int, minor: int | None, values: dict[str, Any]
    ) -> None:
        """A number with the currency's decimals, or exact text where a number would lose digits."""
        if minor is None:
            return
        currency = values["currency"]
        exponent = self.names.exponents.get(currency)
        if exponent is None or len(str(abs(minor))) > MOST_DIGITS:
            sheet.write_string(
                row, place, self.names.amount(minor, currency), self._style(align="right")
            )
            return
        style = self.money.get(currency)
        if style is None:
            decimals = f"#,##0.{'0' * exponent}" if exponent else "#,##0"
            style = self.money[currency] = self._style(num_format=f"[${currency}] {decimals}")
        sheet.write_number(row, place, Decimal(minor).scaleb(-exponent), style)

    def _text(self, sheet: Any, row: int, place: int, value: object, style: Any = None) -> None:
        """Text as text; one that begins like a formula also stays text when somebody edits the cell."""
        text = cut(str(value), length=LONGEST_TEXT)
        if style is None and text.startswith(FORMULA_STARTS):
            style = self._style(quote_prefix=True)
        sheet.write_string(row, place, text, style)

    def _style(self, **properties: Any) -> Any:
        key = repr(properties)
        if key not in self.formats:
            self.formats[key] = self.book.add_format(properties)
        return self.formats[key]
