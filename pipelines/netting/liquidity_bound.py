"""The most value that any choice of whole payments could settle: a bound, with its proof.

Belongs here: the linear relaxation of the queue (payments may be cut), its prices of liquidity, and the
tightening of its bound by branching on the payments that it cuts.

Withdrawing a minor unit of a payment gives it back to the debtor and takes it from the creditor. The
relaxation starts from all payments settled and looks for the least value withdrawn that leaves nobody
short: a min-cost flow in which every cost is one, so that its optimum and its prices are whole numbers.
"""

import heapq
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python.min_cost_flow import (  # type: ignore[import-untyped]  # publishes none
    SimpleMinCostFlow,
)

from pipelines.netting.payment_queue import Flags, Integers, Queue, QueueTooLarge

FREE, STAYS, SETTLES = -1, 0, 1
"""What is decided of a payment."""
Decided = NDArray[np.int8]
Decision = tuple[int, int]
"""A payment's row and `STAYS` or `SETTLES`."""


class FlowUnsolved(RuntimeError):
    """The min-cost flow solver gave up on a problem that has a solution; carries its status."""

    def __init__(self, status: str) -> None:
        self.status = status
        super().__init__(f"the relaxation of the queue was not solved: {status}")


@dataclass(frozen=True, slots=True)
class Flows:
    """A solution of the relaxation, per directed pair: of the free payments' value, what settles.

    `room` and `withdrawn` are the flow itself; `short` is what participants lack even so, which is not
    zero only where decided payments cannot settle together.
    """

    free: Integers
    settled: Integers
    room: Integers
    withdrawn: Integers
    short: Integers
    value_minor: int

    @property
    def partial(self) -> NDArray[np.intp]:
        """Pairs of which some of the free value settles, and some does not."""
        return np.flatnonzero((self.settled > 0) & (self.settled < self.free))


@dataclass(frozen=True, slots=True)
class _Ranges:
    """Per directed pair: free and settled value, and what must be and what may be withdrawn."""

    free: Integers
    fixed: Integers
    over: Integers
    room: Integers

    @property
    def impossible(self) -> bool:
        """Whether decided payments alone exceed a bilateral limit."""
        return bool((self.over > self.free).any())


@dataclass(frozen=True, slots=True)
class Leaf:
    """One case of the proof: with these decisions no choice settles more than `bound_minor`.

    `prices` (per participant, value settled for each further minor unit of cover) prove it by
    `price_bound`; a negative bound means that the decisions cannot settle together.
    """

    decisions: tuple[Decision, ...]
    prices: Integers
    bound_minor: int


@dataclass(frozen=True, slots=True)
class Bound:
    """The bound; `leaves` are its cases, each decided one way or the other; the largest is it.

    `chosen` is the best whole choice that was met on the way, if any.
    """

    bound_minor: int
    relaxed_minor: int
    leaves: tuple[Leaf, ...]
    chosen: Flags | None


