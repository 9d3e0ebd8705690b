"""The PDF of the finance report, read back by another library, and the files written together."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader

from pipelines.reconciliation.report import write_report
from pipelines.reconciliation.report_figures import figures_of
from pipelines.reconciliation.report_inputs import ReportDay
from pipelines.reconciliation.report_pdf import report_pdf
from tests.pipelines.reconciliation.report_frames import (
    NAMES,
    account,
    broken,
    history,
    hostile_day,
    ordinary_day,
    report_day,
)


def pages(day: ReportDay) -> list[str]:
    """The text of each page, white space as single spaces."""
    reader = PdfReader(io.BytesIO(report_pdf(figures_of(day, names=NAMES), names=NAMES)))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def test_the_first_page_answers_and_every_page_is_numbered() -> None:
    found = pages(ordinary_day(**history(5)))
    assert "Not everything is there: 3 breaks open on 1 of 3 accounts" in found[0]
    for question in ("What?", "How much?", "Since when?", "Whose?"):
        assert question in found[0]
    for number, text in enumerate(found, start=1):
        assert f"Reconciliation of 2026-03-02 · page {number} of {len(found)}" in text


def test_pages_are_a4_and_the_document_says_its_language() -> None:
    reader = PdfReader(io.BytesIO(report_pdf(figures_of(ordinary_day(), names=NAMES), names=NAMES)))
    sizes = {(round(page.mediabox.width), round(page.mediabox.height)) for page in reader.pages}
    assert sizes == {(595, 842)}
    assert reader.trailer["/Root"]["/Lang"] == "en"
    assert reader.metadata is not None
    assert reader.metadata.title == "Reconciliation of 2026-03-02"


def test_tables_have_exact_amounts_and_accounts() -> None:
    text = " ".join(pages(ordinary_day(**history(5))))
    for part in (
        "-2.00",
        "0.75",
        "-58",
        "nostro:GB-P01:GBP",
        "70.00 %",
        "no statement",
        "Ledger closing",
    ):
        assert part in text


def test_a_long_table_repeats_its_heading_and_says_what_is_left_out() -> None:
    breaks = [broken(n, difference_minor=n) for n in range(1, 81)]
    accounts = [account(n, breaks=1) for n in range(1, 131)]
    found = pages(report_day(accounts=accounts, breaks=breaks))
    assert sum("Break Ccy Difference Since" in text for text in found) >= 2
    text = " ".join(found)
    assert "20 more breaks are in the HTML report and in the workbook." in text
    assert "10 more accounts are in the workbook." in text


@pytest.mark.parametrize("day", [hostile_day(), report_day(accounts=[])], ids=["hostile", "empty"])
def test_hostile_names_and_empty_days_are_pages_like_others(day: ReportDay) -> None:
    found = pages(day)
    assert 1 <= len(found) <= 5
    assert "page 1 of" in found[0]


def test_arabic_names_are_joined_and_run_from_right_to_left() -> None:
    name = "\u0628\u0646\u0643"
    day = report_day(accounts=[account(1, participant_id=name)])
    # Drawn from the left in the order in which they are seen; read back in the order of the letters.
    assert name in " ".join(pages(day))


def test_the_same_inputs_are_the_same_bytes_in_all_three_files(tmp_path: Path) -> None:
    day = ordinary_day(**history(5))
    turned = replace(day, breaks=day.breaks.reverse(), accounts=day.accounts.reverse())
    first = write_report(tmp_path / "one", day, names=NAMES)
    second = write_report(tmp_path / "two", turned, names=NAMES)
    folder = tmp_path / "one" / "reconciliation" / "2026-03-02"
    assert first == tuple(folder / f"report.{kind}" for kind in ("html", "xlsx", "pdf"))
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_a_second_run_replaces_the_files(tmp_path: Path) -> None:
    write_report(tmp_path, hostile_day(), names=NAMES)
    written = write_report(tmp_path, report_day(accounts=[account(1)]), names=NAMES)
    assert "Everything is there" in written[0].read_text(encoding="utf-8")
    assert sorted(written) == sorted(written[0].parent.iterdir())
