"""`wgi recon file`: a person compares an account with a file about it."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from orchestration.cli.app import app
from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, PAYMENTS
from pipelines.lake.store import Lake
from tests.pipelines.reconciliation.conftest import Books
from tests.pipelines.reconciliation.test_stated_files import MPESA

DAY = date(2026, 3, 2)
Wgi = Callable[..., Result]


@pytest.fixture
def wgi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wgi:
    monkeypatch.setenv("WGI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WGI_SOURCE", "simulated")

    def run(*arguments: str | Path, status: int) -> Result:
        result = CliRunner().invoke(app, ["recon", "file", *map(str, arguments)], env={"COLUMNS": "200"})
        assert result.exit_code == status, result.output
        return result

    return run


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "mpesa.csv"
    path.write_text(MPESA)
    return path


def _closed(tmp_path: Path, references: dict[str, int]) -> None:
    """A closed date on which the wallet moved by so much under each reference."""
    books = Books()
    books.open(
        7,
        normal_side="C",
        currency="KES",
        chart_code=2020,
        chart_name="customer_wallets",
        external_ref="wallet-7",
    )
    moved = [
        {"account_id": 7, "signed_minor": minor, "end_to_end_id": reference}
        for reference, minor in references.items()
    ]
    closed = books.close(DAY, moved)
    lake = Lake(tmp_path / "home" / "simulated" / "lake")
    lake.write(ACCOUNTS, DAY, closed.accounts)
    lake.write(ENTRIES, DAY, closed.entries)
    lake.write(PAYMENTS, DAY, closed.payments)


def test_a_report_that_agrees_is_said_to_agree(wgi: Wgi, tmp_path: Path, report: Path) -> None:
    _closed(tmp_path, {"INV-1": 125_000, "RC1": -1_250})
    output = wgi(report, "--account", "ke-bank/wallet-7", status=0).output
    assert "Everything is there." in output
    assert "2 of 2 stated entries are matched" in output


def test_what_does_not_agree_is_listed_with_its_place(wgi: Wgi, tmp_path: Path, report: Path) -> None:
    _closed(tmp_path, {"INV-1": 125_000, "OURS": 700})
    output = wgi(report, "--account", "ke-bank/wallet-7", status=1).output
    assert "Not everything is there." in output
    assert "12.50 KES" in output
    assert "mpesa.csv#2" in output
    assert "7.00 KES" in output


def test_an_account_that_is_not_there_is_refused(wgi: Wgi, tmp_path: Path, report: Path) -> None:
    _closed(tmp_path, {})
    assert "there is no account" in wgi(report, "--account", "ke-bank/other", status=2).stderr
    assert "is no account" in wgi(report, "--account", "wallet-7", status=2).stderr


def test_a_file_that_states_nothing_is_refused(wgi: Wgi, tmp_path: Path) -> None:
    _closed(tmp_path, {})
    noise = tmp_path / "noise.txt"
    noise.write_text("nothing that a bank would write")
    assert "nothing is stated" in wgi(noise, "--account", "ke-bank/wallet-7", status=2).stderr


def test_before_the_first_close_there_is_nothing_to_compare(wgi: Wgi, report: Path) -> None:
    assert "wgi day" in wgi(report, "--account", "ke-bank/wallet-7", status=2).stderr
