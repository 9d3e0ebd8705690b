"""The sentence of an alert: the rule's template filled with what was seen and the limits it was held to.

Belongs here: which facts a template may name, and filling it for all alerts of a rule at once. A field
is a fact of the alert, a `fact_` column of the rule's SQL, or a parameter; `{name:money}` writes a
parameter in basis points as an amount of the currency's threshold, `{name:percent}` as a percentage.
"""

from collections.abc import Iterable, Mapping
from string import Formatter

import polars as pl

from pipelines.aml.refusals import FieldMalformed, ParameterUndeclared
from pipelines.aml.rule import ParameterValue, Rule

MONEY_FACTS = {
    "amount": "amount_minor",
    "received": "received_minor",
    "sent": "sent_minor",
    "threshold": "threshold_minor",
}
"""Facts that are amounts, with their columns in minor units."""

PLAIN_FACTS = frozenset({"transfers", "counterparties"})
"""Facts that are counts, named as their columns."""

_FORMATS = ("", "money", "percent")
_BPS = 10_000


def check_explanation(rule: Rule, *, facts: Iterable[str]) -> None:
    """Refuse a template that names what no alert of the rule has.

    `facts` are the rule's own `fact_` columns. Raises `ParameterUndeclared` or `FieldMalformed`.
    """
    parameters = rule.parameter_sets[-1].values
    try:
        fields = [(name, spec) for _, name, spec, _ in Formatter().parse(rule.explanation) if name]
    except ValueError as error:
        raise FieldMalformed(file=rule.file, field="explanation", reason=str(error)) from error
    for name, spec in fields:
        if name not in {*facts, *MONEY_FACTS, *PLAIN_FACTS, *parameters}:
            reason = f"{{{name}}} is neither a parameter nor a fact"
            raise ParameterUndeclared(file=rule.file, field="explanation", reason=reason)
        if spec not in _FORMATS or (spec and not isinstance(parameters.get(name), int)):
            reason = f"{{{name}:{spec}}}: only whole-number parameters can be written as {spec}"
            raise FieldMalformed(file=rule.file, field="explanation", reason=reason)


def explanation(template: str, parameters: Mapping[str, ParameterValue]) -> pl.Expr:
    """The filled sentence, over a frame with the columns of the facts, `currency` and `exponent`."""
    parts: list[pl.Expr] = []
    for text, name, spec, _ in Formatter().parse(template):
        parts.append(pl.lit(text))
        if name:
            parts.append(_written(name, spec or "", parameters))
    return pl.concat_str(parts).alias("explanation")


def _written(name: str, spec: str, parameters: Mapping[str, ParameterValue]) -> pl.Expr:
    value = parameters.get(name)
    if spec == "percent" and isinstance(value, int):
        return pl.lit(f"{value // 100}.{value % 100:02}".removesuffix(".00") + " %")
    if spec == "money" and isinstance(value, int):
        return _money(pl.col("threshold_minor").cast(pl.Int128) * value // _BPS)
    if value is not None:
        return pl.lit(", ".join(value) if isinstance(value, tuple) else str(value))
    if name in MONEY_FACTS:
        return _money(pl.col(MONEY_FACTS[name]))
    return pl.col(name).cast(pl.String)


def _money(minor: pl.Expr) -> pl.Expr:
    """`KES 1,300,000.00`: the currency, and the amount with the digits of its minor unit."""
    exponent = pl.col("exponent")
    digits = minor.cast(pl.String).str.zfill(exponent + 1)
    whole = digits.str.head(digits.str.len_chars().cast(pl.Int64) - exponent)
    grouped = (
        whole.str.reverse().str.replace_all(r"(\d{3})", "${1},").str.reverse().str.strip_chars_start(",")
    )
    decimals = pl.when(exponent > 0).then("." + digits.str.tail(exponent)).otherwise(pl.lit(""))
    return pl.concat_str(pl.col("currency"), pl.lit(" "), grouped, decimals)
