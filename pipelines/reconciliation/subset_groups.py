"""Groups without a key: items of one block whose sums agree, accepted only when that is proved.

Belongs here: the blocks of a `subset` pass, their windows of value dates, and what becomes of the
candidates. A candidate is a group of the pass's shape whose sums are equal, whose value dates lie
within the window, and no part of which already agrees. All candidates of a block are counted; those
that share no item with any other are accepted, the others are proposed. Where the count could not
be finished, no item that an uncounted candidate might use is accepted.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import comb, gcd

import polars as pl

from pipelines.reconciliation.match_shapes import (
    GROUP_SCHEMA,
    MEMBER_SCHEMA,
    PROPOSAL_SCHEMA,
    UNPROVED_SCHEMA,
    Found,
)
from pipelines.reconciliation.pass_rules import Shape, Side, SubsetPass
from pipelines.reconciliation.shapes import Schema
from pipelines.reconciliation.subset_sum import Bounds, Subsets, minimal_zero_sums, subsets_with_sums

BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class _Item:
    """One item of a block; `minor` without its sign, which is the block's."""

    side: Side
    item: int
    minor: int
    day: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A group as positions in its block, ledger side first, and how it was counted."""

    members: tuple[int, ...]
    method: str
    chance: float


@dataclass(slots=True)
class _Block:
    """The items of equal keys, what has been found among them, and what could not be counted."""

    account: int
    sign: int
    items: Sequence[_Item]
    candidates: dict[tuple[int, ...], _Candidate] = field(default_factory=dict)
    uncounted: set[int] = field(default_factory=set)
    unproved: list[dict[str, object]] = field(default_factory=list)


def run_subsets(
    rule: SubsetPass, *, left: pl.DataFrame, right: pl.DataFrame, bounds: Bounds = BOUNDS
) -> Found:
    """Accept the groups that are proved to be the only ones; propose at most a few of the others."""
    groups: list[dict[str, object]] = []
    proposals: list[dict[str, object]] = []
    unproved: list[dict[str, object]] = []
    for block in _blocks(rule, left=left, right=right):
        for window in _windows(rule, block):
            _count(rule, block=block, window=window, bounds=bounds)
        certain, open_ones = _decided(rule, block)
        groups += [_row(block, one, rule=rule) for one in certain]
        proposals += [
            _row(block, one, rule=rule) | {"reason": reason, "rivals": rivals}
            for one, reason, rivals in open_ones
        ]
        unproved += block.unproved
    heads, members = _frames(groups, schema=GROUP_SCHEMA)
    proposed_heads, proposed = _frames(proposals, schema=PROPOSAL_SCHEMA)
    return Found(
        groups=heads,
        members=members,
        proposals=proposed_heads,
        proposed=proposed,
        unproved=pl.DataFrame(unproved, schema=dict(UNPROVED_SCHEMA), orient="row"),
    )


def _blocks(rule: SubsetPass, *, left: pl.DataFrame, right: pl.DataFrame) -> Iterator[_Block]:
    """Blocks with items on both sides, in the order of their keys; items in the order of numbers."""
    keys = list(rule.equal)
    sides = []
    for side, frame in ((Side.LEDGER, left), (Side.STATED, right)):
        usable = frame.drop_nulls([*keys, "value_day"]).filter(pl.col("signed_minor") != 0)
        if rule.without_reference == side:
            usable = usable.filter(pl.col("end_to_end_id").is_null())
        sides.append(usable.with_columns(pl.lit(str(side)).alias("side")))
    both = sides[0].select(keys).unique().join(sides[1].select(keys).unique(), on=keys)
    together = pl.concat([side.join(both, on=keys, how="semi") for side in sides])
    columns = ("side", "item", "signed_minor", "value_day", "account")
    ordered = together.sort(*keys, "side", "item")
    for part in ordered.partition_by(keys, maintain_order=True):
        rows = part.select(columns).rows()
        items = [_Item(Side(side), item, abs(signed), day) for side, item, signed, day, _ in rows]
        yield _Block(account=rows[0][4], sign=1 if rows[0][2] > 0 else -1, items=items)


def _windows(rule: SubsetPass, block: _Block) -> Iterator[list[int]]:
    """Positions of the items from each value date to the end of its window, that date first.

    A group is counted in the window that begins with its earliest item.
    """
    width = rule.value_date_tolerance_days or 0
    for start in sorted({item.day for item in block.items}):
        within = [at for at, item in enumerate(block.items) if start <= item.day <= start + width]
        if len({block.items[at].side for at in within}) == len(Side):
            yield within


def _count(rule: SubsetPass, *, block: _Block, window: list[int], bounds: Bounds) -> None:
    """Add the candidates of one window to the block, or what was not counted."""
    if len(window) > rule.max_block_items:
        block.uncounted.update(window)
        _note(rule, block=block, window=window, reason="{} items are too many to count groups of")
        return
    ledger = [at for at in window if block.items[at].side == Side.LEDGER]
    stated = [at for at in window if block.items[at].side == Side.STATED]
    finished = True
    for base, fixed, answer in _answers(rule, block=block, ledger=ledger, stated=stated, bounds=bounds):
        for subset in answer.found:
            members = tuple(sorted([*fixed, *(base[index] for index in subset)]))
            _keep(block, members=members, window=window, method=answer.method)
        if not answer.complete:
            finished = False
            block.uncounted.update(fixed, (base[index] for index in answer.touched))
    if not finished:
        _note(rule, block=block, window=window, reason="among {} items not all groups could be counted")


def _answers(
    rule: SubsetPass, *, block: _Block, ledger: list[int], stated: list[int], bounds: Bounds
) -> Iterator[tuple[list[int], tuple[int, ...], Subsets]]:
    """Each question's amounts (as positions), the one item it is about if any, and the answer."""
    if rule.shape == Shape.MANY_TO_MANY:
        amounts = [block.items[at].minor for at in ledger] + [-block.items[at].minor for at in stated]
        yield [*ledger, *stated], (), minimal_zero_sums(amounts, bounds=bounds)
        return
    for many, ones in ((ledger, stated), (stated, ledger)):
        answers = subsets_with_sums(
            [block.items[at].minor for at in many],
            targets=[block.items[at].minor for at in ones],
            bounds=bounds,
        )
        for one, answer in zip(ones, answers, strict=True):
            yield many, (one,), answer


