"""Records that have the shape of one before: their texts are picked by position, without a walk.

Belongs here: cutting markup into tags and texts, and plans. The tags of a record, put together, are its
shape; for a shape a plan says which texts are which columns. A file has a handful of shapes, so that
nearly every record costs one cut, one look-up and one pick. What has no plan is walked.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from pipelines.settlement.iso20022.read_columns import DETAIL, Columns, currency_path
from pipelines.settlement.iso20022.read_text import unescaped

TOKEN: Final = re.compile(r"<([^>]*+)>([^<]*+)")
"""A tag, and the text after it; `read_text` has left no other signs."""
_CURRENCY = re.compile(r"""\sCcy\s*=\s*(?:"([^"]*)"|'([^']*)')""")
PLANS_KEPT = 5_000
"""Shapes remembered; a file with more is read, only slower."""
DEEPEST = 128
"""Elements within each other, at most."""
TRANSACTION = "TxDtls"
INHERITED = ("direction", "reversal", "status", "booking_date", "value_date", "amount.Ccy")
"""What a transaction of a batch entry has from its entry."""


def local_name(tag: str) -> str:
    """Of the text between the signs of a tag, the name without prefix."""
    name = tag.rstrip("/").lstrip("/").split(None, 1)[0]
    return name.rpartition(":")[2]


def currency_of(tag: str) -> str | None:
    """The attribute `Ccy` of a tag."""
    found = _CURRENCY.search(tag)
    return unescaped(found[1] or found[2] or "").strip() if found else None


@dataclass(frozen=True, slots=True)
class Plan:
    """Which texts of a shape are which cells."""

    pick: Callable[[list[str | None]], tuple[str | None, ...]]
    constants: tuple[str | None, ...]
    """Texts that come after those of the record: null, and what stands in attributes."""
    joins: tuple[tuple[int, ...], ...]
    """Texts that come after these: several in one."""

    def cells(
        self, texts: list[str | None], inherited: tuple[str | None, ...]
    ) -> tuple[str | None, ...]:
        """The cells of a record whose texts these are; `texts` is changed."""
        texts.extend(self.constants)
        texts.extend(inherited)
        for positions in self.joins:
            found = [text.strip() for at in positions if (text := texts[at])]
            texts.append(" ".join(filter(None, found)))
        return self.pick(texts)


class Shapes:
    """Plans by shape, for one kind of record."""

    def __init__(self, columns: Columns, name: str) -> None:
        self._columns = columns
        self._name = name
        self._plans: dict[str, Plan | None] = {}

    def cells(
        self, segment: str, inherited: tuple[str | None, ...] = ()
    ) -> tuple[str | None, ...] | None:
        """The cells of a record whose markup but its last tag is `segment`; None: it must be walked."""
        parts = segment.replace(">", "<").split("<")
        tags = parts[1::2]
        shape = "<".join(tags)
        try:
            plan = self._plans[shape]
        except KeyError:
            if len(self._plans) >= PLANS_KEPT:
                self._plans.clear()
            plan = self._plans[shape] = self._plan(tags)
        if plan is None:
            return None
        texts: list[str | None] = [*parts[2::2]]
        if "&" in segment:
            texts = [unescaped(text) if text and "&" in text else text for text in texts]
        return plan.cells(texts, inherited)

    def _plan(self, tags: list[str]) -> Plan | None:
        if len(tags) < 2 or local_name(tags[0]) != self._name or tags[0].endswith("/"):
            return None
        found, constants = self._positions(tags)
        if found is None:
            return None
        chosen = (
            self._columns.of_detail(found)
            if self._name == TRANSACTION
            else self._columns.of_record(found)
        )
        texts = len(tags)
        inherited = texts + len(constants)
        after = inherited + (len(INHERITED) if self._name == TRANSACTION else 0)
        positions: list[int] = []
        joins: list[tuple[int, ...]] = []
        for cell, at in zip(self._columns.cells, chosen, strict=True):
            if len(at) > 1:
                positions.append(after + len(joins))
                joins.append(tuple(at))
            elif at:
                positions.append(at[0])
            elif self._name == TRANSACTION and cell in INHERITED:
                positions.append(inherited + INHERITED.index(cell))
            else:
                positions.append(texts)
        if len(positions) < 2:
            return None
        return Plan(itemgetter(*positions), tuple(constants), tuple(joins))

    def _positions(self, tags: list[str]) -> tuple[Mapping[str, list[int]] | None, list[str | None]]:
        """Where each leaf's text is; nothing when the record is not one, or has several transactions."""
        found: dict[str, list[int]] = {}
        constants: list[str | None] = [None]
        within = [DETAIL.rstrip("/") if self._name == TRANSACTION else ""]
        for at, (tag, follows) in enumerate(zip(tags[1:], [*tags[2:], "/"], strict=True), start=1):
            if tag.startswith("/"):
                within.pop()
                if not within:
                    return None, constants
                continue
            name = local_name(tag)
            path = f"{within[-1]}/{name}" if within[-1] else name
            if name == TRANSACTION:
                path = DETAIL.rstrip("/")
                if path in found:
                    return None, constants
                found[path] = [at]
            if tag.endswith("/"):
                continue
            within.append(path)
            if len(within) > DEEPEST:
                return None, constants
            if follows.startswith("/") and path in self._columns.interest:
                found.setdefault(path, []).append(at)
                constants.append(currency_of(tag))
                found.setdefault(currency_path(path), []).append(len(tags) - 1 + len(constants))
        return (found if len(within) == 1 else None), constants
