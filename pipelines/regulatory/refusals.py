"""Why a template cannot be used, or a return not be prepared: typed errors with the facts.

Belongs here: errors only. Figures that do not agree are violations: rows, not errors.
"""

from datetime import date
from pathlib import Path


class TemplateRefused(ValueError):
    """A template file is wrong; `field` is the part of it that is."""

    def __init__(self, *, file: Path, field: str, reason: str) -> None:
        self.file = file
        self.field = field
        self.reason = reason
        super().__init__(f"{file.name}: {field}: {reason}")


class TemplateUnreadable(TemplateRefused):
    """The file is not YAML with a mapping of fields."""


class TemplateFieldMissing(TemplateRefused):
    """A field that must be there is not."""


class TemplateFieldUnknown(TemplateRefused):
    """A field that nothing reads: most often a misspelt one."""


class TemplateFieldMalformed(TemplateRefused):
    """A field is not of its type, or not in its range."""


class CellUndeclared(TemplateRefused):
    """A formula or check names a cell that does not stand above it."""


class CellDeclaredTwice(TemplateRefused):
    """Two cells of a template have one code."""


class TemplateVersionsOverlap(TemplateRefused):
    """Two versions of a return would be effective on one date."""


class AccountsMissing(LookupError):
    """There are no accounts of the business date: it has not been closed."""

    def __init__(self, business_date: date) -> None:
        self.business_date = business_date
        super().__init__(f"no accounts of {business_date}: close that business date first")


class CellOverflow(ArithmeticError):
    """A value does not fit the 64 bits that a return's cell has."""

    def __init__(self, *, cell: str, participant_id: str, currency: str, value: int) -> None:
        self.cell = cell
        self.participant_id = participant_id
        self.currency = currency
        self.value = value
        super().__init__(f"cell {cell} of {participant_id} in {currency} is {value}: more than 64 bits")
