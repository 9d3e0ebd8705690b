"""Fixtures of features and scores: the shipped definitions, a simulated loan book, a small model."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from ml.features.compute import FeatureSet, compute_features
from ml.features.declarations import load_definitions
from ml.features.definition import Definition
from ml.model import Model
from ml.training.dataset import Dataset
from ml.training.superlender import load_superlender
from ml.training.train import train
from pipelines.simulation.credit import write_credit_history
from pipelines.simulation.economy import load_economy
from tests.ml.credit_ledger import TODAY, Frames


@pytest.fixture(scope="session")
def definitions() -> tuple[Definition, ...]:
    return load_definitions()


@pytest.fixture(scope="session")
def loan_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated loan book; the true probabilities lie in `<folder>/../truth`."""
    folder = tmp_path_factory.mktemp("credit")
    write_credit_history(
        out=folder / "book",
        truth=folder / "truth",
        seed=5,
        before=date(2026, 1, 1),
        economy=load_economy(),
    )
    return folder / "book"


@pytest.fixture(scope="session")
def dataset(loan_book: Path, definitions: tuple[Definition, ...]) -> Dataset:
    return load_superlender(loan_book, definitions=definitions)


@pytest.fixture(scope="session")
def model(dataset: Dataset) -> Model:
    return train(dataset=dataset, seed=3, repeats=1, rounds=120)


@pytest.fixture(scope="session")
def featured(definitions: tuple[Definition, ...]) -> Callable[[Frames], FeatureSet]:
    """The features of a small ledger at the close of `TODAY`."""

    def compute(frames: Frames) -> FeatureSet:
        return compute_features(
            business_date=TODAY,
            entries=frames.entries,
            accounts=frames.accounts,
            payments=frames.payments,
            definitions=definitions,
        )

    return compute


@pytest.fixture(scope="session")
def values() -> Callable[[FeatureSet], dict[tuple[int, str], float | None]]:
    """A feature set as a mapping from account and feature to value."""

    def mapping(feature_set: FeatureSet) -> dict[tuple[int, str], float | None]:
        rows = feature_set.features.select(pl.struct("account_id", "feature"), "value").iter_rows()
        return {(key["account_id"], key["feature"]): value for key, value in rows}

    return mapping
