"""Reading feature definitions: SQL files with a YAML head in their leading comment block.

Belongs here: the fields of the head and their types. What is wrong with a definition is found when
it is loaded, not when it is computed, and every refusal names the file and the field.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

from ml.features.definition import Definition, Entity, Family, Risk, Source
from ml.features.expressions import check_expression
from ml.features.refusals import (
    DefinitionRepeated,
    FieldMalformed,
    FieldMissing,
    FieldUnknown,
    HeadMissing,
)

DEFINITIONS_FOLDER = Path(__file__).with_name("definitions")
REASONS_FILE = Path(__file__).with_name("reasons.yaml")
LONGEST_WINDOW_DAYS = 366

Member = TypeVar("Member", bound=StrEnum)

_FILE = re.compile(r"\s*/\*\n(?P<head>.*?)\*/(?P<sql>.*)", re.DOTALL)
_NAME = re.compile(r"[a-z][a-z0-9_]{2,62}")
_WINDOW = re.compile(r"(?P<days>[1-9][0-9]{0,2}) days")
_REQUIRED: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "version": (int,),
    "description": (str,),
    "unit": (str,),
    "entity": (str,),
    "source": (str,),
    "window": (str,),
    "owner": (str,),
}
_OPTIONAL: dict[str, tuple[type, ...]] = {
    "risk": (str,),
    "reason": (str,),
    "empty_value": (int, float),
}
_UNITS = ("ratio", "share", "days", "count")


def load_definitions(folder: Path = DEFINITIONS_FOLDER) -> tuple[Definition, ...]:
    """Every definition below a folder, `<family>/<name>.sql`, sorted by name.

    Raises a `DefinitionRefused` that names the file and the field for the first that is wrong.
    """
    found: dict[str, Definition] = {}
    for file in sorted(folder.glob("*/*.sql")):
        definition = read_definition(file)
        if twin := found.get(definition.name):
            reason = f"{twin.file} defines it, too"
            raise DefinitionRepeated(file=file, field="name", reason=reason)
        check_expression(definition)
        found[definition.name] = definition
    return tuple(found[name] for name in sorted(found))


@cache
def load_reasons(file: Path = REASONS_FILE) -> Mapping[str, str]:
    """The sentence of every reason code."""
    return {str(code): str(text) for code, text in yaml.safe_load(file.read_bytes()).items()}


def read_definition(file: Path) -> Definition:
    """The definition that a file declares, its head checked; raises a `DefinitionRefused`."""
    parts = _FILE.fullmatch(file.read_text(encoding="utf-8"))
    if parts is None:
        raise HeadMissing(file=file, field="head", reason="the file must begin with /* and YAML")
    fields = _fields(file, parts["head"])
    definition = Definition(
        name=fields["name"],
        version=fields["version"],
        description=" ".join(fields["description"].split()),
        unit=fields["unit"],
        entity=_member(file, "entity", fields["entity"], Entity),
        family=_member(file, "folder", file.parent.name, Family),
        source=_member(file, "source", fields["source"], Source),
        window_days=_window_days(file, fields["window"]),
        owner=fields["owner"],
        risk=_member(file, "risk", fields.get("risk", Risk.UNKNOWN), Risk),
        empty_value=fields.get("empty_value"),
        reason_code=fields.get("reason"),
        expression=parts["sql"].strip(),
        file=file,
    )
    _check(definition)
    return definition


def _fields(file: Path, head: str) -> dict[str, Any]:
    try:
        fields = yaml.safe_load(head)
    except yaml.YAMLError as error:
        raise HeadMissing(file=file, field="head", reason=f"not YAML: {error}") from error
    if not isinstance(fields, dict):
        raise HeadMissing(file=file, field="head", reason="not a mapping of fields")
    known = _REQUIRED | _OPTIONAL
    for name in fields:
        if name not in known:
            raise FieldUnknown(file=file, field=str(name), reason=f"heads have {', '.join(known)}")
    for name in _REQUIRED:
        if name not in fields:
            raise FieldMissing(file=file, field=name, reason="every head has one")
    for name, value in fields.items():
        if type(value) not in known[name] or value == "":
            kinds = " or ".join(kind.__name__ for kind in known[name])
            raise FieldMalformed(file=file, field=name, reason=f"{value!r} is not a filled {kinds}")
    return fields


def _member(file: Path, field: str, value: str, members: type[Member]) -> Member:
    try:
        return members(value)
    except ValueError as error:
        reason = f"{value!r} is not one of {', '.join(members)}"
        raise FieldMalformed(file=file, field=field, reason=reason) from error


def _window_days(file: Path, window: str) -> int | None:
    if window == "history":
        return None
    match = _WINDOW.fullmatch(window)
    if match is None or int(match["days"]) > LONGEST_WINDOW_DAYS:
        reason = f"{window!r} is neither history nor 1 to {LONGEST_WINDOW_DAYS} days"
        raise FieldMalformed(file=file, field="window", reason=reason)
    return int(match["days"])


def _check(definition: Definition) -> None:
    """What the fields must be to each other."""
    file = definition.file
    if not _NAME.fullmatch(definition.name) or definition.name != file.stem:
        reason = f"{definition.name!r} must be lower_case words and the file's name"
        raise FieldMalformed(file=file, field="name", reason=reason)
    if definition.version < 1:
        raise FieldMalformed(file=file, field="version", reason="must be 1 or more")
    if definition.unit not in _UNITS:
        reason = f"{definition.unit!r} is not one of {', '.join(_UNITS)}: money has no place in features"
        raise FieldMalformed(file=file, field="unit", reason=reason)
    if definition.reason_code is not None and definition.reason_code not in load_reasons():
        reason = f"{definition.reason_code!r} has no sentence in {REASONS_FILE.name}"
        raise FieldMalformed(file=file, field="reason", reason=reason)
    applied_for = definition.entity is Entity.LOAN_APPLICATION
    if applied_for != (definition.source is Source.APPLICATIONS):
        reason = f"{definition.source} does not describe a {definition.entity}"
        raise FieldMalformed(file=file, field="source", reason=reason)
    daily = definition.source in {Source.MOVEMENTS, Source.DAILY_BALANCES}
    if daily == (definition.window_days is None):
        reason = "movements and daily balances need days, loans and applications history"
        raise FieldMalformed(file=file, field="window", reason=reason)
