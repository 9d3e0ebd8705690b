"""Columns of payments as the content of elements: escaped, amounts as decimals, accounts told apart.

Belongs here: what is made of a chunk of payments before its records are rendered, and from which
column of a payment batch each content comes.
"""

from collections.abc import Iterator, Mapping
from datetime import date

import polars as pl

from ledger_service.reference.currencies import exponents_on
from pipelines.settlement.iso20022.amounts import decimal_column
from pipelines.settlement.iso20022.texts import escaped, uetrs_of, utf8, valid_ibans
from pipelines.settlement.payment_batch import PAYMENT_BATCH
from pipelines.settlement.problems import FileRefused

CODES = ("service_level", "category_purpose", "purpose", "reason_code")
"""Columns that are an external code of four characters at most, or else the scheme's own."""
CODE_LENGTH = 4
_SLICE_RECORDS = 20_000
_DATES = tuple(name for name, kind in PAYMENT_BATCH.items() if kind == pl.Date)

ACCOUNTS = ("debtor_account", "creditor_account", "sender_account", "receiver_account")
PLAIN = frozenset(
    {
        *(name for name in PAYMENT_BATCH if name.endswith(("uetr", "_bic", "_country", "currency"))),
        *("charge_bearer", "sequence_type", "exchange_rate"),
        *ACCOUNTS,
    }
)
"""Text columns whose form leaves nothing to escape, or which are written as others made of them."""

SOURCES: Mapping[str, tuple[str, ...]] = {
    **{f"{name}_proprietary": (name,) for name in CODES},
    **{f"{name}_{kind}": (name,) for name in ACCOUNTS for kind in ("iban", "other")},
    "amount": ("amount_minor", "currency"),
    "instructed_amount": ("instructed_amount_minor",),
    "original_amount": ("original_amount_minor",),
}
"""Columns of a payment batch that a content is made from, where it does not have their name."""

_AMOUNTS = (
    ("amount", "amount_minor", "exponent"),
    ("instructed_amount", "instructed_amount_minor", "instructed_exponent"),
    ("original_amount", "original_amount_minor", "exponent"),
)


