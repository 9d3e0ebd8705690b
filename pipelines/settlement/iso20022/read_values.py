"""Texts of records as values: dates, amounts, yes or no; what is none is a problem of its record.

Belongs here: set-based conversion of columns, and how a problem is told. The first thing wrong with a
column is told, in words that hold the text as it stands in the file, so that nothing is lost.
"""

from datetime import date

import polars as pl

from ledger_service.reference.money import with_minor_units
from pipelines.settlement.problems import PROBLEMS

_DATE = r"^\d{4}-\d{2}-\d{2}(Z|[+-]\d{2}:\d{2}|T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?)?$"
TEXT_TOLD = 60
"""Characters of a text that are told in a sentence."""
_SENTENCES = {
    "missing": "the message definition requires it",
    "not_a_date": "{} is not a date",
    "not_a_boolean": "{} is neither true nor false",
    "direction_unknown": "{} is neither CRDT nor DBIT",
    "unknown_currency": "{} is in a currency that ISO 4217 does not have",
    "currency_not_valid": "{} is in a currency that was none on that day",
    "not_a_number": "{} is not a plain decimal number",
    "not_positive": "{} is not above zero",
    "negative": "{} is below zero; the direction is told beside an amount, never by its sign",
    "too_many_decimals": "{} has more decimals than its currency",
    "amount_overflow": "{} is more than any account can hold",
}
_WHAT_NOW = ": it was not taken, ask the sender to correct it"


class Values:
    """A frame of texts on its way to typed columns, with the problems met."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame
        self._problems: list[pl.DataFrame] = []

    def require(self, *names: str) -> None:
        """These columns may not be null in records; transactions of a batch entry may be silent."""
        for name in names:
            self._note(pl.col(name).is_null() & (pl.col("detail") == 0), name, "missing")

    def dates(self, *names: str) -> None:
        """Texts of dates, or of dates with times: the day as it stands, whatever the time zone."""
        for name in names:
            text = pl.col(name)
            typed = (
                pl.when(text.str.contains(_DATE))
                .then(text.str.head(10))
                .str.to_date("%Y-%m-%d", strict=False)
            )
            self._type(name, typed, "not_a_date")

    def booleans(self, name: str) -> None:
        """`true` and `1`, `false` and `0`; absent is false."""
        given = {"true": True, "1": True, "false": False, "0": False}
        typed = pl.col(name).replace_strict(given, default=None, return_dtype=pl.Boolean)
        self._type(name, typed, "not_a_boolean")
        self.frame = self.frame.with_columns(pl.col(name).fill_null(False))

    def directions(self, name: str) -> None:
        """CRDT and DBIT to C and D."""
        typed = pl.col(name).replace_strict(
            {"CRDT": "C", "DBIT": "D"}, default=None, return_dtype=pl.String
        )
        self._type(name, typed, "direction_unknown")

    def rates(self, name: str) -> None:
        """Texts of decimals that stay texts."""
        self._note(~pl.col(name).str.contains(r"^\d{1,18}(\.\d{1,17})?$"), name, "not_a_number")

    def money(self, name: str, *, positive: bool = False) -> None:
        """Adds `<name>_minor` of an amount and its currency on the day `on`."""
        minor = f"{name}_minor"
        if self.frame[name].null_count() == self.frame.height:
            self.frame = self.frame.with_columns(pl.lit(None, pl.Int64).alias(minor))
            return
        self.frame = with_minor_units(
            self.frame,
            amount=name,
            currency_column=f"{name}.Ccy",
            on="on",
            minor=minor,
            fault="fault",
            signed=not positive,
        )
        if not positive:
            below = pl.col("fault").is_null() & (pl.col(minor) < 0)
            fault = pl.when(below).then(pl.lit("negative")).otherwise("fault")
            self.frame = self.frame.with_columns(fault.alias("fault"))
        codes = self.frame["fault"].drop_nulls().unique().sort().to_list()
        for code in codes:
            self._note(pl.col("fault") == code, name, code, currency=True)
        self.frame = self.frame.drop("fault")

    def valid_on(self, *dates: pl.Expr) -> None:
        """Adds `on`: by which day a currency is judged, the first of these that there is."""
        created = pl.col("created").str.head(10).str.to_date("%Y-%m-%d", strict=False)
        last = pl.lit(date(9999, 12, 31))
        self.frame = self.frame.with_columns(on=pl.coalesce(*dates, created, last))

    def problems(self) -> pl.DataFrame:
        """`PROBLEMS` so far, in the order of the file."""
        found = pl.concat([PROBLEMS.clear(), *self._problems])
        return found.sort("row", "field", maintain_order=True) if found.height else found

    def good(self) -> pl.DataFrame:
        """Records without problems; a problem in a transaction is its entry's."""
        bad = self.problems()["row"]
        return self.frame.filter(~pl.col("row").is_in(bad.implode())) if bad.len() else self.frame

    def _type(self, name: str, typed: pl.Expr, code: str) -> None:
        if self.frame[name].null_count() < self.frame.height:
            self._note(pl.col(name).is_not_null() & typed.is_null(), name, code)
        self.frame = self.frame.with_columns(typed.alias(name))

    def _note(self, wrong: pl.Expr, name: str, code: str, *, currency: bool = False) -> None:
        rows = self.frame.filter(wrong)
        if rows.is_empty():
            return
        text = pl.col(name).str.head(TEXT_TOLD)
        if currency:
            text = pl.concat_str(
                text, pl.col(f"{name}.Ccy").str.head(10), separator=" ", ignore_nulls=True
            )
        sentence = _SENTENCES[code] + _WHAT_NOW
        told = pl.format(sentence, text) if "{}" in sentence else pl.lit(sentence)
        place = pl.col("place")
        self._problems.append(
            rows.select("row", place, field=pl.lit(name), code=pl.lit(code), sentence=told)
        )
