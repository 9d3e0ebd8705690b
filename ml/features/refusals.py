"""Why a feature definition is refused: typed errors that name the file and the field."""

from pathlib import Path


class DefinitionRefused(ValueError):
    """A definition cannot be used; `field` is the part of it that is wrong."""

    def __init__(self, *, file: Path, field: str, reason: str) -> None:
        self.file = file
        self.field = field
        self.reason = reason
        super().__init__(f"{file.name}: {field}: {reason}")


class HeadMissing(DefinitionRefused):
    """The file does not begin with a comment block that holds a YAML mapping."""


class FieldMissing(DefinitionRefused):
    """A field that every head must have is not there."""


class FieldUnknown(DefinitionRefused):
    """A field that no head has: most often a misspelt one."""


class FieldMalformed(DefinitionRefused):
    """A field is there, but is not of its type, or not one of its values."""


class ExpressionRefused(DefinitionRefused):
    """The SQL is not one numeric aggregate over the columns of its source."""


class DefinitionRepeated(DefinitionRefused):
    """Two files define a feature of the same name."""
