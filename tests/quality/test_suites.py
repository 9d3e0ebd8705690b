"""Each rule of each suite is broken once, and the result says where."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from good_frames import GOOD, UUIDS

from quality.report import as_markdown, overview
from quality.results import Outcome
from quality.rules import Severity
from quality.suites import SUITES
from quality.validation import NoSuite, check, check_all

# Table, the rule's sentence, what the first row says instead, and the rows that then break the rule.
BROKEN: list[tuple[str, str, dict[str, Any], int]] = [
    ("payments", "A payment is identified", {"payment_id": None}, 1),
    ("payments", "A payment's identifier is a UUID", {"payment_id": "PAY-1"}, 1),
    ("payments", "A payment is booked once", {"payment_id": UUIDS[1]}, 2),
    ("payments", "A payment says what it is for", {"kind": "Credit Transfer"}, 1),
    ("payments", "A payment has a kind", {"kind": None}, 1),
    ("payments", "Currencies are ISO 4217 codes", {"currency": "KSh"}, 1),
    ("payments", "A payment has a currency", {"currency": None}, 1),
    ("payments", "Amounts are positive", {"amount_minor": 0}, 1),
    ("payments", "A payment has an amount", {"amount_minor": None}, 1),
    ("payments", "It is known when a payment happened", {"event_at": None}, 1),
    (
        "payments",
        "A payment has the agent of its debtor or of its creditor",
        {"debtor_agent": None, "creditor_agent": None},
        1,
    ),
    (
        "payments",
        "A conversion has both a counter currency and a counter amount",
        {"counter_currency": "NGN"},
        1,
    ),
    (
        "payments",
        "Counter amounts are positive",
        {"counter_currency": "NGN", "counter_amount_minor": -1},
        1,
    ),
    (
        "payments",
        "End-to-end ids fit into ISO 20022's 35 characters",
        {"end_to_end_id": "E" * 36},
        1,
    ),
    (
        "payments",
        "Merchant categories are the four digits of ISO 18245",
        {"merchant_category": "541"},
        1,
    ),
    (
        "payments",
        "The value date is within a year of the business date",
        {"value_date": date(2042, 4, 2)},
        1,
    ),
    (
        "stated_balances",
        "A stated balance names the payment that it follows",
        {"payment_id": None},
        1,
    ),
    (
        "stated_balances",
        "An account's balance is stated once after a payment",
        {"account_id": 2},
        2,
    ),
    ("stated_balances", "A stated balance has an amount", {"stated_balance_minor": None}, 1),
    ("stated_balances", "A stated balance has a currency", {"currency": None}, 1),
    ("stated_balances", "Currencies are ISO 4217 codes", {"currency": "kes"}, 1),
    ("stated_balances", "The file that states the balance is known", {"source_file": None}, 1),
    (
        "statement_entries",
        "An entry of a file is read once",
        {"entry_ordinal": 2, "detail_ordinal": 1},
        2,
    ),
    ("statement_entries", "An entry has an amount", {"amount_minor": None}, 1),
    (
        "statement_entries",
        "Amounts are not negative: the direction is the sign",
        {"amount_minor": -1},
        1,
    ),
    (
        "statement_entries",
        "An entry says in which direction it moves the balance",
        {"direction": None},
        1,
    ),
    ("statement_entries", "Directions are credit or debit", {"direction": "C"}, 1),
    ("statement_entries", "An entry has a currency", {"currency": None}, 1),
    ("statement_entries", "Currencies are ISO 4217 codes", {"currency": "KES "}, 1),
    ("statement_entries", "An entry has a value date", {"value_date": None}, 1),
    (
        "statement_entries",
        "Value date and booking date are within a month",
        {"booking_date": date(2024, 1, 1)},
        1,
    ),
    ("quarantine", "A refused row names its file", {"source_file": None}, 1),
    ("quarantine", "A refused row names its line", {"row": None}, 1),
    ("quarantine", "Lines are counted from 1, and 0 is the whole file", {"row": -1}, 1),
    ("quarantine", "A refusal has a code", {"code": None}, 1),
    ("quarantine", "Codes are lower case words", {"code": "Not positive!"}, 1),
    ("quarantine", "A refusal says what is wrong", {"message": None}, 1),
    ("quarantine", "What is wrong is said in a sentence", {"message": "bad"}, 1),
    ("net_positions", "A position can be traced", {"ref": "position 1"}, 1),
    ("net_positions", "A position has its participant", {"participant_id": None}, 1),
    ("net_positions", "A participant has one position", {"participant_id": "b"}, 2),
    ("net_positions", "Currencies are ISO 4217 codes", {"currency": "KE"}, 1),
    ("net_positions", "What is owed is not negative", {"owes_minor": -1}, 1),
    ("net_positions", "What is due is not negative", {"is_owed_minor": -1}, 1),
    ("net_positions", "The net is what is due less what is owed", {"is_owed_minor": 1}, 1),
    (
        "net_positions",
        "Positions of a window and currency sum to zero",
        {"net_minor": -(2**62) + 1},
        2,
    ),
    ("settlement_transactions", "A transaction can be traced", {"ref": "M1"}, 1),
    ("settlement_transactions", "A transaction is in its file once", {"end_to_end_id": "E2"}, 2),
    (
        "settlement_transactions",
        "End-to-end ids fit into ISO 20022's 35 characters",
        {"end_to_end_id": ""},
        1,
    ),
    ("settlement_transactions", "UETRs are UUIDs", {"uetr": "1"}, 1),
    (
        "settlement_transactions",
        "A transaction has an interbank settlement amount",
        {"amount_minor": None},
        1,
    ),
    (
        "settlement_transactions",
        "Interbank settlement amounts are positive",
        {"amount_minor": 0},
        1,
    ),
    ("settlement_transactions", "Currencies are ISO 4217 codes", {"currency": "404"}, 1),
    ("settlement_transactions", "A transaction has a debtor agent", {"debtor_agent": None}, 1),
    ("settlement_transactions", "A transaction has a creditor agent", {"creditor_agent": None}, 1),
    (
        "settlement_transactions",
        "Debtor agent and creditor agent are two",
        {"creditor_agent": "a"},
        1,
    ),
    (
        "settlement_transactions",
        "A transaction settles a payment or a net position",
        {"payment_id": None},
        1,
    ),
    ("reconciliation_breaks", "A break can be traced", {"ref": "1"}, 1),
    ("reconciliation_breaks", "A break is listed once", {"ref": "break:2"}, 2),
    ("reconciliation_breaks", "A break is classified", {"break_class": None}, 1),
    ("reconciliation_breaks", "A break is owned", {"owner": None}, 1),
    (
        "reconciliation_breaks",
        "It is known whose books a break is in",
        {"participant_id": None},
        1,
    ),
    ("reconciliation_breaks", "A break does not age backwards", {"age_days": -1}, 1),
    (
        "reconciliation_breaks",
        "A break was seen before it is listed",
        {"first_seen": date(2024, 4, 3)},
        1,
    ),
    (
        "reconciliation_breaks",
        "One side of a break says something",
        {"stated_minor": None, "ledger_minor": None, "difference_minor": 0},
        1,
    ),
    (
        "reconciliation_breaks",
        "The difference is what is stated less what the ledger says",
        {"difference_minor": 2},
        1,
    ),
    (
        "reconciliation_breaks",
        "The age is counted in calendar days since the break was first seen",
        {"age_days": 1},
        1,
    ),
    ("alerts", "An alert can be traced", {"ref": "1"}, 1),
    ("alerts", "An alert is raised once", {"ref": "alert:2"}, 2),
    ("alerts", "An alert names its rule", {"rule_id": None}, 1),
    ("alerts", "An alert names the version of its rule", {"rule_version": None}, 1),
    ("alerts", "Severities are low, medium or high", {"severity": "urgent"}, 1),
    ("alerts", "An alert has a severity", {"severity": None}, 1),
    ("alerts", "An alert fired on at least one transfer", {"transfers": 0}, 1),
    ("alerts", "Amounts are not negative", {"amount_minor": -1}, 1),
    ("alerts", "An alert says why it fired", {"explanation": None}, 1),
    ("alerts", "Why an alert fired is said in a sentence", {"explanation": "rule fired"}, 1),
    (
        "alerts",
        "The first transfer of an alert is not after its last",
        {"first_event_at": datetime(2024, 5, 1, tzinfo=UTC)},
        1,
    ),
    ("return_cells", "A cell can be traced", {"ref": "A010"}, 1),
    ("return_cells", "A cell is filed once", {"ref": "cell:2"}, 2),
    ("return_cells", "A return has a cell once", {"cell": "A020"}, 2),
    ("return_cells", "A cell has a value", {"value": None}, 1),
    ("return_cells", "A cell says what it is", {"label": None}, 1),
    ("return_cells", "Units are minor units, counts or basis points", {"unit": "percent"}, 1),
    ("return_cells", "A cell has a unit", {"unit": None}, 1),
    ("return_cells", "Currencies are ISO 4217 codes", {"currency": "-"}, 1),
    ("return_cells", "Counts are not negative", {"unit": "count"}, 1),
    ("scores", "A score can be traced", {"ref": "1"}, 1),
    ("scores", "An account has one score", {"account_id": 2}, 2),
    ("scores", "A score names its model", {"model_id": None}, 1),
    ("scores", "A score has a probability of default", {"probability_of_default": None}, 1),
    ("scores", "Probabilities lie between 0 and 1", {"probability_of_default": 1.5}, 1),
    ("scores", "A score has a value", {"score": None}, 1),
    ("scores", "Scores lie between 300 and 850", {"score": 299}, 1),
    ("scores", "A score gives its strongest reason", {"reason_1": None}, 1),
    ("scores", "Reasons are not repeated", {"reason_2": "short history"}, 1),
    (
        "scores",
        "A higher probability of default never has the higher score",
        {"score": 400},
        1,
    ),
]

BROKEN += [("statement_quarantine", *case[1:]) for case in BROKEN if case[0] == "quarantine"]


def _first_row_saying(frame: pl.DataFrame, values: dict[str, Any]) -> pl.DataFrame:
    first = pl.int_range(pl.len()) == 0
    return frame.with_columns(
        pl.when(first)
        .then(pl.lit(value, dtype=frame.schema[column]))
        .otherwise(pl.col(column))
        .alias(column)
        for column, value in values.items()
    )


def test_good_frames_keep_every_rule() -> None:
    broken = [str(outcome) for result in check_all(GOOD) for outcome in result.failures]
    assert broken == []
    assert set(GOOD) == set(SUITES)


def test_tables_without_rows_keep_every_rule() -> None:
    results = check_all({table: frame.clear() for table, frame in GOOD.items()})
    assert [result.table for result in results] == list(GOOD)
    assert all(result.success and not result.failures and result.rows == 0 for result in results)


def _rounds(table: str) -> list[list[tuple[str, dict[str, Any]]]]:
    """The table's cases in rounds, within which no two touch a column of each other's rule."""
    columns = {rule.sentence: set(rule.columns) for rule in SUITES[table].rules}
    rounds: list[tuple[set[str], list[tuple[str, dict[str, Any]]]]] = []
    for sentence, values in [(case[1], case[2]) for case in BROKEN if case[0] == table]:
        touched = columns[sentence] | set(values)
        for taken, cases in rounds:
            if not taken & touched:
                taken.update(touched)
                cases.append((sentence, values))
                break
        else:
            rounds.append((touched, [(sentence, values)]))
    return [cases for _, cases in rounds]


@pytest.fixture(scope="module")
def broken() -> dict[tuple[str, str], Outcome]:
    """The outcome of each case; checking them one by one would cost 0.2 s each."""
    outcomes = {}
    for table, frame in GOOD.items():
        for cases in _rounds(table):
            changed = {column: value for _, values in cases for column, value in values.items()}
            result = check(table, _first_row_saying(frame, changed))
            found = {outcome.rule.sentence: outcome for outcome in result.failures}
            assert result.success == all(o.rule.severity is Severity.WARN for o in found.values())
            outcomes |= {
                (table, sentence): found[sentence] for sentence, _ in cases if sentence in found
            }
    return outcomes


@pytest.mark.parametrize(("table", "sentence", "values", "rows"), BROKEN)
def test_a_bad_value_breaks_its_rule(
    table: str,
    sentence: str,
    values: dict[str, Any],
    rows: int,
    broken: dict[tuple[str, str], Outcome],
) -> None:
    outcome = broken[table, sentence]
    assert outcome.problem is None
    assert outcome.failing_rows == rows
    assert set(values) & set(outcome.rule.columns)
    assert f"{rows:,} rows" in str(outcome)


def test_every_rule_is_broken_by_some_case() -> None:
    declared = {(suite.table, rule.sentence) for suite in SUITES.values() for rule in suite.rules}
    assert {(table, sentence) for table, sentence, _, _ in BROKEN} == declared
    assert len(declared) == sum(len(suite.rules) for suite in SUITES.values())


def test_integers_beside_nulls_keep_their_last_digit() -> None:
    frame = _first_row_saying(GOOD["payments"], {"amount_minor": None})
    frame = frame.with_columns(pl.col("amount_minor") * -1)
    (outcome,) = [o for o in check("payments", frame).failures if "positive" in o.rule.sentence]
    assert outcome.examples == (str(-(2**60) - 1),)


def test_a_rule_without_its_column_could_not_be_evaluated() -> None:
    result = check("scores", GOOD["scores"].drop("probability_of_default").clear())
    assert not result.success
    problems = {o.rule.sentence: o.problem for o in result.failures}
    assert problems["A score has a probability of default"] == (
        "the frame has no column probability_of_default"
    )
    assert result.statistics.broken_blocking == 2
    assert result.statistics.broken_warn == 1


def test_a_warning_lets_the_table_through() -> None:
    result = check("quarantine", _first_row_saying(GOOD["quarantine"], {"message": "bad"}))
    assert result.success
    assert [outcome.rule.columns for outcome in result.failures] == [("message",)]


def test_a_table_without_a_suite_is_named() -> None:
    with pytest.raises(NoSuite, match="table obligations has no suite"):
        check("obligations", pl.DataFrame())


def test_the_report_lists_broken_rules_first_and_keeps_to_its_cells() -> None:
    frame = _first_row_saying(GOOD["return_cells"], {"unit": "per|cent\nof", "label": None})
    result = check("return_cells", frame)
    lines = as_markdown(result).splitlines()
    assert lines[0].startswith("`return_cells` **must not be used**: 2 rows, 7 of 9 rules kept")
    assert len(lines) == 4 + 9
    assert lines[4] == "| A cell says what it is | `label` | blocking | 1 |  |"
    assert "per\\|cent of" in lines[5]
    assert overview([result]).splitlines()[-1] == "| return_cells | 2 | 7 of 9 | 2 | 0 |"
