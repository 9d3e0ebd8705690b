"""`wgi banks`: a person sees what became of files, queues what was given up, and asks a bank."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from ledger_service.payments.bank_files import BankFile, BankFileLog
from ledger_service.runtime.database import Database, Role, Server
from orchestration.cli.app import app
from pipelines.settlement.recognition import read_file
from pipelines.simulation.bank.server import RunningBank, running_banks
from tests.pipelines.settlement.banks.test_delivery import SECRET, connection_to, outgoing
from tests.pipelines.simulation.bank.client_files import camt056
from tests.pipelines.simulation.bank.conftest import Clock, config

DAY = date(2024, 3, 11)
NOON = datetime(2024, 3, 11, 12, tzinfo=UTC)
Wgi = Callable[..., Result]


@pytest.fixture
def wgi(ledger_database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wgi:
    monkeypatch.setenv("WGI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WGI_DATABASE_URL", ledger_database.conninfo)
    monkeypatch.setenv("WGI_DATABASE_PREFIX", ledger_database.prefix)
    monkeypatch.setenv("WGI_SOURCE", "simulated")

    def run(*arguments: str | Path, status: int = 0) -> Result:
        result = CliRunner().invoke(app, ["banks", *map(str, arguments)], env={"COLUMNS": "160"})
        assert result.exit_code == status, result.output
        assert not result.exception or isinstance(result.exception, SystemExit)
        return result

    return run


def given_up(ledger: Server) -> None:
    """Two files of a bank: one accepted, one given up."""
    with ledger.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        log = BankFileLog(connection, exchange_date=DAY)
        for file_id, digit in (("M1", "a"), ("M2", "b")):
            facts = (file_id, "pacs.008.001.08", digit * 64, 10, 3, "KES", 123_456)
            log.queue(BankFile("equator", file_id, DAY, *facts), at=NOON)
        log.add("equator", "M1", number=2, state="accepted", at=NOON, detail="ACCP")
        log.add("equator", "M2", number=2, state="dead_letter", at=NOON, detail="5 tries [failed]")


def test_files_are_listed_with_state_amount_and_reason(wgi: Wgi, ledger_database: Server) -> None:
    assert "no file" in wgi("files").output
    given_up(ledger_database)
    everything = wgi("files").output
    assert "1,234.56 KES" in everything
    assert "accepted" in everything
    dead = wgi("files", "--state", "dead_letter").output
    assert "5 tries [failed]" in dead
    assert "M1" not in dead
    assert "1 earlier ones" in wgi("files", "--limit", "1").output
    assert "choose one of queued" in wgi("files", "--state", "lost", status=2).output


def test_only_what_was_given_up_is_queued_again_and_keeps_why(wgi: Wgi, ledger_database: Server) -> None:
    given_up(ledger_database)
    wgi("again", "equator", "M2", "--because", "the bank opened its port")
    assert "the bank opened its port" in wgi("life", "equator", "M2").output
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        log = BankFileLog(connection, exchange_date=DAY)
        assert [life.state for life in log.events("equator", "M2")] == [
            "queued",
            "dead_letter",
            "queued",
        ]
    assert "M2 at equator is queued" in wgi("again", "equator", "M2", "--because", "x", status=2).output
    assert (
        "M1 at equator is accepted" in wgi("again", "equator", "M1", "--because", "x", status=2).output
    )
    assert "no file 'M9'" in wgi("life", "equator", "M9", status=2).output


def connected(bank: RunningBank, wire: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bank connections of the installation: one bank."""
    folder.mkdir()
    said = connection_to(bank, wire).model_dump(mode="json", exclude_none=True)
    (folder / "equator.yaml").write_text(yaml.safe_dump(said))
    monkeypatch.setenv("WGI_BANKS", str(folder))
    monkeypatch.setenv("WGI_BANK_SECRETS", f'{{"equator": "{SECRET}"}}')


def test_a_bank_is_asked_for_balance_and_statement_and_for_payments_back(
    wgi: Wgi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recall, statement = tmp_path / "recall.xml", tmp_path / "statement.xml"
    with running_banks([config()], folder=tmp_path / "bank", clock=Clock(), secret=SECRET) as banks:
        bank = banks["equator"]
        connected(bank, "https", tmp_path / "banks", monkeypatch)
        assert "1,000 minor units of KES" in wgi("balance", "equator", "CUST-1").output
        bank.bank.close_day(DAY)
        wgi("statement", "equator", "CUST-1", "--on", str(DAY), "--out", statement)
        sent = outgoing(tmp_path)
        bank.bank.receive(sent.path.read_bytes(), name="M1.xml", file_id="M1", transport="https")
        recall.write_bytes(camt056("CASE-1", "M1", ["M1-T1"]))
        assert "sent" in wgi("recall", "equator", recall).output
        assert "NOT-OURS" in wgi("balance", "equator", "NOT-OURS", status=2).output
    assert read_file(statement).summary.accounts == {"CUST-1"}


def test_without_a_connection_the_command_says_what_to_set(
    wgi: Wgi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "WGI_BANKS" in wgi("balance", "equator", "CUST-1", status=2).output
    monkeypatch.setenv("WGI_BANKS", str(tmp_path))
    assert "known: none" in wgi("balance", "equator", "CUST-1", status=2).output
