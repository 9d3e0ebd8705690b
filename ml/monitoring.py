"""Monitoring: whether today's customers are still those that the model was trained on.

The population stability index compares shares of the population per bin: `(actual - expected) *
ln(actual / expected)`, summed. Of the score it is the PSI, of a feature the CSI. Only accounts that the
model judges are compared; the others have the average, whoever they are.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import polars as pl

from ml.binning import bin_shares
from ml.features.known import ACCOUNT
from ml.model import Model
from ml.scoring import has_loan_history, model_features

SCORE = "score"
SMALLEST_SHARE = 1e-4
"""An empty bin counts as this share, so that the logarithm is finite."""
SHIFTING, SHIFTED = 0.1, 0.25
"""The customary limits: below the first nothing happened, above the second train anew."""

STABILITY: dict[str, pl.DataType | type[pl.DataType]] = {
    "business_date": pl.Date,
    "model_id": pl.String,
    "subject": pl.String,  # `score`, or the feature
    "accounts": pl.Int64,  # compared
    "index": pl.Float64,  # PSI of the score, CSI of a feature; null with no account to compare
    "verdict": pl.String,  # Verdict
}
STABILITY_BINS: dict[str, pl.DataType | type[pl.DataType]] = {
    "business_date": pl.Date,
    "model_id": pl.String,
    "subject": pl.String,
    "bin": pl.Int32,
    "label": pl.String,  # such as `<= 3`, `> 12`, `missing`
    "expected_share": pl.Float64,  # in training
    "actual_share": pl.Float64,
    "contribution": pl.Float64,  # to the index
}


class Verdict(StrEnum):
    """What an index says."""

    STABLE = "stable"
    """Below 0.1."""
    SHIFTING = "shifting"
    """From 0.1 on: look at the bins."""
    SHIFTED = "shifted"
    """From 0.25 on: the model speaks of other people."""
    UNKNOWN = "unknown"
    """No account that the model judges."""


@dataclass(frozen=True, slots=True)
class Stability:
    """Frames `STABILITY` (a row the score and each feature) and `STABILITY_BINS`."""

    indices: pl.DataFrame
    bins: pl.DataFrame


def stability(
    *, business_date: date, features: pl.DataFrame, scores: pl.DataFrame, model: Model
) -> Stability:
    """Compare a date's features and scores with the population that the model was trained on."""
    judged = (
        model_features(features, model)
        .filter(has_loan_history())
        .join(scores.select(*ACCOUNT, SCORE), on=list(ACCOUNT))
    )
    card = model.card
    expected = {SCORE: (card.score_edges, card.score_shares)} | {
        feature.name: (feature.edges, feature.shares) for feature in card.features
    }
    bins = pl.concat(
        _bins(judged[subject], edges=edges, shares=shares)
        for subject, (edges, shares) in expected.items()
    ).with_columns(business_date=pl.lit(business_date, pl.Date), model_id=pl.lit(model.model_id))
    indices = (
        bins.group_by("business_date", "model_id", "subject", maintain_order=True)
        .agg(index=pl.col("contribution").sum())
        .with_columns(
            accounts=pl.lit(judged.height, pl.Int64),
            index=pl.when(judged.height > 0).then("index"),
        )
        .with_columns(verdict=_verdict(pl.col("index")))
    )
    return Stability(
        indices=indices.select(pl.col(name).cast(kind) for name, kind in STABILITY.items()),
        bins=bins.select(pl.col(name).cast(kind) for name, kind in STABILITY_BINS.items()),
    )


def population_stability(expected: tuple[float, ...], actual: tuple[float, ...]) -> tuple[float, ...]:
    """Each bin's contribution to the index; never negative."""
    was = np.maximum(np.array(expected), SMALLEST_SHARE)
    is_now = np.maximum(np.array(actual), SMALLEST_SHARE)
    return tuple(float(part) for part in (is_now - was) * np.log(is_now / was))


def _bins(values: pl.Series, *, edges: tuple[float, ...], shares: tuple[float, ...]) -> pl.DataFrame:
    known = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    actual = bin_shares(known, edges)
    labels = [f"<= {edge:g}" for edge in edges]
    labels += [f"> {edges[-1]:g}" if edges else "any", "missing"]
    return pl.DataFrame(
        {
            "subject": values.name,
            "bin": list(range(len(labels))),
            "label": labels,
            "expected_share": shares,
            "actual_share": actual,
            "contribution": population_stability(shares, actual),
        }
    )


def _verdict(index: pl.Expr) -> pl.Expr:
    return (
        pl.when(index.is_null())
        .then(pl.lit(Verdict.UNKNOWN.value))
        .when(index < SHIFTING)
        .then(pl.lit(Verdict.STABLE.value))
        .when(index < SHIFTED)
        .then(pl.lit(Verdict.SHIFTING.value))
        .otherwise(pl.lit(Verdict.SHIFTED.value))
    )
