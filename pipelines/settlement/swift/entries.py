"""Statement lines (field 61) as entries: raw texts of many statements at once become typed columns.

Belongs here: the grammar of field 61 and what is refused of it. The marks RC and RD are reversals and
move the account as debit and credit; EC and ED are expected. An entry date has no year: it is taken
from the value date. A day that does not exist, an amount that is none, and a line that the file ends
in are refused: nothing is put right silently.
"""

from collections.abc import Iterator

import polars as pl

from ledger_service.reference.money import with_minor_units
from pipelines.settlement.reading import ENTRIES_READ, Part, Records, Refused
from pipelines.settlement.swift.dates import full_date, near_date, pointed, text_or_null
from pipelines.settlement.swift.details import with_details

RAW_ENTRIES = {
    "row": pl.UInt32,
    "line": pl.UInt32,
    "message_id": pl.String,
    "account": pl.String,
    "currency": pl.String,
    "entry": pl.UInt32,
    "text": pl.String,
    "details": pl.String,
    "bank_text": pl.String,
    "cut": pl.Boolean,
}
"""A statement line as it stands in the file: `text` is field 61, `details` 86, `bank_text` NS."""

_LINE = (
    r"^(?<value>\d{6})(?<entered>\d{4}|\s{4})?(?<mark>[RE]?[DC])(?<funds>[A-Z])?[\n ]?"
    r"(?<amount>\d{1,18},\d*)(?<kind>[A-Z][A-Z0-9 ]{3})(?<own>[^\n]*?)(?://(?<bank>[^\n]*))?"
    r"(?:\n(?<besides>[\s\S]*))?$"
)
_WORD_AMOUNT = r"/{}/([A-Z]{{3}})(\d{{1,18}},\d*)/"
_NO_REFERENCE = ("NONREF", "KREF+", "NOTPROVIDED")

_SENTENCES = {
    "outside_statement": "no statement begins before it: its account or currency is not known",
    "truncated": "the file ends in it",
    "not_a_statement_line": "it is not written as field 61: date, mark, amount with a comma, type",
    "impossible_date": "there is no such day: ask the bank for the right one",
    "too_many_decimals": "its amount has more decimals than its currency",
    "unknown_currency": "its currency is not in ISO 4217",
    "currency_not_valid": "its currency was not valid on the value date",
    "amount_overflow": "its amount is larger than any bank books",
    "not_a_number": "its amount is not a number",
}


def entry_parts(raw: pl.DataFrame) -> Iterator[Part]:
    """The entries among statement lines (`RAW_ENTRIES`), then those that are refused."""
    rows = raw.with_columns(pl.col("text").str.extract_groups(_LINE).alias("found")).unnest("found")
    rows = rows.with_columns(value_date=full_date(pl.col("value")))
    entered = text_or_null(pl.col("entered"))
    rows = rows.with_columns(booking_date=near_date(entered, pl.col("value_date")))
    rows = with_minor_units(
        rows.with_columns(pointed(pl.col("amount")).alias("amount")),
        amount="amount",
        currency_column="currency",
        on="value_date",
        minor="amount_minor",
        fault="money_fault",
        signed=True,
    )
    rows = rows.with_columns(
        fault=pl.when(pl.col("account").is_null() | pl.col("currency").is_null())
        .then(pl.lit("outside_statement"))
        .when(pl.col("cut"))
        .then(pl.lit("truncated"))
        .when(pl.col("value").is_null())
        .then(pl.lit("not_a_statement_line"))
        .when(
            pl.col("value_date").is_null() | (entered.is_not_null() & pl.col("booking_date").is_null())
        )
        .then(pl.lit("impossible_date"))
        .otherwise(pl.col("money_fault"))
    )
    good = rows.filter(pl.col("fault").is_null())
    if good.height:
        yield Records("entries", _entries(good))
    bad = rows.filter(pl.col("fault").is_not_null()).select("row", "line", "fault", "text")
    for row, line, fault, text in bad.iter_rows():
        sentence = f"{_SENTENCES[fault]}; given: {text[:60]!r}"
        yield Refused(row, f"line {line}", ":61:", fault, sentence)


def _entries(good: pl.DataFrame) -> pl.DataFrame:
    rows = with_details(good)
    texts = pl.concat_str("besides", "details", separator="\n", ignore_nulls=True)
    for word, name in (("OCMT", "original"), ("CHGS", "charges")):
        pattern = _WORD_AMOUNT.format(word)
        rows = with_minor_units(
            rows.with_columns(
                texts.str.extract(pattern, 1).alias(f"{name}_currency"),
                pointed(texts.str.extract(pattern, 2)).alias("word_amount"),
            ),
            amount="word_amount",
            currency_column=f"{name}_currency",
            on="value_date",
            minor=f"{name}_minor",
            fault=f"{name}_fault",
            signed=True,
        )
    own = text_or_null(pl.col("own"))
    debit = pl.col("mark").is_in(["D", "ED", "RC"])
    known = pl.col("original_fault").is_null()
    filled = rows.with_columns(
        place=pl.format("line {}", "line"),
        detail=pl.lit(0, pl.UInt32),
        direction=pl.when(debit).then(pl.lit("D")).otherwise(pl.lit("C")),
        reversal=pl.col("mark").str.starts_with("R"),
        status=pl.when(pl.col("mark").str.starts_with("E"))
        .then(pl.lit("PDNG"))
        .otherwise(pl.lit("BOOK")),
        transaction_code=pl.col("kind").str.strip_chars_end(),
        bank_reference=text_or_null(pl.col("bank")),
        instruction_id=pl.coalesce("own_reference", pl.when(~own.is_in(_NO_REFERENCE)).then(own)),
        transaction_id=pl.lit(None, pl.String),
        original_currency=pl.when(known).then("original_currency"),
        original_amount_minor=pl.col("original_minor"),
        charges_minor=pl.when(pl.col("charges_currency") == pl.col("currency")).then("charges_minor"),
        information=text_or_null(
            pl.concat_str(
                text_or_null(pl.col("besides").str.replace_all("\n", " ", literal=True)),
                "about",
                separator=" ",
                ignore_nulls=True,
            )
        ),
    )
    return filled.select(pl.col(name).cast(kind) for name, kind in ENTRIES_READ.items())
