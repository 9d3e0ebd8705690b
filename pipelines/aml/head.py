"""Reading a rule file: the YAML head in its leading comment block, and the SQL after it.

Belongs here: the fields of the head and their types. Every refusal names the file and the field.
"""

import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from pipelines.aml.refusals import (
    FieldMalformed,
    FieldMissing,
    FieldUnknown,
    HeadMissing,
    VersionsOverlap,
)
from pipelines.aml.rule import ParameterSet, ParameterValue, Rule, Severity

_HEAD = re.compile(r"\s*/\*\n(?P<head>.*?)\*/(?P<sql>.*)", re.DOTALL)
_NAME = re.compile(r"[a-z][a-z0-9_]*")

_REQUIRED: dict[str, type] = {
    "id": str,
    "version": int,
    "title": str,
    "typology": str,
    "basis": str,
    "severity": str,
    "owner": str,
    "lookback_days": int,
    "effective_from": date,
    "parameters": list,
    "explanation": str,
}
_OPTIONAL: dict[str, type] = {"effective_until": date}


def read_rule(file: Path) -> Rule:
    """The rule that a file declares, its fields checked; raises a `DeclarationRefused`."""
    parts = _HEAD.fullmatch(file.read_text(encoding="utf-8"))
    if parts is None:
        raise HeadMissing(file=file, field="head", reason="the file must begin with /* and YAML")
    fields = _fields(file, parts["head"])
    return Rule(
        rule_id=fields["id"],
        version=fields["version"],
        title=fields["title"],
        typology=fields["typology"],
        basis=fields["basis"],
        severity=Severity(fields["severity"]),
        owner=fields["owner"],
        lookback_days=fields["lookback_days"],
        effective_from=fields["effective_from"],
        effective_until=fields.get("effective_until"),
        parameter_sets=_parameter_sets(file, fields["parameters"], fields["effective_from"]),
        explanation=" ".join(fields["explanation"].split()),
        sql=parts["sql"].strip(),
        file=file,
    )


def _fields(file: Path, head: str) -> dict[str, Any]:
    fields = _load(file, head)
    known = _REQUIRED | _OPTIONAL
    for name in fields:
        if name not in known:
            raise FieldUnknown(file=file, field=name, reason=f"heads have {', '.join(known)}")
    for name in _REQUIRED:
        if name not in fields:
            raise FieldMissing(file=file, field=name, reason="every head has one")
    for name, value in fields.items():
        if type(value) is not known[name] or value in ("", []):
            kind = known[name].__name__
            raise FieldMalformed(file=file, field=name, reason=f"{value!r} is not a filled {kind}")
    for name in ("version", "lookback_days"):
        if fields[name] < 1:
            raise FieldMalformed(file=file, field=name, reason="must be 1 or more")
    if not _NAME.fullmatch(fields["id"]):
        raise FieldMalformed(file=file, field="id", reason="must be lower_case words")
    if fields["severity"] not in set(Severity):
        raise FieldMalformed(file=file, field="severity", reason=f"must be of {', '.join(Severity)}")
    if fields.get("effective_until", date.max) < fields["effective_from"]:
        raise FieldMalformed(file=file, field="effective_until", reason="is before effective_from")
    return fields


def _load(file: Path, head: str) -> dict[str, Any]:
    """The head as a mapping; a key given twice is refused, where YAML would take the last."""
    try:
        fields = yaml.safe_load(head)
        twice = next(_repeated(yaml.compose(head, Loader=yaml.SafeLoader)), None)
    except yaml.YAMLError as error:
        raise HeadMissing(file=file, field="head", reason=f"not YAML: {error}") from error
    if not isinstance(fields, dict):
        raise HeadMissing(file=file, field="head", reason="not a mapping of fields")
    if twice is not None:
        raise FieldMalformed(file=file, field=twice, reason="stands twice in one mapping")
    return fields


def _repeated(node: yaml.Node | None) -> Iterator[str]:
    """Keys that stand twice in a mapping, at any depth."""
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        yield from (key for key in keys if keys.count(key) > 1)
        for _, value in node.value:
            yield from _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item)


def _parameter_sets(file: Path, declared: list[Any], begins: date) -> tuple[ParameterSet, ...]:
    """The sets in order of date, all with the same names and types."""
    sets = sorted((_parameter_set(file, one) for one in declared), key=lambda s: s.effective_from)
    if sets[0].effective_from > begins:
        reason = f"no set is effective on {begins}, when the rule begins"
        raise FieldMissing(file=file, field="parameters.from", reason=reason)
    for earlier, later in pairwise(sets):
        if earlier.effective_from == later.effective_from:
            reason = f"two sets of parameters begin on {later.effective_from}"
            raise VersionsOverlap(file=file, field="parameters.from", reason=reason)
        shapes = [{name: type(value) for name, value in s.values.items()} for s in (earlier, later)]
        if shapes[0] != shapes[1]:
            reason = f"the set of {later.effective_from} has other names or types than the one before"
            raise FieldMalformed(file=file, field="parameters", reason=reason)
    return tuple(sets)


def _parameter_set(file: Path, declared: Any) -> ParameterSet:
    if not isinstance(declared, dict):
        raise FieldMalformed(file=file, field="parameters", reason="must be a list of mappings")
    if type(declared.get("from")) is not date:
        raise FieldMissing(file=file, field="parameters.from", reason="every set has a date")
    values = {n: _value(file, n, value) for n, value in declared.items() if n != "from"}
    return ParameterSet(effective_from=declared["from"], values=values)


def _value(file: Path, name: str, value: Any) -> ParameterValue:
    """An integer of 0 or more, a text, or a list of texts; floats and booleans have no meaning here."""
    if type(value) is int and value >= 0:
        return value
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    reason = f"{value!r} is not a whole number, a text or a list of texts"
    raise FieldMalformed(file=file, field=f"parameters.{name}", reason=reason)
