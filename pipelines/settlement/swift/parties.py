"""Parties and agents of MT103 and MT202 as columns: fields 50, 52, 56, 57, 58 and 59.

Belongs here: the options (A a BIC, C a clearing code, D and K lines of text, F numbered lines), the
account line before them, and the clearing codes of `//` lines in ISO 20022's words.
"""

from collections.abc import Mapping

import polars as pl

from pipelines.settlement.swift.dates import text_or_null

CLEARING_CODES: Mapping[str, str] = {
    "AT": "ATBLZ", "AU": "AUBSB", "BL": "DEBLZ", "CC": "CACPA", "CN": "CNAPS", "CP": "USPID",
    "ES": "ESNCC", "FW": "USABA", "GR": "GRBIC", "HK": "HKNCC", "IE": "IENCC", "IN": "INFSC",
    "IT": "ITNCC", "NZ": "NZNCC", "PL": "PLKNR", "PT": "PTNCC", "RU": "RUCBC", "SC": "GBDSC",
    "SW": "CHBCC", "ZA": "ZANCC",
}  # fmt: skip
"""SWIFT's codes of clearing systems (fields 52 to 58) by ISO 20022's external codes."""

_BIC = r"(?m)^([A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)$"


def rejoined(lines: pl.Expr, *, width: int) -> pl.Expr:
    """Lines (a list) as one text: a blank after each that is not full; a full one was cut in a word."""
    line = pl.element()
    full = line.str.len_chars() >= width
    text = lines.list.eval(pl.when(full).then(line).otherwise(line + " ")).list.join("")
    return text_or_null(text)


def _matches(text: pl.Expr, pattern: str, *, strip: int = 0) -> pl.Expr:
    return text.str.extract_all(pattern).list.eval(pl.element().str.slice(strip))


def party(raw: str, option: str, *, prefix: str) -> list[pl.Expr]:
    """Columns `<prefix>_name`, `_id`, `_street`, `_postcode`, `_town`, `_country`, `_account`."""
    text, letter = pl.col(raw), pl.col(option)
    numbered, coded = letter == "F", letter == "A"
    account = text.str.extract(r"^/(?:[CD]/)?([^/\n][^\n]*)")
    lines = text.str.replace(r"^/[^\n]*(?:\n|$)", "").str.split("\n")
    place = text.str.extract(r"(?m)^3/[A-Z]{2}/([^\n]*)$")
    postcode = place.str.extract(r", ([A-Z0-9a-z -]*[0-9][A-Z0-9a-z -]*)$")
    town = pl.when(postcode.is_null()).then(place).otherwise(place.str.extract(r"^(.*), [^,]*$"))
    several = lines.list.len() > 2
    after = lines.list.slice(1, pl.when(several).then(lines.list.len() - 2).otherwise(1))
    columns = {
        "name": (rejoined(_matches(text, r"(?m)^1/[^\n]*$", strip=2), width=33), lines.list.first()),
        "street": (
            rejoined(_matches(text, r"(?m)^2/[^\n]*$", strip=2), width=33),
            after.list.join(", "),
        ),
        "town": (town, pl.when(several).then(lines.list.last())),
        "postcode": (postcode, None),
        "country": (text.str.extract(r"(?m)^3/([A-Z]{2})(?:/|$)"), None),
    }
    return [
        account.alias(f"{prefix}_account"),
        pl.when(coded).then(lines.list.first()).alias(f"{prefix}_id"),
        *(
            pl.when(numbered)
            .then(text_or_null(structured))
            .when(~coded & text.is_not_null())
            .then(pl.lit(None, pl.String) if plain is None else text_or_null(plain))
            .alias(f"{prefix}_{name}")
            for name, (structured, plain) in columns.items()
        ),
    ]


def agent(raw: str, *, prefix: str) -> list[pl.Expr]:
    """Columns `<prefix>_bic`, `_clearing`, `_member` and `_name` (where there is no BIC)."""
    text = pl.col(raw)
    code = text.str.extract(r"^//([A-Z]{2})[A-Z0-9]*(?:\n|$)")
    known = code.is_in(list(CLEARING_CODES))
    bic = text.str.extract(_BIC)
    first = text.str.replace(r"^(?:/[^\n]*(?:\n|$))+", "").str.split("\n").list.first()
    return [
        bic.alias(f"{prefix}_bic"),
        code.replace_strict(CLEARING_CODES, default=None).alias(f"{prefix}_clearing"),
        pl.when(known)
        .then(text.str.extract(r"^//[A-Z]{2}([A-Z0-9]+)(?:\n|$)"))
        .alias(f"{prefix}_member"),
        pl.when(bic.is_null()).then(text_or_null(first)).alias(f"{prefix}_name"),
    ]
