"""`wgi recon`: people see which breaks are open and whose, and decide about them by two."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result
from typer.testing import CliRunner

from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.books import register_participants
from ledger_service.payments.break_cases.sync import BREAK_COLUMNS, sync
from ledger_service.runtime.database import Database, Role, Server
from orchestration.cli.app import app
from pipelines.lake.store import Lake
from pipelines.reconciliation.tables import BREAKS

MONDAY = date(2026, 3, 2)
Wgi = Callable[..., Result]


@pytest.fixture
def wgi(ledger_database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wgi:
    monkeypatch.setenv("WGI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WGI_DATABASE_URL", ledger_database.conninfo)
    monkeypatch.setenv("WGI_DATABASE_PREFIX", ledger_database.prefix)
    monkeypatch.setenv("WGI_SOURCE", "simulated")

    def run(*arguments: str | Path, status: int = 0) -> Result:
        result = CliRunner().invoke(app, ["recon", *map(str, arguments)], env={"COLUMNS": "200"})
        assert result.exit_code == status, result.output
        assert not result.exception or isinstance(result.exception, SystemExit)
        return result

    return run


@pytest.fixture
def found(ledger_database: Server, tmp_path: Path) -> None:
    """Two breaks of a nostro account, one ten days old."""
    facts = {
        "participant_id": "KE-B01",
        "book_id": 1,
        "account_id": 1,
        "external_ref": "nostro:X:KES",
        "currency": "KES",
        "owner": "payments_operations",
    }
    rows = [
        facts
        | {
            "ref": f"break:{first_seen}:{name}",
            "break_class": break_class,
            "difference_minor": minor,
            "first_seen": first_seen,
        }
        for name, break_class, minor, first_seen in (
            ("small", "amount", -1_250, date(2026, 2, 20)),
            ("large", "missing_in_ledger", 9_900_000, MONDAY),
        )
    ]
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        bank = {"participant_id": "KE-B01", "name": "Bank", "kind": "bank", "country": "KE"}
        bank |= {"home_currency": "KES"}
        register_participants(
            connection, pl.DataFrame([bank]).with_columns(bic=pl.lit(None, pl.String), has_book=True)
        )
        given = {"account_id": 1, "external_ref": "nostro:X:KES", "chart_code": 1110}
        given |= {"currency": "KES", "opened_on": MONDAY}
        account = pl.DataFrame([{name: given.get(name) for name in ACCOUNT_COLUMNS}])
        create_accounts(
            connection,
            book_id=1,
            accounts=account.select(pl.col(name).cast(kind) for name, kind in ACCOUNT_COLUMNS.items()),
        )
        at = datetime(2026, 3, 2, 23, tzinfo=UTC)
        frame = pl.DataFrame(rows, schema=dict(BREAK_COLUMNS))
        sync(connection, frame, business_date=MONDAY, at=at)
    in_the_lake = [
        {name: row.get(name) for name in BREAKS.schema}
        | {"business_date": MONDAY, "counterparty_id": "X", "ledger_minor": 0, "stated_minor": 9_900_000}
        for row in rows
    ]
    Lake(tmp_path / "home" / "simulated" / "lake").write(
        BREAKS, MONDAY, pl.DataFrame(in_the_lake, schema=dict(BREAKS.schema))
    )


def test_before_anything_was_reconciled_that_is_said(wgi: Wgi) -> None:
    assert "no break was ever found" in wgi("list").output
    assert "there is no break break:z" in wgi("explain", "z", status=2).output


def test_what_is_overdue_comes_first_then_the_largest(wgi: Wgi, found: None) -> None:
    told = wgi("list").output
    assert told.index("2026-02-20:small") < told.index("2026-03-02:large")
    assert "2 breaks, 1 overdue on 2026-03-02" in told
    assert "99,000.00 KES" in told
    assert "large" not in wgi("list", "--overdue").output
    assert "small" not in wgi("list", "--class", "missing_in_ledger").output
    assert "1 more are not shown" in wgi("list", "--limit", "1").output
    assert "no break is like that" in wgi("list", "--participant", "UG-B01").output


def test_a_break_is_explained_with_both_sides_and_what_to_do(wgi: Wgi, found: None) -> None:
    told = wgi("explain", "2026-03-02").output
    for words in (
        "At the bank, not in our books",
        "KE-B01/nostro:X:KES",
        "find the payment that the bank booked",
        "opened",
        "wgi trace break:2026-03-02:large",
    ):
        assert words in told
    assert "2 breaks begin with break:2026" in wgi("explain", "2026", status=2).output


def test_a_break_is_given_talked_about_written_off_by_two_and_reopened(wgi: Wgi, found: None) -> None:
    ref = "2026-02-20"
    wgi("assign", ref, "--to", "finance desk", "--by", "lead")
    wgi("comment", ref, "the bank [sent] a letter", "--by", "finance desk")
    assert "small" in wgi("list", "--owner", "finance desk").output
    assert "cannot be decided" in wgi("approve", ref, "--by", "checker", status=2).output
    proposed = wgi("write-off", ref, "--by", "maker", "--because", "not worth a call").output
    assert "writing -12.50 KES off is proposed" in proposed
    assert "must not decide" in wgi("approve", ref, "--by", "maker", status=2).output
    booked = wgi("approve", ref, "--by", "checker").output
    assert re.search("is written off, booked as transfer [0-9a-f-]{36}", booked)
    life = wgi("explain", ref).output
    assert "the bank [sent] a letter" in life
    assert "not worth a call" in life
    wgi("reopen", ref, "--by", "auditor", "--because", "look again")
    assert "cannot be reopened" in wgi("reopen", ref, "--by", "x", "--because", "y", status=2).output
    too_large = wgi("write-off", "2026-03-02", "--by", "maker", "--because", "x")
    assert "is proposed" in too_large.output
    refused = wgi("refuse", "2026-03-02", "--by", "checker").output
    assert "is open" in refused
