"""Each fault is shown exactly as asked, and not on other files."""

from collections.abc import Callable
from datetime import date

import pytest
from lxml import etree
from pydantic import ValidationError

from pipelines.simulation.bank.bank import SimulatedBank
from pipelines.simulation.bank.behaviour import Misbehaviour, Rule, rule_for
from tests.pipelines.simulation.bank.client_files import pacs008, sent

BankOf = Callable[..., SimulatedBank]
DAY = date(2024, 3, 11)
TEN = pacs008("M1", ["10.00"] * 10)


def statuses(content: bytes, tag: str = "TxSts") -> list[str]:
    return [node.text or "" for node in etree.fromstring(content).iter(f"{{*}}{tag}")]


def test_late_answers_show_after_so_many_polls_and_those_of_other_files_at_once(bank_of: BankOf) -> None:
    bank = bank_of(Rule(misbehaviour=Misbehaviour.LATE, files="late*", polls=3))
    bank.receive(TEN, name="late.xml", file_id="late", transport="folder")
    sent(bank, pacs008("M2", ["1.00"]), "other.xml")
    assert {answer.subject for answer in bank.answers()} == {"other.xml"}
    assert [len(bank.look()) for _ in range(4)] == [3, 3, 3, 6]
    assert [answer.cursor for answer in bank.answers()] == [1, 2, 3, 4, 5, 6]


def test_late_answers_survive_a_restart(bank_of: BankOf) -> None:
    rule = Rule(misbehaviour=Misbehaviour.LATE, polls=1)
    sent(bank_of(rule), TEN)
    again = bank_of(rule)
    assert [len(again.look()) for _ in range(3)] == [0, 3, 3]
    assert len(bank_of(rule).answers()) == 3


def test_duplicate_answers_have_the_same_bytes_and_another_name(bank_of: BankOf) -> None:
    bank = bank_of(Rule(misbehaviour=Misbehaviour.DUPLICATE))
    sent(bank, TEN)
    answers = bank.answers()
    assert len(answers) == 6
    assert len({answer.name for answer in answers}) == 6
    assert len({bank.content(answer) for answer in answers}) == 3


@pytest.mark.parametrize("permille", [0, 300, 1000])
def test_a_partly_rejected_file_loses_some_and_keeps_some(bank_of: BankOf, permille: int) -> None:
    bank = bank_of(Rule(misbehaviour=Misbehaviour.PARTIAL, permille=permille))
    found = statuses(sent(bank, TEN)["pacs.002.001.10"][1])
    assert 0 < found.count("RJCT") < 10
    if permille in (0, 1000):
        assert found.count("RJCT") == (1 if permille == 0 else 9)
    assert bank.received()[0].status == "partly_accepted"
    assert bank.balance("SETTLE-KES") == 50_000_000 - 1_000 * found.count("ACSC")


def test_one_payment_cannot_be_partly_rejected(bank_of: BankOf) -> None:
    bank = bank_of(Rule(misbehaviour=Misbehaviour.PARTIAL))
    assert statuses(sent(bank, pacs008("M1", ["1.00"]))["pacs.002.001.10"][1]) == ["ACSC"]


def test_a_rejected_file_books_nothing(bank_of: BankOf) -> None:
    bank = bank_of(Rule(misbehaviour=Misbehaviour.REJECTED, files="bad*", reason="AM02"))
    (answer,) = sent(bank, TEN, "bad.xml")["pacs.002.001.10"]
    assert statuses(answer, "GrpSts") == ["RJCT"]
    assert statuses(answer, "Cd") == ["AM02"]
    assert bank.entries().is_empty()
    assert (bank.received()[0].status, bank.received()[0].reason) == ("rejected", "AM02")


