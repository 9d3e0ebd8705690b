"""The reporting threshold of each currency: the amount of cash from which a report is due.

Belongs here: reading `thresholds.csv` (currency, from, amount as a decimal in major units, basis).
A compliance officer changes the law's figure there; the rules state their own limits as basis points
of it, so that one rule serves every currency.
"""

from datetime import date
from pathlib import Path

import polars as pl

from ledger_service.reference.currencies import exponents_on
from ledger_service.reference.money import MoneyFault, with_minor_units
from pipelines.aml.refusals import FieldMalformed, VersionsOverlap

THRESHOLDS_FILE = Path(__file__).with_name("thresholds.csv")

_COLUMNS = {"currency": pl.String, "from": pl.Date, "amount": pl.String, "basis": pl.String}


def thresholds_at(business_date: date, *, file: Path = THRESHOLDS_FILE) -> pl.DataFrame:
    """The thresholds effective on a date: currency, threshold_minor (Int64), exponent (Int32).

    Currencies that are not legal tender on the date are left out. Raises `FieldMalformed` for an
    amount that the currency cannot have and `VersionsOverlap` for two figures from the same date.
    """
    declared = pl.read_csv(file, schema=_COLUMNS)
    twice = declared.filter(pl.struct("currency", "from").is_duplicated())
    if twice.height:
        raise VersionsOverlap(
            file=file, field=twice["currency"][0], reason=f"two amounts from {twice['from'][0]}"
        )
    effective = (
        declared.filter(pl.col("from") <= business_date)
        .sort("currency", "from")
        .unique("currency", keep="last", maintain_order=True)
        .with_columns(on=pl.lit(business_date))
    )
    amounts = with_minor_units(
        effective,
        amount="amount",
        currency_column="currency",
        on="on",
        minor="threshold_minor",
        fault="fault",
    )
    wrong = amounts.filter(pl.col("fault").is_not_null() & (pl.col("fault") != _NOT_VALID))
    if wrong.height:
        raise FieldMalformed(file=file, field=wrong["currency"][0], reason=wrong["fault"][0])
    return (
        amounts.filter(pl.col("fault").is_null())
        .join(exponents_on(amounts), on=["currency", "on"])
        .select("currency", "threshold_minor", "exponent")
        .sort("currency")
    )


_NOT_VALID = str(MoneyFault.CURRENCY_NOT_VALID)
