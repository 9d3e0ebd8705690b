"""Texts of SWIFT fields, as expressions: wrapped into lines, amounts with a comma, what cannot be said.

Belongs here: what all our FIN messages are written with. A text is wrapped at blanks into lines shorter
than the width, a longer word is cut at the full width; so whoever reads it joins a full line to the
next without a blank, and any other with one. No line begins with a colon or a hyphen, which would end
the field or the message.
"""

from collections.abc import Mapping

import polars as pl

from ledger_service.reference.currencies import exponents_on
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.swift.parties import rejoined

LINE_END = "\r\n"
_KEPT = "\x02"
"""Stands for a blank at which no line may break."""

REFERENCE = r"^[a-zA-Z0-9\-?:().,'+ ](?:/?[a-zA-Z0-9\-?:().,'+ ]){0,15}$"
"""16x: neither begins nor ends with a slash, nor has two together."""

_LONGEST_AMOUNT = 15


def lines_of_text(text: pl.Expr, *, width: int) -> pl.Expr:
    """A text as a list of lines."""
    held = text.str.replace_all(" ([:-])", f"{_KEPT}$1")
    cut = width - 1
    words = rf".{{1,{cut}}}(?: |$)|[^ ]{{{width}}}| [^ ]{{{cut}}}"
    found = held.str.extract_all(words)
    return found.list.eval(pl.element().str.strip_suffix(" ").str.replace_all(_KEPT, " ", literal=True))


def refuse(rows: pl.DataFrame, unsayable: pl.Expr, *, field: str, sentence: str) -> None:
    """Raise `FileRefused` for the first of `rows` (with `row`) of which `unsayable` holds."""
    found = rows.filter(unsayable.fill_null(False)).head(1)
    if found.height:
        raise FileRefused("not_sayable", f"row {found['row'].item()}, {field}", sentence)


def refuse_columns(payments: pl.DataFrame, sayable: frozenset[str], *, message: str) -> None:
    """Raise `FileRefused` when a column has values that the message has no field for."""
    for name in payments.columns:
        if name not in sayable and payments[name].null_count() < payments.height:
            row = payments[name].is_not_null().arg_max()
            sentence = (
                f"an {message} has no field for it: leave the column out, or choose another format"
            )
            raise FileRefused("not_sayable", f"row {(row or 0) + 1}, {name}", sentence)


def wrapped(rows: pl.DataFrame, text: pl.Expr, *, width: int, most: int, field: str) -> pl.DataFrame:
    """`rows` with `field` (a list of lines) of `text`; refuses what the lines would not give back."""
    out = rows.with_columns(text.alias("__text"), lines_of_text(text, width=width).alias(field))
    plain = pl.col("__text").str.extract_all(f".{{1,{width}}}")
    fits = (plain.list.len() <= most) & ~plain.list.eval(pl.element().str.ends_with(" ")).list.any()
    lines = pl.col(field)
    out = out.with_columns(
        pl.when((lines.list.len() > most) & fits).then(plain).otherwise(lines).alias(field)
    )
    long = lines.list.len() > most
    refuse(out, long, field=field, sentence=f"it needs more than {most} lines of {width} characters")
    begins = lines.list.eval(pl.element().str.contains("^[:-]")).list.any()
    refuse(out, begins, field=field, sentence="a line of it would begin with a colon or a hyphen")
    lost = pl.col("__text").is_not_null() & rejoined(lines, width=width).ne_missing(pl.col("__text"))
    refuse(out, lost, field=field, sentence=f"it cannot be wrapped into lines of {width} characters")
    return out.drop("__text")


def with_amount(
    rows: pl.DataFrame,
    *,
    minor: str,
    currency: str,
    on: str,
    written: str,
    longest: int = _LONGEST_AMOUNT,
) -> pl.DataFrame:
    """`rows` with `written`: the absolute amount of minor units, with a comma and all its decimals."""
    exponents = exponents_on(rows.select(currency=pl.col(currency), on=pl.col(on)))
    joined = rows.join(
        exponents.select("currency", "on", __exponent=pl.col("exponent").cast(pl.Int64)),
        left_on=[currency, on],
        right_on=["currency", "on"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    there = pl.col(minor).is_not_null()
    refuse(
        joined,
        there & pl.col("__exponent").is_null(),
        field=currency,
        sentence="it is not a valid currency",
    )
    digits = pl.col(minor).cast(pl.Int128).abs().cast(pl.String)
    padded = digits.str.zfill(pl.col("__exponent") + 1)
    whole = padded.str.slice(0, padded.str.len_chars().cast(pl.Int64) - pl.col("__exponent"))
    decimals = padded.str.slice(padded.str.len_chars().cast(pl.Int64) - pl.col("__exponent"))
    out = joined.with_columns(pl.concat_str(whole, pl.lit(","), decimals).alias(written))
    sentence = f"it has more than {longest} characters"
    refuse(out, pl.col(written).str.len_chars() > longest, field=minor, sentence=sentence)
    return out.drop("__exponent")


def field(tag: str, text: pl.Expr) -> pl.Expr:
    """A field, its line end before it; null where the text is."""
    return pl.concat_str(pl.lit(f"{LINE_END}:{tag}:"), text)


def message(fields: list[pl.Expr]) -> pl.Expr:
    """Fields in order, those that are null left out."""
    return pl.concat_str(fields, ignore_nulls=True)


def on_lines(lines: pl.Expr) -> pl.Expr:
    """A list of lines as text; null where there are none."""
    return pl.when(lines.list.len() > 0).then(lines.list.join(LINE_END))


def refuse_account(rows: pl.DataFrame, name: str) -> None:
    """Refuse accounts that an `/account` line would give back as others."""
    account = pl.col(name)
    bad = ~account.str.contains(r"^[^/].{0,33}$") | account.str.contains("^[CD]/")
    sentence = "an account has 34 characters, and begins with no slash and no debit or credit mark (C/)"
    refuse(rows, bad, field=name, sentence=sentence)


def check_code(rows: pl.DataFrame, patterns: Mapping[str, str], *, message: str) -> None:
    """Raise `FileRefused` for the first value of a column that is not of its pattern."""
    for name, pattern in patterns.items():
        refuse(
            rows,
            ~pl.col(name).str.contains(pattern),
            field=name,
            sentence=f"an {message} cannot say it: it is to match {pattern}",
        )
