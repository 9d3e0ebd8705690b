"""The declared rules of reconciliation: passes, classes of break and their owners, tolerances.

Belongs here: reading `passes.yaml` and refusing a rule that cannot mean anything, when it is read and
not when it first runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

DECLARED = Path(__file__).with_name("passes.yaml")
MATCH = "match"
COMPARABLE = frozenset(
    {"account", "relation", "end_to_end_id", "signed_minor", "direction", "value_date"}
)
MAX_TOLERANCE_DAYS = 10


class BreakClass(StrEnum):
    """What kind of disagreement a break is."""

    MISSING_AT_BANK = "missing_at_bank"
    """The ledger has an entry that the other side does not state."""
    MISSING_IN_LEDGER = "missing_in_ledger"
    """The other side states an entry that the ledger does not have."""
    AMOUNT = "amount"
    """The same item with another amount; of stated balances: a step that disagrees."""
    DATE = "date"
    """The same item with another value date."""
    DUPLICATE = "duplicate"
    """One side has an item again that is already matched."""
    CURRENCY = "currency"
    """The same item in another currency."""
    FEE = "fee"
    """A charge of the bank that is not booked."""
    BALANCE = "balance"
    """Opening balance plus entries is not the closing balance of the statement."""
    OPENING = "opening"
    """The first balance known, or the opening balance of a statement, is not the expected one."""
    ROUNDING = "rounding"
    """Rounding differences of an account that together exceed the tolerance of one."""


class RuleInvalid(ValueError):
    """A declared rule cannot be used; `rule` is where it stands, `reason` what is wrong."""

    def __init__(self, *, rule: str, reason: str) -> None:
        self.rule = rule
        self.reason = reason
        super().__init__(f"reconciliation rule {rule}: {reason}")


@dataclass(frozen=True, slots=True)
class Pass:
    """One comparison of the two sides; `outcome` is `match` or a class of break."""

    id: str
    title: str
    equal: tuple[str, ...]
    outcome: str
    value_date_tolerance_days: int | None = None
    unique: bool = False
    one_reference_absent: bool = False

    def __post_init__(self) -> None:
        days = self.value_date_tolerance_days
        if not self.equal or (unknown := set(self.equal) - COMPARABLE):
            reason = (
                f"compares {sorted(unknown) if self.equal else 'nothing'}; known: {sorted(COMPARABLE)}"
            )
            raise RuleInvalid(rule=self.id, reason=reason)
        if not {"account", "relation"} & set(self.equal):
            raise RuleInvalid(rule=self.id, reason="compares items of different accounts")
        if self.outcome != MATCH and self.outcome not in set(BreakClass):
            raise RuleInvalid(rule=self.id, reason=f"outcome {self.outcome!r} is no class of break")
        if self.outcome == MATCH and not {"account", "signed_minor"} <= set(self.equal):
            raise RuleInvalid(rule=self.id, reason="a match must compare account and amount")
        if days is not None and not 0 <= days <= MAX_TOLERANCE_DAYS:
            reason = f"tolerance of {days} days is outside 0..{MAX_TOLERANCE_DAYS}"
            raise RuleInvalid(rule=self.id, reason=reason)
        if self.unique and days is None:
            raise RuleInvalid(rule=self.id, reason="a unique pass needs a value date tolerance")


@dataclass(frozen=True, slots=True)
class ClassRule:
    """Who owns breaks of a class, and what the class says to a reader."""

    owner: str
    title: str


@dataclass(frozen=True, slots=True)
class Rules:
    """All declared rules; passes in the order in which they run."""

    passes: tuple[Pass, ...]
    classes: Mapping[BreakClass, ClassRule]
    charge_sub_families: frozenset[str]
    charge_proprietary: frozenset[str]
    rounding_minor: Mapping[str, int]


def load_rules(path: Path = DECLARED) -> Rules:
    """Read the rules; raises `RuleInvalid` for what cannot be used."""
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    passes = tuple(_pass(declared) for declared in document["passes"])
    repeated = {item.id for item in passes if sum(other.id == item.id for other in passes) > 1}
    if repeated:
        raise RuleInvalid(rule=min(repeated), reason="is declared twice")
    classes = {BreakClass(name): ClassRule(**rule) for name, rule in document["classes"].items()}
    if without := set(BreakClass) - set(classes):
        raise RuleInvalid(rule=min(without), reason="has no owner")
    charges = document["bank_charges"]
    return Rules(
        passes=passes,
        classes=classes,
        charge_sub_families=frozenset(charges["sub_families"]),
        charge_proprietary=frozenset(charges["proprietary"]),
        rounding_minor=dict(document["stated_balances"]["rounding_minor"]),
    )


def _pass(declared: dict[str, Any]) -> Pass:
    try:
        return Pass(**(declared | {"equal": tuple(declared.get("equal", ()))}))
    except TypeError as error:
        raise RuleInvalid(rule=str(declared.get("id")), reason=str(error)) from error
