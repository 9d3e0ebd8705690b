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
from pipelines.simulation.lending_history import (
    default_probability_ppm,
    earlier_loans,
    migrated_loans,
    with_opening_before,
)
from pipelines.simulation.loan_book import after_repayments, granted, owed_by_account, repayments
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
    minor units, that each partner bank states before the day; `loans` (columns of `LOAN`) are all so
    far, as they stand after the day.
    """

    day: date
    payments: pl.DataFrame
    stated: StatedDay
    stated_opening: Ints
    loans: pl.DataFrame

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
        self.economy = economy
        self.seed = seed
        self.dates = dates
        self.default_ppm = default_probability_ppm(population.accounts, economy=economy, seed=seed)
        self.earlier_loans = earlier_loans(
            population.accounts,
            economy=economy,
            probability_ppm=self.default_ppm,
            seed=seed,
            first_date=dates[0],
        )
        self.accounts = with_opening_before(
            population.accounts, self.earlier_loans, seed=seed, first_date=dates[0]
        )
        self.market = Market(economy, self.accounts)
        self.instances = instances

    def days(self) -> Iterator[PlayedDay]:
        """Each date in turn; what is migrated, balances and loans, are instructions of the first."""
        nostros = self.accounts.filter(role=Role.NOSTRO)
        loans = self.earlier_loans
        stated_balances = self.accounts["opening_minor"].to_numpy().copy()
        balances = stated_balances + owed_by_account(loans, len(stated_balances))
        migrated = self._migrated()
        for day in self.dates:
            booked, new_loans = self._booked(day, balances, loans)
            loans = pl.concat([after_repayments(loans, booked, day=day), new_loans])
            refused = plan_shortfalls(
                booked,
                market=self.market,
                seed=self.seed,
                day=day,
                balances=balances,
                count=max(3, self.accounts.height // SHORTFALLS_PER_ACCOUNT),
            )
            payments = pl.concat([migrated, booked, refused], how="diagonal")
            lines = numbered(payments, accounts=self.accounts, seed=self.seed, day=day)
            sent = lines.filter((pl.col("plan") != INSUFFICIENT).fill_null(value=True))
            stated = state_day(sent, nostros=nostros, seed=self.seed, day=day)
            yield PlayedDay(day, lines, stated, stated_balances, loans)
            balances = settle(booked, accounts=self.accounts, balances=balances)
            stated_balances = stated_balances + net_by_nostro(stated.entries, len(balances))
            migrated = migrated.clear()

    def _migrated(self) -> pl.DataFrame:
        """A draft of what the first date brings over from earlier systems, with `days_before`."""
        loans = migrated_loans(
            self.earlier_loans,
            accounts=self.accounts,
            economy=self.economy,
            seed=self.seed,
            first_date=self.dates[0],
        )
        return pl.concat([opening_balances(self.accounts), loans], how="diagonal_relaxed")

    def _booked(
        self, day: date, balances: Ints, loans: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """What the ledger will book of the day, covered, with fees; and the loans it disburses."""
        plan = planted(
            instances=self.instances,
            market=self.market,
            seed=self.seed,
            dates=self.dates,
            day=day,
            balances=balances,
        )
        ordinary, new_loans = granted(
            background(market=self.market, seed=self.seed, day=day, balances=balances),
            loans=loans,
            accounts=self.accounts,
            probability_ppm=self.default_ppm,
            seed=self.seed,
            day=day,
        )
        due = repayments(loans, seed=self.seed, day=day)
        wished = with_counter_amount(pl.concat([due, ordinary, plan]), self.accounts)
        covered = keep_covered(wished, accounts=self.accounts, balances=balances)
        return with_fees(covered), new_loans
