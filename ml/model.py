"""A trained model: the trees, and a card that says what it was made from and how good it is.

Belongs here: the type, saving and loading, and the probability it gives. Its id is the hash of its
content, so that the same data, definitions and seed give the same model and the same bytes.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt

from ml.features.definition import Family

CARD_FILE, TREES_FILE = "card.json", "model.txt"
Floats = npt.NDArray[np.float64]


class ModelRefused(ValueError):
    """A model folder is incomplete, or its files do not belong together."""

    def __init__(self, *, folder: Path, reason: str) -> None:
        self.folder = folder
        self.reason = reason
        super().__init__(f"model {folder.name}: {reason}")


class ModelKind(StrEnum):
    """What a model judges."""

    BEHAVIOUR = "behaviour"
    """A customer, from the loans had so far; scores every account at every close."""
    APPLICATION = "application"
    """A loan that is asked for, from the loans had so far and what is asked for."""

    @property
    def families(self) -> tuple[Family, ...]:
        """The features that it is trained on."""
        if self is ModelKind.BEHAVIOUR:
            return (Family.LOAN_HISTORY,)
        return (Family.LOAN_HISTORY, Family.APPLICATION)


@dataclass(frozen=True, slots=True)
class ModelFeature:
    """A feature as the model was trained on it.

    `edges` are upper limits of the bins in which it is monitored, `shares` how much of the training
    population lay in each, the last two being above all edges and missing.
    """

    name: str
    version: int
    monotone: int
    reason_code: str
    edges: tuple[float, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Decile:
    """A tenth of the out-of-fold predictions: what was predicted and what came."""

    loans: int
    predicted: float
    defaulted: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """Out-of-fold figures, from repeated stratified cross-validation.

    `auc` is the mean over all folds and repeats, with the standard error of these; Brier score, log
    loss and `calibration_error` (mean distance of predicted from observed, over deciles) are of
    calibrated probabilities.
    """

    auc: float
    auc_standard_error: float
    folds: int
    repeats: int
    brier: float
    log_loss: float
    calibration_error: float


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What the model was made from, how, and how good it is."""

    kind: ModelKind
    features: tuple[ModelFeature, ...]
    data_sha256: str
    loans: int
    default_rate: float
    observed_from: str
    observed_until: str
    seed: int
    parameters: dict[str, Any]
    rounds: int
    calibration_slope: float
    calibration_intercept: float
    metrics: Metrics
    deciles: tuple[Decile, ...]
    score_edges: tuple[float, ...]
    score_shares: tuple[float, ...]

    def to_json(self) -> bytes:
        """Canonical: sorted keys, fixed indentation, shortest digits that round-trip."""
        text = json.dumps(asdict(self), sort_keys=True, indent=1, allow_nan=False)
        return text.encode() + b"\n"

    @classmethod
    def from_json(cls, content: bytes) -> "ModelCard":
        """The card that `to_json` wrote."""
        fields = json.loads(content)
        fields["kind"] = ModelKind(fields["kind"])
        fields["features"] = tuple(
            ModelFeature(**{**f, "edges": tuple(f["edges"]), "shares": tuple(f["shares"])})
            for f in fields["features"]
        )
        fields["metrics"] = Metrics(**fields["metrics"])
        fields["deciles"] = tuple(Decile(**decile) for decile in fields["deciles"])
        for name in ("score_edges", "score_shares"):
            fields[name] = tuple(fields[name])
        return cls(**fields)


@dataclass(frozen=True)
class Model:
    """A card and its trees, in LightGBM's text format."""

    card: ModelCard
    trees: str

    @cached_property
    def model_id(self) -> str:
        """Kind and hash of the content, such as `behaviour-3f2a...`."""
        digest = hashlib.sha256(self.card.to_json() + self.trees.encode()).hexdigest()
        return f"{self.card.kind}-{digest[:16]}"

    @cached_property
    def _booster(self) -> lightgbm.Booster:
        return lightgbm.Booster(model_str=self.trees)

    @property
    def feature_names(self) -> list[str]:
        """In the order of the columns that the model expects."""
        return [feature.name for feature in self.card.features]

    def probabilities(self, matrix: Floats) -> Floats:
        """Calibrated probability of default per row; NaN where a value is not known."""
        raw = np.asarray(self._booster.predict(matrix, raw_score=True), dtype=np.float64)
        return calibrated(raw, self.card.calibration_slope, self.card.calibration_intercept)

    def contributions(self, matrix: Floats) -> Floats:
        """What each feature adds to the log odds of default, per row (exact Shapley values)."""
        shares = np.asarray(self._booster.predict(matrix, pred_contrib=True), dtype=np.float64)
        return shares[:, :-1] * self.card.calibration_slope

    def save(self, folder: Path) -> Path:
        """Write `<folder>/<model_id>/{card.json,model.txt}`; returns that folder."""
        target = folder / self.model_id
        target.mkdir(parents=True, exist_ok=True)
        (target / CARD_FILE).write_bytes(self.card.to_json())
        (target / TREES_FILE).write_bytes(self.trees.encode())
        return target

    @classmethod
    def load(cls, folder: Path) -> "Model":
        """Read a model from its own folder; raises `ModelRefused` when its name is not its hash."""
        try:
            card = ModelCard.from_json((folder / CARD_FILE).read_bytes())
            trees = (folder / TREES_FILE).read_text(encoding="utf-8")
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ModelRefused(folder=folder, reason=str(error)) from error
        model = cls(card=card, trees=trees)
        if model.model_id != folder.name:
            reason = f"its content is that of {model.model_id}: it was changed after it was saved"
            raise ModelRefused(folder=folder, reason=reason)
        return model


def calibrated(log_odds: Floats, slope: float, intercept: float) -> Floats:
    """Platt's calibration: the logistic function of `slope * log odds + intercept`."""
    return np.asarray(1.0 / (1.0 + np.exp(-(slope * log_odds + intercept))), dtype=np.float64)
