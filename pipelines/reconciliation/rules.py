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

from pipelines.reconciliation.pass_rules import MATCH, AnyPass, Pass, RuleInvalid, declared_pass

__all__ = [
    "MATCH",
    "BreakClass",
    "ClassRule",
    "DifferenceRule",
    "Pass",
    "RuleInvalid",
    "Rules",
    "load_rules",
]

DECLARED = Path(__file__).with_name("passes.yaml")


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
    RETURN = "return"
    """Money that comes back: the sign reversed, under the reference of an item matched before."""
    MISSING_STATEMENT = "missing_statement"
    """A statement that did not come, by the bank's own numbers; it has no difference."""
    ROUNDING = "rounding"
    """Rounding differences of an account that together exceed the tolerance of one."""


@dataclass(frozen=True, slots=True)
class ClassRule:
    """Who owns breaks of a class, what the class says to a reader, and what is usually done."""

    owner: str
    title: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRule:
    """A difference of amounts that is expected: up to `minor` plus `basis_points` of the amount.

    It is of class `difference` and of the counterparty and currency named, of any where it is null.
    Against us only (less arrives, more leaves) unless `either_way`.
    """

    difference: BreakClass
    counterparty: str | None = None
    currency: str | None = None
    minor: int = 0
    basis_points: int = 0
    either_way: bool = False

    def __post_init__(self) -> None:
        if self.minor < 0 or self.basis_points < 0 or not self.minor + self.basis_points:
            raise RuleInvalid(rule=f"differences: {self}", reason="allows no difference")


@dataclass(frozen=True, slots=True)
class Rules:
    """All declared rules; passes in the order in which they run."""

    passes: tuple[AnyPass, ...]
    differences: tuple[DifferenceRule, ...]
    classes: Mapping[BreakClass, ClassRule]
    charge_sub_families: frozenset[str]
    charge_proprietary: frozenset[str]
    rounding_minor: Mapping[str, int]


def load_rules(path: Path = DECLARED) -> Rules:
    """Read the rules; raises `RuleInvalid` for what cannot be used."""
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    passes = tuple(declared_pass(item, classes=set(BreakClass)) for item in document["passes"])
    repeated = {item.id for item in passes if sum(other.id == item.id for other in passes) > 1}
    if repeated:
        raise RuleInvalid(rule=min(repeated), reason="is declared twice")
    classes = {BreakClass(name): ClassRule(**rule) for name, rule in document["classes"].items()}
    if without := set(BreakClass) - set(classes):
        raise RuleInvalid(rule=min(without), reason="has no owner")
    charges = document["bank_charges"]
    return Rules(
        passes=passes,
        differences=tuple(_difference(declared) for declared in document["differences"]),
        classes=classes,
        charge_sub_families=frozenset(charges["sub_families"]),
        charge_proprietary=frozenset(charges["proprietary"]),
        rounding_minor=dict(document["stated_balances"]["rounding_minor"]),
    )


def _difference(declared: dict[str, Any]) -> DifferenceRule:
    try:
        return DifferenceRule(**(declared | {"difference": BreakClass(declared["difference"])}))
    except (KeyError, TypeError, ValueError) as error:
        raise RuleInvalid(rule="differences", reason=str(error)) from error
