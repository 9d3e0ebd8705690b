"""The report of a reconciled day, and the same frames every time."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.reconciliation.camt053 import StatementFrames
from pipelines.reconciliation.reconcile import Earlier, Reconciliation, reconcile
from pipelines.reconciliation.report import write_report
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
