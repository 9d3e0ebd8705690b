"""The commands of `wgi ledger`, run on a small ledger."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import polars as pl
import psycopg
import pytest
from click.testing import Result
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from ledger_service.ledger import check_proof
from ledger_service.ledger.accounts import (
    ACCOUNT_COLUMNS,
    OPTIONAL_ACCOUNT_COLUMNS,
    AccountTerms,
    change_account,
    create_accounts,
)
from ledger_service.ledger.archive_files import file_hash
from ledger_service.ledger.books import close_business_date, register_participants
from ledger_service.ledger.sealing import seal
from ledger_service.ledger.transfers import OPTIONAL_COLUMNS, TRANSFER_COLUMNS, create_transfers
from ledger_service.runtime.database import Database, Role, Server, prepare
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.postgres_server import LOGIN_ROLE
from orchestration.cli.app import app

pytestmark = pytest.mark.xdist_group("ledger commands")  # one ledger, in one worker

DAY = date(2025, 3, 3)
NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
TRANSFERS = 30
Wgi = Callable[..., Result]
Corrupt = Callable[[LiteralString, LiteralString, LiteralString], None]


def transfer_id(number: int) -> str:
    """An id of the day."""
    milliseconds = int(NOON.timestamp() * 1000)
    return f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7000-8000-{number:012x}"


def account(account_id: int, ref: str, **other: Any) -> dict[str, Any]:
    """A customer's account in KES unless said otherwise."""
    schema = ACCOUNT_COLUMNS | OPTIONAL_ACCOUNT_COLUMNS
    row = dict.fromkeys(schema) | {"chart_code": 2010, "currency": "KES", "opened_on": DAY}
    return row | {"account_id": account_id, "external_ref": ref} | other


def transfer(number: int, amount: int, **other: Any) -> dict[str, Any]:
    """From the cash of the bank to its customer, a second after the transfer before."""
    at = NOON + timedelta(seconds=number)
    row: dict[str, Any] = dict.fromkeys(TRANSFER_COLUMNS | OPTIONAL_COLUMNS) | {
        "transfer_id": transfer_id(number),
        "debit_account_id": 1,
        "credit_account_id": 2,
        "amount_minor": amount,
        "phase": "single",
        "linked": False,
        "kind": "cash_deposit",
        "event_at": at,
        "booked_at": at,
        "value_date": DAY,
    }
    return row | other


def fill(connection: psycopg.Connection, participant_id: str, accounts: list[dict[str, Any]]) -> int:
    """A participant's book with accounts."""
    participant = {
        "participant_id": participant_id,
        "name": participant_id,
        "kind": "bank",
        "country": "KE",
        "bic": None,
        "home_currency": "KES",
        "has_book": True,
    }
    schema = {name: pl.Boolean if name == "has_book" else pl.String for name in participant}
    frame = pl.DataFrame([participant], schema=schema)
    book_id = register_participants(connection, frame)[participant_id]
    rows = pl.DataFrame(accounts, schema=ACCOUNT_COLUMNS | OPTIONAL_ACCOUNT_COLUMNS, orient="row")
    opened = create_accounts(connection, book_id=book_id, accounts=rows)
    assert set(opened) == {"created"}
    return book_id


