"""Training: gradient-boosted trees under monotone constraints, calibrated and honestly measured.

Every figure is out of fold: each loan is predicted by trees that never saw it. The final trees are
then grown on all loans with the same parameters.
"""

from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold

from ml.binning import BINS, Floats, bin_shares, quantile_edges
from ml.model import Decile, Metrics, Model, ModelCard, ModelFeature, ModelKind, calibrated
from ml.scale import points
from ml.training.dataset import Dataset, DatasetTooSmall

FOLDS = 5
REPEATS = 3
FEWEST_OF_AN_OUTCOME = 50
ROUNDS = 400
PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.015,
    "num_leaves": 8,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "monotone_constraints_method": "intermediate",
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


class ReasonMissing(ValueError):
    """A feature has no reason code: a score could not say why."""

    def __init__(self, feature: str) -> None:
        self.feature = feature
        super().__init__(f"feature {feature} needs a reason in its definition to be in a model")


@dataclass(frozen=True, slots=True)
class _Validation:
    """Out-of-fold log odds of the first repeat, in the order of the loans, and the AUC of every fold."""

    log_odds: Floats
    aucs: Floats


def train(
    *,
    dataset: Dataset,
    seed: int,
    kind: ModelKind = ModelKind.BEHAVIOUR,
    repeats: int = REPEATS,
    rounds: int = ROUNDS,
) -> Model:
    """Train a model of a kind; the same dataset and seed give the same bytes.

    `repeats` of five-fold cross-validation measure it. Raises `DatasetTooSmall` with fewer than 50
    loans of an outcome and `ReasonMissing` for a feature that no score could explain.
    """
    data = dataset.of(kind.families)
    _check(data)
    validation = _validate(data, seed=seed, repeats=repeats, rounds=rounds)
    slope, intercept = _platt(validation.log_odds, data.labels())
    probabilities = calibrated(validation.log_odds, slope, intercept)
    scores = points(probabilities).astype(np.float64)
    edges = quantile_edges(scores)
    first, last = data.date_range()
    card = ModelCard(
        kind=kind,
        features=_features(data),
        data_sha256=data.sha256(),
        loans=data.features.height,
        default_rate=float(data.labels().mean()),
        observed_from=first.isoformat(),
        observed_until=last.isoformat(),
        seed=seed,
        parameters=PARAMETERS,
        rounds=rounds,
        calibration_slope=slope,
        calibration_intercept=intercept,
        metrics=_metrics(validation, probabilities, data.labels(), repeats=repeats),
        deciles=_deciles(probabilities, data.labels()),
        score_edges=edges,
        score_shares=bin_shares(scores, edges),
    )
    return Model(card=card, trees=_grow(data, seed=seed, rounds=rounds).model_to_string())


def _check(data: Dataset) -> None:
    bad = int(data.labels().sum())
    good = data.features.height - bad
    if min(good, bad) < FEWEST_OF_AN_OUTCOME:
        raise DatasetTooSmall(good=good, bad=bad, needed=FEWEST_OF_AN_OUTCOME)
    for definition in data.definitions:
        if definition.reason_code is None:
            raise ReasonMissing(definition.name)


def _grow(
    data: Dataset, *, seed: int, rounds: int, rows: npt.NDArray[np.intp] | None = None
) -> lightgbm.Booster:
    """Trees on the given rows, or on all."""
    matrix, labels = data.matrix(), data.labels()
    if rows is not None:
        matrix, labels = matrix[rows], labels[rows]
    parameters = {
        **PARAMETERS,
        "seed": seed,
        "monotone_constraints": [d.monotone for d in data.definitions],
    }
    names = [d.name for d in data.definitions]
    return lightgbm.train(parameters, lightgbm.Dataset(matrix, labels, feature_name=names), rounds)


def _validate(data: Dataset, *, seed: int, repeats: int, rounds: int) -> _Validation:
    matrix, labels = data.matrix(), data.labels()
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=repeats, random_state=seed)
    log_odds, aucs = np.empty(len(labels)), []
    for number, (learnt, held_out) in enumerate(folds.split(matrix, labels)):
        booster = _grow(data, seed=seed, rounds=rounds, rows=learnt)
        predicted = np.asarray(booster.predict(matrix[held_out], raw_score=True))
        aucs.append(roc_auc_score(labels[held_out], predicted))
        if number < FOLDS:
            log_odds[held_out] = predicted
    return _Validation(log_odds=log_odds, aucs=np.array(aucs))


def _platt(log_odds: Floats, labels: npt.NDArray[np.int8]) -> tuple[float, float]:
    """Slope and intercept of Platt's calibration; C is so large that nothing is shrunk."""
    fitted = LogisticRegression(C=1e6).fit(log_odds.reshape(-1, 1), labels)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def _features(data: Dataset) -> tuple[ModelFeature, ...]:
    matrix = data.matrix()
    features = []
    for column, definition in enumerate(data.definitions):
        edges = quantile_edges(matrix[:, column])
        features.append(
            ModelFeature(
                name=definition.name,
                version=definition.version,
                monotone=definition.monotone,
                reason_code=definition.reason_code or "",
                edges=edges,
                shares=bin_shares(matrix[:, column], edges),
            )
        )
    return tuple(features)


def _metrics(
    validation: _Validation,
    probabilities: Floats,
    labels: npt.NDArray[np.int8],
    *,
    repeats: int,
) -> Metrics:
    deciles = _deciles(probabilities, labels)
    distance = sum(d.loans * abs(d.predicted - d.defaulted) for d in deciles) / len(labels)
    return Metrics(
        auc=float(validation.aucs.mean()),
        auc_standard_error=float(validation.aucs.std(ddof=1) / np.sqrt(len(validation.aucs))),
        folds=FOLDS,
        repeats=repeats,
        brier=float(brier_score_loss(labels, probabilities)),
        log_loss=float(log_loss(labels, probabilities)),
        calibration_error=float(distance),
    )


def _deciles(probabilities: Floats, labels: npt.NDArray[np.int8]) -> tuple[Decile, ...]:
    """Tenths of the loans from the least to the most risky."""
    order = np.argsort(probabilities, kind="stable")
    return tuple(
        Decile(
            loans=len(rows),
            predicted=float(probabilities[rows].mean()),
            defaulted=float(labels[rows].mean()),
        )
        for rows in np.array_split(order, BINS)
    )
