"""The table of currencies is ISO 4217's, with the redenominations that banks must not mix up."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from ledger_service.reference.currencies import (
    CurrencyNotValid,
    UnknownCurrency,
    currency,
    currency_table,
)

ON = date(2026, 1, 5)


@pytest.mark.parametrize(
    ("exponent", "codes"),
    [
        (0, "UGX RWF XOF XAF BIF DJF GNF KMF JPY"),
        (2, "MGA SOS MRU NGN KES ZAR EGP GHS CZK USD EUR GBP ZWG STN SLE"),
        (3, "TND LYD KWD BHD"),
    ],
)
def test_exponents_are_those_of_iso_4217(exponent: int, codes: str) -> None:
    assert {currency(code, on=ON).exponent for code in codes.split()} == {exponent}


@pytest.mark.parametrize(
    ("old", "new", "introduced", "withdrawn"),
    [
        ("SLL", "SLE", date(2022, 4, 1), date(2023, 12, 31)),
        ("MRO", "MRU", date(2018, 1, 1), date(2018, 6, 30)),
        ("STD", "STN", date(2018, 1, 1), date(2018, 6, 30)),
        ("ZMK", "ZMW", date(2013, 1, 1), date(2013, 6, 30)),
        ("GHC", "GHS", date(2007, 7, 1), date(2007, 12, 31)),
        ("ZWL", "ZWG", date(2024, 6, 25), date(2024, 8, 31)),
    ],
)
def test_a_redenomination_hands_over_from_old_to_new(
    old: str, new: str, introduced: date, withdrawn: date
) -> None:
    assert currency(old, on=withdrawn).code == old
    assert currency(new, on=introduced).code == new
    with pytest.raises(CurrencyNotValid):
        currency(old, on=date.fromordinal(withdrawn.toordinal() + 1))
    with pytest.raises(CurrencyNotValid):
        currency(new, on=date.fromordinal(introduced.toordinal() - 1))


def test_gold_and_typing_errors_are_no_currencies() -> None:
    for code in ("XAU", "XXX", "KSH", "kes", ""):
        with pytest.raises(UnknownCurrency):
            currency(code, on=ON)


def test_no_code_has_two_exponents_on_one_date() -> None:
    ends = currency_table().with_columns(
        previous_end=pl.col("valid_to").fill_null(date.max).shift(1).over("code")
    )
    starts_before_the_end = pl.col("valid_from").fill_null(date.min) <= pl.col("previous_end")
    assert ends.filter(starts_before_the_end).is_empty()
    assert currency_table().filter(~pl.col("numeric").str.contains("^[0-9]{3}$")).is_empty()


def test_every_currency_of_the_rate_feed_is_known(shared_data: Path) -> None:
    rates = pl.read_csv(shared_data / "fx" / "hmrc_gbp_monthly_2015_2022.csv")
    unknown = set(rates["currency"].unique()) - set(currency_table()["code"])
    assert unknown == {"ECS", "SRG"}  # withdrawn in 2000 and 2004, years before the feed begins
