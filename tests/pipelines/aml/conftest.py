"""Fixtures of the tests of the AML sweep."""

from collections.abc import Callable
from datetime import date

import pytest

from pipelines.aml.rule import Rule
from pipelines.aml.rules import load_rules
from pipelines.aml.sweep import Sweep, sweep
from tests.pipelines.aml.aml_books import Books


@pytest.fixture
def books() -> Books:
    """Empty books."""
    return Books()


@pytest.fixture(scope="session")
def shipped() -> tuple[Rule, ...]:
    """The rules as we ship them."""
    return load_rules()


@pytest.fixture
def swept(books: Books, shipped: tuple[Rule, ...]) -> Callable[..., Sweep]:
    """Sweep the books on a date, with all shipped rules or the named ones."""

    def run(day: str, *rule_ids: str) -> Sweep:
        rules = [rule for rule in shipped if not rule_ids or rule.rule_id in rule_ids]
        return sweep(business_date=date.fromisoformat(day), rules=rules, **books.frames())

    return run
