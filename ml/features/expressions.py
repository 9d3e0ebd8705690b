"""Evaluating definitions: one DuckDB query per source and window, all its expressions at once.

Belongs here: everything that speaks to DuckDB, and the check of an expression when it is loaded. One
thread and rows in a fixed order, because a floating sum depends on the order of its terms.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import duckdb
import polars as pl

from ml.features.definition import Definition, Source
from ml.features.refusals import ExpressionRefused

Schema = dict[str, pl.DataType | type[pl.DataType]]
Window = tuple[Source, int | None]
"""A source and how many of its days are seen; None is the whole history."""

SUBJECT = "subject"
"""Number of the account or application that a row belongs to; the first column of every source."""

NUMERIC = (
    "DOUBLE",
    "FLOAT",
    "DECIMAL",
    "HUGEINT",
    "BIGINT",
    "INTEGER",
    "SMALLINT",
    "TINYINT",
    "UBIGINT",
)
"""Types that an expression may have."""

MOVEMENTS: Schema = {
    "subject": pl.Int64,
    "days_ago": pl.Int32,  # 0: on the business date
    "direction": pl.String,  # in, out
    "amount_minor": pl.Int64,
    "kind": pl.String,  # ledger_service.payments.instructions.PaymentKind
    "counterparty": pl.String,  # the other party's account; null where there is none
    "repays_loan": pl.Boolean,
    "days_since_previous_of_kind": pl.Int32,  # within the window; null for the first
}

DAILY_BALANCES: Schema = {
    "subject": pl.Int64,
    "days_ago": pl.Int32,
    "balance_minor": pl.Int64,  # at the close of the day, the customer's side positive
    "inflow_minor": pl.Int64,
    "outflow_minor": pl.Int64,
}

LOANS: Schema = {
    "subject": pl.Int64,
    "loan_number": pl.Int32,  # 1, 2, 3 ... in order of disbursement
    "loans_ago": pl.Int32,  # 0: the latest
    "principal_minor": pl.Int64,  # null when it is known from its repayments only
    "term_days": pl.Int32,  # null when not stated, and with it what is late
    "is_closed": pl.Boolean,  # repaid in full, as far as was known
    "days_since_disbursed": pl.Int32,
    "days_since_closed": pl.Int32,
    "days_held": pl.Int32,  # from disbursement to closing, of an open loan until now
    "days_late": pl.Int32,  # closed after it was due; negative: before; of an open loan until now
    "first_repayment_days_late": pl.Int32,  # null until there is one
    "gap_days": pl.Int32,  # since the disbursement of the loan before
    "pause_days": pl.Int32,  # since the loan before was closed; negative: it was still open
}

APPLICATIONS: Schema = {
    "subject": pl.Int64,
    "principal_minor": pl.Int64,
    "total_due_minor": pl.Int64,
    "term_days": pl.Int32,
    "last_principal_minor": pl.Int64,
    "largest_principal_minor": pl.Int64,
}

SOURCES: Mapping[Source, Schema] = {
    Source.MOVEMENTS: MOVEMENTS,
    Source.DAILY_BALANCES: DAILY_BALANCES,
    Source.LOANS: LOANS,
    Source.APPLICATIONS: APPLICATIONS,
}
"""The columns that an expression may use, by source."""


def columns_of(schema: Schema) -> list[pl.Expr]:
    """The columns of a schema in their order and types."""
    return [pl.col(name).cast(kind) for name, kind in schema.items()]


def windows_of(definitions: Iterable[Definition]) -> list[Window]:
    """The sources and windows that the definitions look at, each once."""
    return sorted({(d.source, d.window_days) for d in definitions}, key=str)


def within(rows: pl.DataFrame, window_days: int) -> pl.DataFrame:
    """The rows of movements or daily balances that a window holds, and what they say in it."""
    narrowed = rows.filter(pl.col("days_ago") < window_days)
    gap = "days_since_previous_of_kind"
    if gap not in rows.columns:
        return narrowed
    inside = pl.col("days_ago") + pl.col(gap) < window_days
    return narrowed.with_columns(pl.when(inside).then(gap).alias(gap))


def evaluate(
    definitions: Iterable[Definition], *, sources: Mapping[Window, pl.DataFrame], subjects: pl.Series
) -> pl.DataFrame:
    """The value of every definition for every subject: `subject` and one Float64 column a feature.

    `sources` has a frame for each of `windows_of(definitions)`, rows in a fixed order. A subject
    without rows has the definition's `empty_value`; what is not a finite number is null.
    """
    by_window: dict[Window, list[Definition]] = defaultdict(list)
    for definition in definitions:
        by_window[definition.source, definition.window_days].append(definition)
    values = subjects.alias(SUBJECT).cast(pl.Int64).to_frame()
    with _engine() as engine:
        for window, group in by_window.items():
            engine.register("source", sources[window])
            found = pl.DataFrame(engine.sql(_query(group)).to_arrow_table())
            values = values.join(found, on=SUBJECT, how="left", maintain_order="left")
            values = values.with_columns(_finished(definition) for definition in group)
    return values


def check_expression(definition: Definition) -> None:
    """Raise `ExpressionRefused` unless the SQL is one numeric aggregate over its source."""
    engine = _checking_engine()
    engine.register("source", pl.DataFrame(schema=SOURCES[definition.source]))
    columns = f'(\n{definition.expression}\n) AS "{definition.name}"'
    try:
        statements = engine.extract_statements(_statement(columns))
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise ExpressionRefused(file=definition.file, field="sql", reason="must be one expression")
        relation = engine.sql(_statement(columns))
    except duckdb.Error as error:
        reason = " ".join(str(error).split())
        raise ExpressionRefused(file=definition.file, field="sql", reason=reason) from error
    if relation.columns != [SUBJECT, definition.name]:
        raise ExpressionRefused(file=definition.file, field="sql", reason="must be one expression")
    found = str(relation.types[1])
    if not found.startswith(NUMERIC):
        raise ExpressionRefused(file=definition.file, field="sql", reason=f"is {found}, not a number")


def _finished(definition: Definition) -> pl.Expr:
    value = pl.col(definition.name)
    finite = pl.when(value.is_finite()).then(value)
    return finite.fill_null(definition.empty_value) if definition.empty_value is not None else finite


def _query(definitions: Iterable[Definition]) -> str:
    """The values of definitions of one source and window."""
    return _statement(
        ",\n".join(f'CAST((\n{d.expression}\n) AS DOUBLE) AS "{d.name}"' for d in definitions)
    )


def _statement(columns: str) -> str:
    """The statement around expressions, which are written in the definitions' own files."""
    return _template().replace("{columns}", columns)


def _engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "autoload_known_extensions": "false",
            "autoinstall_known_extensions": "false",
            "enable_external_access": "false",
        },
    )


@cache
def _checking_engine() -> duckdb.DuckDBPyConnection:
    return _engine()


@cache
def _template() -> str:
    return Path(__file__).with_name("aggregate.sql").read_text(encoding="utf-8")
