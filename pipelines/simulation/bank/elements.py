"""Elements of the bank's messages, for a whole column of records at once.

Belongs here: how an element is written, and left out. The bank writes its messages apart from the
project's writers, so that what those get wrong is not got wrong twice.
"""

import polars as pl

from pipelines.settlement.iso20022.texts import clean_text, escaped

_ACCOUNT_LENGTH = 34


def optional(tag: str, content: pl.Expr) -> pl.Expr:
    """`<tag>content</tag>`, and null where the content is."""
    return pl.format(f"<{tag}>{{}}</{tag}>", content)


def element(tag: str, content: pl.Expr) -> pl.Expr:
    """`<tag>content</tag>`, and nothing where the content is null."""
    return optional(tag, content).fill_null("")


def account(tag: str, reference: pl.Expr, is_iban: pl.Expr) -> pl.Expr:
    """An account by IBAN or by the bank's own reference; nothing where there is none."""
    known = clean_text(reference, _ACCOUNT_LENGTH)
    own = element("Othr", optional("Id", escaped(known)))
    written = pl.when(is_iban).then(optional("IBAN", reference)).otherwise(own)
    return pl.when(known.is_not_null()).then(element(tag, element("Id", written))).otherwise(pl.lit(""))
