"""The morning's report: ages, classes and one picture that says the same every time."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from lxml import etree

from pipelines.reconciliation.camt053 import StatementFrames
from pipelines.reconciliation.reconcile import Earlier, Reconciliation, reconcile
from pipelines.reconciliation.report import (
    ageing_table,
    breaks_picture,
    class_table,
    headline,
    write_report,
)
from pipelines.reconciliation.report_inputs import ReportDay, ReportNames
from pipelines.reconciliation.rules import Rules

DAY = date(2026, 3, 2)
EXPONENTS = {"GBP": 2, "CZK": 2, "XOF": 0}


@pytest.fixture
def result(books: Any, rules: Rules) -> Reconciliation:
    """Seven nostro entries without a statement, one 40 days old, and a wrong stated balance today."""
    books.open_nostro(1)
    books.open_nostro(2, currency="XOF")
    books.open_deposit(3)
    earlier, last = Earlier.nothing(), DAY + timedelta(days=40)
    for day, movements in (
        (DAY, [{"account_id": 1, "signed_minor": 123456}]),
        (
            last,
            [{"account_id": 2, "signed_minor": -100 * n} for n in range(1, 7)]
            + [{"account_id": 3, "signed_minor": 500, "stated_minor": 900}],
        ),
    ):
        found = reconcile(
            business_date=day,
            day=books.close(day, movements),
            statements=StatementFrames.empty(),
            earlier=earlier,
            rules=rules,
        )
        earlier = Earlier(found.breaks, found.accounts, found.matches)
    return found


def test_ages_never_add_up_currencies(result: Reconciliation) -> None:
    table = ageing_table(result.breaks)
    assert table.select("break_class", "currency", "age_band", "breaks", "difference_minor").rows() == [
        ("amount", "CZK", "0-1 days", 1, 400),
        ("missing_at_bank", "GBP", "31-90 days", 1, -123456),
        ("missing_at_bank", "XOF", "0-1 days", 6, 2100),
    ]


def test_classes_say_who_owns_them_and_since_when(result: Reconciliation, rules: Rules) -> None:
    first = class_table(result.breaks, rules=rules).row(0, named=True)
    assert (first["break_class"], first["breaks"], first["new_today"]) == ("missing_at_bank", 7, 6)
    assert (first["oldest"], first["oldest_age_days"], first["owner"]) == (
        DAY,
        40,
        "treasury_operations",
    )


def test_the_picture_tells_what_how_much_and_since_when(result: Reconciliation, rules: Rules) -> None:
    last = DAY + timedelta(days=40)
    picture = breaks_picture(result, business_date=last, rules=rules, exponents=EXPONENTS)
    words = " ".join(etree.fromstring(picture).itertext())
    assert "0 of 7 ledger items agree; 8 breaks are open on 3 of 3 accounts" in words
    assert "In our books, not at the bank" in words
    assert "7 since 2026-03-02 · XOF 2,100, GBP -1,234.56" in words
    assert "31-90 days" in words


def test_the_picture_is_the_same_bytes_every_time(result: Reconciliation, rules: Rules) -> None:
    pictures = {
        breaks_picture(result, business_date=DAY, rules=rules, exponents=EXPONENTS) for _ in range(2)
    }
    assert len(pictures) == 1


def test_a_day_without_breaks_says_so(result: Reconciliation, rules: Rules) -> None:
    clean = Reconciliation(
        matches=result.matches,
        breaks=result.breaks.clear(),
        accounts=result.accounts,
        evidence=result.evidence,
        rejected=result.rejected,
    )
    assert "agree" in headline(clean, business_date=DAY)
    picture = breaks_picture(clean, business_date=DAY, rules=rules, exponents=EXPONENTS)
    assert "every item is matched" in " ".join(etree.fromstring(picture).itertext())
    assert ageing_table(clean.breaks).is_empty()


def test_a_reconciled_day_becomes_a_report(result: Reconciliation, rules: Rules, tmp_path: Path) -> None:
    day = ReportDay(
        business_date=DAY + timedelta(days=40),
        accounts=result.accounts,
        matches=result.matches,
        breaks=result.breaks,
        refused=result.rejected,
    )
    names = ReportNames.of_rules(rules, participants={"ke-bank": "Kisumu Bank"}, exponents=EXPONENTS)
    files = write_report(tmp_path, day, names=names)
    assert [path.name for path in files] == ["report.html", "report.xlsx", "report.pdf"]
    page = files[0].read_text(encoding="utf-8")
    assert "Not everything is there: 8 breaks open on 3 of 3 accounts" in page
    for words in ("In our books, not at the bank: 7", "XOF 2,100 in 6 breaks", "2026-03-02 (40 days)"):
        assert words in page
    assert "Kisumu Bank" in page


def test_a_rerun_of_a_day_gives_the_same_frames(books: Any, rules: Rules) -> None:
    books.open_deposit(3)
    day = books.close(DAY, [{"account_id": 3, "signed_minor": 500, "stated_minor": 900}])
    first, second = (
        reconcile(
            business_date=DAY,
            day=day,
            statements=StatementFrames.empty(),
            earlier=Earlier.nothing(),
            rules=rules,
        )
        for _ in range(2)
    )
    for name in ("matches", "breaks", "accounts", "evidence", "rejected"):
        one, other = getattr(first, name), getattr(second, name)
        assert isinstance(one, pl.DataFrame)
        assert one.equals(other)
