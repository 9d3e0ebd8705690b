"""Rows of texts as the tables of reading: entries, payments and answers, and what was refused.

Belongs here: which texts become which column, and what a record must have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from pipelines.settlement.iso20022.read_rows import Rows
from pipelines.settlement.iso20022.read_values import Values
from pipelines.settlement.reading import TABLES, Refused

Sums = Sequence[tuple[int, int, str, int, Decimal]]
"""Message, container, direction (C, D or empty), records, and the sum of their amounts."""
NOT_PROVIDED = "NOTPROVIDED"
"""What messages say where a name is required and there is none."""
_EXACT = pl.Decimal(38, 5)


@dataclass(frozen=True, slots=True)
class Made:
    """What was made of some rows."""

    frame: pl.DataFrame
    """In the columns of the table, in the order of the file."""
    refused: list[Refused]
    sums: Sums


def tables(table: str, rows: Sequence[Rows]) -> Made:
    """All rows, of kinds of records that go into one table."""
    make = {"entries": _entries, "payments": _payments, "answers": _answers}[table]
    frames: list[pl.DataFrame] = []
    refused: list[Refused] = []
    sums: list[tuple[int, int, str, int, Decimal]] = []
    for some in rows:
        values = Values(_placed(some.frame()))
        frames.append(make(values, some))
        refused += [Refused(*problem) for problem in values.problems().iter_rows()]
        sums += _sums(values)
    frame = pl.concat(frames)
    if len(frames) > 1 or table == "entries":
        frame = frame.sort("row", *(["detail"] if table == "entries" else []), maintain_order=True)
    return Made(frame, sorted(refused, key=lambda one: one.row), sums)


def _placed(frame: pl.DataFrame) -> pl.DataFrame:
    """With `place`, in words."""
    record = pl.format("{}{}", "prefix", "ordinal")
    detail = pl.col("detail")
    return frame.with_columns(
        place=pl.when(detail > 0).then(pl.format("{} TxDtls {}", record, detail)).otherwise(record)
        if frame["detail"].max()
        else record
    )


def _sums(values: Values) -> Sums:
    frame = values.frame
    if "amount_minor" not in frame.columns:
        return []
    exact = pl.when(pl.col("amount_minor").is_not_null()).then("amount").cast(_EXACT, strict=False)
    direction = pl.col("direction").fill_null("") if "direction" in frame.columns else pl.lit("")
    sums = (
        frame.filter(pl.col("detail") == 0)
        .group_by("message", "container", direction.alias("direction"))
        .agg(pl.len(), exact.sum())
    )
    return list(sums.sort("message", "container", "direction").iter_rows())


def _conformed(frame: pl.DataFrame, table: str, columns: Mapping[str, pl.Expr]) -> pl.DataFrame:
    schema = TABLES[table]
    return frame.select(
        (columns[name] if name in columns else pl.col(name) if name in frame.columns else pl.lit(None))
        .cast(kind)
        .alias(name)
        for name, kind in schema.items()
    )


def _entries(values: Values, rows: Rows) -> pl.DataFrame:
    values.require(*rows.columns.required)
    values.dates("booking_date", "value_date")
    values.directions("direction")
    values.booleans("reversal")
    values.valid_on(pl.col("value_date"), pl.col("booking_date"))
    for name in ("amount", "original", "charges"):
        values.money(name)
    debtors = (
        pl.when(pl.col("debtor_account") == pl.col("account"))
        .then(False)
        .when(pl.col("creditor_account") == pl.col("account"))
        .then(True)
        .otherwise((pl.col("direction") == "C") != pl.col("reversal"))
    )
    sides = {
        f"counterparty_{what}": pl.when(debtors)
        .then(pl.coalesce(f"debtor_{what}", f"creditor_{what}"))
        .otherwise(pl.coalesce(f"creditor_{what}", f"debtor_{what}"))
        for what in ("name", "account", "agent")
    }
    domain = pl.concat_str("domain", "family", "subfamily", separator="/", ignore_nulls=True)
    within = ~pl.col("charges_included").is_in(["false", "0"]).fill_null(False)
    own_currency = pl.col("charges.Ccy") == pl.col("amount.Ccy")
    return _conformed(
        values.good(),
        "entries",
        {
            **sides,
            "entry": pl.col("ordinal"),
            "currency": pl.col("amount.Ccy"),
            "transaction_code": pl.when(domain != "").then(domain).otherwise("own_code"),
            "original_currency": pl.col("original.Ccy"),
            "original_amount_minor": pl.col("original_minor"),
            "charges_minor": pl.when(within & own_currency).then("charges_minor"),
        },
    )


def _payments(values: Values, rows: Rows) -> pl.DataFrame:
    names = set(values.frame.columns)
    values.require(*rows.columns.required)
    dates = [
        name
        for name in ("execution_date", "original_settlement_date", "mandate_signed_on")
        if name in names
    ]
    values.dates(*dates)
    values.valid_on(*(pl.col(name) for name in dates[:2]))
    for name in ("amount", "instructed", "original"):
        if name in names:
            values.money(name, positive=name == "amount")
    if "exchange_rate" in names:
        values.rates("exchange_rate")
    if "direction" in names:
        values.directions("direction")
    columns: dict[str, pl.Expr] = {
        name: pl.when(pl.col(name) != NOT_PROVIDED).then(name)
        for name in ("debtor_name", "creditor_name")
        if name in names
    }
    if "amount" in names:
        columns["currency"] = pl.col("amount.Ccy")
    if "instructed" in names:
        columns["instructed_currency"] = pl.col("instructed.Ccy")
        columns["instructed_amount_minor"] = pl.col("instructed_minor")
    if "original" in names:
        same = pl.col("original.Ccy") == pl.col("amount.Ccy").fill_null(pl.col("original.Ccy"))
        columns["original_amount_minor"] = pl.when(same).then("original_minor")
    if "direction" in names:
        debit = pl.col("direction") == "D"
        for name in ("name", "agent_bic", "id", "account"):
            columns[f"debtor_{name}"] = pl.when(debit).then(f"creditor_{name}")
            columns[f"creditor_{name}"] = pl.when(~debit).then(f"creditor_{name}")
    return _conformed(values.good(), "payments", columns)


def _answers(values: Values, rows: Rows) -> pl.DataFrame:
    names = set(values.frame.columns)
    columns = {}
    if "settlement_date" in names:
        values.dates("settlement_date")
    values.valid_on(*([pl.col("settlement_date")] if "settlement_date" in names else []))
    if "amount" in names:
        values.money("amount")
        columns["currency"] = pl.col("amount.Ccy")
    good = values.good()
    if rows.columns.fixed.get("level") != "transaction":
        said = [name for name in ("status", "reason_code", "reason_text") if name in names]
        good = good.filter(pl.any_horizontal(pl.col(said).is_not_null()))
    return _conformed(good, "answers", columns)
