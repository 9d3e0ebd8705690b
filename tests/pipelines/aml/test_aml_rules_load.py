"""Rules are refused when they are loaded, with the file and the field; what is good has its versions."""

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipelines.aml import refusals
from pipelines.aml.refusals import DeclarationRefused
from pipelines.aml.rule import Severity
from pipelines.aml.rules import effective_rules, load_rules, longest_lookback_days
from pipelines.aml.sweep import sweep
from pipelines.aml.thresholds import THRESHOLDS_FILE, thresholds_at

HERE = Path(__file__).parent
BROKEN = HERE / "broken_rules"

FAULTS = {
    "no_head": ("HeadMissing", "head"),
    "head_is_not_yaml": ("HeadMissing", "head"),
    "head_is_a_list": ("HeadMissing", "head"),
    "owner_missing": ("FieldMissing", "owner"),
    "field_misspelt": ("FieldUnknown", "severty"),
    "field_twice": ("FieldMalformed", "severity"),
    "version_is_text": ("FieldMalformed", "version"),
    "lookback_of_nothing": ("FieldMalformed", "lookback_days"),
    "severity_unknown": ("FieldMalformed", "severity"),
    "basis_empty": ("FieldMalformed", "basis"),
    "ends_before_it_begins": ("FieldMalformed", "effective_until"),
    "another_name": ("FieldMalformed", "id"),
    "parameter_is_a_float": ("FieldMalformed", "parameters.least_minor"),
    "parameter_is_negative": ("FieldMalformed", "parameters.least_minor"),
    "parameters_without_a_date": ("FieldMissing", "parameters.from"),
    "parameters_begin_too_late": ("FieldMissing", "parameters.from"),
    "parameters_change_their_names": ("FieldMalformed", "parameters"),
    "two_sets_of_one_date": ("VersionsOverlap", "parameters.from"),
    "parameter_undeclared": ("ParameterUndeclared", "surcharge_minor"),
    "parameter_unused": ("ParameterUnused", "least_minor"),
    "sql_does_not_parse": ("StatementRefused", "sql"),
    "sql_names_no_column": ("StatementRefused", "sql"),
    "sql_is_two_statements": ("StatementRefused", "sql"),
    "sql_writes": ("StatementRefused", "sql"),
    "sql_gives_no_version": ("StatementRefused", "sql"),
    "sql_gives_more": ("StatementRefused", "sql"),
    "explanation_names_nothing": ("ParameterUndeclared", "explanation"),
    "explanation_formats_a_fact": ("FieldMalformed", "explanation"),
    "explanation_does_not_close": ("FieldMalformed", "explanation"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_rule_is_refused_with_its_file_and_field(name, tmp_path):
    shutil.copy(BROKEN / f"{name}.sql", tmp_path)
    with pytest.raises(DeclarationRefused) as refused:
        load_rules(tmp_path)
    fault, field = FAULTS[name]
    assert type(refused.value) is getattr(refusals, fault)
    assert (refused.value.file.stem, refused.value.field) == (name, field)
    assert str(refused.value).startswith(f"{name}.sql: {field}: ")


def test_every_broken_rule_has_its_expected_fault():
    assert {file.stem for file in BROKEN.glob("*.sql")} == set(FAULTS)


def test_two_versions_effective_at_once_are_refused():
    with pytest.raises(refusals.VersionsOverlap) as refused:
        load_rules(BROKEN / "two_versions")
    assert refused.value.file.name == "twice.v2.sql"
    assert "version 1 in twice.sql" in refused.value.reason


@pytest.mark.parametrize(
    ("day", "version", "least_minor"),
    [("2019-12-31", None, None), ("2020-01-01", 1, 1), ("2022-01-01", 1, 500),
     ("2023-12-31", 1, 500), ("2024-01-01", 2, 900)],
)  # fmt: skip
def test_version_and_parameters_follow_the_date(day, version, least_minor):
    on = date.fromisoformat(day)
    found = effective_rules(load_rules(HERE / "successive_rules"), on)
    assert [rule.version for rule in found] == ([version] if version else [])
    assert [rule.parameters_on(on)["least_minor"] for rule in found] == (
        [least_minor] if version else []
    )


def test_a_sweep_runs_the_version_of_its_date(books):
    books.pay(700, debtor="ann", creditor="KE-P01/x", at="2023-12-31T10:00")
    books.pay(700, debtor="ann", creditor="KE-P01/x", at="2024-01-01T10:00")
    rules = load_rules(HERE / "successive_rules")
    runs = [
        sweep(business_date=day, rules=rules, **books.frames()).alerts
        for day in (date(2023, 12, 31), date(2024, 1, 1))
    ]
    assert [run["rule_version"].to_list() for run in runs] == [[1], []]
    assert runs[0]["explanation"].to_list() == ["KES 7.00, at least 500"]


def test_shipped_rules_declare_owner_basis_and_severity(shipped):
    assert {rule.rule_id for rule in shipped} >= {
        "large_cash", "structuring", "rapid_movement", "fan_in", "fan_out",
        "dormant_reactivation", "round_tripping",
    }  # fmt: skip
    assert all("FATF" in rule.basis and rule.owner and rule.title for rule in shipped)
    assert {rule.severity for rule in shipped} <= set(Severity)
    assert longest_lookback_days(shipped) == 200


def test_with_parameters_refuses_names_and_types_that_the_rule_does_not_have(shipped):
    large_cash = next(rule for rule in shipped if rule.rule_id == "large_cash")
    with pytest.raises(refusals.ParameterUndeclared, match="threshold_bps"):
        large_cash.with_parameters({"treshold_bps": 1})
    with pytest.raises(refusals.FieldMalformed, match="not a int"):
        large_cash.with_parameters({"threshold_bps": "5000"})


def test_every_currency_of_africa_in_use_has_a_threshold():
    declared = thresholds_at(date(2025, 3, 3))
    rows = declared.filter(pl.col("currency").is_in(["KES", "UGX", "TND", "NGN", "XOF", "ZWG", "SSP"]))
    assert rows.height == 7
    amounts = {currency: (minor, digits) for currency, minor, digits in declared.iter_rows()}
    assert amounts["UGX"] == (37_000_000, 0)
    assert amounts["TND"] == (31_200_000, 3)


def test_a_threshold_follows_the_law_of_the_date():
    def czk(day):
        return thresholds_at(day).filter(currency="CZK")["threshold_minor"].item()

    assert (czk(date(1994, 1, 3)), czk(date(2025, 1, 3))) == (50_000_000, 37_000_000)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("UGX,2020-01-01,100.50,x", refusals.FieldMalformed),
        ("QQQ,2020-01-01,1,x", refusals.FieldMalformed),
        ("KES,1990-01-01,5.00,x", refusals.VersionsOverlap),
    ],
)
def test_a_threshold_that_the_currency_cannot_have_is_refused(tmp_path, row, fault):
    file = tmp_path / "thresholds.csv"
    file.write_text(THRESHOLDS_FILE.read_text() + row + "\n")
    with pytest.raises(fault):
        thresholds_at(date(2025, 3, 3), file=file)


def test_a_currency_without_a_threshold_is_not_passed_over(books, shipped):
    books.pay(700, debtor="ann", creditor="KE-P01/x", at="2025-03-03T10:00", currency="FJD")
    with pytest.raises(refusals.ThresholdMissing) as refused:
        sweep(business_date=date(2025, 3, 3), rules=shipped, **books.frames())
    assert refused.value.currencies == ("FJD",)
