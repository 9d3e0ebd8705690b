"""What a feature definition is: its declared head and its SQL expression.

Belongs here: the types. Reading them from files is `declarations`, evaluating them `expressions`.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

MONOTONE = {"rises": 1, "falls": -1, "unknown": 0}


class Entity(StrEnum):
    """What a feature describes."""

    CUSTOMER_ACCOUNT = "customer_account"
    """A customer's deposit account or wallet; computed at every close."""
    LOAN_APPLICATION = "loan_application"
    """A loan that is asked for; computed when it is asked for."""


class Family(StrEnum):
    """Features that are learnt from, monitored and explained together; also their folder's name."""

    DEPOSIT_BEHAVIOUR = "deposit_behaviour"
    """How money moves through an account and what stays on it."""
    LOAN_HISTORY = "loan_history"
    """How earlier loans were taken and repaid."""
    APPLICATION = "application"
    """The loan that is asked for, against those before it."""


class Source(StrEnum):
    """The rows that a definition's expression aggregates; the columns are those of its module."""

    MOVEMENTS = "movements"
    """One row an entry of the account (`ml.features.movements`)."""
    DAILY_BALANCES = "daily_balances"
    """One row a calendar day, also without entries (`ml.features.daily_balances`)."""
    LOANS = "loans"
    """One row a loan taken (`ml.features.loans`)."""
    APPLICATIONS = "applications"
    """One row: the loan that is asked for (`ml.features.loans`)."""


class Risk(StrEnum):
    """How the risk of default is known to go with the value; models are held to it."""

    RISES = "rises"
    """A higher value is never less risky."""
    FALLS = "falls"
    """A higher value is never more risky."""
    UNKNOWN = "unknown"
    """To be learnt."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One feature.

    `window_days` counts calendar days, the business date included; None is the whole history.
    `expression` is a DuckDB aggregate over the rows of `source` in the window, per subject.
    `empty_value` stands where there are no rows; None is "not known". `reason_code` names the
    sentence of `ml/reasons.yaml` that a score gives for it.
    """

    name: str
    version: int
    description: str
    unit: str
    entity: Entity
    family: Family
    source: Source
    window_days: int | None
    owner: str
    risk: Risk
    empty_value: float | None
    reason_code: str | None
    expression: str
    file: Path

    @property
    def monotone(self) -> int:
        """The constraint on a model: 1, -1, or 0 for none."""
        return MONOTONE[self.risk]
