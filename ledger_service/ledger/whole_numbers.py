"""Whole numbers from what callers give: exactly, or not at all.

Belongs here: what may become a 64-bit integer of the ledger. A cast would round 10.5 and forget NaN.
"""

import polars as pl


class NotAWholeNumber(ValueError):
    """A value is a fraction, a float, no number or beyond 64 bits; nothing was written."""

    def __init__(self, column: str, row: int, value: object) -> None:
        self.column = column
        self.row = row
        self.value = value
        super().__init__(
            f"{column} of item {row} is not a 64-bit whole number: {value!r} (amounts are integer minor "
            "units; floats never hold money)"
        )


def whole_numbers(column: pl.Series) -> pl.Series:
    """A column as Int64, nulls kept.

    Integers and decimals of any width are taken when they are whole and fit; floats are refused even
    when they are whole, for the next one will not be. Raises `NotAWholeNumber`.
    """
    if column.dtype in {pl.Int64, pl.Null}:
        return column.cast(pl.Int64)
    if not (column.dtype.is_integer() or column.dtype.is_decimal()):
        refused = column.is_not_null()
        numbers = pl.Series(column.name, [None], pl.Int64).new_from_index(0, len(column))
    else:
        numbers = column.cast(pl.Int64, strict=False)
        refused = (
            column.is_not_null() & (numbers.cast(column.dtype) == column).fill_null(value=False).not_()
        )
    if refused.any():
        row = refused.arg_true()[0]
        raise NotAWholeNumber(column.name, row, column[row])
    return numbers
