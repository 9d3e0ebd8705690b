"""Partner statements: valid camt.053, closed arithmetic, and breaks exactly where the truth says."""

import itertools
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from pipelines.simulation.statements import BreakClass

N = {"c": "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"}


@dataclass(frozen=True)
class Statement:
    participant: str
    partner: str
    currency: str
    day: str
    opening: Decimal
    closing: Decimal
    entries: list[dict[str, str | None]]


def read(path: Path) -> Statement:
    tree = etree.parse(str(path))

    def text(node: etree._Element, xpath: str) -> str | None:
        return node.findtext(xpath, namespaces=N)

    def signed(node: etree._Element) -> Decimal:
        amount = Decimal(text(node, "c:Amt"))
        return amount if text(node, "c:CdtDbtInd") == "CRDT" else -amount

    statement = tree.find(".//c:Stmt", namespaces=N)
    balances = {
        text(node, "c:Tp/c:CdOrPrtry/c:Cd"): signed(node)
        for node in statement.findall("c:Bal", namespaces=N)
    }
    participant, partner, currency = path.stem.split("_")
    assert text(statement, "c:Acct/c:Id/c:Othr/c:Id") == f"nostro:{partner}:{currency}"
    assert text(statement, "c:Acct/c:Ownr/c:Id/c:OrgId/c:Othr/c:Id") == participant
    assert text(statement, "c:Acct/c:Svcr/c:FinInstnId/c:Othr/c:Id") == partner
    entries = [
        {
            "amount": text(node, "c:Amt"),
            "side": text(node, "c:CdtDbtInd"),
            "value_date": text(node, "c:ValDt/c:Dt"),
            "end_to_end_id": text(node, ".//c:EndToEndId"),
            "bank_reference": text(node, "c:AcctSvcrRef"),
            "currency": node.find("c:Amt", namespaces=N).get("Ccy"),
        }
        for node in statement.findall("c:Ntry", namespaces=N)
    ]
    return Statement(
        participant, partner, currency, path.parent.name, balances["OPBD"], balances["CLBD"], entries
    )


@pytest.fixture(scope="module")
def statements(simulated) -> list[Statement]:
    return [read(path) for path in sorted((simulated.out / "statements").glob("*/*.xml"))]


def test_every_statement_is_valid_against_the_published_schema(simulated, shared_data: Path) -> None:
    schema = etree.XMLSchema(etree.parse(str(shared_data / "iso20022/xsd/camt.053.001.08.xsd")))
    paths = sorted((simulated.out / "statements").glob("*/*.xml"))
    assert len(paths) == simulated.summary.statements
    for path in paths:
        schema.assertValid(etree.parse(str(path)))


def test_the_closing_balance_is_the_opening_balance_and_the_entries(statements: list[Statement]) -> None:
    for statement in statements:
        net = sum(
            (Decimal(e["amount"]) if e["side"] == "CRDT" else -Decimal(e["amount"]))
            for e in statement.entries
        )
        assert statement.opening + net == statement.closing
        assert {e["currency"] for e in statement.entries} <= {statement.currency}


def test_each_day_opens_with_what_the_day_before_closed(statements: list[Statement]) -> None:
    by_account = defaultdict(list)
    for statement in statements:
        by_account[statement.participant, statement.currency].append(statement)
    for days in by_account.values():
        days.sort(key=lambda statement: statement.day)
        assert len(days) == 3
        for before, after in itertools.pairwise(days):
            assert before.closing == after.opening


def test_the_first_statement_opens_with_the_migrated_balance(simulated, statements) -> None:
    opened = {
        (row["creditor_agent"], row["currency"]): Decimal(row["amount"])
        for row in simulated.of_kind("opening_balance")
        if row["creditor_account"].startswith("nostro:")
    }
    first = [statement for statement in statements if statement.day == "2024-05-29"]
    assert {(s.participant, s.currency): s.opening for s in first} == opened


def differences(simulated, statements: list[Statement]) -> Counter[tuple[str, ...]]:
    """Statements against instructions, reference by reference: what a person would call each."""
    refused = {row["instruction_id"] for row in simulated.true("insufficient_funds")}
    ledger = {}
    for row in simulated.of_kind("payout", "collection"):
        if row["instruction_id"] not in refused:
            side = "DBIT" if row["kind"] == "payout" else "CRDT"
            ledger[row["end_to_end_id"]] = (row["amount"], side, row["value_date"])
    found: Counter[tuple[str, ...]] = Counter()
    seen: Counter[str] = Counter()
    for statement in statements:
        for entry in statement.entries:
            reference = entry["end_to_end_id"]
            if reference is None:
                found["fee", entry["bank_reference"]] += 1
                continue
            seen[reference] += 1
            if reference not in ledger:
                found["missing_in_ledger", reference] += 1
                continue
            amount, side, value_date = ledger[reference]
            assert entry["side"] == side
            if entry["amount"] != amount:
                found["amount", reference] += 1
            if entry["value_date"] != value_date:
                found["date", reference] += 1
    found.update(("duplicate", reference) for reference, count in seen.items() if count == 2)
    found.update(("missing_at_bank", reference) for reference in ledger if reference not in seen)
    return found


def test_the_statements_differ_from_the_ledger_exactly_where_the_truth_says(
    simulated, statements
) -> None:
    true = Counter((row["break_class"], row["reference"]) for row in simulated.true("statement_breaks"))
    assert differences(simulated, statements) == true
    assert true.total() == simulated.summary.statement_breaks
    assert {name for name, _ in true} == {str(name) for name in BreakClass}


def test_the_truth_of_a_break_states_both_sides(simulated, statements) -> None:
    stated = defaultdict(list)
    for statement in statements:
        for entry in statement.entries:
            stated[entry["end_to_end_id"] or entry["bank_reference"]].append(entry)
    ledger = {row["end_to_end_id"]: row for row in simulated.of_kind("payout", "collection")}
    for row in simulated.true("statement_breaks"):
        entries = stated.get(row["reference"], [])
        assert {e["amount"] for e in entries} == (
            {row["stated_amount"]} if row["stated_amount"] else set()
        )
        assert {e["value_date"] for e in entries} == (
            {row["stated_date"]} if row["stated_date"] else set()
        )
        booked = ledger.get(row["reference"])
        assert row["ledger_amount"] == (booked["amount"] if booked else "")
        assert row["ledger_date"] == (booked["value_date"] if booked else "")
        assert row["account"] == f"nostro:{row['partner']}:{row['currency']}"


def test_most_statements_have_no_break_and_none_has_two(simulated, statements) -> None:
    broken = Counter(
        (row["business_date"], row["participant"], row["currency"])
        for row in simulated.true("statement_breaks")
    )
    assert set(broken.values()) == {1}
    assert 0.1 < len(broken) / len(statements) < 0.4
