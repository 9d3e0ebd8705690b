"""The HTML of the finance report: structure, accessibility, hostile names, crowded and empty days."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from lxml import html

from pipelines.reconciliation.report_drawing import INK, QUIET
from pipelines.reconciliation.report_figures import figures_of
from pipelines.reconciliation.report_html import TEMPLATES, report_html
from pipelines.reconciliation.report_inputs import ReportDay
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

DAYS = {
    "ordinary": ordinary_day(**history(5)),
    "hostile": hostile_day(),
    "empty": report_day(accounts=[]),
    "calm": report_day(accounts=[account(1)]),
}


def page(day: ReportDay) -> html.HtmlElement:
    """The parsed page."""
    return html.document_fromstring(report_html(figures_of(day, names=NAMES), names=NAMES).decode())


def text_of(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def rows_of(document: html.HtmlElement, table: str) -> list[list[str]]:
    return [
        [text_of(cell) for cell in row] for row in document.get_element_by_id(table).xpath("./tbody/tr")
    ]


def test_the_first_heading_is_the_answer_and_the_four_questions_follow_it() -> None:
    document = page(DAYS["ordinary"])
    body = document.xpath("//body/*")
    assert [element.tag for element in body] == ["a", "header", "nav", "main", "footer"]
    assert text_of(document.xpath("//header//h1")[0]).startswith(
        "Not everything is there: 3 breaks open"
    )
    assert [text_of(term) for term in document.xpath("//header//dt")] == [
        "What?", "How much?", "Since when?", "Whose?",
    ]  # fmt: skip
    assert "Reconciliation of 2026-03-02 · 76.92 % matched: 10 of 13 items" in text_of(body[1])


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS)
def test_the_page_can_be_read_without_eyes_and_mouse(day: ReportDay) -> None:
    document = page(day)
    assert document.get("lang") == "en"
    assert document.xpath("//title")[0].text
    assert document.xpath("//meta[@name='viewport']")
    levels = [int(heading.tag[1]) for heading in document.xpath("//h1|//h2|//h3|//h4|//h5|//h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = document.xpath("//@id")
    assert len(ids) == len(set(ids))
    for target in document.xpath("//a/@href"):
        assert target.removeprefix("#") in ids
    assert document.xpath("//body/*[1]")[0].get("href") == "#report"
    for table in document.xpath("//table"):
        assert text_of(table.xpath("./caption")[0])
        assert all(head.get("scope") == "col" for head in table.xpath("./thead//th"))
        assert all(head.get("scope") in {"row", "rowgroup"} for head in table.xpath("./tbody//th"))
        region = table.getparent()
        assert (region.get("role"), region.get("tabindex")) == ("region", "0")
        assert region.get("aria-labelledby") in ids
    for figure in document.xpath("//figure"):
        drawing = figure.xpath("./*[local-name()='svg']")[0]
        assert drawing.get("role") == "img"
        assert set(drawing.get("aria-labelledby").split()) <= set(ids)
        assert all(
            text_of(part) for part in drawing.xpath("./*[local-name()='title' or local-name()='desc']")
        )


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS)
def test_every_row_of_a_table_has_a_cell_for_every_heading(day: ReportDay) -> None:
    for table in page(day).xpath("//table"):
        headings = len(table.xpath("./thead/tr/th"))
        filled = 0
        for row in table.xpath("./tbody/tr"):
            spans = [int(span) for span in row.xpath("./th/@rowspan")]
            assert len(row) == headings - (filled > 0 and not row.xpath("./th"))
            filled = spans[0] - 1 if spans else max(0, filled - 1)
        assert filled == 0


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS)
def test_the_page_needs_nothing_from_outside_and_runs_nothing(day: ReportDay) -> None:
    document = page(day)
    assert not document.xpath("//script|//link|//img|//iframe|//object|//form|//@style")
    assert not document.xpath("//@*[starts-with(name(), 'on')]")
    policy = document.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert not re.search(r"url\(|@import", document.xpath("//style")[0].text)


def test_accounts_show_both_sides_and_what_became_of_their_items() -> None:
    document = page(DAYS["ordinary"])
    heads = [text_of(cell) for cell in document.get_element_by_id("open-accounts").xpath("./thead//th")]
    rows = {row[0]: dict(zip(heads, row, strict=True)) for row in rows_of(document, "open-accounts")}
    assert set(rows) == {"nostro:GB-P01:GBP", "3"}
    first = rows["nostro:GB-P01:GBP"]
    assert (first["Books of"], first["Stated by"]) == ("Nairobi Commerce Bank", "London Partner")
    assert (first["Ledger opening"], first["Stated opening"]) == ("10.00", "20.00")
    assert (first["Ledger closing"], first["Match rate"]) == ("1,000.00", "70.00 %")
    assert (first["Matched"], first["Breaks"], first["Breaks' difference"]) == ("7", "3", "-1.25")
    assert rows["3"]["State"] == "no statement"
    assert [row[0] for row in rows_of(document, "calm-accounts")] == ["2"]


def test_breaks_and_ages_are_told_in_exact_amounts() -> None:
    document = page(DAYS["ordinary"])
    rows = rows_of(document, "largest-breaks")
    assert [row[1:6] for row in rows] == [
        ["GBP", "-2.00", "10.00", "8.00", "2026-01-21 (40 d)"],
        ["GBP", "0.75", "10.00", "10.75", "2026-02-27 (3 d)"],
        ["XOF", "-58", "1,000", "942", "2026-03-02 (0 d)"],
    ]
    assert rows_of(document, "ageing-table") == [
        ["GBP", "—", "0.75 (1)", "—", "2.00 (1)", "—", "2.75 (2)", "2026-01-21"],
        ["XOF", "58 (1)", "—", "—", "—", "—", "58 (1)", "2026-03-02"],
    ]
    assert rows_of(document, "by-owner")[0][:4] == ["payments operations", "GBP", "1", "0.75"]
    assert rows_of(document, "by-pass") == [
        ["Same reference", "6", "60.00 %", "1"],
        ["Same amount, near date", "1", "10.00 %", "1"],
    ]


def test_hostile_names_are_shown_as_they_are_and_do_nothing() -> None:
    raw = report_html(figures_of(hostile_day(), names=NAMES), names=NAMES).decode()
    assert "<script" not in raw
    assert "<img" not in raw
    assert "\u202e" not in raw
    assert "\x00" not in raw
    assert "x" * 201 not in raw
    shown = {row[7] for row in rows_of(html.document_fromstring(raw), "largest-breaks")}
    for text in HOSTILE:
        if len(text) < 50 and text.isprintable() and text:
            assert text in shown


def test_a_crowded_day_shows_the_largest_and_counts_all() -> None:
    breaks = [
        broken(n, difference_minor=n, currency="GBP" if n % 10 else "XOF", account_id=n % 4_000)
        for n in range(1, 3_001)
    ]
    accounts = [account(n, breaks=1) for n in range(1, 1_001)]
    document = page(report_day(accounts=accounts, breaks=breaks))
    shown = rows_of(document, "largest-breaks") + rows_of(document, "more-breaks")
    assert len(shown) == 500
    expected = [f"{n:,}" for n in range(3_000, 500, -10)] + [
        f"{n / 100:.2f}" for n in range(2_999, 0, -1) if n % 10
    ][:250]
    assert sorted(row[2] for row in shown) == sorted(expected)
    notes = [text_of(note) for note in document.xpath("//p[@class='note']")]
    assert "2,500 smaller breaks are in the workbook and in the totals." in notes
    assert "700 more rows are in the workbook." in notes
    total = sum(n for n in range(1, 3_001) if n % 10)
    assert rows_of(document, "by-class")[0][3] == f"{total // 100:,}.{total % 100:02d}"


def test_proposals_are_for_a_person_to_decide() -> None:
    proposals = [proposed(1), proposed(2), proposed(3, ref="proposal:2026-03-02:2")]
    day = report_day(
        accounts=[account(1, breaks=1)],
        breaks=[broken(1, difference_minor=1)],
        proposals=proposals,
    )
    document = page(day)
    rows = rows_of(document, "proposed-matches")
    assert rows[0][:6] == [
        "proposal:2026-03-02:1", "Same amount, near date", "nostro:GB-P01:GBP", "ledger", "GBP", "12.50",
    ]  # fmt: skip
    assert [len(row) for row in rows] == [9, 8, 9]
    assert "2 proposed matches to decide" in text_of(document.xpath("//header//dl")[0])
    assert not page(DAYS["ordinary"]).xpath("//*[@id='proposed']")


def test_an_empty_day_has_no_empty_tables() -> None:
    document = page(DAYS["empty"])
    assert not document.xpath("//table|//figure")
    assert "Nothing was reconciled" in text_of(document.xpath("//h1")[0])
    assert document.xpath("//header/@class") == ["open"]
    assert page(DAYS["calm"]).xpath("//header/@class") == ["well"]


def test_the_same_figures_are_the_same_bytes() -> None:
    day = DAYS["ordinary"]
    turned = replace(day, breaks=day.breaks.reverse(), accounts=day.accounts.reverse())
    one, other = (report_html(figures_of(each, names=NAMES), names=NAMES) for each in (day, turned))
    assert one == other


def luminance(color: str) -> float:
    whole = color.lstrip("#")
    digits = "".join(letter * 2 for letter in whole) if len(whole) == 3 else whole
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_has_the_contrast_that_wcag_asks_for() -> None:
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    colors = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", style))
    grounds = ["#ffffff", "#fafbfc", colors["band"]]
    for ink in (colors["ink"], colors["quiet"], colors["link"], INK, QUIET):
        for ground in grounds:
            assert (luminance(ground) + 0.05) / (luminance(ink) + 0.05) >= 4.5, (ink, ground)


def test_the_date_is_in_the_title() -> None:
    assert str(DAY) in page(DAYS["calm"]).xpath("//title")[0].text
