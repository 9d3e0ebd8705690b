"""Declared totals against what was found: of a message, and of each of its containers.

Belongs here: adding up what tables were made of, and comparing when a holder of totals has ended and
all its records have been made.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from pipelines.settlement.iso20022.read_envelope import Identified
from pipelines.settlement.iso20022.read_messages import Declared
from pipelines.settlement.iso20022.read_scopes import Scopes
from pipelines.settlement.iso20022.read_tables import Sums
from pipelines.settlement.reading import Refused

_LONGEST = 40
Key = tuple[int, int]
"""Message and container; container 0 is the message itself."""


@dataclass(frozen=True, slots=True)
class _Stated:
    """What was declared of one holder, as it stands."""

    declared: Declared
    place: str
    count: str | None
    total: str | None
    net: str | None
    net_direction: str | None


class Totals:
    """Sums of what was found, and declared ones that wait for them."""

    def __init__(self) -> None:
        self._found: dict[Key, dict[str, tuple[int, Decimal]]] = {}
        self._ended: list[tuple[Key, list[_Stated]]] = []

    @property
    def waiting(self) -> int:
        """Holders that have ended since totals were compared."""
        return len(self._ended)

    def add(self, sums: Sums) -> None:
        """Records that have been made."""
        for message, container, direction, count, total in sums:
            for key in {(message, container), (message, 0)}:
                sides = self._found.setdefault(key, {})
                records, money = sides.get(direction, (0, Decimal(0)))
                sides[direction] = (records + count, money + total)

    def ended(self, identified: Identified, path: str, scopes: Scopes) -> None:
        """A container, or with an empty path the message, has ended: what it declared is noted."""
        stated = []
        for one in identified.message.declared:
            holder = one.at.partition("/")[0]
            inside = holder in identified.message.containers
            if (holder == path) if inside else not path:
                place = (
                    scopes.here(one.at.removeprefix(path).strip("/")) if path else scopes.here(one.at)
                )
                stated.append(_stated(one, place, scopes))
        key = (identified.number, scopes.key if path else 0)
        self._ended.append((key, [one for one in stated if one is not None]))

    def compared(self) -> list[Refused]:
        """What does not agree, of the holders that have ended."""
        refused = []
        for key, stated in self._ended:
            sides = self._found.pop(key, {})
            for one in stated:
                refused += _compared(one, sides)
        self._ended = []
        return refused


def _stated(one: Declared, place: str, scopes: Scopes) -> _Stated | None:
    count, total, net = (
        scopes.first(f"{one.at}/{name}") if name else None for name in (one.count, one.total, one.net)
    )
    if count is None and total is None and net is None:
        return None
    beside = f"{one.at}/{one.net.rpartition('/')[0]}" if one.net else one.at
    return _Stated(one, place, count, total, net, scopes.first(f"{beside.rstrip('/')}/CdtDbtInd"))


def _compared(stated: _Stated, sides: dict[str, tuple[int, Decimal]]) -> list[Refused]:
    asked = stated.declared
    counted = [side for name, side in sides.items() if asked.direction in (None, name)]
    records, money = sum(one for one, _ in counted), sum((total for _, total in counted), Decimal(0))
    refused = []
    if stated.count is not None and _number(stated.count) != records:
        refused.append(_differs(stated, asked.count, stated.count, str(records)))
    if stated.total is not None and _number(stated.total) != money:
        refused.append(_differs(stated, asked.total, stated.total, f"{money.normalize():f}"))
    if stated.net is not None:
        net = sides.get("C", (0, Decimal(0)))[1] - sides.get("D", (0, Decimal(0)))[1]
        given = _number(stated.net)
        if given is not None and stated.net_direction == "DBIT":
            given = -given
        if given != net:
            told = f"{stated.net} {stated.net_direction or ''}".strip()
            refused.append(_differs(stated, asked.net, told, f"{net.normalize():f}"))
    return refused


def _differs(stated: _Stated, field: str | None, given: str, found: str) -> Refused:
    sentence = f"it declares {given[:_LONGEST]}, found were {found}: ask the sender which is right"
    return Refused(0, stated.place, field, "control_total", sentence)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text) if len(text) <= _LONGEST and "e" not in text.lower() else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None
