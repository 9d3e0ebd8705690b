"""What a return's template is: its cells, each with one definition, and its checks.

Belongs here: the types. Reading a template from YAML is `declaration`, filling it is `returns`.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from ledger_service.ledger.chart import Side


class Unit(StrEnum):
    """What a cell's value counts."""

    MINOR = "minor"
    """Minor units of the return's currency."""
    COUNT = "count"
    """Things."""
    BASIS_POINTS = "basis_points"
    """Hundredths of a per cent."""


class BalanceOf(StrEnum):
    """What of an account counts for a balance."""

    NET = "net"
    """Its side less the other; negative when it stands on the other side."""
    SURPLUS = "surplus"
    """Its side less the other, of accounts that stand on the side; the others count nothing."""
    TOTAL = "total"
    """All that was ever posted to the side."""


class Rounding(StrEnum):
    """How a ratio becomes whole basis points."""

    HALF_EVEN = "half_even"
    """To the nearest; a half to the even neighbour."""
    DOWN = "down"
    """Towards minus infinity: a minimum is not reached by rounding."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which accounts a cell is about: chart lines (None: all), counterparties (None: any)."""

    chart: frozenset[str] | None
    counterparties: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Balance:
    """The closing balance of the selected accounts, measured on a side."""

    selection: Selection
    side: Side
    of: BalanceOf


@dataclass(frozen=True, slots=True)
class Flow:
    """What was posted in the day to a side of the selected accounts; without some kinds."""

    selection: Selection
    side: Side
    except_kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Payments:
    """How many different payments of the day have entries on the selected accounts."""

    selection: Selection
    except_kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sum:
    """Cells added and cells taken off; all of one unit."""

    plus: tuple[str, ...]
    minus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """One cell in basis points of another; undefined where the denominator is not positive."""

    numerator: str
    denominator: str
    rounding: Rounding


Definition = Balance | Flow | Payments | Sum | Ratio


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of a return."""

    code: str
    label: str
    unit: Unit
    definition: Definition

    @property
    def inputs(self) -> tuple[str, ...]:
        """The cells that it is made of; none when it is read from the books."""
        match self.definition:
            case Sum(plus, minus):
                return plus + minus
            case Ratio(numerator, denominator, _):
                return (numerator, denominator)
            case _:
                return ()


@dataclass(frozen=True, slots=True)
class Check:
    """Two sides of a return that must be equal, each a sum of cells."""

    check_id: str
    title: str
    left: tuple[str, ...]
    right: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a return, effective from a date until one (both included; None: open-ended).

    A return is due of each participant and currency; with `scope_chart`, only of those that have an
    account on one of these chart lines.
    """

    return_id: str
    version: int
    title: str
    basis: str
    frequency: str
    effective_from: date
    effective_until: date | None
    scope_chart: frozenset[str] | None
    cells: tuple[Cell, ...]
    checks: tuple[Check, ...]
    file: Path

    def effective_on(self, business_date: date) -> bool:
        """Whether this version is the one to fill on a date."""
        return self.effective_from <= business_date <= (self.effective_until or date.max)
