"""Walking one account's stated balances of one day, step by step.

Belongs here: the accounts of a day on which something does not follow directly; they are few. The
many on which every step agrees are settled by one expression in `stated_balances.py`.

A step is one item with a stated balance. Its difference is what the bank's balance moved beyond the
item's own amount. A difference is explained, in this order, by entries that the bank had not stated
yet (it now includes them), by rounding, or by an earlier difference that it takes back; else it is a
break, reported at this step and never again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pipelines.reconciliation.chaining import Step, best_order


@dataclass(frozen=True, slots=True)
class StatedItem:
    """A ledger entry after which the bank states a balance."""

    version: int
    signed_minor: int
    stated_minor: int


@dataclass(frozen=True, slots=True)
class Outstanding:
    """A ledger entry that no stated balance has included yet."""

    version: int
    signed_minor: int


@dataclass(frozen=True, slots=True)
class OpenDifference:
    """A break of the account that is open from an earlier date."""

    ref: str
    difference_minor: int


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What became of one item: `difference_minor` is left of it after the entries it `covers`.

    `resolves_ref` or `resolves_version` name the earlier break, or the step of the same day, whose
    difference this one takes back.
    """

    version: int
    difference_minor: int
    is_break: bool
    covers: tuple[int, ...] = ()
    resolves_ref: str | None = None
    resolves_version: int | None = None


def walk_account(
    items: Sequence[StatedItem],
    *,
    opening_minor: int,
    tolerance_minor: int,
    outstanding: Sequence[Outstanding],
    open_differences: Sequence[OpenDifference],
) -> list[StepOutcome]:
    """The outcome of each item, in the order in which the bank's balances follow from each other."""
    ordered = _in_bank_order(items, opening_minor=opening_minor, tolerance_minor=tolerance_minor)
    waiting = list(outstanding)
    open_refs = {item.ref: item.difference_minor for item in open_differences}
    outcomes: list[StepOutcome] = []
    balance = opening_minor
    for item in ordered:
        moved = item.stated_minor - item.signed_minor - balance
        balance = item.stated_minor
        covered = _covered(waiting, moved=moved, version=item.version, tolerance_minor=tolerance_minor)
        waiting = [entry for entry in waiting if entry not in covered]
        left = moved - sum(entry.signed_minor for entry in covered)
        outcome = StepOutcome(
            version=item.version,
            difference_minor=left,
            is_break=abs(left) > tolerance_minor,
            covers=tuple(entry.version for entry in covered),
        )
        if outcome.is_break:
            outcome = _take_back(
                outcome, outcomes=outcomes, open_refs=open_refs, tolerance_minor=tolerance_minor
            )
        outcomes.append(outcome)
    return outcomes


def _in_bank_order(
    items: Sequence[StatedItem], *, opening_minor: int, tolerance_minor: int
) -> list[StatedItem]:
    steps = [
        Step(before_minor=item.stated_minor - item.signed_minor, after_minor=item.stated_minor)
        for item in items
    ]
    balances = [opening_minor, *(step.after_minor for step in steps)]
    agree = (
        abs(step.before_minor - balance) <= tolerance_minor
        for step, balance in zip(steps, balances, strict=False)
    )
    if all(agree):
        return list(items)
    order = best_order(steps, opening_minor=opening_minor, tolerance_minor=tolerance_minor)
    return [items[index] for index in order]


def _covered(
    waiting: Sequence[Outstanding], *, moved: int, version: int, tolerance_minor: int
) -> list[Outstanding]:
    """The outstanding entries that explain the movement: all, those before the item, or one.

    With a tolerance a small entry would explain anything: it must bring the movement nearer to 0.
    """
    for chosen in _choices(waiting, version=version):
        left = abs(moved - sum(entry.signed_minor for entry in chosen))
        if chosen and left <= tolerance_minor and left <= abs(moved):
            return chosen
    return []


def _choices(waiting: Sequence[Outstanding], *, version: int) -> Iterator[list[Outstanding]]:
    yield list(waiting)
    yield [entry for entry in waiting if entry.version < version]
    for entry in waiting:
        yield [entry]


def _take_back(
    outcome: StepOutcome,
    *,
    outcomes: list[StepOutcome],
    open_refs: dict[str, int],
    tolerance_minor: int,
) -> StepOutcome:
    """Resolve the oldest difference that this one takes back; it then is no break, nor is that one."""
    for ref, difference in open_refs.items():
        if abs(difference + outcome.difference_minor) <= tolerance_minor:
            del open_refs[ref]
            return replace(outcome, is_break=False, resolves_ref=ref)
    for index, earlier in enumerate(outcomes):
        if (
            earlier.is_break
            and abs(earlier.difference_minor + outcome.difference_minor) <= tolerance_minor
        ):
            outcomes[index] = replace(earlier, is_break=False, resolves_version=outcome.version)
            return replace(outcome, is_break=False, resolves_version=earlier.version)
    return outcome
