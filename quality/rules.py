"""What a rule is: one expectation of Great Expectations with a sentence for people and a severity.

Rules are made by the constructors below and listed by table in `quality/suites/`. A rule over several
columns, or over groups of rows, is a Polars expression that is true of every good row; it is
evaluated before the frame is handed over, and Great Expectations expects the column to be true.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import polars as pl

CURRENCY = r"^[A-Z]{3}$"
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


class Severity(StrEnum):
    """What a broken rule means for what is downstream."""

    BLOCKING = "blocking"
    """The table must not be used: what is downstream does not run."""
    WARN = "warn"
    """Someone should look; the table is used."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation over some columns of a table.

    `expectation` is the class in `great_expectations.expectations`, `arguments` what it is given, and
    `columns` what the frame must have. `holds` is the expression of a rule that has one.
    """

    sentence: str
    columns: tuple[str, ...]
    expectation: str
    arguments: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    severity: Severity = Severity.BLOCKING
    holds: pl.Expr | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """The rules of one table, under the table's name in the lake."""

    table: str
    rules: tuple[Rule, ...]


def present(column: str, sentence: str, *, severity: Severity = Severity.BLOCKING) -> Rule:
    """The column is never null."""
    return Rule(
        sentence, (column,), "ExpectColumnValuesToNotBeNull", {"column": column}, severity=severity
    )


def unique(*columns: str, sentence: str) -> Rule:
    """No two rows share these columns."""
    if len(columns) == 1:
        arguments: dict[str, Any] = {"column": columns[0]}
        return Rule(sentence, columns, "ExpectColumnValuesToBeUnique", arguments)
    arguments = {"column_list": list(columns)}
    return Rule(sentence, columns, "ExpectCompoundColumnsToBeUnique", arguments)


def one_of(column: str, values: tuple[str, ...], sentence: str) -> Rule:
    """Values are from a closed list; null passes."""
    arguments = {"column": column, "value_set": list(values)}
    return Rule(sentence, (column,), "ExpectColumnValuesToBeInSet", arguments)


def between(
    column: str,
    sentence: str,
    *,
    least: float | None = None,
    most: float | None = None,
    severity: Severity = Severity.BLOCKING,
) -> Rule:
    """Values lie between the limits, both included; null passes."""
    arguments = {"column": column, "min_value": least, "max_value": most}
    return Rule(sentence, (column,), "ExpectColumnValuesToBeBetween", arguments, severity=severity)


def shaped(column: str, pattern: str, sentence: str, *, severity: Severity = Severity.BLOCKING) -> Rule:
    """Texts match the regular expression; null passes."""
    arguments = {"column": column, "regex": pattern}
    return Rule(sentence, (column,), "ExpectColumnValuesToMatchRegex", arguments, severity=severity)


def as_long_as(
    column: str,
    sentence: str,
    *,
    least: int | None = None,
    most: int | None = None,
    severity: Severity = Severity.BLOCKING,
) -> Rule:
    """Texts have between `least` and `most` characters; null passes."""
    arguments = {"column": column, "min_value": least, "max_value": most}
    return Rule(sentence, (column,), "ExpectColumnValueLengthsToBeBetween", arguments, severity=severity)


def holds(expression: pl.Expr, sentence: str, *, severity: Severity = Severity.BLOCKING) -> Rule:
    """The expression is true of every row; where it is null it does not hold."""
    return Rule(
        sentence,
        tuple(sorted(set(expression.meta.root_names()))),
        "ExpectColumnValuesToBeInSet",
        {"value_set": [True]},
        severity=severity,
        holds=expression.fill_null(value=False),
    )
