"""Frames of a reconciled date for tests of the finance report, built row by row."""

from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines.lake.table import Table
from pipelines.reconciliation.report_inputs import CASES_SCHEMA, ReportDay, ReportNames
from pipelines.reconciliation.tables import BREAKS, MATCHES, PROPOSALS, RECONCILED_ACCOUNTS

DAY = date(2026, 3, 2)
NAMES = ReportNames(
    participants={"KE-B01": "Nairobi Commerce Bank", "GB-P01": "London Partner"},
    classes={"amount": "Both have it, with different amounts", "missing_at_bank": "Not at the bank"},
    passes={"exact": "Same reference", "near": "Same amount, near date"},
    exponents={"KES": 2, "GBP": 2, "XOF": 0, "TND": 3, "USD": 2},
)


def frame(table: Table, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of a table; columns that are not given are null."""
    return pl.DataFrame(
        [{name: row.get(name) for name in table.schema} for row in rows],
        schema=dict(table.schema),
        orient="row",
    )


def account(account_id: int, **columns: Any) -> dict[str, Any]:
    """An account on which both sides agree."""
    return {
        "business_date": DAY,
        "participant_id": "KE-B01",
        "counterparty_id": "GB-P01",
        "book_id": 1,
        "account_id": account_id,
        "currency": "GBP",
        "ledger_items": 3,
        "stated_items": 3,
        "matched_items": 3,
        "breaks": 0,
        "ledger_closing_minor": 100_000,
        "stated_closing_minor": 100_000,
        "stated_until": DAY,
        "break_difference_minor": 0,
        "rounding_minor": 0,
        "unexplained_minor": 0,
    } | columns


def broken(number: int, *, difference_minor: int, age_days: int = 0, **columns: Any) -> dict[str, Any]:
    """An open break on account 1."""
    return {
        "business_date": DAY,
        "ref": f"break:{number:06d}",
        "break_class": "amount",
        "participant_id": "KE-B01",
        "counterparty_id": "GB-P01",
        "book_id": 1,
        "account_id": 1,
        "external_ref": "nostro:GB-P01:GBP",
        "currency": "GBP",
        "ledger_minor": 1_000,
        "stated_minor": 1_000 + difference_minor,
        "difference_minor": difference_minor,
        "first_seen": DAY - timedelta(days=age_days),
        "age_days": age_days,
        "owner": "payments_operations",
        "detail": "reference X: another amount",
        "version": number,
    } | columns


def match(
    version: int, *, account_id: int = 1, proved_by: str = "exact", **columns: Any
) -> dict[str, Any]:
    """A matched ledger entry."""
    return {
        "business_date": DAY,
        "ref": f"match:{account_id}:{version}",
        "pass_id": proved_by,
        "book_id": 1,
        "account_id": account_id,
        "version": version,
        "statement_ref": f"file#{version}",
        "currency": "GBP",
        "ledger_minor": 500,
        "stated_minor": 500,
    } | columns


def proposed(version: int, **columns: Any) -> dict[str, Any]:
    """A ledger item of a proposal."""
    return {
        "business_date": DAY,
        "ref": "proposal:2026-03-02:1",
        "pass_id": "near",
        "book_id": 1,
        "account_id": 1,
        "side": "ledger",
        "version": version,
        "currency": "GBP",
        "signed_minor": 1_250,
        "score": 0.8,
        "rivals": 1,
        "reason": "another item fits as well",
    } | columns


def report_day(
    *,
    accounts: list[dict[str, Any]],
    breaks: list[dict[str, Any]] | None = None,
    matches: list[dict[str, Any]] | None = None,
    proposals: list[dict[str, Any]] | None = None,
    cases: list[dict[str, Any]] | None = None,
    **frames: Any,
) -> ReportDay:
    """A day of these rows."""
    return ReportDay(
        business_date=DAY,
        accounts=frame(RECONCILED_ACCOUNTS, accounts),
        breaks=frame(BREAKS, breaks or []),
        matches=frame(MATCHES, matches or []),
        proposals=frame(PROPOSALS, proposals or []),
        cases=pl.DataFrame(cases or [], schema=CASES_SCHEMA),
        **frames,
    )


def ordinary_day(**frames: Any) -> ReportDay:
    """Two accounts, one with three breaks of two currencies, an account that was not stated."""
    return report_day(
        accounts=[
            account(1, breaks=3, matched_items=7, ledger_items=9, break_difference_minor=-125),
            account(2, currency="XOF", ledger_closing_minor=58, stated_closing_minor=58),
            account(3, stated_until=DAY - timedelta(days=4), matched_items=0),
        ],
        breaks=[
            broken(1, difference_minor=75, age_days=3),
            broken(2, difference_minor=-200, age_days=40, owner="treasury_operations"),
            broken(3, difference_minor=-58, currency="XOF", break_class="missing_at_bank"),
        ],
        matches=[match(n) for n in range(10, 16)] + [match(16, proved_by="near")],
        **frames,
    )


def history(days: int) -> dict[str, pl.LazyFrame]:
    """`days` earlier dates: on each, account 1 with as many breaks as the date is days ago."""
    accounts, breaks = [], []
    for ago in range(days, 0, -1):
        day = DAY - timedelta(days=ago)
        closing = {"ledger_closing_minor": 1_000 * ago, "stated_closing_minor": 2_000 * ago}
        accounts.append(account(1, matched_items=10, breaks=ago, **closing) | {"business_date": day})
        for number in range(ago):
            breaks.append(broken(ago * 1_000 + number, difference_minor=1) | {"business_date": day})
    return {
        "accounts_before": frame(RECONCILED_ACCOUNTS, accounts).lazy(),
        "breaks_before": frame(BREAKS, breaks).lazy(),
    }


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    '=HYPERLINK("http://x.example","y")',
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\u0628\u0646\u0643 \u0627\u0644\u0642\u0627\u0647\u0631\u0629",
    "\u202eesrever\u202c",
    "nul\x00bell\x07",
    "{{ 7 * 7 }} {% raw %}",
    "x" * 5_000,
    "two\nlines",
    "",
)


def hostile_day() -> ReportDay:
    """Every text of every row is one of `HOSTILE`."""
    rows = [
        broken(
            number,
            difference_minor=number,
            participant_id=text,
            counterparty_id=text,
            external_ref=text,
            break_class=text,
            owner=text,
            detail=text,
            end_to_end_id=text,
            statement_ref=text,
        )
        for number, text in enumerate(HOSTILE, start=1)
    ]
    cases = [
        {"ref": row["ref"], "state": text, "assignee": text, "due_date": None, "comments": text}
        for row, text in zip(rows, HOSTILE, strict=True)
    ]
    accounts = [
        account(number, participant_id=text, counterparty_id=text, breaks=int(number == 1))
        for number, text in enumerate(HOSTILE, start=1)
    ]
    matches = [match(n, proved_by=text) for n, text in enumerate(HOSTILE, start=1)]
    proposals = [proposed(n, pass_id=text, reason=text) for n, text in enumerate(HOSTILE, start=1)]
    return report_day(accounts=accounts, breaks=rows, matches=matches, cases=cases, proposals=proposals)
