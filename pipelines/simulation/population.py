"""Who lives in the economy: participants, customers, their accounts, and the nostros of each book.

Belongs here: everything that is fixed before the first day begins, opening balances included.

Holders are named by composing a generic label and their number ("Customer KE-000123", "Trader
GH-000045"). A generated personal name sooner or later is some living person's, next to a planted
crime, and would also hit the sanctions lists by accident; a label can do neither.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import polars as pl

from pipelines.simulation.draws import Ints, draw_amounts, draw_weighted, happens, stream
from pipelines.simulation.economy import Economy, from_home


class Role(StrEnum):
    """What an account does during the simulated days."""

    ACTIVE = "active"
    """Pays and is paid."""
    DORMANT = "dormant"
    """Has not moved for more than a year, and does not move."""
    SUSPECT = "suspect"
    """Set aside for a planted typology: moves only as the plan says."""
    SLEEPER = "sleeper"
    """Set aside for a planted reactivation: has not moved for more than a year."""
    NOSTRO = "nostro"
    """A participant's money at its partner bank."""


DORMANT_PERMILLE = 40
SLEEPER_SALARIES = 6
"""What an account had, at least, when it fell asleep: a reactivation is worth somebody's while."""


ACCOUNT_COLUMNS = (
    "index",
    "participant_id",
    "account",
    "product",
    "currency",
    "party_id",
    "party_kind",
    "holder_name",
    "opened_on",
    "role",
    "merchant",
    "country",
    "region",
    "home",
    "sibling",
    "employer",
    "nostro",
    "partner_id",
    "salary_minor",
    "opening_minor",
    "last_movement",
    "moved_at_second",
    "utc_offset_hours",
    "deposit_rate_bp",
    "rate",
    "exponent",
    "spread_bp",
    "cash_step_minor",
    "threshold_minor",
)


@dataclass(frozen=True, slots=True)
class Population:
    """Participants and accounts; `accounts` is in the order of its `index`, 0 .. n-1.

    Of a customer account: `home` tells whether it is in the home currency, `sibling` is the index of
    the holder's account in the other one, `employer` the index of who pays the holder's salary,
    `nostro` the index of the participant's nostro in the account's currency, `salary_minor` a
    monthly salary in its currency and the scale of its habits; `last_movement` is in days before
    the first date. A nostro has `partner_id` and neither product nor holder.
    """

    participants: pl.DataFrame
    accounts: pl.DataFrame


def populate(
    *, economy: Economy, seed: int, first_date: date, customers: int, suspects: int, sleepers: int
) -> Population:
    """Draw the population: `customers` holders, some with a second account, and the nostros.

    Of the persons among them `suspects` and `sleepers` are set aside for planted typologies.
    """
    people = _with_roles(seed, _customers(economy, seed, customers), suspects, sleepers)
    accounts = pl.concat([people, _second_accounts(economy, seed, people)], how="diagonal")
    accounts = pl.concat([accounts, _nostros(economy, accounts)], how="diagonal").with_row_index("index")
    accounts = accounts.with_columns(pl.col("index").cast(pl.Int64))
    accounts = _linked(_with_money(economy, seed, accounts))
    return Population(
        participants=_participants(economy),
        accounts=_with_history(seed, first_date, _with_employers(seed, accounts)),
    )


def _participants(economy: Economy) -> pl.DataFrame:
    return economy.institutions.join(
        economy.countries.select("country", home_currency="currency"),
        on="country",
        maintain_order="left",
    ).with_columns(has_book=pl.col("kind") != "partner_bank")


