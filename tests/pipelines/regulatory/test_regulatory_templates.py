"""Templates are refused when they are loaded, with the file and the field."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from ledger_service.ledger.chart import CHART, OPERATOR_CODES
from pipelines.regulatory import refusals
from pipelines.regulatory.declaration import effective_templates, load_templates
from pipelines.regulatory.refusals import TemplateRefused
from pipelines.regulatory.template import Balance, BalanceOf

BROKEN = Path(__file__).parent / "broken_templates"

FAULTS = {
    "not_yaml": ("TemplateUnreadable", "template"),
    "a_list": ("TemplateUnreadable", "template"),
    "title_missing": ("TemplateFieldMissing", "title"),
    "field_misspelt": ("TemplateFieldUnknown", "frequncy"),
    "field_twice": ("TemplateFieldMalformed", "version"),
    "version_is_text": ("TemplateFieldMalformed", "version"),
    "version_zero": ("TemplateFieldMalformed", "version"),
    "ends_before_it_begins": ("TemplateFieldMalformed", "effective_until"),
    "frequency_unknown": ("TemplateFieldMalformed", "frequency"),
    "another_name": ("TemplateFieldMalformed", "id"),
    "cell_twice": ("CellDeclaredTwice", "cells[2].code"),
    "cell_is_a_text": ("TemplateFieldMalformed", "cells[2]"),
    "chart_line_unknown": ("TemplateFieldMalformed", "A010.balance.chart"),
    "side_unknown": ("TemplateFieldMalformed", "A010.balance.side"),
    "kind_unknown": ("TemplateFieldMalformed", "N010.payments.except_kinds"),
    "cell_without_definition": ("TemplateFieldMissing", "N010"),
    "cell_with_two_definitions": ("TemplateFieldMissing", "N010"),
    "cell_field_misspelt": ("TemplateFieldUnknown", "A010.lable"),
    "definition_field_unknown": ("TemplateFieldUnknown", "A010.balance.sign"),
    "formula_names_nothing": ("CellUndeclared", "S010"),
    "formula_names_itself": ("CellUndeclared", "S010"),
    "unit_does_not_follow": ("TemplateFieldMalformed", "N010.unit"),
    "sum_of_two_units": ("TemplateFieldMalformed", "S010.unit"),
    "ratio_of_two_units": ("TemplateFieldMalformed", "S010.unit"),
    "rounding_unknown": ("TemplateFieldMalformed", "S010.ratio.rounding"),
    "check_names_nothing": ("CellUndeclared", "V010"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_template_is_refused_with_its_file_and_field(name, tmp_path):
    shutil.copy(BROKEN / f"{name}.yaml", tmp_path)
    with pytest.raises(TemplateRefused) as refused:
        load_templates(tmp_path)
    fault, field = FAULTS[name]
    assert type(refused.value) is getattr(refusals, fault)
    assert (refused.value.file.stem, refused.value.field) == (name, field)


def test_every_broken_template_has_its_expected_fault():
    assert {file.stem for file in BROKEN.glob("*.yaml")} == set(FAULTS)


def test_two_versions_effective_at_once_are_refused():
    with pytest.raises(refusals.TemplateVersionsOverlap) as refused:
        load_templates(BROKEN / "two_versions")
    assert refused.value.file.name == "twice.v2.yaml"


def test_a_version_is_filled_from_the_date_that_it_is_effective():
    shipped = load_templates()
    assert effective_templates(shipped, date(1989, 12, 31)) == ()
    found = [template.return_id for template in effective_templates(shipped, date(2025, 3, 3))]
    assert found == ["daily_liquidity_position", "emoney_safeguarding"]


def test_every_chart_line_stands_in_the_liquidity_return_once():
    """By its net, or by both surpluses: otherwise the balance sheet could not close."""
    (template,) = (t for t in load_templates() if t.return_id == "daily_liquidity_position")
    counted = {line.name: [] for code, line in CHART.items() if code not in OPERATOR_CODES}
    for cell in template.cells:
        match cell.definition:
            case Balance(selection, side, of) if of is not BalanceOf.TOTAL:
                for name in selection.chart or ():
                    counted[name].append("net" if of is BalanceOf.NET else str(side))
    assert {name: sorted(ways) for name, ways in counted.items()} == {
        name: ["C", "D"] if name in {"clearing", "customer_deposits", "customer_wallets"} else ["net"]
        for name in counted
    }
