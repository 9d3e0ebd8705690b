"""What accounts hold and whom they hang together with: balances, salaries, employers, history.

Belongs here: everything that is added to an account once its holder is known (`population.py`).
"""

from datetime import date
from enum import StrEnum

import polars as pl

from pipelines.simulation.draws import draw_amounts, stream
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


def with_holdings(
    accounts: pl.DataFrame, *, economy: Economy, seed: int, first_date: date
) -> pl.DataFrame:
    """Complete numbered accounts to `ACCOUNT_COLUMNS`."""
    accounts = _linked(_with_money(economy, seed, accounts))
    return _with_history(seed, first_date, _with_employers(seed, accounts))


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
