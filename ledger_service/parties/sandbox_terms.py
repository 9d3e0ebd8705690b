"""What a sandbox begins with and which outcomes can be asked for, as declared in `sandbox.yaml`."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ledger_service.ledger.chart import ChartCode

_DECLARED: Final = Path(__file__).with_name("sandbox.yaml")


class Outcome(StrEnum):
    """What a request in a sandbox can be made to meet."""

    INSUFFICIENT_FUNDS = "insufficient_funds"
    """The debtor has not enough."""
    SCREENING_HIT = "screening_hit"
    """A name matched a sanctions list."""
    TIMEOUT = "timeout"
    """The answer is lost after the effect."""
    LATE_RETURN = "late_return"
    """The receiving bank sends the money back, days later."""
    OVERLOADED = "overloaded"
    """There is more to do than can be done."""


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlayParticipant(_Declared):
    """A participant of every sandbox."""

    suffix: str = Field(pattern="^[A-Z]$")
    kind: str
    country: str
    name: str


class PlayAccount(_Declared):
    """An account that some participants of every sandbox have, in each currency."""

    reference: str
    line: ChartCode
    of: tuple[str, ...]
    begins_with: Decimal = Decimal(0)
    """In units."""
    frozen: bool = False
    closed: bool = False

    @field_validator("line", mode="before")
    @classmethod
    def _by_name(cls, name: str) -> ChartCode:
        return ChartCode[name]


class Magic(_Declared):
    """What asks for an outcome."""

    amount: Decimal
    account: str
    means: str


class SandboxTerms(_Declared):
    """All of it."""

    participants: tuple[PlayParticipant, ...]
    currencies: tuple[str, ...]
    accounts: tuple[PlayAccount, ...]
    outcomes: dict[Outcome, Magic]
    late_return_after_days: int = Field(gt=0)

    def outcome_of(self, *, amount: Decimal | None, accounts: Iterable[str]) -> Outcome | None:
        """What a request of this amount in units between these accounts meets; None for no magic."""
        named = {account.rpartition("/")[2].rsplit(":", 1)[0]: account for account in accounts}
        for outcome, magic in self.outcomes.items():
            if amount == magic.amount or magic.account in named:
                return outcome
        return None


@cache
def sandbox_terms() -> SandboxTerms:
    """The declared terms; raises `ValidationError` for what cannot be."""
    return SandboxTerms.model_validate(yaml.safe_load(_DECLARED.read_text(encoding="utf-8")))


def participant_ids(tenant: str) -> tuple[str, ...]:
    """The participants that a sandbox has."""
    return tuple(f"SBX-{tenant.upper()}-{one.suffix}" for one in sandbox_terms().participants)
