"""What an AML rule is: its declared head, its parameters over time and its SQL.

Belongs here: the type. Reading it from a file is `head`, checking a folder of them is `rules`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path

from pipelines.aml.refusals import FieldMalformed, ParameterUndeclared

ParameterValue = int | str | tuple[str, ...]
"""Counts, days and basis points are integers; a list of texts is a tuple. There are no floats."""


class Severity(StrEnum):
    """How soon somebody must look."""

    LOW = "low"
    """In the ordinary course of review."""
    MEDIUM = "medium"
    """Within the working week."""
    HIGH = "high"
    """Today: a suspicious transaction report may be due."""


@dataclass(frozen=True, slots=True)
class ParameterSet:
    """The values of a rule's parameters from a date on, until the next set begins."""

    effective_from: date
    values: Mapping[str, ParameterValue]


@dataclass(frozen=True, slots=True)
class Rule:
    """One version of a rule.

    `lookback_days` is how many calendar days of entries, the swept date included, its SQL looks at. A
    version is effective from `effective_from` to `effective_until`, both included; None is open-ended.
    """

    rule_id: str
    version: int
    title: str
    typology: str
    basis: str
    severity: Severity
    owner: str
    lookback_days: int
    effective_from: date
    effective_until: date | None
    parameter_sets: tuple[ParameterSet, ...]
    explanation: str
    sql: str
    file: Path

    def effective_on(self, business_date: date) -> bool:
        """Whether this version is the one to run on a date."""
        return self.effective_from <= business_date <= (self.effective_until or date.max)

    def parameters_on(self, business_date: date) -> Mapping[str, ParameterValue]:
        """The parameters effective on a date: those of the latest set that has begun."""
        begun = [s for s in self.parameter_sets if s.effective_from <= business_date]
        return (begun or self.parameter_sets[:1])[-1].values

    def with_parameters(self, parameters: Mapping[str, ParameterValue]) -> "Rule":
        """The rule with other values, on all dates; for asking what it would have done.

        Raises `ParameterUndeclared` for a name that the rule does not have and `FieldMalformed` for
        a value of another type.
        """
        declared = self.parameter_sets[-1].values
        for name, value in parameters.items():
            if name not in declared:
                known = ", ".join(declared)
                raise ParameterUndeclared(file=self.file, field=name, reason=f"the rule has {known}")
            if type(value) is not type(declared[name]):
                kind = type(declared[name]).__name__
                raise FieldMalformed(file=self.file, field=name, reason=f"{value!r} is not a {kind}")
        sets = tuple(replace(s, values={**s.values, **parameters}) for s in self.parameter_sets)
        return replace(self, parameter_sets=sets)