def _customers(economy: Economy, seed: int, customers: int) -> pl.DataFrame:
    """One row a customer with the home-currency account, ordered by country, then participant."""
    rng = stream(seed, "customers")
    countries = economy.countries.with_row_index("country_at")
    kinds = economy.population
    chosen = pl.DataFrame(
        {
            "country_at": np.sort(_apportion(countries["customer_weight"].to_numpy(), customers)),
            "kind_at": draw_weighted(rng, kinds["weight_permille"].to_numpy(), customers),
            "book_at": draw_weighted(rng, _book_weights(economy), customers),
        }
    )
    books = economy.institutions.filter(pl.col("kind") != "partner_bank").with_columns(
        book_at=pl.int_range(pl.len()).over("country")
    )
    people = (
        chosen.join(countries.cast({"country_at": pl.Int64}), on="country_at", maintain_order="left")
        .join(
            kinds.with_row_index("kind_at").cast({"kind_at": pl.Int64}),
            on="kind_at",
            maintain_order="left",
        )
        .join(
            books.select("country", "book_at", "participant_id", participant_kind="kind"),
            on=["country", "book_at"],
            maintain_order="left",
        )
        .sort("country_at", "participant_id", maintain_order=True)
        .with_columns(
            party_id=pl.col("country")
            + "-"
            + pl.int_range(1, pl.len() + 1).over("country").cast(pl.String).str.zfill(6)
        )
    )
    return people.with_columns(
        home=pl.lit(value=True),
        merchant=pl.col("merchant") == 1,
        holder_name=pl.col("holder_label") + " " + pl.col("party_id"),
        product=pl.when(pl.col("participant_kind") == "bank")
        .then(pl.lit("deposit"))
        .otherwise(pl.lit("wallet")),
        account=pl.col("participant_id").str.replace("-", "")
        + pl.int_range(1, pl.len() + 1).over("participant_id").cast(pl.String).str.zfill(8),
    )


def _with_roles(seed: int, people: pl.DataFrame, suspects: int, sleepers: int) -> pl.DataFrame:
    rng = stream(seed, "roles")
    asleep = happens(rng, permille=DORMANT_PERMILLE, count=people.height)
    roles = np.where(asleep, Role.DORMANT, Role.ACTIVE).astype(object)
    chosen = rng.permutation(np.flatnonzero((people["party_kind"] == "person").to_numpy()))
    roles[chosen[:suspects]] = Role.SUSPECT
    roles[chosen[suspects : suspects + sleepers]] = Role.SLEEPER
    return people.with_columns(role=pl.Series([str(role) for role in roles]))


def _apportion(weights: Ints, total: int) -> Ints:
    """`total` indices into `weights`, shared out in proportion (largest remainder)."""
    exact = weights * total
    shares = exact // weights.sum()
    order = np.argsort(-(exact % weights.sum()), kind="stable")
    shares[order[: total - shares.sum()]] += 1
    return np.repeat(np.arange(len(weights)), shares)


def _book_weights(economy: Economy) -> Ints:
    """Market shares of a country's books, in their order: the same in every country."""
    first = economy.countries["country"][0]
    books = economy.institutions.filter(
        (pl.col("kind") != "partner_bank") & (pl.col("country") == first)
    )
    return books["customer_weight"].to_numpy()


def _second_accounts(economy: Economy, seed: int, people: pl.DataFrame) -> pl.DataFrame:
    """Accounts in USD or EUR of some active customers of banks and fintechs."""
    rng = stream(seed, "second accounts")
    draw = rng.integers(0, 1000, people.height)
    return people.filter(
        pl.Series(draw) < pl.col("second_account_permille"),
        pl.col("role") == Role.ACTIVE,
        pl.col("participant_kind") != "mobile_money",
    ).with_columns(
        home=pl.lit(value=False),
        currency="second_currency",
        account=pl.col("account") + pl.col("second_currency").str.slice(0, 1),
    )


def _nostros(economy: Economy, accounts: pl.DataFrame) -> pl.DataFrame:
    """One nostro a participant and currency, at the partner bank of its country."""
    partners = economy.institutions.filter(kind="partner_bank").select(
        "country", partner_id="participant_id"
    )
    held = accounts.group_by("participant_id", "country", "currency", "home").agg(holders=pl.len())
    return (
        held.sort("participant_id", "currency")
        .join(partners, on="country", maintain_order="left")
        .join(
            economy.countries.select("country", "utc_offset_hours"), on="country", maintain_order="left"
        )
        .with_columns(
            role=pl.lit(Role.NOSTRO),
            merchant=pl.lit(value=False),
            account="nostro:" + pl.col("partner_id") + ":" + pl.col("currency"),
        )
    )


