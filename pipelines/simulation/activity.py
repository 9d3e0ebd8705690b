"""Ordinary activity of one day: who pays whom, how much, at what hour.

Belongs here: the habits that `data/activity.csv` declares, paydays and the month's end. Whether a
payment is covered is decided afterwards (`coverage.py`); planted behaviour is in `typologies.py`.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from pipelines.simulation.draft import Column, draft
from pipelines.simulation.draws import (
    Ints,
    counts,
    draw_amounts,
    draw_weighted,
    happens,
    round_to_step,
    stream,
)
from pipelines.simulation.economy import Economy, last_day
from pipelines.simulation.holdings import Role

ON_US_PERMILLE = 450
"""Share of domestic transfers for which the creditor is sought in the debtor's own bank."""
SAME_REGION_FACTOR = 6
"""How much likelier a remittance goes to a country of the same region."""
ORDINARY_CASH_DIVISOR = 4
"""Ordinary cash stays below this part of the reporting threshold, so that what is planted stands out."""
MAINTENANCE_PERMILLE = 2
EXTERNAL_PARTIES = 2000


@dataclass(frozen=True, slots=True)
class Pool:
    """Accounts in groups: `members[starts[g] : starts[g] + sizes[g]]` are those of group `g`."""

    members: Ints
    starts: Ints
    sizes: Ints

    @classmethod
    def of(cls, members: Ints, groups: Ints, group_count: int) -> "Pool":
        """Group `members` by `groups`, numbers below `group_count`."""
        sizes = np.bincount(groups, minlength=group_count).astype(np.int64)
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        return cls(members[np.argsort(groups, kind="stable")], starts, sizes)

    def pick(self, rng: np.random.Generator, groups: Ints, *, skewed: bool = False) -> Ints:
        """A member of each group, -1 where it is empty; `skewed` prefers its first members."""
        sizes = self.sizes[groups]
        draws = rng.integers(0, 2**31, (2, len(groups))) % np.maximum(sizes, 1)
        at = draws[0] * draws[1] // np.maximum(sizes, 1) if skewed else draws[0]
        if not len(self.members):
            return np.full(len(groups), -1)
        return np.where(sizes > 0, self.members[(self.starts[groups] + at) % len(self.members)], -1)


class Market:
    """The accounts that can be paid, by country, by participant, and merchants by country.

    `country_of` and `participant_of` give the group number of every account.
    """

    def __init__(self, economy: Economy, accounts: pl.DataFrame) -> None:
        self.economy = economy
        self.accounts = accounts
        self.countries: list[str] = economy.countries["country"].to_list()
        participants = economy.institutions["participant_id"].to_list()
        self.country_of = _numbers(accounts["country"], self.countries)
        self.participant_of = _numbers(accounts["participant_id"], participants)
        payable = accounts.filter(pl.col("role") == Role.ACTIVE, "home")["index"].to_numpy()
        merchants = accounts.filter(pl.col("role") == Role.ACTIVE, "merchant")["index"].to_numpy()
        self.by_country = Pool.of(payable, self.country_of[payable], len(self.countries))
        self.by_participant = Pool.of(payable, self.participant_of[payable], len(participants))
        self.merchants = Pool.of(merchants, self.country_of[merchants], len(self.countries))
        regions = economy.countries["region"].to_numpy()
        weights = economy.countries["customer_weight"].to_numpy()
        near = np.where(regions[:, None] == regions[None, :], SAME_REGION_FACTOR, 1)
        self.corridors: Ints = near * weights[None, :] * (1 - np.eye(len(weights), dtype=np.int64))

    def domestic_creditor(self, rng: np.random.Generator, debtors: Ints) -> Ints:
        """Who receives a transfer inside the country, often in the same bank; -1 for nobody."""
        on_us = happens(rng, permille=ON_US_PERMILLE, count=len(debtors))
        same_bank = self.by_participant.pick(rng, self.participant_of[debtors])
        anywhere = self.by_country.pick(rng, self.country_of[debtors])
        creditors = np.where(on_us, same_bank, anywhere)
        return np.where(creditors == debtors, -1, creditors)

    def foreign_creditor(self, rng: np.random.Generator, debtors: Ints) -> Ints:
        """Who receives a remittance: an account of another country."""
        target = np.zeros(len(debtors), dtype=np.int64)
        for country, weights in enumerate(self.corridors):
            here = self.country_of[debtors] == country
            target[here] = draw_weighted(rng, weights, int(here.sum()))
        return self.by_country.pick(rng, target)

    def merchant(self, rng: np.random.Generator, debtors: Ints) -> Ints:
        """A merchant of the debtor's country; some are far busier than others."""
        return self.merchants.pick(rng, self.country_of[debtors], skewed=True)


def _numbers(values: pl.Series, names: list[str]) -> Ints:
    return values.replace_strict({name: i for i, name in enumerate(names)}).cast(pl.Int64).to_numpy()


def background(*, market: Market, seed: int, day: date, balances: Ints) -> pl.DataFrame:
    """A draft of everything ordinary that people set out to pay on `day`."""
    frames = [
        _habit(market, stream(seed, "habit", row, day), habit, day)
        for row, habit in enumerate(market.economy.activity.iter_rows(named=True))
    ]
    frames.append(_salaries(market, stream(seed, "salaries", day), day))
    if day == last_day(day):
        frames += _month_end(market, stream(seed, "month end", day), balances)
    return pl.concat(frames)


def seconds_of_day(rng: np.random.Generator, *, economy: Economy, profile: str, count: int) -> Ints:
    """Local times of day, in seconds, with the hours of a profile."""
    hours = draw_weighted(rng, economy.hour_weights(profile).to_numpy(), count)
    return hours * 3600 + rng.integers(0, 3600, count)


