"""Field 86 and its kin: who, why and under which references, out of what banks write there.

Belongs here: the four ways in which they write it. German `nnn?00..?63` (Deutsche Kreditwirtschaft,
DFÜ-Abkommen, annex 3), whose purpose holds SEPA code words `EREF+`; ISO code words between slashes
(`/EREF/../REMI/..`); `:NS:` lines numbered 01 to 34; and free text. Everything is an expression over a
column, and every pattern is matched in linear time.
"""

import polars as pl

from pipelines.settlement.swift.dates import text_or_null

_SUBFIELD_WIDTH = 27
_MARK, _WORD, _SHORT = "\x1f", "\x1e", "\x1d"
"""Set before subfields and code words, and after a subfield that is not full, where a reference ends;
no text has them, controls were taken out."""

_SEPA_WORDS = (
    "EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|PURP|COAM|OAMT|IBAN|BIC|RREF|SQTP|ORCR|ORMR|MDAT|DDAT"
)
_ISO_WORDS = (
    "EREF|KREF|IREF|PREF|MARF|CSID|TRTP|IBAN|BIC|NAME|REMI|USTD|STRD|ORDP|BENM|CNTP|ISDT|PURP|RTRN|ULTC|"
    "ULTD|ULTB|EXCH|CHGS|OCMT|IACC|NRTX|SVCL|TRCD|UETR|ADDR|ID|ACCW|INIT|RREF"
)
_RETURNS = ("108", "109", "159", "184")
"""Business transaction codes of returned credit transfers and direct debits."""

_UETR = r"\b([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})\b"


