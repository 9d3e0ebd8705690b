"""Scoring: the probability of default of every customer account, with its reasons and its evidence.

The model judges loan history. A customer without one, or whose loans state no due date, gets the
average of the borrowers that the model was trained on, and the score says so instead of a reason.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from ml.features.known import ACCOUNT, CUSTOMER_CHART
from ml.model import Model
from ml.reasons import Abstention, reasons
from ml.scale import points
from ml.tables import SCORES, SCORES_EVIDENCE

COUNT, LATENESS = "loan_count", "loan_lateness_mean_days"
"""The features by which a score tells whether there is a loan history to judge."""


class FeaturesMissing(LookupError):
    """The features given are not those that the model was trained on."""

    def __init__(self, *, model_id: str, features: tuple[str, ...]) -> None:
        self.model_id = model_id
        self.features = features
        super().__init__(f"{model_id} needs {', '.join(features)}: compute them, or train it anew")


@dataclass(frozen=True, slots=True)
class Scores:
    """Frames of the tables `SCORES` and `SCORES_EVIDENCE`."""

    scores: pl.DataFrame
    evidence: pl.DataFrame


def score(
    *,
    business_date: date,
    features: pl.DataFrame,
    evidence: pl.DataFrame,
    accounts: pl.LazyFrame,
    model: Model,
) -> Scores:
    """Score every customer account of the accounts' partition of `business_date`.

    `features` and `evidence` are those of `compute_features` on that date (tables `FEATURES` and
    `SCORES_EVIDENCE`). The evidence of a score is the union of that of the features the model uses.
    Raises `FeaturesMissing` when one of them is absent or of another version.
    """
    wide = model_features(features, model)
    holders = accounts.filter(
        pl.col("business_date") == business_date, pl.col("chart_name").is_in(CUSTOMER_CHART)
    ).select(*ACCOUNT, "participant_id", "party_id")
    ref = pl.concat_str(pl.lit(f"score:{business_date}"), *ACCOUNT, separator=":")
    scored = (
        pl.concat([wide.select(ACCOUNT), _judged(wide, model)], how="horizontal")
        .join(holders.collect(), on=list(ACCOUNT))
        .with_columns(
            business_date=pl.lit(business_date, pl.Date), ref=ref, model_id=pl.lit(model.model_id)
        )
    )
    return Scores(
        scores=SCORES.conform(scored.select(list(SCORES.schema))),
        evidence=SCORES_EVIDENCE.conform(_evidence(features, evidence, scored, model)),
    )


def model_features(features: pl.DataFrame, model: Model) -> pl.DataFrame:
    """One row an account, one column a feature in the model's order; raises `FeaturesMissing`."""
    used = _used(features, model)
    wide = used.pivot(on="feature", index=list(ACCOUNT), values="value").sort(ACCOUNT)
    if missing := [name for name in model.feature_names if name not in wide.columns]:
        if features.is_empty():
            schema = dict.fromkeys(missing, pl.Float64)
            return wide.select(ACCOUNT).with_columns(
                pl.lit(None, kind).alias(name) for name, kind in schema.items()
            )
        raise FeaturesMissing(model_id=model.model_id, features=tuple(missing))
    return wide.select(*ACCOUNT, *model.feature_names)


def has_loan_history() -> pl.Expr:
    """Whether a row of `model_features` can be judged: there are loans, and when they were due."""
    return (pl.col(COUNT) > 0).fill_null(value=False) & pl.col(LATENESS).is_not_null()


def _used(features: pl.DataFrame, model: Model) -> pl.DataFrame:
    """The rows of features that the model uses, in the versions that it was trained on."""
    versions = pl.DataFrame(
        {
            "feature": model.feature_names,
            "feature_version": [feature.version for feature in model.card.features],
        },
        schema={"feature": pl.String, "feature_version": pl.Int32},
    )
    return features.join(versions, on=["feature", "feature_version"], how="semi")


def _judged(wide: pl.DataFrame, model: Model) -> pl.DataFrame:
    """Probability, score and reasons of each row."""
    matrix = wide.select(model.feature_names).fill_null(float("nan")).to_numpy().astype(np.float64)
    codes = [feature.reason_code for feature in model.card.features]
    judged = wide.select(
        no_loans=(pl.col(COUNT) == 0).fill_null(value=True), has_history=has_loan_history()
    )
    trusted = judged["has_history"].to_numpy()
    probability = np.full(wide.height, model.card.default_rate)
    contributions = np.zeros(matrix.shape)
    if trusted.any():
        probability[trusted] = model.probabilities(matrix[trusted])
        contributions[trusted] = model.contributions(matrix[trusted])
    abstained = (
        pl.when("no_loans")
        .then(pl.lit(str(Abstention.NO_LOAN_HISTORY)))
        .otherwise(pl.lit(str(Abstention.NO_DUE_DATES)))
    )
    return (
        pl.concat([judged, reasons(contributions, codes)], how="horizontal")
        .with_columns(
            probability_of_default=pl.Series(probability),
            score=pl.Series(points(probability)),
            reason_1=pl.when("has_history").then("reason_1").otherwise(abstained),
        )
        .drop("no_loans", "has_history")
    )


def _evidence(
    features: pl.DataFrame, evidence: pl.DataFrame, scored: pl.DataFrame, model: Model
) -> pl.DataFrame:
    """The runs of the model's features per account, overlapping and adjoining ones made one."""
    runs = (
        evidence.join(_used(features, model).select("ref"), on="ref", how="semi")
        .unique([*ACCOUNT, "version_from", "version_to"])
        .sort(*ACCOUNT, "version_from", "version_to")
    )
    reached = pl.col("version_to").cum_max().shift().over(ACCOUNT)
    begins = (pl.col("version_from") > reached + 1).fill_null(value=True)
    return (
        runs.with_columns(run=begins.cum_sum())
        .group_by("business_date", *ACCOUNT, "run")
        .agg(pl.col("version_from").min(), pl.col("version_to").max())
        .join(scored.select(*ACCOUNT, "ref"), on=list(ACCOUNT))
        .select(list(SCORES_EVIDENCE.schema))
    )
