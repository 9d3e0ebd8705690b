"""Reading a YAML mapping field by field, so that nothing is missing, of another type or left over.

Belongs here: the reader. Which fields a template has is `declaration`. Every refusal names the file and
the field, by its path.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from pipelines.regulatory.refusals import (
    TemplateFieldMalformed,
    TemplateFieldMissing,
    TemplateFieldUnknown,
    TemplateUnreadable,
)

_T = TypeVar("_T")


@dataclass
class Fields:
    """A YAML mapping that is read field by field, and in the end has nothing left."""

    file: Path
    path: str
    fields: dict[str, Any]

    def take(self, name: str, kind: type[_T], **default: Any) -> _T | Any:
        """A field of a type, filled; `default` makes it optional."""
        if name not in self.fields:
            if "default" in default:
                return default["default"]
            raise TemplateFieldMissing(file=self.file, field=self.at(name), reason="must be there")
        value = self.fields.pop(name)
        if type(value) is not kind or value in ("", [], {}):
            reason = f"{value!r} is not a filled {kind.__name__}"
            raise TemplateFieldMalformed(file=self.file, field=self.at(name), reason=reason)
        return value

    def one_of(self, name: str, allowed: Iterable[str]) -> str:
        """A text of a closed list."""
        value = self.take(name, str)
        self._require(name, [value], allowed)
        return str(value)

    def texts(self, name: str, allowed: Iterable[str] | None, **default: Any) -> tuple[str, ...]:
        """A list of texts, of a closed list unless `allowed` is None."""
        values = self.take(name, list, **default)
        self._require(name, values, values if allowed is None else allowed)
        return tuple(values)

    def inner(self, name: str) -> "Fields":
        """A mapping inside this one."""
        return Fields(self.file, self.at(name), self.take(name, dict))

    def mappings(self, name: str, **default: Any) -> "Iterator[Fields]":
        """A list of mappings, one after the other."""
        for position, value in enumerate(self.take(name, list, **default), start=1):
            path = f"{self.at(name)}[{position}]"
            if not isinstance(value, dict):
                reason = f"{value!r} is not a mapping of fields"
                raise TemplateFieldMalformed(file=self.file, field=path, reason=reason)
            yield Fields(self.file, path, value)

    def at(self, name: str) -> str:
        """Where a field stands."""
        return name if self.path == "template" else f"{self.path}.{name}"

    def finish(self) -> None:
        """Refuse what nobody has read."""
        for name in self.fields:
            raise TemplateFieldUnknown(file=self.file, field=self.at(name), reason="nothing reads it")

    def _require(self, name: str, values: Iterable[Any], allowed: Iterable[str]) -> None:
        known = list(allowed)
        for value in values:
            if not isinstance(value, str) or value not in known:
                reason = f"{value!r} is not of {', '.join(sorted(map(str, known)))}"
                raise TemplateFieldMalformed(file=self.file, field=self.at(name), reason=reason)


def load_fields(file: Path) -> Fields:
    """The top mapping of a file; raises `TemplateUnreadable`, or refuses a key given twice."""
    text = file.read_text(encoding="utf-8")
    try:
        fields = yaml.safe_load(text)
        twice = next(_repeated(yaml.compose(text, Loader=yaml.SafeLoader)), None)
    except yaml.YAMLError as error:
        raise TemplateUnreadable(file=file, field="template", reason=str(error)) from error
    if not isinstance(fields, dict):
        raise TemplateUnreadable(file=file, field="template", reason="not a mapping of fields")
    if twice is not None:
        raise TemplateFieldMalformed(file=file, field=twice, reason="stands twice in one mapping")
    return Fields(file, "template", fields)


def _repeated(node: yaml.Node | None) -> Iterator[str]:
    """Keys that stand twice in a mapping, at any depth; YAML would take the last."""
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        yield from (key for key in keys if keys.count(key) > 1)
        for _, value in node.value:
            yield from _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item)
