"""How well the rules detect: recall and precision of each typology against planted cases.

Belongs here: the comparison. The truth is rows with `typology`, `participant`, `account` and
`instruction_ids` (the case's payments, separated by blanks or semicolons). A case is detected when an
alert of its typology rests on at least one of its payments; an alert is true when it rests on at least
one payment of a case, of its own typology or (`explained`) of any.
"""

from dataclasses import dataclass

import polars as pl

MEASURE_SCHEMA = {
    "typology": pl.String,
    "cases": pl.Int64,
    "detected": pl.Int64,
    "recall": pl.Float64,  # null without cases
    "alerts": pl.Int64,
    "true_alerts": pl.Int64,
    "explained_alerts": pl.Int64,
    "precision": pl.Float64,  # true_alerts of alerts; null without alerts
}


@dataclass(frozen=True, slots=True)
class Detection:
    """`measure` (`MEASURE_SCHEMA`), the truth's rows that were missed, the alerts that are not true."""

    measure: pl.DataFrame
    missed: pl.DataFrame
    untrue: pl.DataFrame


def detection(
    *,
    truth: pl.DataFrame,
    alerts: pl.DataFrame,
    alert_transfers: pl.DataFrame,
    entries: pl.LazyFrame,
) -> Detection:
    """Compare alerts (`ALERTS`, `ALERT_TRANSFERS`, of any dates) with the planted cases.

    `entries` must hold the entries behind the alerts: they name the payments.
    """
    numbered = truth.with_row_index("case")
    planted = (
        numbered.select(
            "case", "typology", payment_id=pl.col("instruction_ids").str.extract_all(r"[^;\s]+")
        )
        .explode("payment_id")
        .rename({"typology": "case_typology"})
    )
    overlaps = (
        _alerted_payments(alert_transfers, entries)
        .join(alerts.select("ref", "typology"), on="ref")
        .join(planted, on="payment_id")
    )
    right = overlaps.filter(pl.col("typology") == pl.col("case_typology"))
    found = numbered.with_columns(detected=pl.col("case").is_in(right["case"].unique().implode()))
    judged = alerts.with_columns(
        true=pl.col("ref").is_in(right["ref"].unique().implode()),
        explained=pl.col("ref").is_in(overlaps["ref"].unique().implode()),
    )
    return Detection(
        measure=_measure(found, judged),
        missed=found.filter(~pl.col("detected")).select(truth.columns),
        untrue=judged.filter(~pl.col("true")).select(alerts.columns),
    )


def _alerted_payments(alert_transfers: pl.DataFrame, entries: pl.LazyFrame) -> pl.DataFrame:
    key = ["book_id", "account_id", "version"]
    return (
        alert_transfers.lazy()
        .join(entries.select(*key, "payment_id"), on=key)
        .select("ref", "payment_id")
        .unique()
        .collect()
    )


def _measure(found: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    cases = found.group_by("typology").agg(
        cases=pl.len().cast(pl.Int64), detected=pl.col("detected").sum().cast(pl.Int64)
    )
    alerts = judged.group_by("typology").agg(
        alerts=pl.len().cast(pl.Int64),
        true_alerts=pl.col("true").sum().cast(pl.Int64),
        explained_alerts=pl.col("explained").sum().cast(pl.Int64),
    )
    return (
        cases.join(alerts, on="typology", how="full", coalesce=True)
        .with_columns(pl.exclude("typology").fill_null(0))
        .with_columns(
            recall=pl.when(pl.col("cases") > 0).then(pl.col("detected") / pl.col("cases")),
            precision=pl.when(pl.col("alerts") > 0).then(pl.col("true_alerts") / pl.col("alerts")),
        )
        .select(list(MEASURE_SCHEMA))
        .sort("typology")
    )
