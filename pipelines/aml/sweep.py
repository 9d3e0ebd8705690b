"""The AML sweep of a business date: every effective rule over what was known at its close.

Belongs here: running the rules and making alerts, their transfers and their evidence of what they hit.
A sweep is a pure function of its frames, so that any past date can be swept again, also with other
thresholds (`what_if`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl
import polars.selectors as cs

from pipelines.aml.explanation import explanation
from pipelines.aml.refusals import ThresholdMissing
from pipelines.aml.rule import ParameterValue, Rule
from pipelines.aml.rules import effective_rules, longest_lookback_days
from pipelines.aml.statement import FACT_PREFIX, KEYS, SOURCES, Engine
from pipelines.aml.tables import ALERT_TRANSFERS, ALERTS, AML_EVIDENCE
from pipelines.aml.thresholds import thresholds_at

ACCOUNT = ["book_id", "account_id"]

CUSTOMER_CHART = ("customer_deposits", "customer_wallets")
"""The chart lines whose accounts are swept."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep found: frames of the tables `ALERTS`, `ALERT_TRANSFERS` and `AML_EVIDENCE`."""

    alerts: pl.DataFrame
    alert_transfers: pl.DataFrame
    evidence: pl.DataFrame


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A rule's alerts of a date as they are, and as they would be with other parameters."""

    actual: Sweep
    alternative: Sweep

    @property
    def gained(self) -> pl.DataFrame:
        """Alerts that only the other parameters raise."""
        return self.alternative.alerts.join(self.actual.alerts, on="ref", how="anti")

    @property
    def lost(self) -> pl.DataFrame:
        """Alerts that the other parameters do not raise."""
        return self.actual.alerts.join(self.alternative.alerts, on="ref", how="anti")


def sweep(
    *,
    business_date: date,
    entries: pl.LazyFrame,
    accounts: pl.LazyFrame,
    payments: pl.LazyFrame,
    participants: pl.LazyFrame,
    rules: Iterable[Rule],
    thresholds: pl.DataFrame | None = None,
) -> Sweep:
    """Run the rules that are effective on a business date.

    The frames are those of `pipelines.lake.ledger_tables`; `entries` and `payments` cover at least
    `longest_lookback_days(rules)` days until the date. Of all frames, what is later than the date is
    left out, so that nothing later can be seen. `thresholds` defaults to `thresholds_at(date)`.

    Raises `ThresholdMissing` when customers move money in a currency without a declared threshold.
    """
    running = effective_rules(rules, business_date)
    lookback_days = longest_lookback_days(running)
    moved = _moved(entries, accounts, business_date)
    booked = _booked(entries, business_date, lookback_days).select(SOURCES["entries"])
    known = booked.join(moved.lazy(), on=ACCOUNT, how="semi").collect()
    paid = _booked(payments, business_date, lookback_days).select(SOURCES["payments"])
    frames = {
        "entries": known,
        "payments": paid.join(known.lazy(), on="payment_id", how="semi").collect(),
        "accounts": _latest(accounts, business_date, ACCOUNT)
        .join(moved.lazy(), on=ACCOUNT, how="semi")
        .select(SOURCES["accounts"])
        .collect(),
        "participants": _latest(participants, business_date, ["participant_id"])
        .select(SOURCES["participants"])
        .collect(),
        "thresholds": thresholds_at(business_date) if thresholds is None else thresholds,
    }
    _require_thresholds(frames, business_date)
    with Engine(business_date=business_date, lookback_days=lookback_days, frames=frames) as engine:
        hits = ((rule, engine.hits(rule)) for rule in running)
        found = [_raised(engine, rule, hit, business_date) for rule, hit in hits if hit.height]
    alerts = pl.concat([ALERTS.empty(), *(alerts for alerts, _ in found)])
    transfers = pl.concat([ALERT_TRANSFERS.empty(), *(transfers for _, transfers in found)])
    return Sweep(
        alerts=ALERTS.conform(alerts),
        alert_transfers=ALERT_TRANSFERS.conform(transfers),
        evidence=AML_EVIDENCE.conform(_runs(transfers)),
    )