@pytest.fixture(scope="module")
def small_ledger(embedded_postgres: str) -> Server:
    """Two books; the first has deposits of 1.00, 2.00 ... KES, a hold, a frozen account, a seal."""
    login = make_conninfo(embedded_postgres, user=LOGIN_ROLE, dbname="postgres")
    ledger_database = Server(login, prefix="commands")
    prepare(ledger_database)
    migrate(ledger_database)
    with ledger_database.connect(Database.LEDGER, Role.APP) as connection:
        book_id = fill(
            connection,
            "KE-B01",
            [
                account(1, "cash", chart_code=1010),
                account(2, "saver", holder_name="[Saver]", debit_limit=0),
                account(3, "pocket", parent_account_id=2),
                account(4, "francs", currency="XOF"),
            ],
        )
        fill(connection, "KE-B02", [account(1, "cash", chart_code=1010)])
        items = [transfer(n, 100 * n) for n in range(1, TRANSFERS + 1)]
        items.append(transfer(31, 500, credit_account_id=3, kind="gift"))
        items.append(transfer(32, 77, debit_account_id=2, credit_account_id=1, phase="pending"))
        frame = pl.DataFrame(items, schema=TRANSFER_COLUMNS | OPTIONAL_COLUMNS, orient="row")
        results = create_transfers(connection, book_id=book_id, business_date=DAY, transfers=frame)
        assert set(results) == {"created"}
        frozen = AccountTerms(debits_frozen=True, debit_limit=0)
        changed = change_account(
            connection, book_id=book_id, account_id=2, revision=1, terms=frozen, reason="court [order]"
        )
        assert changed == "changed"
    with ledger_database.connect(Database.LEDGER, Role.CLOSE) as connection:
        close_business_date(connection, book_id=book_id, business_date=DAY, closed_at=NOON)
        seal(connection, book_id=book_id, sealed_at=NOON)
    return ledger_database


@pytest.fixture
def corrupt(small_ledger: Server, embedded_postgres: str) -> Iterator[Corrupt]:
    """Does what nobody may: adds one to a column of some rows past the triggers, for one test."""
    conninfo = make_conninfo(embedded_postgres, dbname=small_ledger.name(Database.LEDGER))
    done: list[tuple[LiteralString, LiteralString, LiteralString]] = []
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")

        def change(table: LiteralString, column: LiteralString, where: LiteralString) -> None:
            connection.execute(f"UPDATE ledger.{table} SET {column} = {column} + 1 WHERE {where}")
            done.append((table, column, where))

        yield change
        for table, column, where in done:
            connection.execute(f"UPDATE ledger.{table} SET {column} = {column} - 1 WHERE {where}")


