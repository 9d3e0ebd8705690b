"""What is wrong with a definition is found when it is loaded, and the refusal names file and field."""

from pathlib import Path

import pytest

from ml.features.declarations import load_definitions, load_reasons
from ml.features.definition import Definition, Entity, Family
from ml.features.refusals import (
    DefinitionRefused,
    DefinitionRepeated,
    ExpressionRefused,
    FieldMalformed,
    FieldMissing,
    FieldUnknown,
    HeadMissing,
)

HEAD = {
    "name": "loan_count",
    "version": "1",
    "description": "Number of loans.",
    "unit": "count",
    "entity": "customer_account",
    "source": "loans",
    "window": "history",
    "owner": "credit-risk",
}


def write(folder: Path, sql: str = "count(*)", *, family: str = "loan_history", **changes: str) -> Path:
    """A folder with one definition; a change to an empty text leaves the field out."""
    fields = {name: value for name, value in {**HEAD, **changes}.items() if value}
    head = "".join(f"{name}: {value}\n" for name, value in fields.items())
    file = folder / family / "loan_count.sql"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"/*\n{head}*/\n{sql}\n")
    return folder


def test_the_shipped_definitions_are_of_every_family_and_can_be_explained(
    definitions: tuple[Definition, ...],
) -> None:
    assert {d.family for d in definitions} == set(Family)
    modelled = [d for d in definitions if d.family is not Family.DEPOSIT_BEHAVIOUR]
    assert {d.reason_code for d in modelled} == set(load_reasons())


def test_a_sound_definition_is_read_as_it_stands(tmp_path: Path) -> None:
    (definition,) = load_definitions(write(tmp_path, risk="falls", reason="L01", empty_value="0"))
    assert definition.entity is Entity.CUSTOMER_ACCOUNT
    assert definition.window_days is None
    assert definition.monotone == -1
    assert definition.empty_value == 0


@pytest.mark.parametrize(
    ("changes", "refusal", "field"),
    [
        ({"owner": ""}, FieldMissing, "owner"),
        ({"verison": "2"}, FieldUnknown, "verison"),
        ({"version": "one"}, FieldMalformed, "version"),
        ({"version": "0"}, FieldMalformed, "version"),
        ({"version": "true"}, FieldMalformed, "version"),
        ({"name": "loans_counted"}, FieldMalformed, "name"),
        ({"unit": "KES"}, FieldMalformed, "unit"),
        ({"entity": "branch"}, FieldMalformed, "entity"),
        ({"entity": "loan_application"}, FieldMalformed, "source"),
        ({"source": "transfers"}, FieldMalformed, "source"),
        ({"window": "90 days"}, FieldMalformed, "window"),
        ({"window": "a while"}, FieldMalformed, "window"),
        ({"source": "movements", "window": "900 days"}, FieldMalformed, "window"),
        ({"source": "movements"}, FieldMalformed, "window"),
        ({"risk": "up"}, FieldMalformed, "risk"),
        ({"reason": "Z99"}, FieldMalformed, "reason"),
        ({"family": "astrology"}, FieldMalformed, "folder"),
        ({"sql": "count(*"}, ExpressionRefused, "sql"),
        ({"sql": "max(due_date)"}, ExpressionRefused, "sql"),
        ({"sql": "days_late"}, ExpressionRefused, "sql"),
        ({"sql": "'many'"}, ExpressionRefused, "sql"),
        ({"sql": "count(*)), max((days_late)"}, ExpressionRefused, "sql"),
        ({"sql": "1) AS DOUBLE) FROM source; DROP TABLE source; --"}, ExpressionRefused, "sql"),
        ({"sql": "(SELECT count(*) FROM read_csv('/etc/passwd'))"}, ExpressionRefused, "sql"),
    ],
)
def test_a_broken_definition_is_refused_by_file_and_field(
    tmp_path: Path, changes: dict[str, str], refusal: type[DefinitionRefused], field: str
) -> None:
    with pytest.raises(refusal) as refused:
        load_definitions(write(tmp_path, **changes))
    assert refused.value.field == field
    assert refused.value.file.name == "loan_count.sql"


@pytest.mark.parametrize(
    "text", ["count(*)", "/*\nname: [\n*/\ncount(*)", "/*\njust text\n*/\ncount(*)"]
)
def test_a_file_without_a_head_is_refused(tmp_path: Path, text: str) -> None:
    file = write(tmp_path) / "loan_history" / "loan_count.sql"
    file.write_text(text)
    with pytest.raises(HeadMissing):
        load_definitions(tmp_path)


def test_a_name_stands_for_one_feature_only(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, family="deposit_behaviour")
    with pytest.raises(DefinitionRepeated):
        load_definitions(tmp_path)
