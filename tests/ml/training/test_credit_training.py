"""Training: the same bytes twice, constraints held, figures honest, and no later fact learnt from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from ml.binning import Floats
from ml.features.definition import Definition, Family, Risk
from ml.features.expressions import SUBJECT
from ml.features.loans import loans
from ml.model import Model, ModelKind, ModelRefused
from ml.training.dataset import Dataset, DatasetTooSmall
from ml.training.superlender import (
    LoanBookRefused,
    earlier_loans,
    labelled_loans,
    load_superlender,
)
from ml.training.train import ReasonMissing, train


def saved(model: Model, folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in model.save(folder).iterdir()}


def test_the_same_data_and_seed_give_the_same_bytes(
    dataset: Dataset, model: Model, tmp_path: Path
) -> None:
    again = train(dataset=dataset, seed=3, repeats=1, rounds=120)
    assert saved(again, tmp_path / "again") == saved(model, tmp_path / "first")
    assert again.model_id == model.model_id
    assert train(dataset=dataset, seed=4, repeats=1, rounds=5).model_id != model.model_id


def test_a_model_is_read_back_as_it_was_saved(model: Model, dataset: Dataset, tmp_path: Path) -> None:
    loaded = Model.load(model.save(tmp_path))
    matrix = dataset.of(model.card.kind.families).matrix()
    assert loaded == model
    assert np.array_equal(loaded.probabilities(matrix), model.probabilities(matrix))


def test_a_model_that_was_changed_is_refused(model: Model, tmp_path: Path) -> None:
    folder = model.save(tmp_path)
    (folder / "model.txt").write_text(model.trees.replace("leaf_value=", "leaf_value=0", 1))
    with pytest.raises(ModelRefused, match="was changed"):
        Model.load(folder)


def test_an_incomplete_model_is_refused(model: Model, tmp_path: Path) -> None:
    folder = model.save(tmp_path)
    (folder / "card.json").write_text("{}")
    with pytest.raises(ModelRefused):
        Model.load(folder)


@pytest.mark.parametrize("direction", [Risk.RISES, Risk.FALLS])
def test_a_declared_direction_of_risk_holds_everywhere(
    model: Model, dataset: Dataset, direction: Risk
) -> None:
    data = dataset.of(model.card.kind.families)
    rows = data.matrix()[::40]
    for column, definition in enumerate(data.definitions):
        if definition.risk is not direction:
            continue
        known = data.features[definition.name].drop_nulls()
        curve = np.array([_with(model, rows, column, value) for value in _grid(known)])
        steps = np.diff(curve, axis=0) * (1 if direction is Risk.RISES else -1)
        assert (steps >= -1e-12).all(), definition.name


def _grid(known: pl.Series) -> list[float]:
    return [float(known.quantile(level) or 0.0) for level in np.linspace(0, 1, 12)]


def _with(model: Model, rows: Floats, column: int, value: float) -> Floats:
    changed = rows.copy()
    changed[:, column] = value
    return model.probabilities(changed)


def test_contributions_add_up_to_the_log_odds(model: Model, dataset: Dataset) -> None:
    matrix = dataset.of(model.card.kind.families).matrix()[:50]
    probability = model.probabilities(matrix)
    base = np.log(probability / (1 - probability)) - model.contributions(matrix).sum(axis=1)
    assert np.allclose(base, base[0])


def test_the_card_tells_of_every_loan_and_tenth(model: Model, dataset: Dataset) -> None:
    card = model.card
    assert card.loans == dataset.features.height == sum(decile.loans for decile in card.deciles)
    assert card.default_rate == pytest.approx(dataset.labels().mean())
    assert (card.observed_from, card.observed_until) == tuple(str(d) for d in dataset.date_range())
    for feature in card.features:
        assert sum(feature.shares) == pytest.approx(1)
        assert len(feature.shares) == len(feature.edges) + 2


def test_calibrated_probabilities_average_to_the_default_rate(model: Model) -> None:
    predicted = sum(decile.loans * decile.predicted for decile in model.card.deciles)
    assert predicted / model.card.loans == pytest.approx(model.card.default_rate, abs=1e-3)
    assert model.card.metrics.calibration_error < 0.04


def test_on_a_simulated_book_it_comes_near_the_best_possible(
    model: Model, dataset: Dataset, loan_book: Path
) -> None:
    applied = labelled_loans(loan_book)
    truth = pl.read_csv(loan_book.parent / "truth" / "credit_probabilities.csv")
    known = applied.join(truth, on="systemloanid", maintain_order="left")
    best = roc_auc_score(applied["defaulted"], known["probability_of_default_ppm"])
    assert best - 0.08 < model.card.metrics.auc < best + 0.02


def test_a_book_without_enough_of_an_outcome_is_refused(dataset: Dataset) -> None:
    good = (dataset.defaulted == 0).to_numpy().nonzero()[0][:200]
    few = replace(
        dataset,
        features=dataset.features[good],
        defaulted=dataset.defaulted[good],
        observed_on=dataset.observed_on[good],
    )
    with pytest.raises(DatasetTooSmall) as refused:
        train(dataset=few, seed=1)
    assert (refused.value.good, refused.value.bad) == (200, 0)


def test_a_feature_that_no_score_could_explain_is_refused(dataset: Dataset) -> None:
    first, *others = dataset.of([Family.LOAN_HISTORY]).definitions
    mute = replace(dataset, definitions=(replace(first, reason_code=None), *others))
    with pytest.raises(ReasonMissing) as refused:
        train(dataset=mute, seed=1)
    assert refused.value.feature == first.name


def test_an_absent_file_is_named(tmp_path: Path, definitions: tuple[Definition, ...]) -> None:
    with pytest.raises(LoanBookRefused) as refused:
        load_superlender(tmp_path, definitions=definitions)
    assert refused.value.file.name == "trainperf.csv.gz"


def test_an_unknown_outcome_is_refused(tmp_path: Path, loan_book: Path) -> None:
    rows = pl.read_csv(loan_book / "trainperf.csv.gz", infer_schema=False)
    odd = rows.with_columns(good_bad_flag=pl.lit("Fair"))
    (tmp_path / "trainperf.csv.gz").write_bytes(odd.write_csv().encode())
    with pytest.raises(LoanBookRefused, match="'Fair'"):
        labelled_loans(tmp_path)


@pytest.fixture(scope="module")
def superlender(shared_data: Path) -> Path:
    folder = shared_data / "credit" / "superlender"
    if not folder.is_dir():
        pytest.skip(f"the loan book is not at {folder}")
    return folder


@pytest.fixture(scope="module")
def real_dataset(superlender: Path, definitions: tuple[Definition, ...]) -> Dataset:
    return load_superlender(superlender, definitions=definitions)


def test_what_happened_after_the_application_is_not_known(superlender: Path) -> None:
    applied = labelled_loans(superlender)
    known = earlier_loans(superlender, applied)
    leaked = earlier_loans(superlender, applied, masked=False)
    assert (applied.height, known.height) == (4368, 18183)
    assert (known["closed_on"].null_count(), known["first_repaid_on"].null_count()) == (756, 664)
    assert leaked["closed_on"].null_count() == leaked["first_repaid_on"].null_count() == 0
    assert known.filter(pl.col("closed_on") > pl.col("observed_on")).is_empty()


def test_the_mask_changes_what_features_say(superlender: Path, real_dataset: Dataset) -> None:
    applied = labelled_loans(superlender)
    masked, leaked = (
        loans(earlier_loans(superlender, applied, masked=mask))
        .group_by(SUBJECT)
        .agg(open=(~pl.col("is_closed")).sum(), repaid=pl.col("days_since_closed").min())
        .sort(SUBJECT)
        for mask in (True, False)
    )
    assert leaked["open"].sum() == 0
    assert masked["open"].sum() == real_dataset.features["open_loan_count"].sum() == 756
    assert masked["repaid"].null_count() > leaked["repaid"].null_count()


@pytest.mark.parametrize(("kind", "floor"), [(ModelKind.BEHAVIOUR, 0.69), (ModelKind.APPLICATION, 0.70)])
def test_on_the_real_book_it_tells_good_from_bad(
    real_dataset: Dataset, kind: ModelKind, floor: float
) -> None:
    card = train(dataset=real_dataset, seed=7, kind=kind, repeats=1, rounds=250).card
    assert card.metrics.auc > floor
    assert card.metrics.calibration_error < 0.02
