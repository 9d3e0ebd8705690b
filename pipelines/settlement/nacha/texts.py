"""Fields of fixed length as Polars expressions: what a NACHA record is put together from.

Belongs here: padding alone. Texts are cut to their field by `prepared` before, with a warning; what
identifies something is refused there when it is too long.
"""

import polars as pl


def text(value: pl.Expr | str, length: int) -> pl.Expr:
    """Left-justified, blanks after; absent is blank."""
    column = pl.col(value) if isinstance(value, str) else value
    return column.cast(pl.String).fill_null("").str.head(length).str.pad_end(length, " ")


def digits(value: pl.Expr | str, length: int) -> pl.Expr:
    """Right-justified, zeros before; absent is zero."""
    column = pl.col(value) if isinstance(value, str) else value
    return column.fill_null(0).cast(pl.String).str.zfill(length)


def constant(value: str, length: int) -> pl.Expr:
    """The same text on every record."""
    return pl.lit(value[:length].ljust(length))