class Relaxation:
    """The relaxation of one queue, solved again and again under different decisions.

    `solved` counts how often: the measure of effort.
    """

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        count = len(queue.cover)
        largest = 2**62 // (4 * count + 4)
        total = queue.total_minor + int(queue.cover.sum())
        if total > largest:
            raise QueueTooLarge(total, largest)
        self.solved = 0
        self._penalty = 3 * count + 3
        self._rows_by_pair = np.lexsort((-queue.amount, queue.pair))
        sizes = np.bincount(queue.pair, minlength=len(queue.pair_debtor))
        self._starts = np.concatenate([[0], np.cumsum(sizes)])
        self._amount_by_pair = queue.amount[self._rows_by_pair]
        self._used = np.flatnonzero(sizes)
        self._first_pair = np.unique(queue.pair_debtor, return_index=True)

    def undecided(self) -> Decided:
        """Every payment free."""
        return np.full(len(self.queue.amount), FREE, np.int8)

    def rows_of(self, pair: int) -> list[int]:
        """The payments of a directed pair, largest first."""
        rows: list[int] = self._rows_by_pair[self._starts[pair] : self._starts[pair + 1]].tolist()
        return rows

    def solve(self, decided: Decided, cover: Integers | None = None) -> Flows:
        """The most value under the decisions; `cover` takes the place of the queue's own if given."""
        self.solved += 1
        queue = self.queue
        ranges = self._ranges(decided)
        paid = ranges.free + ranges.fixed - ranges.over
        left = (queue.cover if cover is None else cover).copy()
        np.subtract.at(left, queue.pair_debtor, paid)
        np.add.at(left, queue.pair_creditor, paid)
        withdrawn, short = self._least_withdrawn(ranges.room, left)
        if ranges.impossible:
            short = short + queue.total_minor
        return Flows(
            free=ranges.free,
            settled=ranges.free - ranges.over - withdrawn,
            room=ranges.room,
            withdrawn=withdrawn,
            short=short,
            value_minor=int(paid.sum() - withdrawn.sum()),
        )

    def _least_withdrawn(self, room: Integers, left: Integers) -> tuple[Integers, Integers]:
        """Per pair what to withdraw until nobody is short; what they lack where that is not possible."""
        queue, count = self.queue, len(left)
        arcs = np.flatnonzero(room > 0)
        everybody, outside = np.arange(count), np.full(count, count)
        unlimited = np.full(count, 2 * queue.total_minor + int(left.clip(0).sum()))
        # Lending at a penalty makes every problem solvable, and solving half as fast: only where needed.
        for lends in (False, True):
            flow = SimpleMinCostFlow()
            flow.add_arcs_with_capacity_and_unit_cost(
                queue.pair_creditor[arcs], queue.pair_debtor[arcs], room[arcs], np.ones_like(arcs)
            )
            flow.add_arcs_with_capacity_and_unit_cost(
                everybody, outside, unlimited, np.zeros_like(outside)
            )
            lent = flow.add_arcs_with_capacity_and_unit_cost(
                outside, everybody, unlimited * lends, np.full(count, self._penalty * lends)
            )
            flow.set_nodes_supplies(np.arange(count + 1), np.append(left, -left.sum()))
            status = flow.solve()
            if status != flow.INFEASIBLE:
                break
        if status != flow.OPTIMAL:
            raise FlowUnsolved(str(status))
        withdrawn = np.zeros_like(room)
        withdrawn[arcs] = flow.flows(np.arange(len(arcs)))
        return withdrawn, flow.flows(lent)

    def prices(self, flows: Flows) -> Integers:
        """What a further minor unit of cover is worth to each participant, in value settled.

        Shortest paths in the residual graph: a unit at a debtor settles a unit of a withdrawn payment
        and goes on from its creditor; against a withdrawal it goes the other way at a loss.
        """
        queue = self.queue
        who, first = self._first_pair
        blocked = 2 * self._penalty
        back = flows.withdrawn[queue.reverse] < flows.room[queue.reverse]
        step = np.where(flows.withdrawn > 0, -1, np.where(back, 1, blocked))
        ends = np.where(flows.short > 0, -self._penalty, 0)
        cost = ends.copy()
        for _ in range(len(cost) + 1):
            before = cost.copy()
            if len(who):
                cost[who] = np.minimum(
                    ends[who], np.minimum.reduceat(step + before[queue.pair_creditor], first)
                )
            if (cost == before).all():
                break
        prices: Integers = -np.minimum(cost, 0)
        return prices

    def price_bound(self, decisions: tuple[Decision, ...], prices: Integers) -> int:
        """What no choice under the decisions can exceed, whatever the non-negative prices are.

        Whoever pays net pays the price of its cover and whoever receives gets it; the best that each
        pair can then do is summed up, with everybody's cover sold at its price. Negative where the
        prices prove that the decisions cannot settle together.
        """
        decided = self.undecided()
        for row, decision in decisions:
            decided[row] = decision
        ranges = self._ranges(decided)
        if ranges.impossible:
            return -1
        participants = len(self.queue.cover)
        without_relief = (prices > participants + 1).astype(np.int64)
        if without_relief.any() and self._priced(ranges, without_relief, value=0) < 0:
            return -1
        return self._priced(ranges, prices, value=1)

    def _priced(self, ranges: _Ranges, prices: Integers, *, value: int) -> int:
        """Cover at its price and each pair's best, with a settled unit worth `value`."""
        queue = self.queue
        one_way = queue.pair_debtor < queue.pair_creditor
        gross = ranges.free + ranges.fixed
        net = gross - gross[queue.reverse]
        after = net - ranges.over + ranges.over[queue.reverse]
        price = prices[queue.pair_debtor] - prices[queue.pair_creditor]
        best = np.maximum.reduce(
            [
                -value * np.abs(at - net) - price * at
                for at in (after - ranges.room, after, after + ranges.room[queue.reverse])
            ]
        )
        return int(prices @ queue.cover) + int(best[one_way].sum()) + value * int(gross.sum())

    def _pair_sums(self, counted: Flags) -> Integers:
        """Value of the counted payments per directed pair; flags in order of the pairs."""
        sums = np.zeros(len(self.queue.pair_debtor), np.int64)
        sums[self._used] = np.add.reduceat(
            np.where(counted, self._amount_by_pair, 0), self._starts[:-1][self._used]
        )
        return sums

    def _ranges(self, decided: Decided) -> _Ranges:
        queue = self.queue
        by_pair = decided[self._rows_by_pair]
        free = self._pair_sums(by_pair == FREE)
        fixed = self._pair_sums(by_pair == SETTLES)
        net = free + fixed - (free + fixed)[queue.reverse]
        over = np.maximum(net - queue.pair_limit, 0)
        after = net - over + over[queue.reverse]
        room = np.minimum(free - over, queue.pair_limit[queue.reverse] + after)
        return _Ranges(free=free, fixed=fixed, over=over, room=np.maximum(room, 0))


