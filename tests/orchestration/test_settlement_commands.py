"""`wgi settlement`: people see what is settled, repair by two, cover, recast and share a loss."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from ledger_service.payments.settlement.instructions import instructions, reject
from ledger_service.payments.settlement.scheme_book import SchemeBook, operator_book
from ledger_service.reference.schemes import scheme_on
from ledger_service.runtime.database import Database, Role, Server
from orchestration.cli.app import app
from orchestration.settlement_cycle import run_cycle
from tests.orchestration.settled_dates import MONDAY, owed, register_banks

DEBTS = (("KE-B01", "UG-B01", 50_000, 6), ("UG-B01", "TZ-B01", 20_000, 6), ("KE-B01", "TZ-B01", 700, 15))
Wgi = Callable[..., Result]


@pytest.fixture
def wgi(ledger_database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wgi:
    monkeypatch.setenv("WGI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WGI_DATABASE_URL", ledger_database.conninfo)
    monkeypatch.setenv("WGI_DATABASE_PREFIX", ledger_database.prefix)
    monkeypatch.setenv("WGI_SOURCE", "simulated")

    def run(*arguments: str | Path, status: int = 0) -> Result:
        result = CliRunner().invoke(app, ["settlement", *map(str, arguments)], env={"COLUMNS": "200"})
        assert result.exit_code == status, result.output
        assert not result.exception or isinstance(result.exception, SystemExit)
        return result

    return run


@pytest.fixture
def connection(ledger_database: Server) -> Iterator[psycopg.Connection]:
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as opened:
        yield opened


@pytest.fixture
def books(connection: psycopg.Connection) -> SchemeBook:
    """A date instructed, nothing answered."""
    register_banks(connection)
    of = owed(MONDAY, *DEBTS)
    run_cycle(connection, obligations=of.obligations, entries=of.entries, day=MONDAY)
    return operator_book(connection, scheme_on("east-africa", MONDAY))


def rejected(connection: psycopg.Connection, books: SchemeBook) -> str:
    """The id of an instruction that its agent rejected for a reason that does not go away."""
    found = instructions(connection, books, window_number=1)[0].instruction_id
    reject(
        connection,
        books,
        instruction_id=found,
        code="AC04",
        reason="account closed",
        at=datetime(2026, 3, 2, 16, tzinfo=UTC),
    )
    return found


def test_before_anything_is_settled_the_schemes_are_there(wgi: Wgi, ledger_database: Server) -> None:
    assert "papss-like" in wgi("schemes").output
    assert "`wgi day` settles" in wgi("windows").output
    assert "nothing waits for a person" in wgi("repairs").output
    assert "nothing was ever settled in scheme horn" in wgi("cover", "horn", status=2).output
    assert "there is no scheme moon" in wgi("cover", "moon", status=2).output


def test_windows_positions_and_instructions_are_listed(wgi: Wgi, books: SchemeBook) -> None:
    listed = wgi("windows", "--date", str(MONDAY)).output
    assert len(re.findall("east-africa-[1-4]", listed)) == 4
    assert "4 earlier ones" in wgi("windows", "--limit", "1").output
    assert re.search("KE-B01 +KES +500.00", wgi("positions", "east-africa", 1).output)
    assert "has no obligations" in wgi("positions", "east-africa", 2).output
    assert "has no window number 9" in wgi("positions", "east-africa", 9, status=2).output
    told = wgi("instructions", "--scheme", "east-africa", "--state", "instructed").output
    assert "500.00 KES" in told
    assert "no instruction is like that" in wgi("instructions", "--state", "confirmed").output
    assert "2026-03-03 east-africa-1" in wgi("schemes").output


def test_a_repair_takes_two_people(wgi: Wgi, books: SchemeBook, connection: psycopg.Connection) -> None:
    instruction_id = rejected(connection, books)
    assert "account closed" in wgi("repairs").output
    proposal = ("propose", instruction_id, "confirm", "--by", "maker", "--because", "paid by hand")
    assert "needs --evidence" in wgi(*proposal, status=2).output
    said = wgi(*proposal, "--evidence", "RTGS 17").output
    repair_id = re.search("repair ([0-9a-f-]{36})", said)
    assert repair_id
    assert "RTGS 17" in wgi("repairs").output
    assert "must not decide" in wgi("approve", repair_id[1], "--by", "maker", status=2).output
    assert "is confirmed" in wgi("approve", repair_id[1], "--by", "checker").output
    assert "was approved before" in wgi("refuse", repair_id[1], "--by", "checker", status=2).output
    assert "nothing waits for a person" in wgi("repairs").output
    lapsed = ("propose", instruction_id, "retry", "--by", "maker", "--because", "again")
    assert "only a rejected instruction" in wgi(*lapsed, status=2).output
    assert "there is no repair x" in wgi("approve", "x", "--by", "checker", status=2).output


def test_a_cancelled_instruction_is_netted_away(
    wgi: Wgi, books: SchemeBook, connection: psycopg.Connection
) -> None:
    instruction_id = rejected(connection, books)
    of = instructions(connection, books, instruction_id=instruction_id)[0].participant_id
    said = wgi("propose", instruction_id, "cancel", "--by", "maker", "--because", "insolvent").output
    repair_id = re.search("repair ([0-9a-f-]{36})", said)
    assert repair_id
    wgi("approve", repair_id[1], "--by", "checker")
    again = [one for one in instructions(connection, books, window_number=1) if one.run == 2]
    assert of not in {one.participant_id for one in again}
    assert sum(one.signed_minor for one in again) == 0


def test_cover_is_set_in_units_and_shown(wgi: Wgi, books: SchemeBook) -> None:
    terms = ("set-cover", "east-africa", "UG-B01", "KES", "--because", "new collateral")
    said = wgi(*terms, "--cap", "1000.50", "--collateral", "200", "--haircut", "1000").output
    assert "may owe 1,180.50 KES" in said
    wgi("set-cover", "east-africa", "TZ-B01", "KES", "--because", "watch", "--cap", "0")
    assert re.search("TZ-B01 +KES +207.00 +207.00 +0.00 +0.00", wgi("cover", "east-africa").output)
    assert "decimals of KES" in wgi(*terms, "--cap", "1.005", status=2).output
    assert "no amount" in wgi(*terms, "--cap", "much", status=2).output
    unknown = ("set-cover", "east-africa", "ZA-B01", "KES", "--because", "x", "--cap", "1")
    assert "has not joined" in wgi(*unknown, status=2).output


def test_a_defaulter_is_taken_out_or_its_loss_is_shared(
    wgi: Wgi, books: SchemeBook, tmp_path: Path, connection: psycopg.Connection
) -> None:
    resources = tmp_path / "resources.csv"
    resources.write_text(
        "participant_id,currency,collateral,contribution\n"
        "KE-B01,KES,100.00,50\nUG-B01,KES,,200\nTZ-B01,KES,,100\n"
    )
    loss = ("share-loss", "east-africa", 1, "KES", "--of", "KE-B01", "--resources", resources)
    shared = wgi(*loss, "--own-funds", "200").output
    assert "KE-B01 does not pay 500.00 KES" in shared
    assert re.search("defaulter collateral +KE-B01 +100.00 +100.00", shared)
    assert re.search("operator tranche +WGI-EAST-AFRICA +50.00 +50.00", shared)
    assert re.search("survivor contributions +UG-B01 +200.00 +200.00", shared)
    assert re.search("all +500.00", shared)
    resources.write_text("participant_id,currency\n")
    assert "has no column collateral" in wgi(*loss, status=2).output

    default = ("recast", "east-africa", 1, "--without", "KE-B01", "--because", "moratorium")
    recast = wgi(*default).output
    assert "1 obligations of KE-B01 are given back (moratorium)" in recast
    assert re.search("UG-B01 +KES +300.00 +-200.00 +-500.00 +-200.00", recast)
    assert "has no obligation in window 1" in wgi(*default, status=2).output
    again = [one for one in instructions(connection, books, window_number=1) if one.run == 2]
    assert {(one.participant_id, one.signed_minor) for one in again} == {
        ("UG-B01", -20_000),
        ("TZ-B01", 20_000),
    }


def test_a_suspended_scheme_says_so(wgi: Wgi, books: SchemeBook) -> None:
    by = ("east-africa", "--by", "duty officer", "--because", "fraud at a participant")
    assert "suspended" in wgi("suspend", *by).output
    assert "SUSPENDED" in wgi("schemes").output
    wgi("resume", *by)
    assert "SUSPENDED" not in wgi("schemes").output


INVOICES = """\
reference,debtor,creditor,currency,amount
I-1,Asili Foods,Baraka Mills,KES,100.50
I-2,Baraka Mills,Chuma Works,KES,80
I-3,Chuma Works,Asili Foods,KES,90.25
I-4,Chuma Works,Duka Stores,KES,10
I-5,Asili Foods,Baraka Mills,UGX,7000
"""


def test_invoices_are_set_off_around_rings(wgi: Wgi, tmp_path: Path) -> None:
    invoices, out = tmp_path / "invoices.csv", tmp_path / "out"
    invoices.write_text(INVOICES)
    said = wgi("set-off", invoices, "--out", out).output
    assert re.search(r"KES +4 +4 +280.75 +240.00 +40.75 +85.5 +1", said)
    cleared = (out / "cleared.csv").read_text().splitlines()
    assert cleared[1:3] == [
        "I-1,Asili Foods,Baraka Mills,KES,100.50,80.00,20.50",
        "I-2,Baraka Mills,Chuma Works,KES,80.00,80.00,0.00",
    ]
    assert cleared[-1] == "I-5,Asili Foods,Baraka Mills,UGX,7000,0,7000"
    ring = (out / "notices.csv").read_text().splitlines()
    assert [line.rpartition(",")[2] for line in ring[1:]] == ["80.00"] * 3


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("I-6,Asili Foods,Asili Foods,KES,1", "row 7: debtor and creditor are the same"),
        ("I-6,Asili Foods,,KES,1", "row 7: creditor is empty"),
        ("I-6,Asili Foods,Duka Stores,KES,1.005", "row 7: 1.005 KES is no amount with the decimals"),
        ("I-6,Asili Foods,Duka Stores,KES,NaN", "row 7: NaN KES is no amount"),
        ("I-6,Asili Foods,Duka Stores,ABC,1", "row 7: ABC is no currency"),
    ],
)
def test_a_debt_that_cannot_be_names_its_row(wgi: Wgi, tmp_path: Path, row: str, sentence: str) -> None:
    invoices = tmp_path / "invoices.csv"
    invoices.write_text(INVOICES + row + "\n")
    assert sentence in wgi("set-off", invoices, "--out", tmp_path / "out", status=2).output
    assert not (tmp_path / "out").exists()


def test_a_queue_settles_in_order_or_by_value(wgi: Wgi, tmp_path: Path) -> None:
    payments, liquidity, out = (tmp_path / name for name in ("queue.csv", "liquidity.csv", "out"))
    # The first payment of A is larger than all money; without it, B and C could go round.
    payments.write_text(
        "payment_id,debtor_id,creditor_id,amount\nP-1,A,B,900\nP-2,A,B,50.00\nP-3,B,C,50\nP-4,C,A,50\n"
    )
    liquidity.write_text("participant_id,liquidity\nA,10\nB,0\nC,0.00\n")
    asked = ("queue", payments, "--liquidity", liquidity, "--currency", "KES", "--out", out)
    assert re.search(r"settle now +0 +0.00", wgi(*asked).output)
    by_value = wgi(*asked, "--mode", "value").output
    assert re.search(r"settle now +3 +150.00 +14.29", by_value)
    assert re.search(r"no choice settles more than +150.00", by_value)
    settled = (out / "settled.csv").read_text().splitlines()
    assert {line.partition(",")[0] for line in settled[1:]} == {"P-2", "P-3", "P-4"}
    assert "A,10.00,50.00,50.00,10.00,900.00,KES" in (out / "liquidity.csv").read_text()
    payments.write_text("payment_id,debtor_id,creditor_id,amount,priority\nP-1,A,B,1,soon\n")
    assert "row 2: priority is no whole number" in wgi(*asked, status=2).output
    payments.write_text("payment_id,debtor_id,creditor_id,amount\nP-1,A,Z,1\n")
    assert "Z" in wgi(*asked, status=2).output