def _with_money(economy: Economy, seed: int, accounts: pl.DataFrame) -> pl.DataFrame:
    """Each account's scale (a monthly salary in its own currency) and opening balance."""
    scales = pl.DataFrame(
        [
            {
                "country": row["country"],
                "currency": target,
                "typical_minor": from_home(
                    row["salary_minor"], economy=economy, source=row["currency"], target=target
                ),
            }
            for row in economy.countries.iter_rows(named=True)
            for target in (row["currency"], row["second_currency"])
        ]
    )
    accounts = (
        accounts.drop("salary_minor")
        .join(scales, on=["country", "currency"], maintain_order="left")
        .join(economy.currencies, on="currency", maintain_order="left")
    )
    typical = accounts["typical_minor"].to_numpy()
    salaries = draw_amounts(
        stream(seed, "salaries"), median_minor=typical, sigma_milli=450, tail_milli=2800
    )
    rng = stream(seed, "opening balances")
    opening = draw_amounts(
        rng,
        median_minor=salaries * accounts["opening_median_permille"].fill_null(0).to_numpy() // 1000,
        sigma_milli=1000,
        tail_milli=1700,
    )
    reserve = typical * (40 + 5 * accounts["holders"].fill_null(0).cast(pl.Int64).to_numpy())
    return accounts.with_columns(
        salary_minor=pl.Series(salaries),
        opening_minor=pl.when(pl.col("role") == Role.NOSTRO)
        .then(pl.Series(reserve))
        .when(pl.col("role") == Role.SLEEPER)
        .then(pl.Series(opening + SLEEPER_SALARIES * salaries))
        .otherwise(pl.Series(opening)),
    )


def _linked(accounts: pl.DataFrame) -> pl.DataFrame:
    """Point each account at its holder's other account and at its participant's nostro."""
    nostros = accounts.filter(role=Role.NOSTRO).select("participant_id", "currency", nostro="index")
    own = accounts.filter(pl.col("party_id").is_not_null()).select("party_id", "home", sibling="index")
    return (
        accounts.with_columns(other=~pl.col("home"))
        .join(
            own,
            left_on=["party_id", "other"],
            right_on=["party_id", "home"],
            how="left",
            maintain_order="left",
        )
        .join(nostros, on=["participant_id", "currency"], how="left", maintain_order="left")
    )


def _with_employers(seed: int, accounts: pl.DataFrame) -> pl.DataFrame:
    """Give some persons an employer in their country, and employers the means of two payrolls."""
    rng = stream(seed, "employers")
    firms = (
        accounts.filter(party_kind="sme", role=Role.ACTIVE, home=True)
        .group_by("country")
        .agg(firms="index")
    )
    draw = rng.integers(0, 1000, accounts.height)
    pick = rng.integers(0, 2**31, accounts.height)
    accounts = (
        accounts.join(firms, on="country", how="left", maintain_order="left")
        .with_columns(
            employer=pl.when(
                pl.col("role") == Role.ACTIVE,
                pl.col("home"),
                pl.Series(draw) < pl.col("employed_permille"),
                pl.col("firms").is_not_null(),
            ).then(
                pl.col("firms").list.get(pl.Series(pick) % pl.col("firms").list.len(), null_on_oob=True)
            )
        )
        .drop("firms")
    )
    payroll = accounts.group_by(index="employer").agg(payroll_minor=2 * pl.col("salary_minor").sum())
    return accounts.join(payroll, on="index", how="left", maintain_order="left").with_columns(
        opening_minor=pl.col("opening_minor") + pl.col("payroll_minor").fill_null(0)
    )


def _with_history(seed: int, first_date: date, accounts: pl.DataFrame) -> pl.DataFrame:
    """When each account was opened and last moved, both before the first date."""
    rng = stream(seed, "history")
    count = accounts.height
    recent, long_ago = rng.integers(1, 60, count), rng.integers(400, 1200, count)
    asleep = pl.col("role").is_in([Role.DORMANT, Role.SLEEPER])
    return (
        accounts.with_columns(
            last_movement=pl.when(asleep).then(pl.Series(long_ago)).otherwise(pl.Series(recent)),
            moved_at_second=pl.Series(rng.integers(7 * 3600, 21 * 3600, count)),
        )
        .with_columns(
            opened_on=pl.lit(first_date)
            - pl.duration(days=pl.col("last_movement") + pl.Series(rng.integers(30, 2500, count)))
        )
        .select(ACCOUNT_COLUMNS)
    )