def slices(payments: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The batch in pieces, so that what is found out about all of it takes the memory of one."""
    return payments.iter_slices(_SLICE_RECORDS)


def with_exponents(payments: pl.DataFrame) -> pl.DataFrame:
    """Adds `exponent` and `instructed_exponent`: decimals of the currencies on the execution date.

    Raises `FileRefused` for a currency that is none on that date.
    """
    for currency, exponent in (("currency", "exponent"), ("instructed_currency", "instructed_exponent")):
        pairs = [
            part.select(currency=currency, on="execution_date").unique() for part in slices(payments)
        ]
        table = exponents_on(pl.concat(pairs).drop_nulls())
        unknown = table.filter(pl.col("exponent").is_null()).sort("currency", "on")
        if unknown.height:
            code, on = unknown.row(0)[:2]
            first = payments.select(
                ((pl.col(currency) == code) & (pl.col("execution_date") == on)).arg_true().first()
            ).item()
            sentence = f"{code} is no currency on {on}"
            raise FileRefused("unknown_currency", f"row {first + 1}, {currency}", sentence)
        payments = payments.with_columns(_exponent(table, currency).cast(pl.Int64).alias(exponent))
    return payments


def _exponent(table: pl.DataFrame, currency: str) -> pl.Expr:
    """By currency alone, but for one whose decimals changed between the dates of this batch."""
    if table.select(pl.col("currency", "exponent").n_unique()).row(0) == (1, 1):
        return pl.lit(table["exponent"][0])
    settled: dict[str, int] = {}
    changed: dict[str, dict[date, int]] = {}
    for (code,), rows in table.group_by("currency"):
        by_date = dict(rows.select("on", "exponent").iter_rows())
        if len(set(by_date.values())) == 1:
            settled[str(code)] = next(iter(by_date.values()))
        else:
            changed[str(code)] = by_date
    expression = pl.col(currency).replace_strict(settled, default=None, return_dtype=pl.Int32)
    for code, by_date in changed.items():
        dated = pl.col("execution_date").replace_strict(by_date, default=None, return_dtype=pl.Int32)
        expression = pl.when(pl.col(currency) == code).then(dated).otherwise(expression)
    return expression


def contents(rows: pl.DataFrame, *, message_id: str | None = None) -> pl.DataFrame:
    """Rows (a payment batch with exponents) with every column that elements are made of.

    Where `message_id` is given, payments without a UETR get the one of their message and instruction.
    """
    kept = [name for name in rows.columns if rows[name].null_count() < rows.height]
    rows = rows.select(kept) if kept else rows
    names = set(rows.columns)
    added = [
        decimal_column(pl.col(minor), _constant(rows, exponent)).alias(name)
        for name, minor, exponent in _AMOUNTS
        if minor in names
    ]
    added += [_date_text(rows, name) for name in _DATES if name in names]
    added += [
        expression for name in ACCOUNTS if name in names for expression in _account(rows[name], name)
    ]
    for name in CODES:
        if name in names and (rows[name].str.len_bytes().max() or 0) > CODE_LENGTH:  # type: ignore[operator]  # an integer or None
            coded = pl.col(name).str.len_chars() <= CODE_LENGTH
            added.append(pl.when(coded).then(escaped(pl.col(name))).alias(name))
            added.append(pl.when(~coded).then(escaped(pl.col(name))).alias(f"{name}_proprietary"))
    if message_id is not None and (missing := _missing_uetrs(rows)).any():
        added.append(_filled_uetrs(rows, missing, message_id))
    done = {expression.meta.output_name() for expression in added}
    return rows.with_columns(*added, *_escaped(rows, but=done))


def uetr_references(message_id: str, instruction_ids: pl.Series) -> pl.Series:
    """What UETRs are made of where payments have none: message id, slash, instruction id."""
    return f"{message_id}/" + instruction_ids


def _missing_uetrs(rows: pl.DataFrame) -> pl.Series:
    if "uetr" in rows.columns:
        return rows["uetr"].is_null()
    return pl.repeat(True, rows.height, dtype=pl.Boolean, eager=True)


def _filled_uetrs(rows: pl.DataFrame, missing: pl.Series, message_id: str) -> pl.Expr:
    made = uetrs_of(uetr_references(message_id, rows["instruction_id"].filter(missing)))
    given = rows["uetr"] if "uetr" in rows.columns else pl.Series([None] * rows.height, dtype=pl.String)
    return pl.lit(given.scatter(missing.arg_true(), made)).alias("uetr")


def _escaped(rows: pl.DataFrame, *, but: set[str]) -> list[pl.Expr]:
    """Escaped columns of those that need it."""
    free = [
        name
        for name, kind in rows.schema.items()
        if kind == pl.String and name not in PLAIN and name not in but
    ]
    return [escaped(pl.col(name)) for name in free if _holds_markup(rows[name])]


def _account(references: pl.Series, name: str) -> list[pl.Expr]:
    """An account as IBAN and otherwise; the one of them that no row has is left out."""
    iban = valid_ibans(references)
    if iban.all():
        return [pl.col(name).alias(f"{name}_iban")]
    own = escaped(pl.col(name)) if _holds_markup(references) else pl.col(name)
    if not iban.any():
        return [own.alias(f"{name}_other")]
    where = pl.lit(iban)
    return [
        pl.when(where).then(name).alias(f"{name}_iban"),
        pl.when(~where).then(own).alias(f"{name}_other"),
    ]


def _holds_markup(texts: pl.Series) -> bool:
    """Whether any text has a character that XML holds as an entity: one look at all bytes."""
    content = utf8(texts)
    return any(character in content for character in (b"&", b"<", b">"))


def _date_text(rows: pl.DataFrame, name: str) -> pl.Expr:
    """A date as text: most files have one."""
    days = rows[name]
    if days.null_count() == 0 and days.min() == days.max():
        return pl.lit(str(days[0])).alias(name)
    return pl.col(name).cast(pl.String)


def _constant(rows: pl.DataFrame, exponent: str) -> pl.Expr | int:
    """The one exponent of all rows, or the column of them."""
    low, high = rows[exponent].min(), rows[exponent].max()
    return int(low) if isinstance(low, int) and low == high else pl.col(exponent)
