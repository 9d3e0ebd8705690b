"""What a simulated bank writes is what the readers of settlement read, faults included."""

import io
from collections.abc import Callable
from datetime import date

import polars as pl

from pipelines.settlement.iso20022.read_message import read
from pipelines.settlement.reading import Records, Summary, summarise
from pipelines.settlement.swift.reader import read as read_swift
from pipelines.simulation.bank.bank import SimulatedBank
from pipelines.simulation.bank.behaviour import Misbehaviour, Rule
from pipelines.simulation.bank.configuration import StatementFormat
from tests.pipelines.simulation.bank.client_files import camt056, pacs008, pain001, sent

BankOf = Callable[..., SimulatedBank]
DAY = date(2024, 3, 11)


def worked(bank: SimulatedBank) -> SimulatedBank:
    """A bank after a day with everything in it."""
    amounts = [f"{n}.{n:02}" for n in range(1, 21)]
    accounts = ["CUST-1", "CUST-CLOSED", *["X"] * 18]
    sent(bank, pacs008("M1", amounts, creditor_accounts=accounts), "1.xml")
    sent(bank, pacs008("M2", ["5000", "12"], currency="UGX"), "2.xml")
    sent(bank, pain001("P1", {"B1": ["2.00", "3.00"], "B2": ["100.00"]}), "3.xml")
    sent(bank, camt056("C1", "M1", ["M1-T1", "M1-T3", "UNKNOWN"]), "4.xml")
    bank.close_day(DAY)
    return bank


def summaries(bank: SimulatedBank) -> list[tuple[str, Summary]]:
    return [(a.message_type, summarise(read(io.BytesIO(bank.content(a))))) for a in bank.answers()]


def test_every_answer_is_read_without_a_refusal(bank_of: BankOf) -> None:
    bank = worked(bank_of(returned_permille={"AC04": 300}, recalls_granted_permille=1000))
    for kind, summary in summaries(bank):
        assert summary.refused == [], kind
        assert summary.discontinuities() == [], kind
        assert f"{summary.heads[0].format}.{summary.heads[0].version}" == kind


def test_statuses_are_read_by_payment(bank_of: BankOf) -> None:
    bank = worked(bank_of())
    found = [
        part.frame
        for answer in bank.answers()
        if answer.message_type == "pacs.002.001.10"
        for part in read(io.BytesIO(bank.content(answer)))
        if isinstance(part, Records)
    ]
    told = pl.concat(found).filter(pl.col("level") == "transaction")
    decided = bank.payments().filter(pl.col("message_type") == "pacs.008.001.08")
    columns = {"original_transaction_id": "transaction_id", "reason_code": "reason"}
    read_back = told.select("original_transaction_id", "original_uetr", "status", "reason_code")
    read_back = read_back.rename(columns | {"original_uetr": "uetr"})
    assert read_back.equals(decided.select("transaction_id", "uetr", "status", "reason"))


def test_a_wrong_balance_is_found_as_a_discontinuity(bank_of: BankOf) -> None:
    rule = Rule(misbehaviour=Misbehaviour.WRONG_BALANCE, files="statement-SETTLE-UGX-*", minor=3)
    bank = worked(bank_of(rule))
    broken = [gap for _, summary in summaries(bank) for gap in summary.discontinuities()]
    assert [(gap.account, gap.stated_minor - gap.expected_minor) for gap in broken] == [
        ("SETTLE-UGX", 3)
    ]


def test_wrong_totals_are_found_as_control_totals(bank_of: BankOf) -> None:
    bank = worked(bank_of(Rule(misbehaviour=Misbehaviour.WRONG_TOTALS, files="1.xml")))
    kinds = {kind for kind, summary in summaries(bank) if summary.refused}
    codes = {refused.code for _, summary in summaries(bank) for refused in summary.refused}
    assert "camt.054.001.08" in kinds
    assert codes == {"control_total"}


def test_an_mt940_is_read_and_its_balances_follow(bank_of: BankOf) -> None:
    bank = worked(bank_of(statement_format=StatementFormat.MT940, returned_permille={"AC04": 300}))
    statements = [a for a in bank.answers() if a.message_type == "MT940"]
    assert len(statements) == 4
    for answer in statements:
        summary = summarise(read_swift(io.BytesIO(bank.content(answer))))
        assert summary.refused == []
        assert summary.discontinuities() == []
        account = answer.subject.removeprefix("statement-").removesuffix("-2024-03-11")
        assert {b.amount_minor for b in summary.balances if b.kind == "CLBD"} == {bank.balance(account)}
