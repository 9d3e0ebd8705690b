"""The workbook of the finance report, read back by another library: exact numbers, no formulas."""

import io
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from zipfile import ZipFile

import openpyxl
import pytest

from pipelines.reconciliation import report_xlsx as module
from pipelines.reconciliation.report_figures import figures_of
from pipelines.reconciliation.report_inputs import ReportDay
from pipelines.reconciliation.report_xlsx import report_xlsx
from tests.pipelines.reconciliation.report_frames import (
    DAY,
    HOSTILE,
    NAMES,
    account,
    broken,
    history,
    hostile_day,
    ordinary_day,
    proposed,
    report_day,
)


def workbook(day: ReportDay) -> Any:
    """The workbook as openpyxl reads it."""
    return openpyxl.load_workbook(io.BytesIO(report_xlsx(figures_of(day, names=NAMES), names=NAMES)))


def columns(sheet: Any) -> dict[str, list[Any]]:
    """Cells by heading."""
    first, *rest = sheet.iter_rows()
    return {head.value: [row[place] for row in rest] for place, head in enumerate(first)}


def test_every_sheet_can_be_filtered_under_a_frozen_heading() -> None:
    book = workbook(ordinary_day(**history(3)))
    assert book.sheetnames == ["summary", "accounts", "breaks", "matches by pass", "ageing", "trend"]
    for sheet in book.worksheets[1:]:
        assert sheet.freeze_panes == "B2"
        assert sheet.auto_filter.ref == sheet.dimensions
        assert all(sheet.column_dimensions[letter].width >= 8 for letter in "ABC")
    assert book["summary"]["A1"].value.startswith("Not everything is there: 3 breaks open")


def test_amounts_are_numbers_in_their_currency_and_exact() -> None:
    cells = columns(workbook(ordinary_day())["breaks"])
    amounts = [(cell.value, cell.number_format) for cell in cells["Difference"]]
    assert amounts == [(-2, "[$GBP] #,##0.00"), (0.75, "[$GBP] #,##0.00"), (-58, "[$XOF] #,##0")]
    assert [cell.value for cell in cells["First seen"]][2] == datetime(2026, 3, 2)  # noqa: DTZ001 - a cell
    assert [cell.value for cell in cells["Age, days"]] == [40, 3, 0]


@pytest.mark.parametrize("currency", ["GBP", "XOF", "TND"])
def test_every_amount_up_to_15_digits_is_read_back_exactly(currency: str) -> None:
    minors = [
        1,
        -1,
        7,
        10,
        920,
        999_999_999_999_999,
        -999_999_999_999_999,
        123_456_789_012_345,
        5 * 10**14,
    ]
    breaks = [broken(n, difference_minor=minor, currency=currency) for n, minor in enumerate(minors)]
    figures = figures_of(report_day(accounts=[account(1)], breaks=breaks), names=NAMES)
    with ZipFile(io.BytesIO(report_xlsx(figures, names=NAMES))) as archive:
        text = archive.read("xl/worksheets/sheet3.xml").decode()
    for minor in figures.breaks["difference_minor"]:
        exact = Decimal(minor).scaleb(-NAMES.exponents[currency])
        assert f"<v>{exact}</v>" in text


def test_amounts_of_more_digits_are_exact_text() -> None:
    minor = 9_223_372_036_854_775_807
    breaks = [broken(n, difference_minor=minor, ledger_minor=0, stated_minor=minor) for n in range(1, 3)]
    book = workbook(report_day(accounts=[account(1)], breaks=breaks))
    assert [cell.value for cell in columns(book["breaks"])["Difference"]] == [
        "92,233,720,368,547,758.07"
    ] * 2
    assert columns(book["ageing"])["Without sign"][0].value == "184,467,440,737,095,516.14"


def test_text_that_looks_like_a_formula_is_text() -> None:
    book = workbook(hostile_day())
    for sheet in book:
        for row in sheet.iter_rows():
            assert all(cell.data_type != "f" for cell in row)
    cells = columns(book["breaks"])["Books of"]
    shown = {cell.value for cell in cells}
    assert {text for text in HOSTILE if text.startswith(("=", "+", "-", "@"))} <= shown
    assert "x" * 5_000 in shown
    for cell in cells:
        assert cell.quotePrefix == (cell.value or "").startswith(("=", "+", "-", "@"))


def test_all_sheets_agree_with_the_frames() -> None:
    day = ordinary_day(**history(3))
    figures = figures_of(day, names=NAMES)
    book = workbook(day)
    accounts = columns(book["accounts"])
    assert [cell.value for cell in accounts["Account number"]] == [
        str(number) for number in figures.accounts["account_id"]
    ]
    assert [cell.value for cell in accounts["Unexplained"]] == [0, 0, 0]
    assert [cell.value for cell in columns(book["matches by pass"])["Matched"]] == [6, 1]
    assert [cell.value for cell in columns(book["matches by pass"])["Match rate"]] == [0.6, 0.1]
    trend = columns(book["trend"])
    assert [cell.value.date() for cell in trend["Date"]] == figures.trend["business_date"].to_list()
    assert [cell.value for cell in trend["Open breaks"]] == [3, 2, 1, 3]
    assert trend["Resolved"][0].value is None


def test_proposals_have_a_sheet_where_there_are_any() -> None:
    day = report_day(
        accounts=[account(1, breaks=1)],
        breaks=[broken(1, difference_minor=1)],
        proposals=[proposed(1), proposed(2, score=None)],
    )
    cells = columns(workbook(day)["proposals"])
    assert [cell.value for cell in cells["Amount"]] == [12.5, 12.5]
    assert [cell.value for cell in cells["Score"]] == [0.8, None]


def test_a_sheet_that_is_too_long_says_what_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 2)
    sheet = workbook(ordinary_day())["breaks"]
    assert sheet.max_row == 4
    assert sheet["A4"].value == "1 more rows are not in this workbook but in its totals."
    assert sheet.auto_filter.ref == "A1:U3"


def test_an_empty_day_is_a_workbook_of_headings() -> None:
    book = workbook(report_day(accounts=[]))
    assert [sheet.max_row for sheet in book.worksheets[1:]] == [1] * 5


def test_the_same_figures_are_the_same_bytes_without_the_clock() -> None:
    day = ordinary_day(**history(3))
    turned = replace(day, breaks=day.breaks.reverse(), matches=day.matches.reverse())
    one, other = (report_xlsx(figures_of(each, names=NAMES), names=NAMES) for each in (day, turned))
    assert one == other
    with ZipFile(io.BytesIO(one)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 31, 0, 0, 0)}
        assert f"{DAY}T00:00:00Z" in archive.read("docProps/core.xml").decode()
