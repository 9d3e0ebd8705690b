"""AML rules as declared files: one SQL file each, with a YAML head that a compliance officer reads.

Belongs here: loading a folder of them and which version is effective on a date. What is wrong with a
file is found when it is loaded, not when it runs: `head` checks the fields, `statement` the SQL,
`explanation` the sentence.

A rule's SQL is one SELECT over `history` and `activity` (columns: `known.sql`) that gives one row an
entry it hits: `book_id, account_id, version`, and optional columns `fact_<name>` for the explanation.
It uses its parameters as `$name`, and may use `$business_date`. It alerts only for what the entries of
the business date (`is_new`) complete: what already held without them was alerted before.
"""

from collections.abc import Iterable
from datetime import date
from itertools import groupby, pairwise
from pathlib import Path

from pipelines.aml.explanation import check_explanation
from pipelines.aml.head import read_rule
from pipelines.aml.refusals import FieldMalformed, VersionsOverlap
from pipelines.aml.rule import Rule
from pipelines.aml.statement import Engine, check_statement, empty_engine

RULES_FOLDER = Path(__file__).with_name("rules")


def load_rules(folder: Path = RULES_FOLDER) -> tuple[Rule, ...]:
    """Every rule of a folder, all versions, sorted by id and date.

    Raises a `DeclarationRefused` that names the file and the field for the first that is wrong.
    """
    with empty_engine() as engine:
        rules = [_load_rule(file, engine) for file in sorted(folder.glob("*.sql"))]
    rules.sort(key=lambda rule: (rule.rule_id, rule.effective_from, rule.version))
    for _, versions in groupby(rules, key=lambda rule: rule.rule_id):
        for earlier, later in pairwise(versions):
            if later.effective_from <= (earlier.effective_until or date.max):
                raise VersionsOverlap(
                    file=later.file,
                    field="effective_from",
                    reason=f"version {earlier.version} in {earlier.file.name} is effective then, too",
                )
    return tuple(rules)


def _load_rule(file: Path, engine: Engine) -> Rule:
    rule = read_rule(file)
    if file.stem not in {rule.rule_id, f"{rule.rule_id}.v{rule.version}"}:
        name = f"{rule.rule_id}.sql or {rule.rule_id}.v{rule.version}.sql"
        raise FieldMalformed(file=file, field="id", reason=f"the file must be called {name}")
    check_explanation(rule, facts=check_statement(rule, engine))
    return rule


def effective_rules(rules: Iterable[Rule], business_date: date) -> tuple[Rule, ...]:
    """The versions to run on a date: at most one a rule id, sorted by id."""
    return tuple(
        sorted((r for r in rules if r.effective_on(business_date)), key=lambda rule: rule.rule_id)
    )


def longest_lookback_days(rules: Iterable[Rule]) -> int:
    """How many calendar days of entries, the swept date included, a sweep must be given."""
    return max((rule.lookback_days for rule in rules), default=1)
