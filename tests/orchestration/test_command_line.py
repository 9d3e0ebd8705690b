"""The command line: what it says when something is not as it should be."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from ledger_service.runtime.settings import PROJECT_ROOT, Settings, SourceName
from orchestration.cli.day import NoBusinessDates, OtherInput
from orchestration.cli.failures import explain
from orchestration.cli.installation import choose, remember


def _wgi(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "orchestration.cli", *arguments],
        env={**os.environ, "WGI_HOME": str(home), "PYTHONPATH": str(PROJECT_ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_reads_like_documentation(tmp_path: Path) -> None:
    shown = _wgi(tmp_path, "--help", COLUMNS="120").stdout
    for command in ("day", "up", "trace", "ledger", "bench", "test", "reset"):
        assert f" {command} " in shown
    assert "wgi day" in shown


def test_an_unreachable_server_is_a_sentence_and_not_a_traceback(tmp_path: Path) -> None:
    url = "postgresql://wgi@127.0.0.1:1/postgres?connect_timeout=2"
    result = _wgi(tmp_path, "ledger", "verify", WGI_DATABASE_URL=url)
    assert result.returncode == 1
    assert "127.0.0.1:1 cannot be used" in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.stderr


def test_a_ref_of_no_kind_is_refused_with_the_kinds_there_are(tmp_path: Path) -> None:
    from orchestration.tracing import UnknownRef, trace
    from pipelines.lake.store import Lake

    with pytest.raises(UnknownRef, match="refs begin with one of net:, bilateral:"):
        trace(Lake(tmp_path), "nonsense")


def test_other_parameters_than_the_installation_s_are_refused() -> None:
    error = OtherInput(Path("input"), "seed=1 customers=1000", "seed=2 customers=1000")
    assert "wgi reset" in str(explain(error))


def test_input_without_dates_names_the_folder_and_the_limit() -> None:
    assert str(NoBusinessDates(Path("input"), date(1990, 1, 1))).endswith("up to 1990-01-01")


def test_a_defect_of_ours_keeps_its_traceback() -> None:
    assert explain(KeyError("amount_minor")) is None
    assert explain(RuntimeError("unexpected")) is None


def test_reset_deletes_nothing_unless_told_to(tmp_path: Path) -> None:
    kept = tmp_path / "simulated" / "lake" / "part.parquet"
    kept.parent.mkdir(parents=True)
    kept.write_text("")
    asked = subprocess.run(
        [sys.executable, "-P", "-m", "orchestration.cli", "reset", "--source", "simulated"],
        env={**os.environ, "WGI_HOME": str(tmp_path), "PYTHONPATH": str(PROJECT_ROOT)},
        input="n\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (asked.returncode, kept.exists()) == (1, True)
    assert _wgi(tmp_path, "reset", "--source", "simulated", "--yes").returncode == 0
    assert not kept.exists()


def test_commands_work_on_the_installation_that_ran_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WGI_HOME", str(tmp_path))
    monkeypatch.delenv("WGI_SOURCE", raising=False)
    assert choose().source is SourceName.SIMULATED
    monkeypatch.setenv("WGI_SOURCE", "berka")
    remember(Settings())
    monkeypatch.delenv("WGI_SOURCE")
    assert choose().source is SourceName.BERKA
    monkeypatch.delenv("WGI_SOURCE")


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
