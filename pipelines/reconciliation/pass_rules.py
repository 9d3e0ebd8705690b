"""What a matching pass may declare, by kind, and the refusal of a pass that cannot mean anything.

Belongs here: the five kinds of pass as types. Running them is `matching.py`; the file that declares
them is `passes.yaml`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MATCH = "match"
COMPARABLE = frozenset(
    {"account", "relation", "end_to_end_id", "group_key", "signed_minor", "direction", "value_date"}
)
TEXTS = frozenset({"end_to_end_id", "name"})
MAX_TOLERANCE_DAYS = 10


class RuleInvalid(ValueError):
    """A declared rule cannot be used; `rule` is where it stands, `reason` what is wrong."""

    def __init__(self, *, rule: str, reason: str) -> None:
        self.rule = rule
        self.reason = reason
        super().__init__(f"reconciliation rule {rule}: {reason}")


class Measure(StrEnum):
    """How alike two texts are."""

    REFERENCE = "reference"
    """Letters and digits alone; edit distance, or one text within the other."""
    NAME = "name"
    """Words in any order, without accents; Jaro-Winkler."""


class Shape(StrEnum):
    """How many items of a side may be in one group."""

    ONE_TO_MANY = "one_to_many"
    """One item of either side against any number of the other."""
    MANY_TO_MANY = "many_to_many"
    """Any number on both sides, none of whose parts already agrees."""


class Side(StrEnum):
    """A side of the comparison."""

    LEDGER = "ledger"
    """Our books."""
    STATED = "stated"
    """What the other side states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What every pass says; `outcome` is `match` or a class of break."""

    id: str
    title: str
    equal: tuple[str, ...]
    outcome: str
    value_date_tolerance_days: int | None = None

    def __post_init__(self) -> None:
        days = self.value_date_tolerance_days
        if not self.equal or (unknown := set(self.equal) - COMPARABLE):
            self.refuse(
                f"compares {sorted(unknown) if self.equal else 'nothing'}; known: {sorted(COMPARABLE)}"
            )
        if not {"account", "relation"} & set(self.equal):
            self.refuse("compares items of different accounts")
        if days is not None and not 0 <= days <= MAX_TOLERANCE_DAYS:
            self.refuse(f"tolerance of {days} days is outside 0..{MAX_TOLERANCE_DAYS}")

    def refuse(self, reason: str) -> None:
        """Raise `RuleInvalid` for this pass."""
        raise RuleInvalid(rule=self.id, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass(Compared):
    """Pair items that are equal in `equal`, nearest value dates first."""

    unique: bool = False
    one_reference_absent: bool = False

    def __post_init__(self) -> None:
        Compared.__post_init__(self)
        if self.outcome == MATCH and not {"account", "signed_minor"} <= set(self.equal):
            self.refuse("a match must compare account and amount")
        if self.unique and self.value_date_tolerance_days is None:
            self.refuse("a unique pass needs a value date tolerance")


@dataclass(frozen=True, slots=True, kw_only=True)
class NearPass(Compared):
    """Pair items whose amounts differ by a little, where each is the other's one candidate.

    The tolerance is `amount_tolerance_minor`, or, with `difference`, the declared differences of that
    class by counterparty and currency. A pair that differs is no match: its outcome is a class.
    """

    amount_tolerance_minor: int | None = None
    difference: str | None = None

    def __post_init__(self) -> None:
        Compared.__post_init__(self)
        if "direction" not in self.equal or "signed_minor" in self.equal:
            self.refuse("amounts that may differ are compared by direction, not by amount")
        if (self.amount_tolerance_minor is None) == (self.difference is None):
            self.refuse("needs either amount_tolerance_minor or difference")
        if self.amount_tolerance_minor is not None and self.amount_tolerance_minor < 0:
            self.refuse("a tolerance is not negative")
        if self.outcome == MATCH:
            self.refuse("amounts that differ are a break with a class, not a match")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarPass(Compared):
    """Pair items of equal keys whose texts are alike, where each is the other's one candidate.

    Candidates from `propose_score` count as alternatives; only pairs from `accept_score` are
    accepted. A block of more than `max_block_pairs` candidates is left unproved.
    """

    text: str
    measure: Measure
    accept_score: float
    propose_score: float
    max_block_pairs: int = 10_000

    def __post_init__(self) -> None:
        Compared.__post_init__(self)
        if self.text not in TEXTS:
            self.refuse(f"text {self.text!r} is none of {sorted(TEXTS)}")
        if not 0 < self.propose_score <= self.accept_score <= 1:
            self.refuse("scores must satisfy 0 < propose_score <= accept_score <= 1")
        if not {"account", "signed_minor"} <= set(self.equal):
            self.refuse("alike texts are compared only within one account and amount")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPass(Compared):
    """All items of one key on one side against all of it on the other, when their sums agree.

    Several on at least one side, and with `value_date_tolerance_days` all within so many days.
    """

    def __post_init__(self) -> None:
        Compared.__post_init__(self)
        if "signed_minor" in self.equal or not {"account", "direction"} <= set(self.equal):
            self.refuse("a group is of one account and direction, and of any amounts")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsetPass(Compared):
    """Groups whose sums agree, accepted only when no other group could use any of their items.

    `equal` makes the blocks and `value_date_tolerance_days` the window that a group spans at most.
    With `without_reference` the items of that side have no end-to-end reference. A group is accepted
    when at most `max_coincidences` groups of its size would agree by chance.
    """

    shape: Shape
    without_reference: Side | None = None
    max_block_items: int = 400
    max_proposals: int = 5
    max_coincidences: float = 1.0

    def __post_init__(self) -> None:
        Compared.__post_init__(self)
        if "signed_minor" in self.equal or not {"account", "direction"} <= set(self.equal):
            self.refuse("a block is of one account and direction, and of any amounts")
        if self.value_date_tolerance_days is None:
            self.refuse("a block needs a window of value dates")
        if self.max_block_items < 2 or self.max_proposals < 1 or self.max_coincidences <= 0:
            self.refuse("max_block_items, max_proposals and max_coincidences must allow an answer")


AnyPass = Pass | NearPass | SimilarPass | GroupPass | SubsetPass

KINDS: Mapping[str, type[AnyPass]] = {
    "pair": Pass,
    "near": NearPass,
    "similar": SimilarPass,
    "group": GroupPass,
    "subset": SubsetPass,
}
CODES: Mapping[str, type[StrEnum]] = {"measure": Measure, "shape": Shape, "without_reference": Side}


def declared_pass(declared: Mapping[str, Any], *, classes: Iterable[str]) -> AnyPass:
    """The pass that a mapping declares; `kind` is `pair` unless told. Raises `RuleInvalid`."""
    rule = str(declared.get("id"))
    kind = str(declared.get("kind", "pair"))
    if kind not in KINDS:
        raise RuleInvalid(rule=rule, reason=f"kind {kind!r} is none of {sorted(KINDS)}")
    fields = {name: value for name, value in declared.items() if name != "kind"}
    try:
        coded = {name: code(fields[name]) for name, code in CODES.items() if name in fields}
        made = KINDS[kind](**(fields | coded | {"equal": tuple(declared.get("equal", ()))}))
    except RuleInvalid:
        raise
    except (TypeError, ValueError) as error:
        raise RuleInvalid(rule=rule, reason=str(error)) from error
    if made.outcome != MATCH and made.outcome not in classes:
        raise RuleInvalid(rule=rule, reason=f"outcome {made.outcome!r} is no class of break")
    return made