def _keep(block: _Block, *, members: tuple[int, ...], window: list[int], method: str) -> None:
    """Keep a candidate that uses the window's first date; later windows count the others."""
    items = [block.items[at] for at in members]
    if min(item.day for item in items) != min(block.items[at].day for at in window):
        return
    known = block.candidates.get(members)
    if known is None:
        chance = _chance(block, members=members, window=window)
        block.candidates[members] = _Candidate(members, method, chance)


def _chance(block: _Block, *, members: tuple[int, ...], window: list[int]) -> float:
    """How many groups of this size are expected to agree if amounts had nothing to do with each other.

    The ways to choose so many items of either side, over the number of values that their sum can take.
    """
    ways = 1
    for side in Side:
        of_side = sum(block.items[at].side == side for at in window)
        ways *= comb(of_side, sum(block.items[at].side == side for at in members))
    unit = gcd(*(block.items[at].minor for at in window))
    total = sum(block.items[at].minor for at in members if block.items[at].side == Side.LEDGER)
    return ways * unit / total


def _note(rule: SubsetPass, *, block: _Block, window: list[int], reason: str) -> None:
    items = [block.items[at] for at in window]
    days = pl.Series([min(item.day for item in items), max(item.day for item in items)], dtype=pl.Int32)
    first, last = days.cast(pl.Date)
    block.unproved.append(
        {
            "pass_id": rule.id,
            "account": block.account,
            "from_date": first,
            "to_date": last,
            "ledger_items": sum(item.side == Side.LEDGER for item in items),
            "stated_items": sum(item.side == Side.STATED for item in items),
            "reason": reason.format(len(items)),
        }
    )


def _decided(
    rule: SubsetPass, block: _Block
) -> tuple[list[_Candidate], list[tuple[_Candidate, str, int]]]:
    """The candidates that are certain, and a few of the others with reason and number of rivals."""
    uses = Counter(at for one in block.candidates.values() for at in one.members)
    certain: list[_Candidate] = []
    others: list[tuple[_Candidate, str, int]] = []
    for one in sorted(block.candidates.values(), key=lambda one: _preference(block, one)):
        shared = any(uses[at] > 1 for at in one.members)
        if shared:
            rivals = _rivals(block, one)
            others.append((one, f"{rivals} other groups share an item with it", rivals))
        elif block.uncounted.intersection(one.members):
            others.append((one, "groups that were not counted might share an item with it", 0))
        elif one.chance > rule.max_coincidences:
            reason = f"{one.chance:.2g} groups of this size would agree by chance"
            others.append((one, reason, 0))
        else:
            certain.append(one)
    return certain, _few(rule, others)


def _rivals(block: _Block, one: _Candidate) -> int:
    own = set(one.members)
    return sum(bool(own.intersection(other.members)) for other in block.candidates.values()) - 1


def _few(
    rule: SubsetPass, others: list[tuple[_Candidate, str, int]]
) -> list[tuple[_Candidate, str, int]]:
    """The first few candidates of each item; a candidate stays while any item of it wants it."""
    wanted: Counter[int] = Counter()
    kept = []
    for other in others:
        members = other[0].members
        if all(wanted[at] < rule.max_proposals for at in members):
            wanted.update(members)
            kept.append(other)
    return kept


def _preference(block: _Block, one: _Candidate) -> tuple[int, int, tuple[int, ...]]:
    """Fewest items first, then value dates nearest to each other, then the order of the items."""
    days = [block.items[at].day for at in one.members]
    return len(one.members), max(days) - min(days), one.members


def _row(block: _Block, one: _Candidate, *, rule: SubsetPass) -> dict[str, object]:
    items = [block.items[at] for at in one.members]
    days = [item.day for item in items]
    row: dict[str, object] = {
        "pass_id": rule.id,
        "outcome": rule.outcome,
        "account": block.account,
        "days": max(days) - min(days),
        "score": 1 / (1 + one.chance),
        "method": one.method,
    }
    for side in Side:
        own = [item for item in items if item.side == side]
        row[f"{side}_items"] = len(own)
        row[f"{side}_minor"] = block.sign * sum(item.minor for item in own)
        row[str(side)] = [item.item for item in own]
    return row


def _frames(rows: list[dict[str, object]], *, schema: Schema) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Numbered heads of the rows, and their members."""
    numbered = [row | {"match": number} for number, row in enumerate(rows)]
    lists = {str(side): pl.List(pl.Int64) for side in Side}
    frame = pl.DataFrame(numbered, schema={**schema, **lists}, orient="row")
    members = [
        frame.select("match", pl.lit(str(side)).alias("side"), pl.col(str(side)).alias("item")).explode(
            "item"
        )
        for side in Side
    ]
    return frame.select(list(schema)), pl.concat(members).select(list(MEMBER_SCHEMA))
