"""Two amounts in two currencies against a rate table, by exact arithmetic."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.reconciliation.currency_pairs import (
    CURRENCY_PAIR_SCHEMA,
    EXPONENT_SCHEMA,
    RATE_SCHEMA,
    explain_by_rates,
)

DAY = date(2026, 3, 2)
EXPONENTS = pl.DataFrame(
    [("GBP", 2), ("USD", 2), ("UGX", 0), ("TND", 3)], schema=dict(EXPONENT_SCHEMA), orient="row"
)
Pair = tuple[int, str, int, str, date | None]


def explained(
    pairs: list[Pair], rates: list[tuple[date, str, str, int]], tolerance: int = 50
) -> pl.DataFrame:
    return explain_by_rates(
        pl.DataFrame(pairs, schema=dict(CURRENCY_PAIR_SCHEMA), orient="row"),
        rates=pl.DataFrame(rates, schema=dict(RATE_SCHEMA), orient="row"),
        exponents=EXPONENTS,
        tolerance_basis_points=tolerance,
    )


@settings(max_examples=60, deadline=None)
@given(
    minor=st.integers(-(10**14), 10**14).filter(bool),
    rate=st.integers(1, 5 * 10**12),
    currencies=st.permutations(["GBP", "UGX", "TND"]),
)
def test_the_expected_amount_is_the_exact_conversion_rounded(
    minor: int, rate: int, currencies: list[str]
) -> None:
    ours, theirs = currencies[:2]
    digits = dict(EXPONENTS.iter_rows())
    exact = (Decimal(minor).scaleb(-digits[ours], context=None) * Decimal(rate).scaleb(-9)).scaleb(
        digits[theirs]
    )
    if abs(exact) >= 2**62:
        return
    row = explained([(minor, ours, 1, theirs, DAY)], [(DAY, ours, theirs, rate)]).row(0, named=True)
    expected = int(exact.to_integral_value(rounding=ROUND_HALF_UP))
    assert row["expected_minor"] == expected
    assert row["is_explained"] == (abs(1 - expected) * 10_000 <= abs(expected) * 50)


def test_the_rate_known_on_the_value_date_counts_and_the_rows_keep_their_order() -> None:
    rates = [(DAY, "GBP", "USD", 1_300_000_000), (DAY + timedelta(days=2), "GBP", "USD", 2 * 10**9)]
    pairs: list[Pair] = [
        (500, "GBP", 1000, "USD", DAY + timedelta(days=3)),
        (500, "GBP", 650, "USD", DAY + timedelta(days=1)),
        (500, "GBP", 650, "USD", DAY - timedelta(days=1)),
        (500, "GBP", 650, "USD", None),
        (500, "GBP", 654, "USD", DAY),
    ]
    found = explained(pairs, rates)
    assert found["expected_minor"].to_list() == [1000, 650, None, None, 650]
    assert found["is_explained"].to_list() == [True, True, False, False, False]


def test_a_negative_tolerance_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        explained([], [], tolerance=-1)
