"""`wgi files`: any file is read or refused in words, and batches become files."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import Result
from typer.testing import CliRunner

from orchestration.cli.app import app
from pipelines.settlement.formats import WRITABLE

Wgi = Callable[..., Result]
MT940 = """:20:STARTUMS
:25:KE-B01/1234567
:28C:00001/001
:60F:C250629KES1000,00
:61:2506300630C500,00NTRFREF1//BANK1
:86:Salary
:62F:C250630KES1500,00
-
"""
CSV = """instruction_id,end_to_end_id,currency,amount,execution_date,debtor_name,debtor_account,\
debtor_agent_bic,creditor_name,creditor_account,creditor_agent_bic,remittance,charge_bearer
I1,E1,KES,1250.50,2025-06-30,Otieno Ltd,KE-100,EQBLKENAXXX,Achieng,KE-200,KCBLKENXXXX,Invoice 1,SLEV
I2,E2,KES,99.00,2025-06-30,Otieno Ltd,KE-100,EQBLKENAXXX,Ọlá Ñandú,KE-201,KCBLKENXXXX,Invoice 2,SLEV
"""


@pytest.fixture
def wgi() -> Wgi:
    def run(*arguments: str | Path, status: int = 0, columns: int = 100) -> Result:
        result = CliRunner().invoke(app, ["files", *map(str, arguments)], env={"COLUMNS": str(columns)})
        assert result.exit_code == status, result.output
        assert not result.exception or isinstance(result.exception, SystemExit)
        return result

    return run


def read(wgi: Wgi, *paths: Path, status: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(wgi("read", *paths, "--json", status=status).output)
    return found


def test_a_statement_is_told_with_its_totals_and_balances(wgi: Wgi, tmp_path: Path) -> None:
    path = tmp_path / "statement.sta"
    path.write_text(MT940)
    (said,) = read(wgi, path)
    assert (said["type"], said["accounts"]) == ("MT940", ["KE-B01/1234567"])
    assert said["records"] == {"entries": 1}
    assert said["totals"] == [
        {"currency": "KES", "direction": "C", "count": 1, "amount_minor": 50_000, "amount": "500.00"}
    ]
    assert [(each["kind"], each["amount"]) for each in said["balances"]] == [
        ("OPBD", "1000.00"),
        ("CLBD", "1500.00"),
    ]
    assert said["continuity"] == {"checked": 1, "follows": True, "breaks": []}
    shown = wgi("read", path).output
    assert "balances follow from the entries" in shown


def test_a_balance_that_does_not_follow_is_shown(wgi: Wgi, tmp_path: Path) -> None:
    path = tmp_path / "statement.sta"
    path.write_text(MT940.replace("1500,00\n", "1400,00\n"))
    assert not read(wgi, path)[0]["continuity"]["follows"]
    assert "expected 1500.00, stated 1400.00 KES" in wgi("read", path, columns=160).output


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE D [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">&b;</Document>'
)
OUTSIDE = (
    '<?xml version="1.0"?><!DOCTYPE D [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">&a;</Document>'
)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.xml", b"", "empty"),
        ("blank.txt", b" \r\n\t\n" * 50, "empty"),
        ("noise.bin", bytes(range(256)) * 40, "format_unknown"),
        ("letter.txt", b"Dear bank, please pay.\n", "format_unknown"),
        ("statement.gz", gzip.compress(MT940.encode(), mtime=0), "packed"),
        ("statement.pgp", b"-----BEGIN PGP MESSAGE-----\n\nabc", "encrypted"),
        ("laughs.xml", LAUGHS.encode(), None),
        ("outside.xml", OUTSIDE.encode(), None),
        ("half.xml", LAUGHS.encode()[:40], None),
        ("line.txt", b"x" * 20_000_000, None),
    ],
)
def test_hostile_and_broken_files_are_refused_in_words(
    wgi: Wgi, tmp_path: Path, name: str, content: bytes, code: str | None
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    (said,) = read(wgi, path, status=1)
    assert not said["readable"]
    assert code in (None, said["refused"]["code"])
    assert said["refused"]["code"] != "reader_failed"
    assert len(said["refused"]["sentence"]) > 5
    assert "hostname" not in json.dumps(said["refused"]).replace(str(path), "")


def test_what_is_no_file_is_refused_and_the_others_are_read(wgi: Wgi, tmp_path: Path) -> None:
    good = tmp_path / "good.sta"
    good.write_text(MT940)
    said = read(wgi, tmp_path / "missing.xml", Path("/dev/zero"), good, status=1)
    assert [each["readable"] for each in said] == [False, False, True]
    assert said[0]["refused"]["code"] == said[1]["refused"]["code"] == "not_a_file"


def test_folders_are_read_in_order_of_their_names(wgi: Wgi, tmp_path: Path) -> None:
    for name in ("b.sta", "a.sta"):
        (tmp_path / name).write_text(MT940)
    assert [Path(each["path"]).name for each in read(wgi, tmp_path)] == ["a.sta", "b.sta"]


def test_every_file_of_the_corpus_is_read_or_refused_in_words(wgi: Wgi, shared_data: Path) -> None:
    folders = [shared_data / name for name in ("statements", "iso20022/examples", "nacha")]
    said = read(wgi, *folders, status=1)
    assert len(said) > 100
    refused = {Path(each["path"]).name: each["refused"]["code"] for each in said if not each["readable"]}
    assert "camt053.v2.wrong.xml" in refused
    assert "reader_failed" not in refused.values()
    assert len(refused) <= 5


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    path = tmp_path / "batch.csv"
    path.write_text(CSV)
    return path


@pytest.mark.parametrize("name", ["pain.001.001.09", "pacs.008.001.08", "pacs.008.001.10", "mt103"])
def test_a_batch_that_is_written_is_read_again_the_same(
    wgi: Wgi, tmp_path: Path, batch: Path, name: str
) -> None:
    out = tmp_path / "out.txt"
    if name == "mt103":
        batch.write_text(CSV.replace("SLEV", "SHAR"))
    institutions = ["--sender", "WGI:WEKZKENAXXX", "--receiver", "Bank:KCBLKENXXXX"]
    shown = wgi("write", batch, "--format", name, "--out", out, *institutions, columns=200).output
    assert "2 payments" in shown
    first = out.read_bytes()
    (said,) = read(wgi, out)
    assert said["records"] == {"payments": 2}
    assert [(each["count"], each["amount"]) for each in said["totals"]] == [(2, "1349.50")]
    wgi("write", batch, "--format", name, "--out", out, *institutions)
    assert out.read_bytes() == first


def test_payments_that_cannot_be_written_are_told_and_the_others_go(
    wgi: Wgi, tmp_path: Path, batch: Path
) -> None:
    rows = [
        "I3,E3,KES,10.123,2025-06-30,O,KE-1,EQBLKENAXXX,A,KE-2,KCBLKENXXXX,,SLEV",
        "I1,E4,KES,1.00,2025-06-30,O,KE-1,EQBLKENAXXX,A,KE-2,KCBLKENXXXX,,SLEV",
        "I5,E5,KES,1.00,2025-02-30,O,KE-1,EQBLKENAXXX,A,KE-2,KCBLKENXXXX,,SLEV",
        "I6,E6,XXQ,1.00,2025-06-30,O,KE-1,EQBLKENAXXX,A,KE-2,KCBLKENXXXX,,SLEV",
    ]
    batch.write_text(CSV + "\n".join(rows) + "\n")
    out = tmp_path / "out.xml"
    shown = wgi(
        "write", batch, "--format", "pacs.008.001.08", "--out", out, status=2, columns=200
    ).output
    assert "2 payments" in shown
    for code in ("too_many_decimals", "repeated", "not_a_date", "unknown_currency"):
        assert code in shown
    assert read(wgi, out)[0]["records"] == {"payments": 2}


@pytest.mark.parametrize(
    ("content", "arguments", "word"),
    [
        (CSV, ["--format", "pacs.999"], "format_unknown"),
        (CSV, ["--format", "mt103", "--profile", "sepa-sct"], "profile_of_other_format"),
        (CSV, ["--format", "mt103", "--profile", "nobody"], "profile_unknown"),
        (CSV.replace("debtor_name", "payer"), ["--format", "pacs.008.001.08"], "column_unknown"),
        (CSV.splitlines()[0] + "\n", ["--format", "pacs.008.001.08"], "nothing_to_write"),
        (CSV, ["--format", "pacs.008.001.08", "--sender", ":::::::"], "institution"),
    ],
)
def test_a_wrong_request_is_refused_and_leaves_no_file(  # noqa: PLR0917 (fixtures)
    wgi: Wgi, tmp_path: Path, batch: Path, content: str, arguments: list[str], word: str
) -> None:
    batch.write_text(content)
    out = tmp_path / "out.txt"
    result = wgi("write", batch, *arguments, "--out", out, status=1, columns=200)
    assert word in result.output
    assert not out.exists()
    assert list(tmp_path.glob("*.tmp")) == []


def test_parquet_batches_and_lists_of_what_there_is(wgi: Wgi, tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"instruction_id": ["I1"], "currency": ["KES"], "amount_minor": [100], "creditor_name": ["A"]}
    ).with_columns(execution_date=pl.date(2025, 6, 30))
    path = tmp_path / "batch.parquet"
    frame.write_parquet(path)
    result = wgi("write", path, "--format", "delimited", "--out", tmp_path / "out.csv", columns=200)
    assert "1 payments" in result.output
    assert "creditor_account" in wgi("columns", columns=200).output
    listed = wgi("formats", columns=200).output
    assert all(name in listed for name in WRITABLE)
