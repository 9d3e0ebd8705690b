"""The main job as a person runs it: on bad input, twice, traced, verified, and tampered with."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import psycopg
import pytest

from ledger_service.runtime.database import Database, Role, Server
from ledger_service.runtime.postgres_server import EmbeddedPostgres
from ledger_service.runtime.settings import PROJECT_ROOT
from orchestration.tracing import KINDS, ledger_entries, trace
from pipelines.aml.tables import ALERTS
from pipelines.lake.ledger_tables import ENTRIES, PAYMENTS, QUARANTINE
from pipelines.lake.store import Lake
from pipelines.netting.tables import NET_POSITIONS
from pipelines.reconciliation.tables import BREAKS, STATEMENT_QUARANTINE
from pipelines.settlement.tables import BANK_ANSWERS, BANK_FILES, SETTLEMENT_FILES
from pipelines.simulation.simulate import simulate

DAY = date(2025, 6, 30)
pytestmark = [pytest.mark.xdist_group("day"), pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Installation:
    """A home in which the day was run, and what the command said."""

    home: Path
    data: Path
    truth: Path
    output: str
    status: int

    @property
    def lake(self) -> Lake:
        return Lake(self.home / "simulated" / "lake")


def _wgi(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "WGI_HOME": str(home),
        "PYTHONPATH": str(PROJECT_ROOT),
        "COLUMNS": "160",
    }
    return subprocess.run(
        [sys.executable, "-P", "-m", "orchestration.cli", *arguments],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )


def _spoil(data: Path) -> None:
    """Append a row of each badness to the instructions, and a broken statement beside the good."""
    path = data / "instructions" / f"{DAY}.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    good = next(row for row in rows if row["kind"] == "cash_deposit" and row["currency"] == "KES")
    bad = [
        good | {"instruction_id": "00000000-0000-7000-8000-000000000001", "currency": "XXQ"},
        good | {"instruction_id": "00000000-0000-7000-8000-000000000002", "value_date": "2025-02-30"},
        good | {"instruction_id": "00000000-0000-7000-8000-000000000003", "amount": "10.125"},
        good | {"amount": "1.00"},
    ]
    with path.open("a", newline="") as file:
        csv.DictWriter(file, fieldnames=list(good)).writerows(bad)
    (data / "statements" / str(DAY) / "broken.xml").write_text("<Document><BkToCstmrStmt>")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The day of 200 customers, with bad rows and a broken file in its input."""
    home = tmp_path_factory.mktemp("day")
    data, truth = home / "data", home / "truth"
    simulate(out=data, truth=truth, seed=7, first_date=DAY, days=1, customers=200)
    _spoil(data)
    result = _wgi(home, "day", "--data", str(data))
    return Installation(home, data, truth, result.stdout + result.stderr, result.returncode)


@pytest.fixture
def server(installation: Installation) -> Iterator[Server]:
    """The installation's PostgreSQL, running."""
    embedded = EmbeddedPostgres(installation.home / "simulated" / "postgres")
    superuser = embedded.start()
    yield Server(superuser, "wgi_simulated")
    embedded.stop()


def test_the_day_closes_in_spite_of_bad_input(installation: Installation) -> None:
    assert installation.status == 0, installation.output
    assert "Closed." in installation.output
    assert installation.lake.read(PAYMENTS, DAY).height > 500


def test_each_bad_row_is_in_quarantine_with_its_place_and_reason(installation: Installation) -> None:
    found = installation.lake.read(QUARANTINE, DAY)
    reasons = set(found.select("field", "code").iter_rows())
    assert {
        ("currency", "unknown_currency"),
        ("value_date", "bad_date"),
        ("amount", "too_many_decimals"),
        ("instruction_id", "duplicate_id_different_content"),
    } <= reasons
    assert (found["row"] > 0).all()
    assert found["source_file"].str.contains("2025-06-30.csv").all()
    line = next(line for line in installation.output.splitlines() if "quarantine" in line)
    assert f" {found.height} " in line


def test_a_broken_statement_is_named_and_the_others_are_used(installation: Installation) -> None:
    refused = installation.lake.read(STATEMENT_QUARANTINE, DAY)
    assert refused["source_file"].to_list() == [f"statements/{DAY}/broken.xml"]
    assert installation.lake.read(BREAKS, DAY).height > 0


def test_nothing_is_half_booked(installation: Installation) -> None:
    entries = installation.lake.read(ENTRIES, DAY)
    signed = pl.when(pl.col("side") == "D").then("amount_minor").otherwise(-pl.col("amount_minor"))
    sums = entries.group_by("book_id", "currency").agg(signed.sum().alias("sum"))
    assert sums.filter(pl.col("sum") != 0).is_empty()
    assert (entries.group_by("book_id", "transfer_id").len()["len"] == 2).all()


def test_planted_breaks_are_found(installation: Installation) -> None:
    planted = pl.read_csv(installation.truth / "statement_breaks.csv")
    found = installation.lake.read(BREAKS, DAY)
    assert planted.height > 0
    assert sorted(planted["break_class"]) == sorted(found["break_class"])