def _habit(market: Market, rng: np.random.Generator, habit: dict[str, Any], day: date) -> pl.DataFrame:
    """One row of the habits: how often, how much, when, to whom."""
    economy, kind = market.economy, habit["kind"]
    able = market.accounts.filter(
        pl.col("role") == Role.ACTIVE,
        pl.col("party_kind") == habit["party_kind"],
        pl.col("home") == (habit["balance"] == "home"),
        (pl.col("product") == habit["product"]) | (habit["product"] == "any"),
        pl.col("sibling").is_not_null() | (kind != "fx_conversion"),
    )
    weekend = economy.weekend_permille(habit["hours"]) if day.weekday() >= 5 else 1000
    times = counts(rng, rate_permille=habit["rate_permille"] * weekend // 1000, count=able.height)
    acting = able[np.repeat(np.arange(able.height), times)]
    who = acting["index"].to_numpy()
    amounts = _amounts(rng, habit, acting)
    debtor, creditor = _sides(market, rng, kind, acting)
    payments = draft(
        {
            "kind": kind,
            "debtor": debtor,
            "creditor": creditor,
            "external": rng.integers(1, EXTERNAL_PARTIES, len(who)),
            "amount_minor": amounts,
            "fee_minor": np.maximum(1, amounts * habit["fee_bp"] // 10_000) * (habit["fee_bp"] > 0),
            "second": seconds_of_day(rng, economy=economy, profile=habit["hours"], count=len(who)),
            "channel": habit["channel"],
            "purpose": habit["purpose"],
            "merchant_category": _merchant_categories(economy, rng, kind, len(who)),
        }
    )
    ordinary = pl.Series(amounts) * ORDINARY_CASH_DIVISOR < acting["threshold_minor"]
    found = (pl.col("debtor") != -1).fill_null(value=True) & (pl.col("creditor") != -1).fill_null(
        value=True
    )
    return payments.filter(found, ordinary | (habit["rounding"] != "cash"))


def _amounts(rng: np.random.Generator, habit: dict[str, Any], acting: pl.DataFrame) -> Ints:
    amounts = draw_amounts(
        rng,
        median_minor=np.maximum(1, acting["salary_minor"].to_numpy() * habit["median_permille"] // 1000),
        sigma_milli=habit["sigma_milli"],
        tail_milli=habit["tail_milli"],
    )
    note = acting["cash_step_minor"].to_numpy()
    steps = {"cash": note, "unit": np.maximum(1, note // 10), "exact": np.ones_like(note)}
    return round_to_step(amounts, steps[habit["rounding"]])


def _sides(
    market: Market, rng: np.random.Generator, kind: str, acting: pl.DataFrame
) -> tuple[Ints | None, Ints | None]:
    """Debtor and creditor of a habit's payments: an index, -1 for nobody found, None for no side."""
    who = acting["index"].to_numpy()
    match kind:
        case "credit_transfer":
            return who, market.domestic_creditor(rng, who)
        case "merchant_payment":
            return who, market.merchant(rng, who)
        case "remittance":
            return who, market.foreign_creditor(rng, who)
        case "fx_conversion":
            return who, acting["sibling"].to_numpy()
        case "cash_deposit" | "collection" | "loan_disbursement":
            return None, who
        case _:
            return who, None


def _merchant_categories(
    economy: Economy, rng: np.random.Generator, kind: str, count: int
) -> pl.Series | None:
    if kind != "card_purchase":
        return None
    chosen = draw_weighted(rng, economy.merchant_categories["weight"].to_numpy(), count)
    return economy.merchant_categories["merchant_category"].gather(chosen)


def _salaries(market: Market, rng: np.random.Generator, day: date) -> pl.DataFrame:
    """Everybody's salary where it is payday."""
    paying = [name for name in market.countries if market.economy.is_payday(country=name, day=day)]
    paid = market.accounts.filter(pl.col("employer").is_not_null(), pl.col("country").is_in(paying))
    return draft(
        {
            "kind": "salary",
            "debtor": paid["employer"],
            "creditor": paid["index"],
            "amount_minor": round_to_step(
                paid["salary_minor"].to_numpy(), np.maximum(1, paid["cash_step_minor"].to_numpy() // 10)
            ),
            "second": seconds_of_day(rng, economy=market.economy, profile="payroll", count=paid.height),
            "channel": "file",
            "purpose": "Monthly salary",
        }
    )


def _month_end(market: Market, rng: np.random.Generator, balances: Ints) -> list[pl.DataFrame]:
    """Interest on the day's opening balance of deposits, and the account's monthly charge."""
    held = market.accounts.filter(pl.col("role") == Role.ACTIVE, pl.col("product") == "deposit", "home")
    seconds = rng.integers(22 * 3600, 24 * 3600, held.height)
    late: dict[str, Column] = {"second": seconds, "channel": "file"}
    interest = draft(
        {
            "kind": "interest_credit",
            "creditor": held["index"],
            "amount_minor": pl.Series(balances[held["index"].to_numpy()])
            * held["deposit_rate_bp"]
            // (12 * 10_000),
            "purpose": "Deposit interest",
            **late,
        }
    )
    charge = draft(
        {
            "kind": "fee",
            "debtor": held["index"],
            "amount_minor": held["salary_minor"] * MAINTENANCE_PERMILLE // 1000,
            "purpose": "Monthly account charge",
            **late,
        }
    )
    return [frame.filter(pl.col("amount_minor") > 0) for frame in (interest, charge)]
