"""Declared rules are refused when they are read, not when they first run."""

from pathlib import Path

import pytest
import yaml

from pipelines.reconciliation.rules import (
    DECLARED,
    BreakClass,
    Pass,
    RuleInvalid,
    load_rules,
)


def test_every_class_of_break_has_an_owner_and_a_title() -> None:
    rules = load_rules()
    assert set(rules.classes) == set(BreakClass)
    assert all(rule.owner and rule.title for rule in rules.classes.values())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"equal": ["account", "colour"]}, "colour"),
        ({"equal": []}, "nothing"),
        ({"equal": ["signed_minor"]}, "different accounts"),
        ({"equal": ["account", "end_to_end_id"]}, "account and amount"),
        ({"outcome": "mystery"}, "no class of break"),
        ({"value_date_tolerance_days": 90}, "90 days"),
        ({"unique": True}, "tolerance"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_pass_that_cannot_mean_anything_is_refused(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    document = yaml.safe_load(DECLARED.read_text())
    first = {"id": "first", "title": "First", "equal": ["account", "signed_minor"], "outcome": "match"}
    document["passes"] = [first | change]
    path = tmp_path / "passes.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(RuleInvalid, match=reason):
        load_rules(path)


def test_a_pass_declared_twice_is_refused(tmp_path: Path) -> None:
    document = yaml.safe_load(DECLARED.read_text())
    document["passes"].append(document["passes"][0])
    path = tmp_path / "passes.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(RuleInvalid, match="declared twice"):
        load_rules(path)


def test_a_class_without_owner_is_refused(tmp_path: Path) -> None:
    document = yaml.safe_load(DECLARED.read_text())
    del document["classes"]["fee"]
    path = tmp_path / "passes.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(RuleInvalid, match="fee"):
        load_rules(path)


def test_a_break_outcome_need_not_compare_the_amount() -> None:
    assert (
        Pass(id="p", title="t", equal=("account", "end_to_end_id"), outcome="amount").outcome == "amount"
    )
