"""Why a rule, a parameter or a threshold is refused: typed errors that name the file and the field.

Belongs here: the errors of everything that a compliance officer declares. Findings in the data are
never errors; they are alerts.
"""

from datetime import date
from pathlib import Path


class DeclarationRefused(ValueError):
    """A declared file cannot be used; `field` is the part of it that is wrong."""

    def __init__(self, *, file: Path, field: str, reason: str) -> None:
        self.file = file
        self.field = field
        self.reason = reason
        super().__init__(f"{file.name}: {field}: {reason}")


class HeadMissing(DeclarationRefused):
    """A rule file does not begin with a comment block that holds YAML."""


class FieldMissing(DeclarationRefused):
    """A field that every head must have is not there."""


class FieldUnknown(DeclarationRefused):
    """A field that no head has: most often a misspelt one."""


class FieldMalformed(DeclarationRefused):
    """A field is there, but is not of its type, or not in its range."""


class ParameterUndeclared(DeclarationRefused):
    """The SQL or the explanation uses a name that the head does not declare."""


class ParameterUnused(DeclarationRefused):
    """The head declares a parameter that the SQL does not use: changing it would do nothing."""


class StatementRefused(DeclarationRefused):
    """The SQL is not one SELECT over the known relations that gives the keys of entries."""


class VersionsOverlap(DeclarationRefused):
    """Two versions of a rule, or two sets of its parameters, would be effective on one date."""


class ThresholdMissing(LookupError):
    """Accounts move money in currencies for which no reporting threshold is declared."""

    def __init__(self, *, currencies: tuple[str, ...], business_date: date) -> None:
        self.currencies = currencies
        self.business_date = business_date
        super().__init__(
            f"no reporting threshold on {business_date} for {', '.join(currencies)}: declare one"
        )