def what_if(
    rule: Rule,
    parameters: Mapping[str, ParameterValue],
    *,
    business_date: date,
    entries: pl.LazyFrame,
    accounts: pl.LazyFrame,
    payments: pl.LazyFrame,
    participants: pl.LazyFrame,
    thresholds: pl.DataFrame | None = None,
) -> WhatIf:
    """What one rule would have found on a date with other values for some of its parameters.

    Frames as for `sweep`. Raises `ParameterUndeclared` or `FieldMalformed` for parameters that the
    rule does not have or that are of another type.
    """
    actual, alternative = (
        sweep(
            business_date=business_date,
            entries=entries,
            accounts=accounts,
            payments=payments,
            participants=participants,
            rules=[version],
            thresholds=thresholds,
        )
        for version in (rule, rule.with_parameters(parameters))
    )
    return WhatIf(actual=actual, alternative=alternative)


def _booked(frame: pl.LazyFrame, business_date: date, lookback_days: int) -> pl.LazyFrame:
    first = business_date - timedelta(days=lookback_days - 1)
    return frame.filter(pl.col("business_date").is_between(first, business_date))


def _moved(entries: pl.LazyFrame, accounts: pl.LazyFrame, business_date: date) -> pl.DataFrame:
    """The customer accounts with an entry booked on the date: only those can complete a pattern."""
    customers = _latest(accounts, business_date, ACCOUNT).filter(
        pl.col("chart_name").is_in(CUSTOMER_CHART)
    )
    booked = entries.filter(pl.col("business_date") == business_date).select(ACCOUNT).unique()
    return booked.join(customers, on=ACCOUNT, how="semi").collect()


def _latest(frame: pl.LazyFrame, business_date: date, key: list[str]) -> pl.LazyFrame:
    """One row a key: the latest that was known at the close of the business date."""
    return (
        frame.filter(pl.col("business_date") <= business_date)
        .sort("business_date")
        .unique(key, keep="last", maintain_order=True)
    )


def _require_thresholds(frames: Mapping[str, pl.DataFrame], business_date: date) -> None:
    moved = frames["entries"].join(frames["accounts"], on=["book_id", "account_id"], how="semi")
    missing = moved.join(frames["thresholds"], on="currency", how="anti")["currency"]
    if missing.len():
        currencies = tuple(missing.unique().sort())
        raise ThresholdMissing(currencies=currencies, business_date=business_date)


def _raised(
    engine: Engine, rule: Rule, hits: pl.DataFrame, business_date: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The alerts and alert transfers of the rule that the engine has just run."""
    engine.register("hits", hits.select(KEYS).unique())
    grouped = engine.query("alerts", business_date=business_date, rule_id=rule.rule_id)
    engine.register("alerts", grouped)
    facts = hits.group_by("book_id", "account_id").agg(cs.starts_with(FACT_PREFIX).max())
    alerts = grouped.join(facts, on=["book_id", "account_id"]).with_columns(
        explanation(rule.explanation, rule.parameters_on(business_date)),
        rule_id=pl.lit(rule.rule_id),
        rule_version=pl.lit(rule.version, dtype=pl.Int32),
        typology=pl.lit(rule.typology),
        severity=pl.lit(str(rule.severity)),
    )
    return alerts.select(list(ALERTS.schema)), engine.query("alert_transfers")


def _runs(transfers: pl.DataFrame) -> pl.DataFrame:
    """The entries behind each alert as runs of consecutive versions."""
    account = ["business_date", "ref", "book_id", "account_id"]
    return (
        transfers.select(*account, "version")
        .sort(*account, "version")
        .with_columns(run=pl.col("version") - pl.int_range(pl.len()).over(account))
        .group_by(*account, "run")
        .agg(version_from=pl.col("version").min(), version_to=pl.col("version").max())
        .drop("run")
    )
