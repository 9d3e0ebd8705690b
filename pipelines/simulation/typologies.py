"""Planted money laundering: five typologies on accounts set aside for them, with their truth.

Every instance has an account of its own that does nothing else, so that what a rule should find,
and on which instructions, is exactly known. All five fit into a single day.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import numpy as np
import polars as pl

from pipelines.simulation.activity import Market
from pipelines.simulation.draft import DRAFT, draft
from pipelines.simulation.draws import Ints, stream
from pipelines.simulation.holdings import Role

STRUCTURING_DAYS = 3
FAN_IN_PAYERS = (12, 20)


class Typology(StrEnum):
    """A pattern of money laundering."""

    LARGE_CASH = "large_cash"
    """One cash deposit of 1.2 to 3 times the reporting threshold."""
    STRUCTURING = "structuring"
    """Three to five cash deposits of 82 to 97 % of the threshold, within three days."""
    RAPID_MOVEMENT = "rapid_movement"
    """Money in, and 92 to 98 % of it out again within four hours, in two or three transfers."""
    FAN_IN = "fan_in"
    """Twelve to twenty payers to one private account within a day, of about the same amount."""
    DORMANT_REACTIVATION = "dormant_reactivation"
    """After more than a year without a movement, most of the balance leaves in two transfers."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One planted instance: its account (a row of `accounts`), the day that it begins, its number."""

    typology: Typology
    account: dict[str, Any]
    start: int
    number: int

    @property
    def subject(self) -> int:
        """Index of the account."""
        return int(self.account["index"])


