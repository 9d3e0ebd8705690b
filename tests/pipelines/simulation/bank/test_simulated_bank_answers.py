"""What a simulated bank answers: real formats, the right payments, balances that follow."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from pipelines.simulation.bank.bank import SimulatedBank
from pipelines.simulation.bank.configuration import StatementFormat
from tests.pipelines.simulation.bank.client_files import camt056, pacs008, pain001, sent, shown
from tests.pipelines.simulation.bank.conftest import Clock, config

BankOf = Callable[..., SimulatedBank]
DAY = date(2024, 3, 11)


def texts(content: bytes, tag: str) -> list[str]:
    return [node.text or "" for node in etree.fromstring(content).iter(f"{{*}}{tag}")]


@pytest.fixture(scope="session")
def schema_of(shared_data: Path) -> Callable[[str], etree.XMLSchema]:
    loaded: dict[str, etree.XMLSchema] = {}

    def schema(message_type: str) -> etree.XMLSchema:
        if message_type not in loaded:
            path = shared_data / "iso20022" / "xsd" / f"{message_type}.xsd"
            loaded[message_type] = etree.XMLSchema(file=str(path))
        return loaded[message_type]

    return schema


def test_every_answer_is_valid_by_its_schema(
    bank_of: BankOf, schema_of: Callable[[str], etree.XMLSchema]
) -> None:
    bank = bank_of(
        rejected_permille={"AC01": 200, "AG01": 100},
        returned_permille={"AC04": 400},
        recalls_granted_permille=500,
    )
    amounts = [f"{n}.{n:02}" for n in range(1, 41)]
    sent(bank, pacs008("M1", amounts, creditor_accounts=["CUST-1", "CUST-CLOSED", *["X"] * 38]), "1.xml")
    sent(bank, pacs008("M2", ["5000", "12"], currency="UGX"), "2.xml")
    sent(bank, pacs008("M3", ["1.234", "1", "2"], currency="XXZ"), "3.xml")
    sent(bank, pain001("P1", {"B1": ["2.00", "3.00"], "B2": ["1.00"]}), "4.xml")
    sent(bank, pain001("P2", {"B1": ["2.00"]}, debtor="NOBODY"), "5.xml")
    sent(bank, b"not a file at all & <", "6.xml")
    sent(bank, pacs008("M4", ["1.00"], declared=7), "7.xml")
    sent(bank, camt056("C1", "M1", [f"M1-T{n}" for n in range(1, 12)] + ["UNKNOWN"]), "8.xml")
    sent(bank, pacs008("M1", ["1.00"]), "9.xml")
    bank.close_day(DAY)
    kinds = set()
    for answer in bank.answers():
        kinds.add(answer.message_type)
        schema = schema_of(answer.message_type)
        assert schema.validate(etree.fromstring(bank.content(answer))), (answer, schema.error_log)
    assert kinds == {
        "pacs.002.001.10",
        "pain.002.001.10",
        "pacs.004.001.09",
        "camt.029.001.09",
        "camt.053.001.08",
        "camt.054.001.08",
    }


def test_a_good_file_is_received_executed_and_notified(bank_of: BankOf) -> None:
    bank = bank_of()
    found = sent(bank, pacs008("M1", ["10.50", "2.00"]))
    receipt, status = found["pacs.002.001.10"]
    assert texts(receipt, "GrpSts") == ["ACTC"]
    assert texts(status, "GrpSts") == ["ACSC"]
    assert texts(status, "OrgnlMsgId") == ["M1"]
    assert texts(status, "OrgnlTxId") == ["M1-T1", "M1-T2"]
    assert texts(status, "TxSts") == ["ACSC", "ACSC"]
    (notified,) = found["camt.054.001.08"]
    assert texts(notified, "Sum") == ["12.50", "0.00", "12.50"]
    assert bank.balance("SETTLE-KES") == 50_000_000 - 1250


def test_a_file_is_accepted_in_part_with_a_reason_a_payment(bank_of: BankOf) -> None:
    bank = bank_of()
    accounts = ["CUST-1", "CUST-CLOSED", "ELSEWHERE"]
    found = sent(bank, pacs008("M1", ["10.00", "20.00", "30.00"], creditor_accounts=accounts))
    status = found["pacs.002.001.10"][1]
    assert texts(status, "GrpSts") == ["PART"]
    assert texts(status, "TxSts") == ["ACSC", "RJCT", "ACSC"]
    assert texts(status, "Cd") == ["AC04"]
    assert bank.balance("CUST-1") == 1_000 + 1_000
    assert bank.balance("SETTLE-KES") == 50_000_000 - 4_000
    assert bank.received()[0].status == "partly_accepted"


def test_what_an_account_cannot_pay_is_rejected_and_uses_up_nothing(bank_of: BankOf) -> None:
    bank = bank_of()
    found = sent(bank, pain001("P1", {"B1": ["6.00", "5.00"], "B2": ["4.00"]}))
    status = found["pain.002.001.10"][1]
    assert texts(status, "TxSts") == ["ACSC", "RJCT", "ACSC"]
    assert texts(status, "Cd") == ["AM04"]
    assert texts(status, "OrgnlPmtInfId") == ["B1", "B2"]
    assert texts(status, "PmtInfSts") == ["PART", "ACSC"]
    assert bank.balance("CUST-1") == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "FF01"),
        (b"\x00\xff" * 100, "FF01"),
        (pacs008("M1", ["1.00"])[:-40], "FF01"),
        (pacs008("M1", ["1.00"], declared=2), "AM10"),
        (pacs008("M1", ["1.00", "2.345"]), "AM12"),
        (pacs008("M1", ["1.00"], currency="XXZ"), "AM03"),
        (pacs008("M1", ["1.00"]).replace(b"2024-03-11</IntrBk", b"2024-13-11</IntrBk"), "DT01"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "FF01"),
        (b"<!DOCTYPE Document [<!ENTITY b '0'>]>" + pacs008("M1", ["1"]).split(b"\n", 1)[1], "FF01"),
    ],
)
def test_a_file_that_cannot_be_read_is_rejected_whole(
    bank_of: BankOf, content: bytes, reason: str
) -> None:
    bank = bank_of()
    (refusal,) = sent(bank, content)["pacs.002.001.10"]
    assert texts(refusal, "GrpSts") == ["RJCT"]
    assert texts(refusal, "Cd") == [reason]
    assert bank.entries().is_empty()


def test_a_file_seen_twice_is_a_duplicate_and_books_nothing(bank_of: BankOf) -> None:
    bank = bank_of()
    sent(bank, pacs008("M1", ["10.00"]), "a.xml")
    before = bank.balance("SETTLE-KES")
    same = sent(bank, pacs008("M1", ["10.00"]), "b.xml")["pacs.002.001.10"]
    other = sent(bank, pacs008("M1", ["99.00"]), "c.xml")["pacs.002.001.10"]
    assert [texts(answer, "Cd") for answer in [*same, *other]] == [["DU01"], ["DU01"]]
    assert bank.balance("SETTLE-KES") == before
    assert [file.duplicate_of for file in bank.received()] == [None, 1, 1]
    assert bank.duplicates() == 2


def test_a_payment_sent_again_in_another_file_is_rejected(bank_of: BankOf) -> None:
    bank = bank_of()
    content = pacs008("M1", ["10.00"])
    sent(bank, content, "a.xml")
    again = content.replace(b"<MsgId>M1<", b"<MsgId>M9<")
    assert texts(sent(bank, again, "b.xml")["pacs.002.001.10"][1], "Cd") == ["AM05"]


def test_returned_payments_come_back_once_at_the_end_of_the_day(bank_of: BankOf) -> None:
    bank = bank_of(returned_permille={"AC04": 1000})
    sent(bank, pacs008("M1", ["10.00", "20.00"]))
    before = len(bank.answers())
    bank.close_day(DAY)
    found = shown(bank, before)
    (returned,) = found["pacs.004.001.09"]
    assert texts(returned, "RtrdIntrBkSttlmAmt") == ["10.00", "20.00"]
    assert texts(returned, "OrgnlTxId") == ["M1-T1", "M1-T2"]
    assert bank.balance("SETTLE-KES") == 50_000_000
    bank.close_day(date(2024, 3, 12))
    assert len(shown(bank)["pacs.004.001.09"]) == 1


def test_statements_follow_from_their_entries_and_from_each_other(bank_of: BankOf) -> None:
    bank = bank_of(returned_permille={"AC04": 300})
    for day, message in ((11, "M1"), (12, "M2"), (13, "M3")):
        sent(bank, pacs008(message, ["10.25", "20.00", "1.00"] * 5), f"{message}.xml")
        bank.close_day(date(2024, 3, day))
    closed = Decimal("500000.00")
    for answer in bank.answers():
        if answer.subject.startswith("statement-SETTLE-KES"):
            content = etree.fromstring(bank.content(answer))
            opening, closing = (
                Decimal(node.text or "") for node in content.iterfind(".//{*}Bal/{*}Amt")
            )
            entries = [
                Decimal(entry.findtext("{*}Amt") or "")
                * (1 if entry.findtext("{*}CdtDbtInd") == "CRDT" else -1)
                for entry in content.iterfind(".//{*}Ntry")
            ]
            assert opening == closed
            assert opening + sum(entries) == closing
            closed = closing
    assert closed == Decimal(bank.balance("SETTLE-KES")) / 100


def test_a_file_after_the_close_is_booked_on_the_next_day(bank_of: BankOf) -> None:
    bank = bank_of()
    bank.close_day(DAY)
    sent(bank, pacs008("M1", ["10.00"]))
    assert bank.entries()["booked_on"].to_list() == [date(2024, 3, 12)]
    assert bank.close_day(DAY) == []


def test_a_recall_is_granted_refused_or_unknown(bank_of: BankOf) -> None:
    granting = bank_of(recalls_granted_permille=1000)
    sent(granting, pacs008("M1", ["10.00", "20.00"]), "a.xml")
    found = sent(granting, camt056("C1", "M1", ["M1-T2", "M1-T7"]), "b.xml")
    (resolution,) = found["camt.029.001.09"]
    assert texts(resolution, "Conf") == ["PECR"]
    assert texts(resolution, "TxCxlSts") == ["ACCR", "RJCR"]
    assert texts(resolution, "Cd") == ["NOOR"]
    assert texts(found["pacs.004.001.09"][0], "Cd") == ["FOCR"]
    assert granting.balance("SETTLE-KES") == 50_000_000 - 1_000
    again = sent(granting, camt056("C2", "M1", ["M1-T2"]), "c.xml")["camt.029.001.09"][0]
    assert texts(again, "Cd") == ["ARDT"]
    refusing = bank_of(folder="other", recalls_granted_permille=0)
    sent(refusing, pacs008("M1", ["10.00"]), "a.xml")
    answer = sent(refusing, camt056("C1", "M1", ["M1-T1"]), "b.xml")["camt.029.001.09"][0]
    assert texts(answer, "Cd") == ["CUST"]


def test_an_mt940_says_what_the_camt_says(bank_of: BankOf) -> None:
    bank = bank_of(statement_format=StatementFormat.MT940)
    sent(bank, pacs008("M1", ["10.50", "2.00"]))
    bank.close_day(DAY)
    content = next(bank.content(a) for a in bank.answers() if "SETTLE-KES" in a.subject).decode("ascii")
    assert ":60F:C240311KES500000,00\r\n" in content
    assert ":61:2403110311D10,50NTRFM1-E1//1/1/P\r\n:86:/EREF/M1-E1/UETR/" in content
    assert ":62F:C240311KES499987,50\r\n-\r\n" in content
    assert max(len(line) for line in content.splitlines()) <= 70


def test_the_same_seed_clock_and_files_give_the_same_bytes(bank_of: BankOf) -> None:
    def answers(folder: str, seed: int) -> list[tuple[str, bytes]]:
        bank = bank_of(
            folder=folder, seed=seed, rejected_permille={"AC01": 300}, returned_permille={"AC04": 300}
        )
        sent(bank, pacs008("M1", ["1.00"] * 50), "a.xml")
        bank.close_day(DAY)
        return [(answer.name, bank.content(answer)) for answer in bank.answers()]

    assert answers("one", 7) == answers("two", 7)
    assert answers("one-more", 7) != answers("three", 8)


def test_a_bank_started_again_on_its_folder_knows_what_it_did(bank_of: BankOf) -> None:
    first = bank_of(returned_permille={"AC04": 500})
    sent(first, pacs008("M1", ["10.00"] * 6), "a.xml")
    second = bank_of(returned_permille={"AC04": 500})
    assert second.received() == first.received()
    assert second.answers() == first.answers()
    assert second.balance("SETTLE-KES") == first.balance("SETTLE-KES")
    assert sent(second, pacs008("M1", ["10.00"] * 6), "b.xml")["pacs.002.001.10"]
    second.close_day(DAY)
    third = bank_of(returned_permille={"AC04": 500})
    assert third.close_day(DAY) == []
    assert third.entries().equals(second.entries())
    assert third.duplicates() == 1


def test_the_journal_drops_a_line_that_was_half_written(bank_of: BankOf, tmp_path: Path) -> None:
    first = bank_of()
    sent(first, pacs008("M1", ["10.00"]))
    with (tmp_path / "bank" / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"event": "received", "fi')
    second = bank_of()
    assert second.received() == first.received()
    sent(second, pacs008("M2", ["10.00"]), "b.xml")
    assert len(bank_of().received()) == 2


def test_entries_are_numbered_without_gaps_by_account(bank_of: BankOf) -> None:
    bank = bank_of(returned_permille={"AC04": 500})
    for number in range(4):
        sent(
            bank, pacs008(f"M{number}", ["1.00"] * 7, creditor_accounts=["CUST-1"] * 7), f"{number}.xml"
        )
    bank.close_day(DAY)
    for (_,), rows in bank.entries().group_by("account"):
        assert rows["entry"].to_list() == list(range(1, rows.height + 1))
    assert bank.payments().filter(pl.col("status") == "ACSC").height == 28


def test_comments_inside_an_amount_do_not_change_it(bank_of: BankOf) -> None:
    bank = bank_of()
    sent(bank, pacs008("M1", ["1<!-- thousands -->000.00"]))
    assert bank.payments()["amount_minor"].to_list() == [100_000]


def test_a_message_in_an_envelope_is_read(bank_of: BankOf) -> None:
    bank = bank_of()
    inner = pacs008("M1", ["10.00"]).split(b"\n", 1)[1]
    sent(bank, b"<BizMsgEnvlp><AppHdr><BizMsgIdr>X</BizMsgIdr></AppHdr>" + inner + b"</BizMsgEnvlp>")
    assert bank.received()[0].message_id == "M1"


def test_a_damaged_file_is_answered_and_never_pays_what_it_does_not_say(
    bank_of: BankOf, schema_of: Callable[[str], etree.XMLSchema]
) -> None:
    content = pacs008("M1", ["123.45", "67.89"])
    random = Random(20240311)
    bank = bank_of()
    for number in range(150):
        damaged = bytearray(content)
        for _ in range(random.randint(1, 3)):
            damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
        bank.receive(bytes(damaged), name=f"{number}.xml", file_id=f"{number}", transport="folder")
        cut = content[: random.randrange(len(content))]
        bank.receive(cut, name=f"{number}-cut.xml", file_id=f"{number}-cut", transport="folder")
    for answer in bank.answers():
        schema = schema_of(answer.message_type)
        assert schema.validate(etree.fromstring(bank.content(answer))), (answer, schema.error_log)
    # One bit changes one digit, never how many there are.
    paid = bank.payments().filter(pl.col("status") == "ACSC")
    assert paid.height > 0
    assert paid["amount_minor"].max() < 1_000_000


@settings(max_examples=12, deadline=None)
@given(
    days=st.lists(
        st.lists(st.lists(st.integers(1, 20_000_000), min_size=1, max_size=4), max_size=3),
        min_size=1,
        max_size=3,
    ),
    seed=st.integers(0, 2**32),
)
def test_no_account_is_overdrawn_and_balances_are_what_was_booked(
    days: list[list[list[int]]], seed: int
) -> None:
    """Against a sum in plain Python over what the bank says that it executed and returned."""
    rates = {"rejected_permille": {"AG01": 100}, "returned_permille": {"AC04": 300}}
    with TemporaryDirectory() as folder:
        clock = Clock()
        bank = SimulatedBank(config(seed=seed, **rates), folder=Path(folder), clock=clock)
        for day, files in enumerate(days):
            for number, amounts in enumerate(files):
                content = pacs008(f"M{day}-{number}", [f"{a // 100}.{a % 100:02}" for a in amounts])
                bank.receive(content, name=f"{day}-{number}", file_id="", transport="folder")
                assert bank.balance("SETTLE-KES") >= 0
            bank.close_day(clock().date())
            clock.pass_by(days=1)
        executed = bank.payments().filter(pl.col("status") == "ACSC")
        kept = [row for row in executed.iter_rows(named=True) if row["return_reason"] is None]
        assert bank.balance("SETTLE-KES") == 50_000_000 - sum(row["amount_minor"] for row in kept)
