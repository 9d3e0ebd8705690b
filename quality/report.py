"""Results as Markdown, for the pages of assets and checks."""

from collections.abc import Iterable

from quality.results import Outcome, QualityResult


def as_markdown(result: QualityResult) -> str:
    """One table's result: a line that sums it up and a row a rule, broken ones first."""
    counts = result.statistics
    verdict = "may be used" if result.success else "**must not be used**"
    head = (
        f"`{result.table}` {verdict}: {counts.rows:,} rows,"
        f" {counts.passed} of {counts.rules} rules kept,"
        f" {counts.broken_blocking} blocking and {counts.broken_warn} warnings broken."
    )
    rows = [*result.failures, *(outcome for outcome in result.outcomes if outcome.passed)]
    return "\n".join(
        [head, "", "| rule | columns | severity | rows at fault | examples |", "|---|---|---|--:|---|"]
        + [_row(outcome) for outcome in rows]
    )


def overview(results: Iterable[QualityResult]) -> str:
    """Several tables: one row each."""
    lines = ["| table | rows | rules kept | blocking | warnings |", "|---|--:|--:|--:|--:|"]
    for result in results:
        counts = result.statistics
        lines.append(
            f"| {result.table} | {counts.rows:,} | {counts.passed} of {counts.rules} |"
            f" {counts.broken_blocking} | {counts.broken_warn} |"
        )
    return "\n".join(lines)


def _row(outcome: Outcome) -> str:
    cells = (
        outcome.rule.sentence,
        ", ".join(f"`{column}`" for column in outcome.rule.columns),
        str(outcome.rule.severity),
        "not evaluated" if outcome.problem else f"{outcome.failing_rows:,}",
        outcome.problem or ", ".join(f"`{example}`" for example in outcome.examples),
    )
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    """A text that cannot break out of its cell."""
    return " ".join(text.replace("|", "\\|").split())
