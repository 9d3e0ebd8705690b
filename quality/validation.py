"""Evaluation: a frame against its suite, by Great Expectations on pandas.

Great Expectations is imported inside the functions: the import alone costs seconds. The context is
ephemeral, one for all tables of a call, and only the columns that rules read are handed over, as
Arrow-backed pandas, so that integers with nulls stay integers.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from quality.results import Outcome, QualityResult
from quality.rules import Rule, Suite
from quality.suites import SUITES

if TYPE_CHECKING:
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext

EXAMPLES = 5
MAX_EXAMPLE_CHARACTERS = 60


class NoSuite(LookupError):
    """A table is checked that has no suite."""

    def __init__(self, table: str) -> None:
        self.table = table
        super().__init__(f"table {table} has no suite; there are suites of {', '.join(sorted(SUITES))}")


def check(table_name: str, frame: pl.DataFrame) -> QualityResult:
    """Check one frame by the suite of its table; raises `NoSuite`.

    A rule whose columns the frame does not have is reported as one that could not be evaluated.
    """
    return check_all({table_name: frame})[0]


def check_all(frames: Mapping[str, pl.DataFrame]) -> tuple[QualityResult, ...]:
    """Check several tables with one context, in the order given; raises `NoSuite`."""
    if unknown := [table for table in frames if table not in SUITES]:
        raise NoSuite(unknown[0])
    context = _context()
    return tuple(_check(context, SUITES[table], frame) for table, frame in frames.items())


def _context() -> "EphemeralDataContext":
    import great_expectations
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _check(context: "EphemeralDataContext", suite: Suite, frame: pl.DataFrame) -> QualityResult:
    missing = {
        number: [column for column in rule.columns if column not in frame.columns]
        for number, rule in enumerate(suite.rules)
    }
    outcomes = _evaluate(
        context,
        table=suite.table,
        rules={number: suite.rules[number] for number, absent in missing.items() if not absent},
        frame=frame,
    )
    outcomes |= {
        number: Outcome(
            suite.rules[number], frame.height, problem=f"the frame has no column {', '.join(absent)}"
        )
        for number, absent in missing.items()
        if absent
    }
    return QualityResult(
        suite.table, frame.height, tuple(outcomes[number] for number in sorted(outcomes))
    )


def _evaluate(
    context: "EphemeralDataContext", *, table: str, rules: Mapping[int, Rule], frame: pl.DataFrame
) -> dict[int, Outcome]:
    """The outcome of each rule, by its number; results come back in no order, so they carry it."""
    import great_expectations
    from great_expectations import expectations

    columns = {column for rule in rules.values() if rule.holds is None for column in rule.columns}
    derived = [
        rule.holds.alias(_derived(number)) for number, rule in rules.items() if rule.holds is not None
    ]
    handed_over = frame.select(*sorted(columns), *derived).to_pandas(use_pyarrow_extension_array=True)
    suite = great_expectations.ExpectationSuite(name=table)
    for number, rule in rules.items():
        arguments = dict(rule.arguments) | (
            {"column": _derived(number)} if rule.holds is not None else {}
        )
        kind = getattr(expectations, rule.expectation)
        suite.add_expectation(kind(**arguments, meta={"rule": number}))
    asset = context.data_sources.add_pandas(table).add_dataframe_asset(table)
    batch = asset.add_batch_definition_whole_dataframe(table).get_batch({"dataframe": handed_over})
    results = batch.validate(suite, result_format={"result_format": "SUMMARY"}).results
    numbers = [_number(result) for result in results]
    return {
        number: _outcome(rules[number], result) for number, result in zip(numbers, results, strict=True)
    }


def _derived(number: int) -> str:
    return f"rule_{number}_holds"


def _number(result: Any) -> int:
    """Which rule of the suite a validation result is of."""
    return int(result.expectation_config.meta["rule"])


def _outcome(rule: Rule, result: Any) -> Outcome:
    """A validation result of Great Expectations as an outcome."""
    found = result.result
    failing = int(found.get("unexpected_count", 0))
    if not result.success and failing == 0:
        return Outcome(rule, failing, problem=f"it could not be evaluated: {result.exception_info}")
    values = [] if rule.holds is not None else found.get("partial_unexpected_list", [])
    texts = (str(value)[:MAX_EXAMPLE_CHARACTERS] for value in values if not _is_null(value))
    return Outcome(rule, failing, tuple(dict.fromkeys(texts))[:EXAMPLES])


def _is_null(value: Any) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_scalar(value) and pd.isna(value))
