"""The engine of the sweep: the relations that a rule's SQL sees, and running it over them.

Belongs here: everything that speaks to DuckDB. It runs in memory, in UTC, without extensions. The same
relations, empty, check a rule's SQL when the rule is loaded.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.aml.refusals import ParameterUndeclared, ParameterUnused, StatementRefused
from pipelines.aml.rule import ParameterValue, Rule
from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, PARTICIPANTS, PAYMENTS

SOURCES = {
    "entries": (
        "business_date", "book_id", "account_id", "version", "transfer_id", "side", "currency",
        "amount_minor", "kind", "payment_id", "event_at",
    ),
    "accounts": ("book_id", "account_id", "participant_id", "chart_name", "party_id", "party_kind"),
    "payments": (
        "business_date", "payment_id", "debtor_agent", "debtor_account", "creditor_agent",
        "creditor_account",
    ),
    "participants": ("participant_id", "country"),
}  # fmt: skip
"""The columns of the lake that the relations are made of."""

RESERVED = frozenset({"business_date"})
"""Parameters that every rule has without declaring them."""

KEYS = ("book_id", "account_id", "version")
FACT_PREFIX = "fact_"
_EPOCH = date(1970, 1, 1)


class Engine:
    """One in-memory database with `known` loaded; runs rules one after the other."""

    def __init__(
        self, *, business_date: date, lookback_days: int, frames: Mapping[str, pl.DataFrame]
    ) -> None:
        """Load `known` from frames with the columns of `SOURCES`, and `thresholds`."""
        self._business_date = business_date
        self._connection = duckdb.connect(
            ":memory:",
            config={"autoload_known_extensions": "false", "autoinstall_known_extensions": "false"},
        )
        self._connection.execute("SET timezone = 'UTC'")
        for name, frame in frames.items():
            self._connection.register(name, frame)
        known_from = business_date - timedelta(days=lookback_days - 1)
        self._execute("known", business_date=business_date, known_from=known_from)

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()

    def hits(self, rule: Rule) -> pl.DataFrame:
        """The entries that a rule hits on the business date: `KEYS` and its `fact_` columns."""
        self._execute("history", business_date=self._business_date, lookback_days=rule.lookback_days)
        self._execute("activity")
        values = _bindable(rule.parameters_on(self._business_date))
        if "business_date" in self.parameters_of(rule):
            values["business_date"] = self._business_date
        return self._query(rule.sql, values)

    def query(self, name: str, **parameters: Any) -> pl.DataFrame:
        """The answer of the file `<name>.sql`."""
        return self._query(_sql(name), parameters)

    def register(self, name: str, frame: pl.DataFrame) -> None:
        """Offer a frame as a relation; replaces one of that name."""
        self._connection.register(name, frame)

    def bind(self, rule: Rule) -> list[str]:
        """The columns that a rule's SQL gives; raises `StatementRefused`."""
        try:
            return self.hits(rule).columns
        except duckdb.Error as error:
            reason = " ".join(str(error).split())
            raise StatementRefused(file=rule.file, field="sql", reason=reason) from error

    def parameters_of(self, rule: Rule) -> frozenset[str]:
        """The names that a rule's SQL uses; raises `StatementRefused` unless it is one SELECT."""
        try:
            statements = self._connection.extract_statements(rule.sql)
        except duckdb.Error as error:
            reason = " ".join(str(error).split())
            raise StatementRefused(file=rule.file, field="sql", reason=reason) from error
        if [s.type for s in statements] != [duckdb.StatementType.SELECT]:
            raise StatementRefused(file=rule.file, field="sql", reason="must be exactly one SELECT")
        return frozenset(statements[0].named_parameters)

    def _execute(self, name: str, **parameters: Any) -> None:
        self._connection.execute(_sql(name), parameters or None)

    def _query(self, sql: str, parameters: Mapping[str, Any]) -> pl.DataFrame:
        relation = self._connection.sql(sql, params=dict(parameters) or None)
        return pl.DataFrame(relation.to_arrow_table())


def check_statement(rule: Rule, engine: Engine) -> frozenset[str]:
    """Check a rule's SQL against its head and the relations; the names of its `fact_` columns.

    `engine` is an `empty_engine`. Raises `StatementRefused`, `ParameterUndeclared`, `ParameterUnused`.
    """
    used, declared = engine.parameters_of(rule), set(rule.parameters_on(_EPOCH))
    if unknown := sorted(used - declared - RESERVED):
        raise ParameterUndeclared(file=rule.file, field=unknown[0], reason="the head lacks it")
    if idle := sorted(declared - used):
        raise ParameterUnused(file=rule.file, field=idle[0], reason="the SQL does not use it")
    columns = engine.bind(rule)
    facts = [column for column in columns if column.startswith(FACT_PREFIX)]
    if missing := [key for key in KEYS if key not in columns]:
        reason = f"gives no column {', '.join(missing)}"
        raise StatementRefused(file=rule.file, field="sql", reason=reason)
    if surplus := [column for column in columns if column not in {*KEYS, *facts}]:
        reason = f"gives columns that nothing reads: {', '.join(surplus)}"
        raise StatementRefused(file=rule.file, field="sql", reason=reason)
    return frozenset(facts)


def empty_engine() -> Engine:
    """An engine over relations without rows, to check rules on."""
    tables = {t.name: t.empty() for t in (ENTRIES, ACCOUNTS, PAYMENTS, PARTICIPANTS)}
    frames = {name: tables[name].select(columns) for name, columns in SOURCES.items()}
    thresholds = {"currency": pl.String, "threshold_minor": pl.Int64, "exponent": pl.Int32}
    return Engine(
        business_date=_EPOCH,
        lookback_days=1,
        frames={**frames, "thresholds": pl.DataFrame(schema=thresholds)},
    )


def _bindable(parameters: Mapping[str, ParameterValue]) -> dict[str, Any]:
    """Parameters as the engine takes them: a list where we keep a tuple."""
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in parameters.items()
    }


@cache
def _sql(name: str) -> str:
    return Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")
