"""Scores: in range, explained in words, silent where nothing is known, and traced to entries."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.features.compute import FeatureSet
from ml.model import Model
from ml.reasons import Abstention, reasons
from ml.scale import points
from ml.scoring import FeaturesMissing, Scores, score
from ml.tables import SCORES, SCORES_EVIDENCE
from tests.ml.credit_ledger import TODAY, Frames, Move, frames

TERM = "Consumer loan, term 30 days"
MOVES = [
    # 1: repays in time
    Move(1, 100, "loan_disbursement", 100, purpose=TERM),
    Move(1, 75, "loan_repayment", 100),
    Move(1, 60, "loan_disbursement", 150, purpose=TERM),
    Move(1, 35, "loan_repayment", 150),
    # 2: repays months late
    Move(2, 120, "loan_disbursement", 100, purpose=TERM),
    Move(2, 20, "loan_repayment", 100),
    # 3: has loans whose due dates nobody stated
    Move(3, 50, "loan_disbursement", 100, purpose="Consumer loan"),
    # 4: never had a loan
    Move(4, 50, "salary", 900),
]


@pytest.fixture(scope="module")
def ledger() -> Frames:
    return frames(MOVES, accounts=5)


@pytest.fixture(scope="module")
def feature_set(ledger: Frames, featured: Callable[[Frames], FeatureSet]) -> FeatureSet:
    return featured(ledger)


@pytest.fixture(scope="module")
def scored(ledger: Frames, feature_set: FeatureSet, model: Model) -> Scores:
    return score(
        business_date=TODAY,
        features=feature_set.features,
        evidence=feature_set.evidence,
        accounts=ledger.accounts,
        model=model,
    )


def row(scored: Scores, account: int) -> dict[str, object]:
    return scored.scores.row(by_predicate=pl.col("account_id") == account, named=True)


def test_every_customer_account_has_a_score_in_range_and_a_reason(scored: Scores, model: Model) -> None:
    assert scored.scores["account_id"].to_list() == [1, 2, 3, 4, 5]
    assert scored.scores["score"].is_between(300, 850).all()
    assert scored.scores["probability_of_default"].is_between(0, 1, closed="none").all()
    assert scored.scores["reason_1"].is_not_null().all()
    assert set(scored.scores["model_id"]) == {model.model_id}
    assert scored.scores.schema == pl.Schema(SCORES.schema)


def test_repaying_late_costs_points_and_the_reason_says_so(scored: Scores) -> None:
    in_time, late = row(scored, 1), row(scored, 2)
    assert late["score"] < in_time["score"]
    given_reasons = [late[f"reason_{n}"] for n in (1, 2, 3)]
    assert "L02 How late loans were repaid: raised the risk" in given_reasons


@pytest.mark.parametrize(
    ("account", "abstention"),
    [(3, Abstention.NO_DUE_DATES), (4, Abstention.NO_LOAN_HISTORY), (5, Abstention.NO_LOAN_HISTORY)],
)
def test_where_nothing_is_known_the_score_says_so_instead_of_a_reason(
    scored: Scores, model: Model, account: int, abstention: Abstention
) -> None:
    found = row(scored, account)
    assert found["reason_1"] == abstention
    assert (found["reason_2"], found["reason_3"]) == (None, None)
    assert found["probability_of_default"] == model.card.default_rate


def test_the_evidence_of_a_score_covers_that_of_its_features(
    scored: Scores, feature_set: FeatureSet, model: Model, ledger: Frames
) -> None:
    assert scored.evidence.schema == pl.Schema(SCORES_EVIDENCE.schema)
    resolved = scored.evidence.join(
        ledger.entries.collect(), on=["book_id", "account_id"], how="inner", suffix="_entry"
    ).filter(pl.col("version").is_between("version_from", "version_to"))
    needed = feature_set.evidence.filter(
        pl.col("ref").str.split(":").list.last().is_in(model.feature_names)
    )
    for account, first, last in needed.select("account_id", "version_from", "version_to").iter_rows():
        versions = resolved.filter(pl.col("account_id") == account)["version"]
        assert set(range(first, last + 1)) <= set(versions)
    assert set(scored.evidence["ref"]) <= set(scored.scores["ref"])


def test_runs_of_evidence_are_joined_only_where_they_touch(
    scored: Scores, feature_set: FeatureSet, model: Model, ledger: Frames
) -> None:
    first, second, third = (f"feature:{TODAY}:1:1:{name}" for name in model.feature_names[:3])
    runs = pl.DataFrame(
        [(TODAY, first, 1, 1, 1, 2), (TODAY, second, 1, 1, 3, 4), (TODAY, third, 1, 1, 7, 9)],
        schema=dict(SCORES_EVIDENCE.schema),
        orient="row",
    )
    found = score(
        business_date=TODAY,
        features=feature_set.features,
        evidence=runs,
        accounts=ledger.accounts,
        model=model,
    ).evidence
    assert found.select("version_from", "version_to").rows() == [(1, 4), (7, 9)]


def test_features_of_another_version_are_not_scored(
    feature_set: FeatureSet, ledger: Frames, model: Model
) -> None:
    newer = pl.when(pl.col("feature") == "loan_growth").then(2).otherwise("feature_version")
    with pytest.raises(FeaturesMissing) as refused:
        score(
            business_date=TODAY,
            features=feature_set.features.with_columns(feature_version=newer.cast(pl.Int32)),
            evidence=feature_set.evidence,
            accounts=ledger.accounts,
            model=model,
        )
    assert refused.value.features == ("loan_growth",)


def test_a_day_without_accounts_has_no_scores(
    feature_set: FeatureSet, ledger: Frames, model: Model
) -> None:
    none = score(
        business_date=TODAY,
        features=feature_set.features.clear(),
        evidence=feature_set.evidence.clear(),
        accounts=ledger.accounts.clear(),
        model=model,
    )
    assert (none.scores.height, none.evidence.height) == (0, 0)


def test_equal_reasons_go_in_order_of_their_codes() -> None:
    found = reasons(np.array([[0.2, -0.2, 0.1, 0.1]]), ["L03", "L01", "L02", "L02"])
    assert [text[:3] for text in found.row(0) if text] == ["L01", "L02", "L03"]


def test_measures_of_one_reason_count_together() -> None:
    found = reasons(np.array([[0.2, 0.15, 0.15], [0.1, 0.3, -0.3]]), ["L01", "L02", "L02"])
    assert found["reason_1"].to_list() == [
        "L02 How late loans were repaid: raised the risk",
        "L01 How many loans were taken, over how long: raised the risk",
    ]
    assert found["reason_2"][1] is None


def test_a_score_that_nothing_moved_says_so() -> None:
    found = reasons(np.zeros((1, 2)), ["L01", "L02"])
    assert found.row(0) == (str(Abstention.NOTHING_APART), None, None)


def test_a_score_that_nothing_moved_may_stand_before_others() -> None:
    found = reasons(np.array([[0.0, 0.0], [0.0, 0.0], [0.3, 0.0]]), ["L01", "L02"])
    assert [text and text[:3] for text in found["reason_1"]] == ["N03", "N03", "L01"]
    assert found["reason_2"].to_list() == [None, None, None]


@given(st.lists(st.floats(1e-9, 1 - 1e-9), min_size=2))
def test_a_higher_risk_never_has_a_higher_score(probabilities: list[float]) -> None:
    found = points(np.array(sorted(probabilities)))
    assert (np.diff(found) <= 0).all()
    assert found.min() >= 300
    assert found.max() <= 850


def test_fifty_points_double_the_odds() -> None:
    assert points(np.array([1 / 5, 1 / 9, 1 / 17, 1 / 3])).tolist() == [600, 650, 700, 550]
