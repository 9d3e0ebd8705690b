"""What banks answer finds the file and the transaction that it is about."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from pipelines.settlement.bank_answers import (
    SAID,
    AnswerFile,
    counts_by_message,
    faults_in_words,
    file_states,
    read_answers,
    to_take_back,
    transaction_answers,
)
from pipelines.settlement.banks.delivery import State
from pipelines.settlement.tables import SETTLEMENT_TRANSACTIONS
from pipelines.simulation.bank.bank import SimulatedBank
from pipelines.simulation.bank.behaviour import Misbehaviour, Rule
from tests.pipelines.simulation.bank.client_files import pacs008
from tests.pipelines.simulation.bank.conftest import Clock, config

DAY = date(2024, 3, 11)
BANKS = dict.fromkeys(("M1", "M2", "M9"), "equator")
NOW = datetime(2024, 3, 11, 12, tzinfo=UTC)


def transactions(message_id: str, number: int) -> pl.DataFrame:
    """What the table of settlement says of a message of `client_files.pacs008`."""
    rows = [
        {
            "business_date": DAY,
            "ref": f"tx:{message_id}:{message_id}-E{n}",
            "message_id": message_id,
            "end_to_end_id": f"{message_id}-E{n}",
            "transaction_id": f"{message_id}-T{n}",
            "currency": "KES",
            "amount_minor": 1_000,
            "payment_id": f"payment {message_id} {n}",
        }
        for n in range(1, number + 1)
    ]
    return pl.DataFrame(rows, schema=dict(SETTLEMENT_TRANSACTIONS.schema))


def answered(bank: SimulatedBank, folder: Path, *contents: bytes) -> list[AnswerFile]:
    """The answers of a bank to some files and its close, as an inbox has them."""
    for number, content in enumerate(contents):
        bank.receive(content, name=f"F{number}", file_id=f"F{number}", transport="folder")
    bank.close_day(DAY)
    found = []
    for answer in bank.answers():
        path = folder / answer.name
        path.write_bytes(bank.content(answer))
        found.append(AnswerFile("equator", answer.sha256, answer.name, NOW, path))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def bank(tmp_path: Path, *rules: Rule, **changes: object) -> SimulatedBank:
    return SimulatedBank(config(*rules, **changes), folder=tmp_path / "bank", clock=Clock())


def test_a_file_that_is_executed_is_acknowledged_and_accepted(tmp_path: Path, folder: Path) -> None:
    read = read_answers(answered(bank(tmp_path), folder, pacs008("M1", ["10.00"] * 3)))
    states = [(message_id, state) for _, message_id, state, _, _ in file_states(read.said)]
    assert states == [("M1", State.ACKNOWLEDGED), ("M1", State.ACCEPTED)]
    answers = transaction_answers(read.said, transactions("M1", 3), BANKS)
    assert counts_by_message(answers).rows() == [("M1", 3, 0, 0)]
    assert to_take_back(answers).is_empty()
    assert read.statements >= 1
    assert list(faults_in_words(read)) == []


def test_rejected_payments_are_to_be_taken_back_each_with_its_reason(
    tmp_path: Path, folder: Path
) -> None:
    partly = Rule(misbehaviour=Misbehaviour.PARTIAL, permille=400)
    read = read_answers(answered(bank(tmp_path, partly), folder, pacs008("M1", ["10.00"] * 5)))
    assert [state for _, _, state, _, _ in file_states(read.said)][-1] is State.PARTLY_ACCEPTED
    answers = transaction_answers(read.said, transactions("M1", 5), BANKS)
    rejected = answers.filter(pl.col("status") == "RJCT")
    assert 0 < rejected.height < 5
    assert rejected["reason_code"].null_count() == 0
    assert to_take_back(answers)["payment_id"].to_list() == rejected["payment_id"].to_list()


def test_a_file_that_is_rejected_whole_rejects_each_of_its_transactions(
    tmp_path: Path, folder: Path
) -> None:
    whole = Rule(misbehaviour=Misbehaviour.REJECTED, reason="AG01")
    read = read_answers(answered(bank(tmp_path, whole), folder, pacs008("M1", ["10.00"] * 3)))
    assert [state for _, _, state, _, _ in file_states(read.said)] == [State.REJECTED]
    answers = transaction_answers(read.said, transactions("M1", 3), BANKS)
    assert answers.select("transaction_id", "reason_code").rows() == [
        (f"M1-T{n}", "AG01") for n in (1, 2, 3)
    ]
    assert to_take_back(answers).height == 3


def test_what_was_accepted_and_comes_back_later_is_both(tmp_path: Path, folder: Path) -> None:
    returning = bank(tmp_path, returned_permille={"AC06": 1000})
    read = read_answers(answered(returning, folder, pacs008("M1", ["10.00"] * 2)))
    answers = transaction_answers(read.said, transactions("M1", 2), BANKS)
    assert counts_by_message(answers).rows() == [("M1", 2, 0, 2)]
    back = answers.filter(pl.col("kind") == "return")
    assert back.select("transaction_ref", "status", "reason_code").rows() == [
        (f"tx:M1:M1-E{n}", "RTND", "AC06") for n in (1, 2)
    ]
    assert to_take_back(answers).height == 2


def test_an_answer_that_comes_twice_or_torn_counts_once(tmp_path: Path, folder: Path) -> None:
    faults = (
        Rule(misbehaviour=Misbehaviour.DUPLICATE, files="F0"),
        Rule(misbehaviour=Misbehaviour.TRUNCATED, files="F1", byte=400, polls=0),
    )
    contents = [pacs008(name, ["10.00"] * 2) for name in ("M1", "M2")]
    read = read_answers(answered(bank(tmp_path, *faults), folder, *contents))
    sent = pl.concat([transactions("M1", 2), transactions("M2", 2)])
    answers = transaction_answers(read.said, sent, BANKS)
    assert counts_by_message(answers).sort("message_id").rows() == [("M1", 2, 0, 0), ("M2", 2, 0, 0)]
    assert len(list(faults_in_words(read))) >= 1


def test_a_statement_whose_balance_is_wrong_is_told(tmp_path: Path, folder: Path) -> None:
    wrong = Rule(misbehaviour=Misbehaviour.WRONG_BALANCE, files="statement-SETTLE-KES-*", minor=7)
    read = read_answers(answered(bank(tmp_path, wrong), folder, pacs008("M1", ["10.00"])))
    assert [found.account for _, found in read.discontinuities] == ["SETTLE-KES"]


def test_a_bank_says_nothing_of_what_it_was_not_sent(tmp_path: Path, folder: Path) -> None:
    read = read_answers(answered(bank(tmp_path), folder, pacs008("M1", ["10.00"])))
    assert transaction_answers(read.said, transactions("M9", 2), BANKS).is_empty()


def test_what_another_bank_says_of_our_file_is_not_listened_to(tmp_path: Path, folder: Path) -> None:
    whole = Rule(misbehaviour=Misbehaviour.REJECTED)
    read = read_answers(answered(bank(tmp_path, whole), folder, pacs008("M1", ["10.00"])))
    assert transaction_answers(read.said, transactions("M1", 1), {"M1": "another"}).is_empty()


def said_of(*statuses: str) -> pl.DataFrame:
    """Statuses of one transaction, a minute apart."""
    rows = [
        {
            "bank_id": "equator",
            "received_at": NOW + timedelta(minutes=minute),
            "kind": "status",
            "level": "transaction",
            "original_message_id": "M1",
            "original_transaction_id": "M1-T1",
            "status": status,
        }
        for minute, status in enumerate(statuses)
    ]
    return pl.DataFrame(rows, schema=SAID)


@pytest.mark.parametrize(
    ("statuses", "counts"),
    [
        (["PDNG", "RJCT"], "RJCT"),
        (["ACSC", "PDNG"], "ACSC"),
        (["RCVD", "PDNG"], "PDNG"),
        (["ACSC", "RJCT"], "RJCT"),
    ],
)
def test_the_last_word_counts_and_what_is_final_is_not_undone(statuses: list[str], counts: str) -> None:
    answers = transaction_answers(said_of(*statuses), transactions("M1", 1), BANKS)
    assert answers["status"].to_list() == [counts]