@dataclass(order=True, slots=True)
class _Open:
    """A case still to be split, the largest bound first."""

    order: tuple[int, int]
    leaf: Leaf = field(compare=False)
    flows: Flows = field(compare=False)


def tightened_bound(relaxation: Relaxation, *, settled_minor: int, branches: int) -> Bound:
    """A bound of what can settle, by at most so many solutions of the relaxation.

    Splits the case with the largest bound on a payment that the relaxation cuts, until the bound is
    `settled_minor` (which is known to be possible) or the branches are used up.
    """
    root = _case(relaxation, (), number=0)
    waiting, done, used = [root], [], 1
    best: tuple[int, Flags | None] = (settled_minor, None)
    while waiting and waiting[0].leaf.bound_minor > best[0] and used + 2 <= branches:
        case = heapq.heappop(waiting)
        row = _cut_payment(relaxation, case)
        if row is None:
            best = (case.flows.value_minor, _whole(relaxation, case))
            done.append(case.leaf)
            continue
        for decision in (STAYS, SETTLES):
            used += 1
            child = _case(relaxation, (*case.leaf.decisions, (row, decision)), number=used)
            if child.leaf.bound_minor > best[0]:
                heapq.heappush(waiting, child)
            else:
                done.append(child.leaf)
    leaves = (*done, *(case.leaf for case in waiting))
    return Bound(
        bound_minor=max(leaf.bound_minor for leaf in leaves),
        relaxed_minor=root.leaf.bound_minor,
        leaves=leaves,
        chosen=best[1],
    )


def _case(relaxation: Relaxation, decisions: tuple[Decision, ...], *, number: int) -> _Open:
    decided = relaxation.undecided()
    for row, decision in decisions:
        decided[row] = decision
    flows = relaxation.solve(decided)
    prices = relaxation.prices(flows)
    bound = relaxation.price_bound(decisions, prices)
    return _Open((-bound, number), Leaf(decisions, prices, bound), flows)


def fitting(relaxation: Relaxation, flows: Flows, pair: int, decided: set[int]) -> tuple[list[int], int]:
    """Free payments of a pair that fit its settled flow, largest first, and the flow left over."""
    left, taken = int(flows.settled[pair]), []
    for row in relaxation.rows_of(pair):
        amount = int(relaxation.queue.amount[row])
        if row not in decided and amount <= left:
            taken.append(row)
            left -= amount
    return taken, left


def _cut_payment(relaxation: Relaxation, case: _Open) -> int | None:
    """The largest payment cut in the pair whose flow is furthest from whole payments."""
    decided = {row for row, _ in case.leaf.decisions}
    most, cut = 0, None
    for pair in case.flows.partial.tolist():
        if int(case.flows.settled[pair]) <= most:
            continue
        taken, left = fitting(relaxation, case.flows, pair, decided)
        if left > most:
            rows = relaxation.rows_of(pair)
            most, cut = left, next(row for row in rows if row not in decided and row not in taken)
    return cut


def _whole(relaxation: Relaxation, case: _Open) -> Flags:
    """The payments of a solution that cuts none."""
    queue, flows = relaxation.queue, case.flows
    chosen: Flags = (flows.settled == flows.free)[queue.pair]
    decided = {row for row, _ in case.leaf.decisions}
    for pair in flows.partial.tolist():
        chosen[fitting(relaxation, flows, pair, decided)[0]] = True
    for row, decision in case.leaf.decisions:
        chosen[row] = decision == SETTLES
    return chosen