def with_details(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` with the columns below, read out of `details` (field 86) and `bank_text` (`:NS:`).

    end_to_end_id, own_reference, mandate_id, uetr, counterparty_name, counterparty_account,
    counterparty_agent, remittance, reason_code, about (what the bank says besides).
    """
    joined = pl.col("details").str.replace_all("\n", "", literal=True)
    spaced = pl.col("details").str.replace_all(r"\s+", " ")
    rows = rows.with_columns(
        joined=joined,
        spaced=spaced,
        german=joined.str.contains(r"^\d{3}\?\d{2}").fill_null(False),
        words=joined.str.contains(rf"/(?:{_ISO_WORDS})/").fill_null(False),
    )
    rows = rows.with_columns(subfields=pl.col("joined").str.replace_all(r"\?(\d\d)", f"{_MARK}$1"))
    rows = rows.with_columns(
        purpose=_subfields("2[0-9]|6[0-3]", after_short=_SHORT), gvc=pl.col("joined").str.head(3)
    )
    rows = rows.with_columns(
        sepa=pl.col("purpose").str.replace_all(rf"({_SEPA_WORDS})\+", f"{_WORD}$1+"),
        iso=pl.col("joined").str.replace_all(rf"//?({_ISO_WORDS})/", f"{_WORD}$1/"),
    )
    choices = (_german(), _slashed(), _numbered(), _free())
    german, slashed, numbered, free = choices
    conditions = (pl.col("german"), pl.col("words"), pl.col("bank_text").is_not_null())
    return rows.with_columns(
        pl.when(conditions[0])
        .then(text_or_null(german.get(name, pl.lit(None, pl.String))))
        .when(conditions[1])
        .then(text_or_null(slashed.get(name, pl.lit(None, pl.String))))
        .when(conditions[2])
        .then(text_or_null(numbered.get(name, pl.lit(None, pl.String))))
        .otherwise(text_or_null(free.get(name, pl.lit(None, pl.String))))
        .alias(name)
        for name in dict.fromkeys(name for choice in choices for name in choice)
    ).drop("joined", "spaced", "german", "words", "subfields", "purpose", "gvc", "sepa", "iso")


def _subfields(numbers: str, *, after_short: str = " ") -> pl.Expr:
    """Subfields of these numbers in their order, with something after each that is not full."""
    found = pl.col("subfields").str.extract_all(f"{_MARK}(?:{numbers})[^{_MARK}]*")
    text = pl.element().str.slice(3)
    full = text.str.len_chars() >= _SUBFIELD_WIDTH
    return (
        found.list.eval(pl.when(full).then(text).otherwise(text + after_short))
        .list.join("")
        .str.strip_chars(f" {_SHORT}")
    )


def _german() -> dict[str, pl.Expr]:
    def word(name: str) -> pl.Expr:
        return pl.col("sepa").str.extract(rf"{_WORD}{name}\+([^{_WORD}{_SHORT}]*)")

    def text(pattern: str) -> pl.Expr:
        found = pl.col("sepa").str.extract(pattern).str.replace_all(_SHORT, " ", literal=True)
        return text_or_null(found)

    behind = rf"{_WORD}(?:EREF|KREF|MREF|CRED)\+[^{_WORD}{_SHORT}]*{_SHORT}([^{_WORD}]+)"
    extension = _subfields("34")
    return {
        "end_to_end_id": word("EREF"),
        "own_reference": word("KREF"),
        "mandate_id": word("MREF"),
        "uetr": pl.col("joined").str.extract(_UETR),
        "counterparty_name": _subfields("3[23]"),
        "counterparty_account": pl.coalesce(text_or_null(_subfields("31")), word("IBAN")),
        "counterparty_agent": pl.coalesce(text_or_null(_subfields("30")), word("BIC")),
        "remittance": pl.coalesce(
            text(rf"{_WORD}SVWZ\+([^{_WORD}]*)"), text(f"^([^{_WORD}]+)"), text(behind)
        ),
        "reason_code": pl.when(pl.col("gvc").is_in(_RETURNS)).then(extension),
        "about": pl.concat_str(
            pl.col("gvc"), text_or_null(_subfields("00")), separator=" ", ignore_nulls=True
        ),
    }


def _slashed() -> dict[str, pl.Expr]:
    def word(name: str) -> pl.Expr:
        found = pl.col("iso").str.extract(rf"{_WORD}(?:{name})/([^{_WORD}]*)")
        return text_or_null(found.str.strip_chars_start("/"))

    def party(part: int) -> pl.Expr:
        return word("CNTP").str.splitn("/", 4).struct.field(f"field_{part}")

    return {
        "end_to_end_id": word("EREF"),
        "own_reference": pl.coalesce(word("KREF"), word("PREF")),
        "mandate_id": word("MARF"),
        "uetr": pl.col("joined").str.extract(_UETR),
        "counterparty_name": pl.coalesce(word("NAME"), party(2)),
        "counterparty_account": pl.coalesce(word("IBAN"), party(0)),
        "counterparty_agent": pl.coalesce(word("BIC"), party(1)),
        "remittance": pl.coalesce(
            word("REMI").str.replace(r"^(?:USTD|STRD)/+", ""), word("USTD"), pl.col("spaced")
        ),
        "reason_code": word("RTRN"),
        "about": word("TRTP"),
    }


def _numbered() -> dict[str, pl.Expr]:
    def lines(numbers: str, *, by: str) -> pl.Expr:
        found = pl.col("bank_text").str.extract_all(rf"(?m)^(?:{numbers})[^\n]*$")
        return found.list.eval(pl.element().str.slice(2)).list.join(by)

    numbered = pl.col("bank_text").str.contains(r"(?m)^\d\d")
    return {
        "counterparty_name": lines("15|16", by=""),
        "counterparty_account": lines("34", by=""),
        "counterparty_agent": lines("33", by=""),
        "remittance": pl.when(numbered)
        .then(lines("0[1-9]|1[0-4]", by=" "))
        .otherwise(pl.col("bank_text").str.replace_all(r"\s+", " ")),
        "about": lines("17", by=""),
    }


def _free() -> dict[str, pl.Expr]:
    return {"remittance": pl.col("spaced"), "uetr": pl.col("joined").str.extract(_UETR)}
