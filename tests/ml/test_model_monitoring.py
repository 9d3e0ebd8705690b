"""Monitoring and pictures: the index of unchanged people is nothing, that of others is not."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from math import log

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ml.binning import bin_shares, quantile_edges
from ml.model import Model
from ml.monitoring import STABILITY, STABILITY_BINS, Stability, population_stability, stability
from ml.plots import calibration, score_distribution
from ml.reasons import Abstention
from ml.scale import points
from ml.tables import FEATURES, SCORES
from ml.training.dataset import Dataset
from tests.ml.credit_ledger import TODAY

Monitored = Callable[[pl.DataFrame], Stability]


@pytest.fixture(scope="module")
def monitored(dataset: Dataset, model: Model) -> Monitored:
    """The stability of a population of features, one account a row."""

    def run(population: pl.DataFrame) -> Stability:
        wide = population.with_row_index("account_id").with_columns(pl.col("account_id").cast(pl.Int64))
        long = wide.unpivot(index="account_id", variable_name="feature", value_name="value")
        features = long.select(
            business_date=pl.lit(TODAY),
            ref=pl.lit(""),
            book_id=pl.lit(1, pl.Int32),
            account_id="account_id",
            feature="feature",
            feature_version=pl.lit(1, pl.Int32),
            value="value",
        )
        matrix = population.fill_null(float("nan")).to_numpy()
        scores = wide.select(
            "account_id",
            book_id=pl.lit(1, pl.Int32),
            score=pl.Series(points(model.probabilities(matrix))),
        )
        return stability(
            business_date=TODAY, features=FEATURES.conform(features), scores=scores, model=model
        )

    return run


@pytest.fixture(scope="module")
def population(dataset: Dataset, model: Model) -> pl.DataFrame:
    return dataset.of(model.card.kind.families).features


def index(found: Stability, subject: str) -> float:
    return float(found.indices.row(by_predicate=pl.col("subject") == subject, named=True)["index"])


def test_the_people_trained_on_are_stable(monitored: Monitored, population: pl.DataFrame) -> None:
    found = monitored(population)
    assert found.indices.schema == pl.Schema(STABILITY)
    assert found.bins.schema == pl.Schema(STABILITY_BINS)
    assert found.indices["subject"].to_list() == ["score", *population.columns]
    assert index(found, "loan_growth") == pytest.approx(0, abs=1e-9)
    assert set(found.indices["verdict"]) == {"stable"}


def test_people_who_repay_later_are_noticed_and_the_bins_show_where(
    monitored: Monitored, population: pl.DataFrame
) -> None:
    found = monitored(population.with_columns(pl.col("loan_lateness_mean_days") + 20))
    late = found.indices.row(by_predicate=pl.col("subject") == "loan_lateness_mean_days", named=True)
    assert late["verdict"] == "shifted"
    assert index(found, "loan_growth") == pytest.approx(0, abs=1e-9)
    top = found.bins.filter(
        pl.col("subject") == "loan_lateness_mean_days", pl.col("label").str.starts_with(">")
    )
    assert (top["actual_share"] > top["expected_share"]).all()
    sums = found.bins.group_by("subject").agg(pl.col("contribution").sum())
    assert dict(sums.iter_rows())["loan_lateness_mean_days"] == pytest.approx(late["index"])


def test_people_without_history_are_not_compared(monitored: Monitored, population: pl.DataFrame) -> None:
    found = monitored(population.head(30).with_columns(loan_count=pl.lit(0.0)))
    assert set(found.indices["accounts"]) == {0}
    assert set(found.indices["verdict"]) == {"unknown"}
    assert found.indices["index"].null_count() == found.indices.height


shares = st.lists(st.integers(1, 50), min_size=4, max_size=4).map(lambda n: tuple(x / sum(n) for x in n))


@given(shares, shares)
def test_the_index_is_the_sum_of_the_textbook(was: tuple[float, ...], now: tuple[float, ...]) -> None:
    parts = population_stability(was, now)
    assert sum(parts) == pytest.approx(sum((a - e) * log(a / e) for e, a in zip(was, now, strict=True)))
    assert min(parts) >= 0


@given(st.lists(st.one_of(st.integers(-5, 5).map(float), st.just(float("nan"))), min_size=1))
def test_every_value_lies_in_exactly_one_bin(values: list[float]) -> None:
    edges = quantile_edges(np.array(values))
    found = bin_shares(np.array(values), edges)
    limits = [-np.inf, *edges, np.inf]
    expected = [sum(low < v <= high for v in values) for low, high in pairwise(limits)]
    expected.append(sum(np.isnan(v) for v in values))
    assert list(found) == pytest.approx([count / len(values) for count in expected])


def test_pictures_are_well_formed_and_the_same_twice(model: Model) -> None:
    scores = pl.DataFrame(
        {
            "score": [550, 610, 605, 700],
            "reason_1": ["L02 late", "L01 many", str(Abstention.NO_LOAN_HISTORY), "L02 late"],
        },
        schema_overrides={"score": pl.Int32},
    )
    empty = pl.DataFrame(schema=dict(SCORES.schema))
    for draw in (
        lambda: score_distribution(scores),
        lambda: score_distribution(empty),
        lambda: calibration(model),
    ):
        picture = draw()
        assert etree.fromstring(picture).tag.endswith("svg")
        assert picture == draw()
    assert b"3 accounts judged" in score_distribution(scores)


def test_tomorrow_is_compared_under_its_own_date(model: Model) -> None:
    later = TODAY + timedelta(days=1)
    found = stability(business_date=later, features=FEATURES.empty(), scores=SCORES.empty(), model=model)
    assert set(found.indices["business_date"]) == {later}
    assert set(found.indices["verdict"]) == {"unknown"}
