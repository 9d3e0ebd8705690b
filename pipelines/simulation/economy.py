"""The economy's constants, read from the CSV files beside the code: countries, currencies, habits.

Belongs here: reading those tables and the arithmetic between currencies. Rates are indicative and
declared; they are nobody's market quotation.
"""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from pathlib import Path

import polars as pl

DATA = Path(__file__).parent / "data"
RATE_SCALE = 10_000
"""Rates are declared with four decimals."""


@dataclass(frozen=True, slots=True)
class Economy:
    """The tables of the simulated economy.

    `currencies`: currency, exponent, rate (units per USD x 10 000), spread_bp, cash_step_minor,
    threshold_minor (cash that must be reported, about 10 000 USD). `countries`: country, region,
    currency, second_currency, utc_offset_hours, customer_weight, salary_minor (monthly, home
    currency), salary_day, deposit_rate_bp. The others as their files state them.
    """

    currencies: pl.DataFrame
    countries: pl.DataFrame
    institutions: pl.DataFrame
    population: pl.DataFrame
    activity: pl.DataFrame
    hours: pl.DataFrame
    weekend: pl.DataFrame
    merchant_categories: pl.DataFrame
    credit_model: pl.DataFrame
    borrower_model: pl.DataFrame

    def hour_weights(self, profile: str) -> pl.Series:
        """Weights of the 24 local hours of a profile."""
        return self.hours.filter(profile=profile).sort("hour")["weight"]

    def weekend_permille(self, profile: str) -> int:
        """Activity of a profile on a Saturday or Sunday, in thousandths of a weekday's."""
        return int(self.weekend.filter(profile=profile)["weekend_permille"].item())

    def is_payday(self, *, country: str, day: date) -> bool:
        """Whether salaries are paid: on the salary day, or on the last weekday before it."""
        salary_day: int = self.countries.filter(country=country)["salary_day"].item()
        return day == _last_weekday_until(day.replace(day=min(salary_day, last_day(day).day)))


def last_day(day: date) -> date:
    """The last calendar day of the month of `day`."""
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return date.fromordinal(following.toordinal() - 1)


def _last_weekday_until(day: date) -> date:
    return date.fromordinal(day.toordinal() - max(0, day.weekday() - 4))


@lru_cache(maxsize=1)
def load_economy() -> Economy:
    """Read the tables; amounts become minor units of their currency."""
    raw = {
        path.stem: pl.read_csv(path, infer_schema_length=None, schema_overrides=_TEXT)
        for path in sorted(DATA.glob("*.csv"))
    }
    currencies = raw["currencies"].select(
        "currency",
        "exponent",
        "units_per_usd",
        pl.Series(
            "rate", [int(Decimal(rate) * RATE_SCALE) for rate in raw["currencies"]["units_per_usd"]]
        ),
        "spread_bp",
        cash_step_minor=pl.col("cash_step") * _power_of_ten(pl.col("exponent")),
        threshold_minor=pl.col("cash_threshold") * _power_of_ten(pl.col("exponent")),
    )
    countries = (
        raw["countries"]
        .join(currencies.select("currency", "exponent"), on="currency", maintain_order="left")
        .with_columns(salary_minor=pl.col("monthly_salary") * _power_of_ten(pl.col("exponent")))
        .drop("monthly_salary", "exponent")
    )
    tables = {name: frame for name, frame in raw.items() if name not in {"currencies", "countries"}}
    return Economy(currencies=currencies, countries=countries, **tables)


_TEXT = {"units_per_usd": pl.String, "merchant_category": pl.String}
_POWERS = {exponent: 10**exponent for exponent in range(4)}


def _power_of_ten(exponent: pl.Expr) -> pl.Expr:
    return exponent.replace_strict(_POWERS, return_dtype=pl.Int64)


def converted(
    amount_minor: pl.Expr,
    *,
    source: tuple[pl.Expr, pl.Expr],
    target: tuple[pl.Expr, pl.Expr],
    spread_bp: pl.Expr,
) -> pl.Expr:
    """What an amount is worth in another currency, in its minor units, rounded half to even.

    `source` and `target` are the (rate, exponent) columns of the two currencies; the spread is
    taken from the customer. Computed in 128 bits: an amount times a rate does not fit in 64.
    """
    wide = pl.Int128
    scale = 10_000
    numerator = (
        amount_minor.cast(wide)
        * target[0].cast(wide)
        * _power_of_ten(target[1]).cast(wide)
        * (scale - spread_bp).cast(wide)
    )
    denominator = source[0].cast(wide) * _power_of_ten(source[1]).cast(wide) * scale
    quotient = numerator // denominator
    twice = 2 * (numerator - quotient * denominator)
    up = (twice > denominator) | ((twice == denominator) & (quotient % 2 == 1))
    return (quotient + up.cast(wide)).cast(pl.Int64)


def from_home(amount_minor: int, *, economy: Economy, source: str, target: str) -> int:
    """An amount of one currency at the mid rate in another, minor units; for scaling, not booking."""
    rows = {row["currency"]: row for row in economy.currencies.iter_rows(named=True)}
    value = (
        Decimal(amount_minor).scaleb(-rows[source]["exponent"])
        * rows[target]["rate"]
        / rows[source]["rate"]
    ).scaleb(rows[target]["exponent"])
    return int(value.quantize(Decimal(1), ROUND_HALF_EVEN))


def decimal_text(amount_minor: pl.Expr, exponent: pl.Expr) -> pl.Expr:
    """Minor units as a decimal with exactly the currency's digits: `123.45`, `7`, `0.005`.

    Exponents are 0, 2 or 3, the only ones that ISO 4217 gives to currencies that people hold.
    """
    power = _power_of_ten(exponent)
    units = (amount_minor // power).cast(pl.String)
    fraction = (amount_minor % power).cast(pl.String)
    return (
        pl.when(exponent == 0)
        .then(units)
        .when(exponent == 2)
        .then(units + "." + fraction.str.zfill(2))
        .when(exponent == 3)
        .then(units + "." + fraction.str.zfill(3))
    )