@pytest.fixture
def wgi(small_ledger: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wgi:
    """Runs a command on the small ledger."""
    return commands(small_ledger, tmp_path, monkeypatch)


def commands(ledger: Server, home: Path, monkeypatch: pytest.MonkeyPatch) -> Wgi:
    """Runs commands on a ledger, with a home."""
    monkeypatch.setenv("WGI_HOME", str(home))
    monkeypatch.setenv("WGI_DATABASE_URL", ledger.conninfo)
    monkeypatch.setenv("WGI_DATABASE_PREFIX", ledger.prefix)
    monkeypatch.setenv("WGI_SOURCE", "simulated")

    def run(*arguments: str, status: int = 0, columns: int = 120, answer: str = "") -> Result:
        environment = {"COLUMNS": str(columns)}
        result = CliRunner().invoke(app, ["ledger", *arguments], env=environment, input=answer)
        assert result.exit_code == status, result.output
        assert not result.exception or isinstance(result.exception, SystemExit)
        return result

    return run


SINCE_28 = ("--since", "2025-03-03T12:00:28", "--until", "2025-03-04")


@pytest.mark.parametrize("columns", [80, 120])
def test_every_table_fits_the_terminal(wgi: Wgi, columns: int) -> None:
    for arguments in (
        ["accounts"],
        ["account", "saver"],
        ["transfers", "saver"],
        ["balance", "saver"],
        ["statement", "saver", *SINCE_28],
        ["trial-balance", "KE-B01"],
    ):
        output = wgi(*arguments, columns=columns).output
        assert max(len(line) for line in output.splitlines()) <= columns
        assert "\N{HORIZONTAL ELLIPSIS}" not in output


def test_every_command_says_what_it_does(wgi: Wgi) -> None:
    shown = wgi("--help").output
    for command in ("accounts", "account", "transfers", "balance", "statement", "trial-balance"):
        assert f" {command} " in shown
    for command in ("export", "verify", "prove", "archive", "restore"):
        assert wgi(command, "--help").output


def test_accounts_show_balance_holds_and_state_in_units(wgi: Wgi) -> None:
    shown = wgi("accounts", "KE-B01").output
    saver = next(line for line in shown.splitlines() if "KE-B01/saver" in line)
    assert saver.split() == ["KE-B01/saver", "KES", "465.00", "debit", "0.77", "debits", "frozen", "31"]
    francs = next(line for line in shown.splitlines() if "KE-B01/francs" in line)
    assert francs.split() == ["KE-B01/francs", "XOF", "0", "open", "0"]


def test_accounts_are_chosen_by_line_currency_and_parent(wgi: Wgi) -> None:
    def refs(*arguments: str) -> list[str]:
        output = wgi("accounts", *arguments).output
        return [line.split()[0] for line in output.splitlines() if line.lstrip().startswith("KE-")]

    assert refs("--chart", "cash") == refs("--chart", "1010") == ["KE-B01/cash", "KE-B02/cash"]
    assert refs("--currency", "xof") == ["KE-B01/francs"]
    assert refs("--parent", "saver") == ["KE-B01/pocket"]
    assert refs("KE-B02") == ["KE-B02/cash"]
    assert refs("KE-B01", "--after", "2") == ["KE-B01/pocket", "KE-B01/francs"]


def test_pages_of_accounts_lead_on_from_book_to_book(wgi: Wgi) -> None:
    assert "PARTICIPANT KE-B01 --after 2" in wgi("accounts", "--limit", "2").output
    assert "PARTICIPANT KE-B02 --after 0" in wgi("accounts", "--limit", "4").output
    assert "There are more" not in wgi("accounts", "--limit", "5").output


def test_an_account_shows_its_revisions_with_reasons_and_its_children(wgi: Wgi) -> None:
    shown = wgi("account", "KE-B01/saver").output
    for fact in ("[Saver]", "court [order]", "debits frozen", "KE-B01/pocket", "465.00 KES"):
        assert fact in shown
    assert "KE-B01/saver" in wgi("account", "pocket").output


def test_pages_of_transfers_add_up_to_all_of_them(wgi: Wgi) -> None:
    for direction in ([], ["--newest-first"]):
        seen: list[str] = []
        after: list[str] = []
        while True:
            output = wgi("transfers", "saver", "--limit", "7", *direction, *after).output
            seen += [word for word in output.split() if word.startswith("01955be0-")]
            if "There are more" not in output:
                break
            after = ["--after", output.rsplit("--after ", 1)[1].strip()]
        expected = [transfer_id(n) for n in (*range(1, TRANSFERS + 1), 32)]
        assert seen == (expected[::-1] if direction else expected)


def test_transfers_are_chosen_by_side_kind_and_time(wgi: Wgi) -> None:
    ref = "KE-B01/cash"
    assert wgi("transfers", ref, "--kind", "gift").output.count("01955be0-") == 1
    assert wgi("transfers", ref, "--side", "credit").output.count("01955be0-") == 1
    assert wgi("transfers", ref, *SINCE_28).output.count("01955be0-") == 5


def test_balances_are_those_of_the_time_asked_for(wgi: Wgi) -> None:
    assert "465.00 KES" in wgi("balance", "saver").output
    assert " 3.00 KES" in wgi("balance", "saver", "--at", "2025-03-03T12:00:02").output
    assert " 3.00 KES" in wgi("balance", "saver", "--at", "2025-03-03T15:00:02+03:00").output
    assert "470.00 KES" in wgi("balance", "saver", "--with-children").output
    assert " 0.00 KES" in wgi("balance", "saver", "--value-date", "2025-03-02").output
    assert "465.00 KES" in wgi("balance", "saver", "--value-date", "2025-03-03").output


def test_a_statement_opens_and_closes_and_its_file_holds_the_entries(wgi: Wgi, tmp_path: Path) -> None:
    file = tmp_path / "statement.csv"
    shown = wgi("statement", "saver", *SINCE_28, "--csv", str(file)).output
    for amount in ("378.00 KES", "87.00 KES", "465.00 KES"):
        assert amount in shown
    stated = pl.read_csv(file, infer_schema=False)
    assert stated["amount"].to_list() == ["28.00", "29.00", "30.00", "0.00"]
    assert stated["pending"].to_list() == ["0.00", "0.00", "0.00", "0.77"]
    assert stated["booked_at"][0] == "2025-03-03T12:00:28.000000+00:00"
    assert not list(tmp_path.glob(".*unfinished"))


def test_a_trial_balance_has_lines_groups_and_totals_that_are_equal(wgi: Wgi) -> None:
    shown = wgi("trial-balance", "KE-B01", columns=80).output
    assert "Debits equal credits in KES." in shown
    rows = [line.split() for line in shown.splitlines() if line.strip()]
    assert ["1010", "cash", "1", "470.00", "0.00"] in rows
    assert ["liabilities,", "total", "2", "0.00", "470.00"] in rows
    assert ["all", "3", "470.00", "470.00"] in rows
    earlier = wgi("trial-balance", "KE-B01", "--at", "2025-03-03T12:00:02", columns=80).output
    assert ["all", "2", "3.00", "3.00"] in [line.split() for line in earlier.splitlines()]
    assert "No entry" in wgi("trial-balance", "KE-B02").output


def test_a_book_whose_debits_do_not_equal_its_credits_is_told_with_status_1(
    wgi: Wgi, corrupt: Corrupt
) -> None:
    corrupt("transfer", "dr_credits_posted", "debit_account_id = 2 AND phase = 'pending'")
    assert "do not equal credits in KES" in wgi("trial-balance", "KE-B01", status=1).output


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_export_is_all_entries_and_its_hash_is_that_of_the_file(
    wgi: Wgi, tmp_path: Path, suffix: str
) -> None:
    file = tmp_path / f"ledger{suffix}"
    shown = wgi("export", "KE-B01", "--out", str(file)).output
    rows = pl.read_csv(file) if suffix == ".csv" else pl.read_parquet(file)
    assert rows.height == 2 * (TRANSFERS + 2)
    assert rows["sequence"].is_sorted()
    assert rows.filter(side="D")["amount_minor"].sum() == rows.filter(side="C")["amount_minor"].sum()
    assert f"{rows.height} entries" in shown
    assert file_hash(file) in shown
    wgi("export", "KE-B01", "--out", str(file), "--since", "2025-03-03T12:00:32")
    assert (pl.read_csv(file) if suffix == ".csv" else pl.read_parquet(file)).height == 2
    wgi("export", "KE-B02", "--out", str(file))
    assert (pl.read_csv(file) if suffix == ".csv" else pl.read_parquet(file)).height == 0
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [file.name]


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_sound_ledger_is_verified_and_leaves_checkpoints(
    wgi: Wgi, tmp_path: Path, processes: str
) -> None:
    shown = wgi("verify", "--processes", processes).output
    assert "Every balance and every seal follows from the transfers." in shown
    assert "KE-B01" in shown
    assert "32 transfers read" in shown
    assert (tmp_path / "simulated" / "checkpoints" / "book-1.npz").exists()
    again = wgi("verify", "--processes", processes, "--from-checkpoint").output
    assert "0 transfers read" in again
    assert "since the checkpoints" in again


def test_verification_names_the_first_row_that_differs(
    wgi: Wgi, corrupt: Corrupt, tmp_path: Path
) -> None:
    corrupt("transfer", "amount", "kind = 'gift'")
    shown = wgi("verify", "--processes", "1", status=1).output
    assert f"entries: book 1, transfer {transfer_id(31)}" in shown
    assert "Every balance" not in shown
    assert not (tmp_path / "simulated" / "checkpoints").exists()


def test_a_proof_is_checked_by_the_command_that_is_printed(wgi: Wgi, tmp_path: Path) -> None:
    file = tmp_path / "proof.json"
    shown = wgi("prove", transfer_id(31), "--out", str(file)).output
    assert json.loads(file.read_text())["transfer"]["transfer_id"] == transfer_id(31)
    _, script, path, block_hash = shown.splitlines()[-1].split()
    assert check_proof.__file__.endswith(script)
    checked = subprocess.run(
        [sys.executable, check_proof.__file__, path, block_hash],
        capture_output=True,
        text=True,
        check=True,
    )
    assert checked.stdout.startswith("PROVEN")


def test_a_month_is_archived_only_when_told_to_and_settled(wgi: Wgi) -> None:
    wgi("archive", "2025-03", status=1, answer="n\n")
    settle = wgi("archive", "2025-03", status=2, answer="y\n")  # a hold is open
    assert "2025-03" in settle.stderr
    wgi("restore", "2025-03", "--yes", status=2)


def test_an_archived_month_leaves_the_journal_and_comes_back(
    embedded_postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = make_conninfo(embedded_postgres, user=LOGIN_ROLE, dbname="postgres")
    ledger = Server(login, prefix="archived")
    prepare(ledger)
    migrate(ledger)
    with ledger.connect(Database.LEDGER, Role.APP) as connection:
        book_id = fill(connection, "KE-B01", [account(1, "cash", chart_code=1010), account(2, "saver")])
        frame = pl.DataFrame(
            [transfer(1, 100), transfer(2, 200)],
            schema=TRANSFER_COLUMNS | OPTIONAL_COLUMNS,
            orient="row",
        )
        create_transfers(connection, book_id=book_id, business_date=DAY, transfers=frame)
    with ledger.connect(Database.LEDGER, Role.CLOSE) as connection:
        close_business_date(connection, book_id=book_id, business_date=DAY, closed_at=NOON)
        seal(connection, book_id=book_id, sealed_at=NOON)
    wgi, out = commands(ledger, tmp_path, monkeypatch), tmp_path / "ledger.csv"

    assert "Archived 2025-03" in wgi("archive", "2025-03", "--yes").output
    assert "Months before 2025-04 are archived" in wgi("export", "KE-B01", "--out", str(out)).output
    assert pl.read_csv(out).is_empty()
    assert "every seal follows" in wgi("verify", "--processes", "1").output
    assert "Restored 2025-03" in wgi("restore", "2025-03", "--yes").output
    assert "are archived" not in wgi("export", "KE-B01", "--out", str(out)).output
    assert pl.read_csv(out).height == 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["account", "nobody"], "no book has an account nobody"),
        (["account", "KE-B01/nobody"], "KE-B01 has no account nobody"),
        (["account", "KE-B09/saver"], "no participant KE-B09 has a book; those that do: KE-B01, KE-B02"),
        (["balance", "cash"], "several books have an account cash: KE-B01/cash, KE-B02/cash"),
        (["accounts", "KE-B09"], "no participant KE-B09 has a book"),
        (["accounts", "--chart", "9999"], "the chart has no line 9999"),
        (["accounts", "--currency", "QQQ"], "QQQ is not a currency"),
        (["accounts", "--after", "1"], "name its PARTICIPANT"),
        (["accounts", "KE-B02", "--parent", "saver"], "KE-B01/saver is not an account of KE-B02"),
        (["transfers", "saver", "--after", "x"], "--after x is not the end of a page"),
        (["transfers", "saver", "--since", "2025-03-04", "--until", "2025-03-03"], "is after --until"),
        (["balance", "saver", "--value-date", "2025-03-03", "--with-children"], "not both"),
        (["trial-balance", "KE-B09"], "no participant KE-B09 has a book"),
        (["export", "KE-B01", "--out", "ledger.txt"], "neither a .csv nor a .parquet file"),
        (["export", "KE-B01", "--out", "no/such/ledger.csv"], "there is no folder"),
        (["prove", "x", "--out", "proof.json"], "x is not a transfer id"),
        (["prove", transfer_id(99), "--out", "proof.json"], f"no book has a transfer {transfer_id(99)}"),
        (["archive", "2024-01", "--yes"], "2024-01: the journal has no such partition"),
    ],
)
def test_bad_input_is_a_sentence_and_status_2(wgi: Wgi, arguments: list[str], sentence: str) -> None:
    result = wgi(*arguments, status=2)
    assert sentence in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["balance", "saver", "--at", "noon"], "noon"),
        (["balance", "saver", "--value-date", "2025-02-30"], "2025-02-30"),
        (["archive", "2025-13"], "2025-13"),
        (["transfers", "saver", "--side", "left"], "left"),
    ],
)
def test_what_cannot_be_read_is_named_with_status_2(wgi: Wgi, arguments: list[str], word: str) -> None:
    assert word in wgi(*arguments, status=2).stderr
