"""Each rule of each suite is broken once, and the result says where."""

from typing import Any

import polars as pl
import pytest

from quality.report import as_markdown, overview
from quality.results import Outcome
from quality.rules import Severity
from quality.suites import SUITES
from quality.validation import NoSuite, check, check_all
from tests.quality.broken_cases import BROKEN
from tests.quality.good_frames import GOOD

pytestmark = pytest.mark.xdist_group("quality")


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
