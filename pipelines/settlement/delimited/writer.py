"""Writing payments as a delimited file by a layout.

Belongs here: cells as texts, by expressions over chunks. A text that a spreadsheet would take for a
formula is written with an apostrophe before it, so that it is shown and not run.
"""

from collections.abc import Iterator
from typing import Final

import polars as pl

from ledger_service.reference.currencies import exponents_on
from pipelines.settlement.delimited.layout import Cell, Layout, layout
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import Profile
from pipelines.settlement.writing import FileIdentity

_CHUNK: Final = 20_000


def write(payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> Iterator[bytes]:
    """The file of the layout that the profile's setting `layout` names. Raises `FileRefused`."""
    del identity  # a delimited file says nothing of itself
    by = layout(str(profile.settings.get("layout", profile.name)))
    if by.table != "payments" or not by.write:
        raise FileRefused(
            "layout_invalid", by.name, "this layout is of statements: nothing is written by it"
        )
    if by.currency and not (payments["currency"] == by.currency).all():
        raise FileRefused("currency", "currency", f"this layout is of {by.currency} alone")
    exponents = exponents_on(payments.select(currency="currency", on="execution_date"))
    rows = payments.with_row_index("__given", offset=1).join(
        exponents, left_on=["currency", "execution_date"], right_on=["currency", "on"],
        how="left", maintain_order="left",
    )  # fmt: skip
    _refuse(rows, pl.col("exponent").is_null(), "currency", "its currency is not known on its date")
    for cell in by.write:
        if cell.kind == "whole":
            whole = pl.col(str(cell.column)) % pl.lit(10, pl.Int64).pow(pl.col("exponent")) == 0
            _refuse(rows, ~whole, "not_whole", "amounts are whole units here")
        elif cell.kind == "msisdn":
            good = _msisdn(cell, by).str.contains(r"^[1-9][0-9]{7,14}$").fill_null(False)
            _refuse(rows, ~good, "msisdn", f"{cell.column} is no telephone number")
    yield from _file(rows, by)


def _file(rows: pl.DataFrame, by: Layout) -> Iterator[bytes]:
    if by.byte_order_mark:
        yield b"\xef\xbb\xbf"
    for start in range(0, max(rows.height, 1), _CHUNK):
        chunk = rows.slice(start, _CHUNK)
        cells = chunk.select(_text(cell, by).alias(cell.name) for cell in by.write)
        text = cells.write_csv(
            include_header=by.heading and start == 0,
            separator=by.delimiter,
            line_terminator=by.line_end,
            quote_style="always" if by.quoting == "always" else "necessary",
        )
        try:
            yield text.encode(by.encoding)
        except UnicodeEncodeError as error:
            given = text[error.start : error.end]
            raise FileRefused("characters", by.name, f"{by.encoding} has no {given!r}") from None


def _text(cell: Cell, by: Layout) -> pl.Expr:
    if cell.column is None:
        return pl.lit(cell.constant)
    value = pl.col(cell.column)
    match cell.kind:
        case "amount" | "whole":
            return _amount(value, by, whole=cell.kind == "whole")
        case "date":
            return value.dt.strftime(by.dates[0])
        case "msisdn":
            return _msisdn(cell, by)
        case _:
            return (
                pl.when(value.str.contains(r"^[=+\-@\t\r]")).then(pl.lit("'") + value).otherwise(value)
            )


def _amount(value: pl.Expr, by: Layout, *, whole: bool) -> pl.Expr:
    exponent = pl.col("exponent").cast(pl.Int64)
    digits = pl.max_horizontal(value.cast(pl.String).str.len_chars().cast(pl.Int64), exponent + 1)
    text = value.cast(pl.String).str.pad_start(digits, "0")
    units = text.str.head(-exponent)
    if whole:
        return units
    cents = text.str.tail(exponent)
    units = pl.when(exponent == 0).then(text).otherwise(units)
    return pl.when(exponent == 0).then(units).otherwise(pl.concat_str(units, pl.lit(by.decimal), cents))


def _msisdn(cell: Cell, by: Layout) -> pl.Expr:
    """The number in international form without the plus; a leading zero stands for the country."""
    digits = pl.col(str(cell.column)).str.replace_all(r"[ ()\-.]", "").str.replace(r"^(\+|00)", "")
    if by.country_code is None:
        return digits
    own = pl.lit(by.country_code)
    return (
        pl.when(digits.str.starts_with("0"))
        .then(pl.concat_str(own, digits.str.slice(1)))
        .when(digits.str.len_chars() == 9)
        .then(pl.concat_str(own, digits))
        .otherwise(digits)
    )


def _refuse(rows: pl.DataFrame, bad: pl.Expr, code: str, sentence: str) -> None:
    found = rows.filter(bad)["__given"]
    if found.len():
        raise FileRefused(code, f"row {int(found[0])}", sentence)