def instances_of_each(*, customers: int, days: int) -> int:
    """How many instances of each typology: one in 2 000 customer days, at least 2, never a crowd."""
    return min(max(2, customers * days // 2000), max(1, customers // 150))


def plan_instances(*, accounts: pl.DataFrame, days: int, each: int) -> list[Instance]:
    """Give each instance an account and a first day.

    Fan-in goes to the most populous countries, where it finds enough payers.
    """
    crowd = accounts.filter(role=Role.ACTIVE).group_by("country").agg(crowd=pl.len())
    suspects = (
        accounts.filter(role=Role.SUSPECT)
        .join(crowd, on="country", how="left", maintain_order="left")
        .sort("crowd", descending=True, maintain_order=True)
        .rows(named=True)
    )
    groups = {
        Typology.FAN_IN: suspects[:each],
        Typology.LARGE_CASH: suspects[each::3],
        Typology.STRUCTURING: suspects[each + 1 :: 3],
        Typology.RAPID_MOVEMENT: suspects[each + 2 :: 3],
        Typology.DORMANT_REACTIVATION: accounts.filter(role=Role.SLEEPER).rows(named=True),
    }
    return [
        Instance(typology, account, number * days // len(chosen), number)
        for typology, chosen in groups.items()
        for number, account in enumerate(chosen)
    ]


def planted(
    *,
    instances: list[Instance],
    market: Market,
    seed: int,
    dates: list[date],
    day: date,
    balances: Ints,
) -> pl.DataFrame:
    """A draft of what the instances do on `day`, which is one of the simulated `dates`."""
    at = dates.index(day)
    used = np.zeros(len(balances), dtype=np.bool_)
    rows: list[dict[str, Any]] = []
    for instance in instances:
        rng = stream(seed, instance.typology, instance.number, at)
        match instance.typology:
            case Typology.STRUCTURING if 0 <= at - instance.start < STRUCTURING_DAYS:
                steps = _structuring(seed, instance, at, len(dates))
            case Typology.LARGE_CASH if at == instance.start:
                steps = [_cash(rng, instance, (120, 300))]
            case Typology.RAPID_MOVEMENT if at == instance.start:
                steps = _rapid_movement(rng, instance, market)
            case Typology.FAN_IN if at == instance.start:
                steps = _fan_in(rng, instance, market, balances, used)
            case Typology.DORMANT_REACTIVATION if at == instance.start:
                steps = _reactivation(rng, instance, market)
            case _:
                steps = []
        rows += [{**step, "plan": instance.typology, "subject": instance.subject} for step in steps]
    if not rows:
        return pl.DataFrame(schema=DRAFT)
    return draft(pl.DataFrame(rows, infer_schema_length=None).to_dict())


def _cash(rng: np.random.Generator, instance: Instance, percent: tuple[int, int]) -> dict[str, Any]:
    """A cash deposit of a share of the threshold, in whole notes."""
    step = instance.account["cash_step_minor"]
    amount = (
        instance.account["threshold_minor"] * int(rng.integers(percent[0] * 10, percent[1] * 10)) // 1000
    )
    return {
        "kind": "cash_deposit",
        "creditor": instance.subject,
        "amount_minor": max(step, amount // step * step),
        "second": int(rng.integers(8 * 3600, 17 * 3600)),
        "channel": "branch",
        "purpose": "Cash deposit at branch",
    }


def _structuring(seed: int, instance: Instance, at: int, days: int) -> list[dict[str, Any]]:
    """The deposits of day number `at`; they are spread over up to three of the `days`."""
    span = min(STRUCTURING_DAYS, days - instance.start)
    rng = stream(seed, instance.typology, instance.number)
    deposits = [(_cash(rng, instance, (82, 97)), i % span) for i in range(int(rng.integers(3, 6)))]
    return [deposit for deposit, offset in deposits if offset == at - instance.start]


def _transfer(
    rng: np.random.Generator, instance: Instance, market: Market, *, amount_minor: int, second: int
) -> dict[str, Any]:
    """A transfer from the account to somebody in its country."""
    group = market.country_of[[instance.subject]]
    return {
        "kind": "credit_transfer",
        "debtor": instance.subject,
        "creditor": int(market.by_country.pick(rng, group)[0]),
        "amount_minor": max(1, amount_minor),
        "second": second,
        "channel": "app",
        "purpose": "Transfer",
    }


def _rapid_movement(
    rng: np.random.Generator, instance: Instance, market: Market
) -> list[dict[str, Any]]:
    """A collection from outside in the morning, transfers out within four hours of it."""
    account = instance.account
    amount = account["threshold_minor"] * int(rng.integers(25, 90)) // 100
    second = int(rng.integers(7 * 3600, 15 * 3600))
    out = amount * int(rng.integers(920, 980)) // 1000
    parts = int(rng.integers(2, 4))
    received = {
        "kind": "collection",
        "creditor": instance.subject,
        "external": int(rng.integers(1, 1000)),
        "amount_minor": amount,
        "second": second,
        "channel": "app",
        "purpose": "Top-up from bank account",
    }
    delays = np.sort(rng.integers(600, 4 * 3600, parts)).tolist()
    shares = [out // parts] * (parts - 1) + [out - out // parts * (parts - 1)]
    return [received] + [
        _transfer(rng, instance, market, amount_minor=share, second=second + delay)
        for share, delay in zip(shares, delays, strict=True)
    ]


def _fan_in(
    rng: np.random.Generator,
    instance: Instance,
    market: Market,
    balances: Ints,
    used: np.ndarray[Any, Any],
) -> list[dict[str, Any]]:
    """Small transfers from many payers who can afford them; payers are marked in `used`."""
    base = instance.account["salary_minor"] // 12
    group = int(market.country_of[instance.subject])
    start, size = int(market.by_country.starts[group]), int(market.by_country.sizes[group])
    around = market.by_country.members[start : start + size]
    able = rng.permutation(around[(balances[around] > 4 * base) & ~used[around]])
    payers = able[: int(rng.integers(*FAN_IN_PAYERS))]
    used[payers] = True
    return [
        {
            "kind": "credit_transfer",
            "debtor": int(payer),
            "creditor": instance.subject,
            "amount_minor": max(1, base * int(rng.integers(90, 110)) // 100),
            "second": int(rng.integers(8 * 3600, 20 * 3600)),
            "channel": "app",
            "purpose": "Contribution",
        }
        for payer in payers
    ]


def _reactivation(rng: np.random.Generator, instance: Instance, market: Market) -> list[dict[str, Any]]:
    """Two transfers out of an account that has long been still."""
    balance = instance.account["opening_minor"]
    second = int(rng.integers(9 * 3600, 15 * 3600))
    return [
        _transfer(rng, instance, market, amount_minor=balance * percent // 100, second=second + delay)
        for percent, delay in ((50, 0), (int(rng.integers(30, 45)), 1800))
    ]
