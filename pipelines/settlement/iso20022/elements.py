"""Elements of a message as one Polars expression a record, built from what the columns hold.

Belongs here: how elements nest and when they are left out. An element all of whose content is absent
is not written; where a column has no gaps its text goes straight into one long template, so that a
record costs one pass whatever its depth. Values are already XML: `columns.py` escapes them.
"""

from dataclasses import dataclass

import polars as pl

NOT_PROVIDED = "NOTPROVIDED"
"""What the market writes into a mandatory reference or name that nobody gave."""


@dataclass(frozen=True, slots=True)
class Markup:
    """XML of every record: a template with a `{}` for each value.

    `present` says in which records it stands; None means in all. Where it is absent the expression is
    null.
    """

    template: str
    values: tuple[pl.Expr, ...] = ()
    present: pl.Expr | None = None

    def expression(self) -> pl.Expr:
        """The text of each record, null where absent."""
        return pl.format(self.template, *self.values) if self.values else pl.lit(self.template)


class Record:
    """The columns of some records as content of elements; remembers which were asked for."""

    def __init__(self, frame: pl.DataFrame) -> None:
        gaps = frame.null_count()
        self._absent = {name for name in frame.columns if gaps[name][0] == frame.height}
        self._gaps = {name: bool(gaps[name][0]) for name in frame.columns if name not in self._absent}
        self.asked: set[str] = set()

    def __call__(self, column: str) -> Markup | None:
        """What the column holds; None where it holds nothing, or does not exist."""
        self.asked.add(column)
        if column not in self._gaps:
            return None
        value = pl.col(column)
        return Markup("{}", (value,), value.is_not_null() if self._gaps[column] else None)


def constant(xml: str) -> Markup:
    """The same XML in every record."""
    return Markup("{}", (pl.lit(xml),)) if "{" in xml or "}" in xml else Markup(xml)


def sequence(*content: Markup | None) -> Markup | None:
    """Several contents one after the other; absent where all are."""
    kept = [markup for markup in content if markup is not None]
    if not kept:
        return None
    if len(kept) == 1:
        return kept[0]
    template, values = "", tuple[pl.Expr, ...]()
    for markup in kept:
        if markup.present is None:
            template, values = template + markup.template, values + markup.values
        else:
            template, values = template + "{}", (*values, markup.expression().fill_null(""))
    if any(markup.present is None for markup in kept):
        return Markup(template, values)
    present = pl.any_horizontal([markup.present for markup in kept])
    return Markup("{}", (pl.when(present).then(pl.format(template, *values)),), present)


def element(tag: str, *content: Markup | None) -> Markup | None:
    """`<tag>content</tag>`, absent where the content is."""
    inner = sequence(*content)
    if inner is None:
        return None
    return Markup(f"<{tag}>{inner.template}</{tag}>", inner.values, inner.present)


def amount(tag: str, *, currency: Markup | None, value: Markup | None) -> Markup | None:
    """An amount with its currency as attribute; absent where the value is."""
    if value is None or currency is None:
        return None
    return Markup(
        f'<{tag} Ccy="{currency.template}">{value.template}</{tag}>',
        currency.values + value.values,
        value.present,
    )


def otherwise(markup: Markup | None, stands_in: str) -> Markup:
    """`markup`, and the XML `stands_in` in the records where it is absent."""
    if markup is None:
        return constant(stands_in)
    if markup.present is None:
        return markup
    return Markup("{}", (pl.coalesce(markup.expression(), pl.lit(stands_in)),))