def test_planted_typologies_are_alerted(installation: Installation) -> None:
    planted = set(pl.read_csv(installation.truth / "aml_typologies.csv")["typology"])
    assert planted
    assert planted <= set(installation.lake.read(ALERTS, DAY)["rule_id"])


def test_positions_settle_to_zero_and_files_are_on_disk(installation: Installation) -> None:
    net = installation.lake.read(NET_POSITIONS, DAY)
    assert (net.group_by("window_id", "currency").agg(pl.col("net_minor").sum())["net_minor"] == 0).all()
    files = installation.lake.read(SETTLEMENT_FILES, DAY)
    folder = installation.home / "simulated" / "files" / "settlement"
    assert files.height > 10
    assert all((folder / path).is_file() for path in files["path"])


def test_each_file_is_at_its_bank_once_and_what_came_back_is_with_its_debtor(
    installation: Installation,
) -> None:
    files, answers = (installation.lake.read(each, DAY) for each in (BANK_FILES, BANK_ANSWERS))
    sent = installation.lake.read(SETTLEMENT_FILES, DAY)
    assert sorted(files["message_id"]) == sorted(sent["message_id"])
    assert set(files["state"]) <= {"accepted", "partly_accepted", "rejected"}
    assert set(files["wire"]) == {"sftp", "https"}
    assert (files["transactions"] == files["accepted"] + files["rejected"]).all()
    back = answers.filter((pl.col("status") == "RJCT") | (pl.col("kind") == "return"))
    booked = back.filter(pl.col("payment_id").is_not_null())
    assert booked.height > 0
    assert set(booked["ledger_outcome"]) <= {"returned", "refused"}
    assert (booked.filter(ledger_outcome="returned")["booked_on"] > DAY).all()
    lines = [
        json.loads(line)
        for path in (installation.home / "simulated" / "banks").glob("*/journal.jsonl")
        for line in path.read_text().splitlines()
    ]
    taken = [line["file"] for line in lines if line["event"] == "received"]
    assert sorted(file["message_id"] for file in taken) == sorted(sent["message_id"])
    assert {file["duplicate_of"] for file in taken} == {None}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_figure_leads_back_to_ledger_entries(
    installation: Installation, server: Server, kind: str
) -> None:
    table, _ = KINDS[kind]
    rows = installation.lake.read(table, DAY).filter(pl.col("ref").str.starts_with(f"{kind}:"))
    assert rows.height > 0
    traced = [trace(installation.lake, ref) for ref in rows["ref"].head(25)]
    runs = pl.concat(found.evidence for found in traced if found is not None)
    with server.connect(Database.LEDGER, Role.CLOSE) as connection:
        entries = ledger_entries(connection, runs, limit=1_000_000)
    assert entries
    assert len(entries) == int((runs["version_to"] - runs["version_from"] + 1).sum())


def test_the_entries_behind_a_net_position_add_up_to_it(
    installation: Installation, server: Server
) -> None:
    net = installation.lake.read(NET_POSITIONS, DAY).sort("obligations").tail(1).row(0, named=True)
    found = trace(installation.lake, net["ref"])
    assert found is not None
    with server.connect(Database.LEDGER, Role.CLOSE) as connection:
        entries = ledger_entries(connection, found.evidence, limit=1_000_000)
        books = connection.execute("SELECT book_id, participant_id FROM ledger.book").fetchall()
    owner = dict(books)
    owes = sum(e.amount_minor for e in entries if owner[e.book_id] == net["participant_id"])
    is_owed = sum(e.amount_minor for e in entries if owner[e.book_id] != net["participant_id"])
    assert (owes, is_owed) == (net["owes_minor"], net["is_owed_minor"])


def test_trace_on_the_command_line_ends_at_transfers(installation: Installation) -> None:
    ref = installation.lake.read(NET_POSITIONS, DAY)["ref"][0]
    result = _wgi(installation.home, "trace", ref)
    assert result.returncode == 0, result.stderr
    assert re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}", result.stdout)
    assert _wgi(installation.home, "trace", "net:none").returncode == 1


def test_a_second_run_changes_nothing_and_says_so(installation: Installation) -> None:
    before = installation.lake.written()
    result = _wgi(installation.home, "day", "--data", str(installation.data))
    assert result.returncode == 0, result.stdout
    assert "Nothing changed" in result.stdout
    assert installation.lake.written() == before


def test_verify_passes_and_fails_when_one_row_is_altered(
    installation: Installation, server: Server
) -> None:
    assert _wgi(installation.home, "ledger", "verify").returncode == 0
    conninfo = server.url(Database.LEDGER)
    with psycopg.connect(conninfo) as connection:
        connection.execute("SET session_replication_role = replica")
        changed = connection.execute(
            "UPDATE ledger.transfer SET amount = amount + 1 WHERE (book_id, transfer_id) = "
            "(SELECT book_id, transfer_id FROM ledger.transfer LIMIT 1) RETURNING transfer_id::text"
        ).fetchone()
    assert changed is not None
    result = _wgi(installation.home, "ledger", "verify")
    with psycopg.connect(conninfo) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "UPDATE ledger.transfer SET amount = amount - 1 WHERE transfer_id::text = %s", changed
        )
    assert result.returncode == 1
    assert changed[0] in result.stdout.replace("\n", "")
