"""Text becomes minor units exactly, or is refused for a named reason."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.reference.currencies import currency
from ledger_service.reference.money import InvalidAmount, MoneyFault, to_minor, with_minor_units

ON = date(2026, 1, 5)
CODES = ("KES", "UGX", "XOF", "TND", "MGA", "USD", "SLL", "SLE", "QQQ", "")


def set_based(rows: list[tuple[str | None, str]], *, signed: bool = False) -> list[int | str | None]:
    frame = pl.DataFrame(rows, schema={"amount": pl.String, "currency": pl.String}, orient="row")
    result = with_minor_units(
        frame.with_columns(on=pl.lit(ON)),
        amount="amount",
        currency_column="currency",
        on="on",
        minor="minor",
        fault="fault",
        signed=signed,
    )
    assert result.filter(pl.col("minor").is_not_null() & pl.col("fault").is_not_null()).is_empty()
    return [fault or minor for minor, fault in result.select("minor", "fault").iter_rows()]


def scalar(amount: str, code: str, *, signed: bool = False) -> int | str:
    try:
        return to_minor(amount, code, ON, signed=signed)
    except InvalidAmount as error:
        return error.fault.value


@pytest.mark.parametrize(
    ("amount", "code", "expected"),
    [
        ("10.5", "KES", 1050),
        ("0.001", "TND", 1),
        ("100", "UGX", 100),
        ("007.10", "KES", 710),
        ("92233720368547758.07", "KES", 2**63 - 1),
        ("92233720368547758.08", "KES", MoneyFault.OVERFLOW),
        ("9" * 5000, "KES", MoneyFault.OVERFLOW),
        ("100.00", "UGX", MoneyFault.TOO_MANY_DECIMALS),
        ("1.001", "KES", MoneyFault.TOO_MANY_DECIMALS),
        ("0.00", "KES", MoneyFault.NOT_POSITIVE),
        ("-1", "KES", MoneyFault.NOT_POSITIVE),
        ("NaN", "KES", MoneyFault.NOT_A_NUMBER),
        ("inf", "KES", MoneyFault.NOT_A_NUMBER),
        ("1e3", "KES", MoneyFault.NOT_A_NUMBER),
        ("1,000", "KES", MoneyFault.NOT_A_NUMBER),
        ("١٢", "KES", MoneyFault.NOT_A_NUMBER),
        ("1\n", "KES", MoneyFault.NOT_A_NUMBER),
        (".5", "KES", MoneyFault.NOT_A_NUMBER),
        ("", "KES", MoneyFault.NOT_A_NUMBER),
        ("1", "SLL", MoneyFault.CURRENCY_NOT_VALID),
        ("1", "kes", MoneyFault.UNKNOWN_CURRENCY),
        ("NaN", "QQQ", MoneyFault.UNKNOWN_CURRENCY),
    ],
)
def test_an_amount_is_converted_or_refused_alike_alone_and_in_a_column(
    amount: str, code: str, expected: int | MoneyFault
) -> None:
    assert scalar(amount, code) == expected
    assert set_based([(amount, code)]) == [expected]


def test_an_absent_amount_is_neither_a_number_nor_a_fault() -> None:
    assert set_based([(None, "KES")]) == [None]


def test_a_balance_may_be_negative_or_zero() -> None:
    assert set_based([("-1.50", "KES"), ("0", "KES"), ("-0.001", "KES")], signed=True) == [
        -150,
        0,
        MoneyFault.TOO_MANY_DECIMALS,
    ]


numbers = st.from_regex(r"-?[0-9]{1,22}(\.[0-9]{1,4})?", fullmatch=True)
texts = st.one_of(numbers, st.text(alphabet="0123456789.-+eE, Naif\n٣", max_size=12))


@given(rows=st.lists(st.tuples(texts, st.sampled_from(CODES)), max_size=30), signed=st.booleans())
def test_columns_agree_with_the_scalar_on_any_text(rows: list[tuple[str, str]], signed: bool) -> None:
    assert set_based(list(rows), signed=signed) == [scalar(*row, signed=signed) for row in rows]


@given(
    amount=st.decimals(min_value=Decimal("0.01"), max_value=Decimal(10**15), places=2),
    code=st.sampled_from(["KES", "NGN", "ZAR", "MGA"]),
)
def test_converting_is_exact_decimal_arithmetic(amount: Decimal, code: str) -> None:
    assert to_minor(f"{amount:f}", code, ON) == amount * 10 ** currency(code, on=ON).exponent


def test_the_exponent_is_the_one_of_the_date() -> None:
    table = pl.DataFrame(
        {
            "code": ["AAA", "AAA"],
            "numeric": ["001", "001"],
            "exponent": [2, 0],
            "valid_from": [None, date(2020, 1, 1)],
            "valid_to": [date(2019, 12, 31), None],
            "name": ["A", "A"],
        },
        schema_overrides={"exponent": pl.Int32},
    )
    frame = pl.DataFrame({"amount": ["5", "5"], "on": [date(2019, 12, 31), date(2020, 1, 1)]})
    result = with_minor_units(
        frame.with_columns(currency=pl.lit("AAA")),
        amount="amount",
        currency_column="currency",
        on="on",
        minor="minor",
        fault="fault",
        currencies=table,
    )
    assert result["minor"].to_list() == [500, 5]
