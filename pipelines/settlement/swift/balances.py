"""Balances (fields 60, 62, 64 and 65) of many statements at once.

Belongs here: their grammar, their kinds in ISO 20022's words, and what is refused of them.
"""

from collections.abc import Iterator

import polars as pl

from ledger_service.reference.currencies import exponents_on
from ledger_service.reference.money import with_minor_units
from pipelines.settlement.reading import Balance, Part, Refused
from pipelines.settlement.swift.dates import full_date, pointed

RAW_BALANCES = {
    "line": pl.UInt32,
    "statement": pl.String,
    "account": pl.String,
    "tag": pl.String,
    "text": pl.String,
    "cut": pl.Boolean,
}
"""A balance as it stands in the file."""

KINDS = {
    "60": "OPBD", "60F": "OPBD", "60M": "ITBD", "62": "CLBD", "62F": "CLBD", "62M": "ITBD",
    "64": "CLAV", "65": "FWAV",
}  # fmt: skip

_GRAMMAR = r"^(?<mark>[DC])(?<stated>\d{6})(?<currency>[A-Z]{3})(?<amount>\d{1,18},(?<decimals>\d*))\s*$"

_SENTENCES = {
    "truncated": "the file ends in it",
    "not_a_balance": "it is not mark, date, currency and an amount with a comma",
    "impossible_date": "there is no such day: ask the bank for the right one",
    "too_many_decimals": "it has more decimals than its currency",
    "unknown_currency": "its currency is not in ISO 4217",
    "currency_not_valid": "its currency was not valid on that day",
    "amount_overflow": "it is larger than any bank books",
    "not_a_number": "its amount is not a number",
}


def balance_parts(raw: pl.DataFrame) -> Iterator[Part]:
    """The balances (`RAW_BALANCES`) in order, then those that are refused."""
    rows = raw.with_columns(pl.col("text").str.extract_groups(_GRAMMAR).alias("found")).unnest("found")
    rows = rows.with_columns(on=full_date(pl.col("stated")), amount=pointed(pl.col("amount")))
    rows = with_minor_units(
        rows,
        amount="amount",
        currency_column="currency",
        on="on",
        minor="minor",
        fault="money_fault",
        signed=True,
    )
    rows = rows.join(
        exponents_on(rows.select("currency", "on")).select("currency", "on", "exponent"),
        on=["currency", "on"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    unended = pl.col("cut") & (pl.col("decimals").str.len_chars() < pl.col("exponent").cast(pl.Int64))
    rows = rows.with_columns(
        fault=pl.when(pl.col("mark").is_null())
        .then(pl.lit("not_a_balance"))
        .when(pl.col("on").is_null())
        .then(pl.lit("impossible_date"))
        .when(unended)
        .then(pl.lit("truncated"))
        .otherwise(pl.col("money_fault")),
        signed=pl.when(pl.col("mark") == "D").then(-pl.col("minor")).otherwise(pl.col("minor")),
        kind=pl.col("tag").replace_strict(KINDS),
    )
    good = rows.filter(pl.col("fault").is_null())
    for values in good.select("statement", "account", "kind", "currency", "signed", "on").iter_rows():
        yield Balance(*values)
    bad = rows.filter(pl.col("fault").is_not_null()).select("line", "tag", "fault", "text")
    for line, tag, fault, text in bad.iter_rows():
        yield Refused(0, f"line {line}", f":{tag}:", fault, f"{_SENTENCES[fault]}; given: {text[:60]!r}")