def test_wrong_totals_are_off_in_the_declarations_alone(bank_of: BankOf) -> None:
    right = bank_of(folder="right", returned_permille={"AC04": 1000})
    wrong = bank_of(
        Rule(misbehaviour=Misbehaviour.WRONG_TOTALS), folder="wrong", returned_permille={"AC04": 1000}
    )
    for bank in (right, wrong):
        sent(bank, TEN)
        bank.close_day(DAY)
    differing = [
        (a.message_type, _differences(right.content(a), wrong.content(b)))
        for a, b in zip(right.answers(), wrong.answers(), strict=True)
        if right.content(a) != wrong.content(b)
    ]
    assert differing == [
        ("pacs.002.001.10", {"OrgnlNbOfTxs", "DtldNbOfTxs"}),
        ("camt.054.001.08", {"Sum"}),
        ("pacs.004.001.09", {"CtrlSum", "TtlRtrdIntrBkSttlmAmt"}),
        ("camt.054.001.08", {"Sum"}),
    ]
    assert right.entries().equals(wrong.entries())


def _differences(one: bytes, other: bytes) -> set[str]:
    pairs = zip(etree.fromstring(one).iter(), etree.fromstring(other).iter(), strict=True)
    return {etree.QName(a).localname for a, b in pairs if a.text != b.text}


def test_a_wrong_balance_is_off_in_the_statement_alone(bank_of: BankOf) -> None:
    rule = Rule(misbehaviour=Misbehaviour.WRONG_BALANCE, files="statement-SETTLE-KES-*", minor=-5)
    bank = bank_of(rule)
    sent(bank, TEN)
    bank.close_day(DAY)
    closing = {
        answer.subject: statuses(bank.content(answer), "Amt")[1]
        for answer in bank.answers()
        if answer.message_type == "camt.053.001.08"
    }
    assert closing["statement-SETTLE-KES-2024-03-11"] == "499899.95"
    assert closing["statement-CUST-1-2024-03-11"] == "10.00"
    assert bank.balance("SETTLE-KES") == 49_990_000


def test_re_ordered_answers_come_the_other_way_round(bank_of: BankOf) -> None:
    bank = bank_of(Rule(misbehaviour=Misbehaviour.REORDERED))
    sent(bank, TEN)
    answers = bank.answers()
    assert [answer.message_type[:8] for answer in answers] == ["camt.054", "pacs.002", "pacs.002"]
    assert statuses(bank.content(answers[2]), "GrpSts") == ["ACTC"]
    assert sorted(answer.name for answer in answers) == [answer.name for answer in answers]


def test_a_truncated_answer_comes_whole_later(bank_of: BankOf) -> None:
    bank = bank_of(Rule(misbehaviour=Misbehaviour.TRUNCATED, byte=100, polls=1, times=1))
    sent(bank, TEN)
    assert [answer.size for answer in bank.answers()] == [100, 100, 100]
    bank.look()
    assert len(bank.answers()) == 3
    torn, whole = bank.look()[:3], bank.answers()[3:]
    assert [bank.content(answer)[:100] for answer in whole] == [bank.content(a) for a in torn]
    assert statuses(bank.content(whole[0]), "GrpSts") == ["ACTC"]


def test_a_fault_is_shown_so_often_and_the_bank_remembers_it(bank_of: BankOf) -> None:
    rule = Rule(misbehaviour=Misbehaviour.REJECTED, times=2)
    sent(bank_of(rule), pacs008("M1", ["1.00"]), "1.xml")
    bank = bank_of(rule)
    sent(bank, pacs008("M2", ["1.00"]), "2.xml")
    sent(bank, pacs008("M3", ["1.00"]), "3.xml")
    assert [file.status for file in bank.received()] == ["rejected", "rejected", "accepted"]
    assert bank.misbehaved() == [("rejected", "1.xml"), ("rejected", "2.xml")]


def test_the_first_rule_that_fits_is_taken() -> None:
    rules = [
        Rule(misbehaviour=Misbehaviour.LATE, files="a*", polls=1),
        Rule(misbehaviour=Misbehaviour.LATE, files="*", polls=2),
    ]
    assert rule_for(rules, Misbehaviour.LATE, "b", "a1") == (0, rules[0])
    assert rule_for(rules, Misbehaviour.LATE, "b") == (1, rules[1])
    assert rule_for(rules, Misbehaviour.SLOW, "b") is None
    with pytest.raises(ValidationError):
        Rule.model_validate({"misbehaviour": "late", "pols": 3})
