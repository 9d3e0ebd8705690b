"""What a check found, as data: per rule the rows that break it, with a few examples."""

from dataclasses import dataclass

from quality.rules import Rule, Severity


@dataclass(frozen=True, slots=True)
class Outcome:
    """One rule against one frame. `examples` are at most a handful of the values at fault.

    `problem` says why the rule could not be evaluated, where it could not: then it counts as broken
    by every row, and also by a frame without rows.
    """

    rule: Rule
    failing_rows: int
    examples: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def passed(self) -> bool:
        """Whether every row keeps the rule."""
        return self.failing_rows == 0 and self.problem is None

    def __str__(self) -> str:
        columns = ", ".join(self.rule.columns)
        if self.problem:
            return f"{self.rule.sentence} [{columns}]: {self.problem}"
        shown = f", such as {', '.join(self.examples)}" if self.examples else ""
        return f"{self.rule.sentence} [{columns}]: {self.failing_rows:,} rows do not{shown}"


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts of one check."""

    rows: int
    rules: int
    passed: int
    broken_blocking: int
    broken_warn: int


@dataclass(frozen=True, slots=True)
class QualityResult:
    """One table's check: the outcome of each of its rules, in the order of the suite."""

    table: str
    rows: int
    outcomes: tuple[Outcome, ...]

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """The rules that are broken, blocking ones first."""
        broken = (outcome for outcome in self.outcomes if not outcome.passed)
        return tuple(sorted(broken, key=lambda outcome: outcome.rule.severity is Severity.WARN))

    @property
    def success(self) -> bool:
        """Whether what is downstream may run: no blocking rule is broken."""
        return all(outcome.rule.severity is Severity.WARN for outcome in self.failures)

    @property
    def statistics(self) -> Statistics:
        """The counts behind `success`."""
        failures = self.failures
        warnings = sum(outcome.rule.severity is Severity.WARN for outcome in failures)
        return Statistics(
            rows=self.rows,
            rules=len(self.outcomes),
            passed=len(self.outcomes) - len(failures),
            broken_blocking=len(failures) - warnings,
            broken_warn=warnings,
        )
