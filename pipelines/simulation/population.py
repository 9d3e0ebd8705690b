"""Who lives in the economy: participants, customers, their accounts, and the nostros of each book.

Belongs here: everything that is fixed before the first day begins, opening balances included.

Holders are named by composing a generic label and their number ("Customer KE-000123", "Trader
GH-000045"). A generated personal name sooner or later is some living person's, next to a planted
crime, and would also hit the sanctions lists by accident; a label can do neither.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.simulation.draws import Ints, draw_weighted, happens, stream
from pipelines.simulation.economy import Economy
from pipelines.simulation.holdings import Role, with_holdings

DORMANT_PERMILLE = 40


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
    return Population(
        participants=_participants(economy),
        accounts=with_holdings(accounts, economy=economy, seed=seed, first_date=first_date),
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
