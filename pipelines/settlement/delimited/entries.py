"""Rows of a statement or a provider's report as entries.

Belongs here: amount, direction, fee, status and dates by a layout; rows that cannot be taken are told.
"""

import polars as pl

from ledger_service.reference.money import with_minor_units
from pipelines.settlement.delimited.layout import Layout
from pipelines.settlement.delimited.numbers import dated, plain
from pipelines.settlement.reading import ENTRIES_READ

PROBLEM = ("__row", "__line", "field", "code", "sentence")


def entries_of(
    cells: pl.DataFrame, layout: Layout, account: str | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The good rows in `ENTRIES_READ`'s columns, and of the others row, line, field, code, sentence."""
    columns = {field: name for field, name in layout.columns.items() if name in cells.columns}
    given = cells.with_columns(
        __currency=_currency(layout, columns),
        __booked=dated(_cell(columns, "booking_date"), layout),
    ).with_columns(__on=pl.coalesce("__booked", dated(_cell(columns, "value_date"), layout)))
    rows, problems = _amounts(given, layout)
    problems.insert(0, _told(rows.filter(pl.col("__on").is_null()), "date", "not_a_date",
                             "its date is missing or not of the form of this layout"))  # fmt: skip
    bad = pl.concat(problems).unique("__row", keep="first", maintain_order=True).sort("__row")
    good = rows.filter(~pl.col("__row").is_in(bad["__row"].implode()))
    texts = {
        field: _cell(columns, field).str.strip_chars(" ").replace("", None)
        for field, kind in ENTRIES_READ.items()
        if kind == pl.String and field in columns
    }
    stated = texts.pop("status", pl.lit("BOOK"))
    if layout.statuses:
        stated = stated.replace_strict(layout.statuses, default="INFO")
    net = pl.col("__net")
    frame = good.select(
        row="__row",
        place=pl.format("line {}", "__line"),
        account=texts.pop("account", pl.lit(account, pl.String)),
        entry="__row",
        detail=pl.lit(0, pl.UInt32),
        currency="__currency",
        amount_minor=net.abs(),
        direction=pl.when(net < 0).then(pl.lit("D")).otherwise(pl.lit("C")),
        reversal=pl.lit(False),
        status=stated,
        booking_date=pl.coalesce("__booked", "__on"),
        value_date=dated(_cell(columns, "value_date"), layout),
        charges_minor=pl.col("__fee"),
        **{
            field: text
            for field, text in texts.items()
            if field not in {"currency", "place", "message_id"}
        },
    )
    absent = [
        pl.lit(None, kind).alias(name)
        for name, kind in ENTRIES_READ.items()
        if name not in frame.columns
    ]
    return frame.with_columns(absent), bad


def _cell(columns: dict[str, str], field: str) -> pl.Expr:
    return pl.col(columns[field]) if field in columns else pl.lit(None, pl.String)


def _currency(layout: Layout, columns: dict[str, str]) -> pl.Expr:
    if "currency" in columns:
        return _cell(columns, "currency").str.strip_chars(" ").str.to_uppercase()
    return pl.lit(layout.currency, pl.String)


def _amounts(rows: pl.DataFrame, layout: Layout) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """`rows` with `__net` and `__fee` in minor units, and what is wrong with them."""
    how, problems = layout.amounts, []

    def minor(name: str | None, to: str) -> None:
        nonlocal rows
        if name is None or name not in rows.columns:
            rows = rows.with_columns(pl.lit(None, pl.Int64).alias(to))
            return
        text = plain(pl.col(name), layout)
        if how.minor_units:
            whole = (
                pl.when(text.str.contains(r"^-?[0-9]{1,18}$")).then(text).cast(pl.Int64, strict=False)
            )
            fault = pl.when(text.is_not_null() & whole.is_null()).then(pl.lit("not_a_number"))
            rows = rows.with_columns(whole.alias(to), fault.alias("__fault"))
        else:
            rows = with_minor_units(
                rows.with_columns(__text=text),
                amount="__text", currency_column="__currency", on="__on",
                minor=to, fault="__fault", signed=True,
            )  # fmt: skip
        faulty = rows.filter(pl.col("__fault").is_not_null())
        problems.append(
            _told(faulty, name, pl.col("__fault").cast(pl.String), "its amount cannot be read")
        )
        rows = rows.drop("__fault")

    minor(how.signed or how.unsigned, "__amount")
    minor(how.paid_in, "__in")
    minor(how.paid_out, "__out")
    minor(how.fee, "__cost")
    amount, cost = pl.col("__amount"), pl.col("__cost")
    if how.paid_in:
        amount = pl.col("__in").fill_null(0) - pl.col("__out").abs().fill_null(0)
        amount = pl.when(pl.col("__in").is_not_null() | pl.col("__out").is_not_null()).then(amount)
    elif how.indicator:
        sign = pl.col(how.indicator).str.strip_chars(" ")
        known = sign.is_in([*how.debits, *how.credits])
        problems.append(
            _told(rows.filter(~known), how.indicator, "direction", "it is neither credit nor debit")
        )
        amount = pl.when(sign.is_in(how.debits)).then(-amount.abs()).otherwise(amount.abs())
    if how.fee_indicator:
        fee_sign = pl.col(how.fee_indicator).str.strip_chars(" ")
        cost = pl.when(fee_sign.is_in(how.credits)).then(-cost.abs()).otherwise(cost.abs())
    else:
        cost = cost.abs()
    if not how.fee_included:
        amount = amount - cost.fill_null(0)
    rows = rows.with_columns(__net=amount, __fee=pl.when(cost != 0).then(cost))
    missing = rows.filter(pl.col("__net").is_null())
    problems.append(
        _told(missing, how.signed or how.unsigned or "amount", "missing", "it has no amount")
    )
    return rows, problems


def _told(rows: pl.DataFrame, field: str, code: str | pl.Expr, sentence: str) -> pl.DataFrame:
    return rows.select(
        "__row",
        "__line",
        field=pl.lit(field),
        code=pl.lit(code) if isinstance(code, str) else code,
        sentence=pl.lit(sentence),
    )
