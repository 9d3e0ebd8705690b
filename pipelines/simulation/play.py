"""Playing the days one after the other, each from the balances that the one before left."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.simulation.activity import Market, background
from pipelines.simulation.coverage import INSUFFICIENT, keep_covered, plan_shortfalls, settle
from pipelines.simulation.draft import with_counter_amount, with_fees
from pipelines.simulation.draws import Ints
from pipelines.simulation.economy import Economy
from pipelines.simulation.holdings import Role
from pipelines.simulation.population import Population
from pipelines.simulation.rendering import numbered, opening_balances
from pipelines.simulation.statements import StatedDay, net_by_nostro, state_day
from pipelines.simulation.typologies import Instance, planted

SHORTFALLS_PER_ACCOUNT = 2000
"""One payment a day in this many accounts is planted not to be covered; at least three are."""


@dataclass(frozen=True, slots=True)
class PlayedDay:
    """One simulated day.

    `payments` as `numbered` returns them; `stated_opening` the balance, by account index and in
    minor units, that each partner bank states before the day.
    """

    day: date
    payments: pl.DataFrame
    stated: StatedDay
    stated_opening: Ints

    @property
    def plans(self) -> pl.DataFrame:
        """The planted payments, with their `day`."""
        return self.payments.filter(pl.col("plan").is_not_null()).with_columns(day=pl.lit(self.day))

    @property
    def breaks(self) -> pl.DataFrame:
        """The planted breaks, with their `business_date`."""
        return self.stated.breaks.with_columns(business_date=pl.lit(self.day))


class Play:
    """The economy in motion: who lives in it, what is planted, and the dates to play."""

    def __init__(
        self,
        *,
        economy: Economy,
        population: Population,
        instances: list[Instance],
        seed: int,
        dates: list[date],
    ) -> None:
        self.accounts = population.accounts
        self.market = Market(economy, population.accounts)
        self.instances = instances
        self.seed = seed
        self.dates = dates

    def days(self) -> Iterator[PlayedDay]:
        """Each date in turn; opening balances are instructions of the first."""
        nostros = self.accounts.filter(role=Role.NOSTRO)
        balances = self.accounts["opening_minor"].to_numpy().copy()
        stated_balances = balances.copy()
        opening = opening_balances(self.accounts)
        for day in self.dates:
            booked = self._booked(day, balances)
            refused = plan_shortfalls(
                booked,
                market=self.market,
                seed=self.seed,
                day=day,
                balances=balances,
                count=max(3, self.accounts.height // SHORTFALLS_PER_ACCOUNT),
            )
            payments = pl.concat([opening, booked, refused], how="diagonal")
            lines = numbered(payments, accounts=self.accounts, seed=self.seed, day=day)
            sent = lines.filter((pl.col("plan") != INSUFFICIENT).fill_null(value=True))
            stated = state_day(sent, nostros=nostros, seed=self.seed, day=day)
            yield PlayedDay(day, lines, stated, stated_balances)
            balances = settle(booked, accounts=self.accounts, balances=balances)
            stated_balances = stated_balances + net_by_nostro(stated.entries, len(balances))
            opening = opening.clear()

    def _booked(self, day: date, balances: Ints) -> pl.DataFrame:
        """What the ledger will book of the day: the ordinary and the planted, covered, with fees."""
        plan = planted(
            instances=self.instances,
            market=self.market,
            seed=self.seed,
            dates=self.dates,
            day=day,
            balances=balances,
        )
        ordinary = background(market=self.market, seed=self.seed, day=day, balances=balances)
        wished = with_counter_amount(pl.concat([ordinary, plan]), self.accounts)
        return with_fees(keep_covered(wished, accounts=self.accounts, balances=balances))
