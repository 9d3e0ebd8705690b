"""The draws: streams apart from each other, curves against the library's, identifiers well formed."""

import math
import uuid
from collections import Counter
from statistics import NormalDist, median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.simulation.draws import (
    QUANTILES,
    TAIL_FROM,
    amount_quantiles,
    counts,
    draw_amounts,
    draw_weighted,
    probability_ppm,
    round_to_step,
    stream,
    uuid7,
)


def test_a_stream_depends_on_seed_and_name_alone() -> None:
    first = stream(1, "a", 2).integers(0, 2**62, 5).tolist()
    assert stream(1, "a", 2).integers(0, 2**62, 5).tolist() == first
    others = [stream(2, "a", 2), stream(1, "a", 3), stream(1, "b", 2)]
    assert all(other.integers(0, 2**62, 5).tolist() != first for other in others)


@pytest.mark.parametrize("sigma_milli", [450, 900, 1200])
def test_the_body_of_an_amount_is_log_normal(sigma_milli: int) -> None:
    table = amount_quantiles(sigma_milli, 1600)
    for i in range(int(QUANTILES * TAIL_FROM)):
        z = NormalDist().inv_cdf((i + 0.5) / QUANTILES)
        assert table[i] == pytest.approx(1000 * math.exp(sigma_milli / 1000 * z), abs=1.1, rel=1e-5)


def test_the_tail_of_an_amount_is_pareto() -> None:
    table = amount_quantiles(900, 1500)
    start = int(QUANTILES * TAIL_FROM)
    assert list(table) == sorted(table)
    for i in (start, QUANTILES - 10, QUANTILES - 1):
        left = 1 - (i + 0.5) / QUANTILES
        again = 1 - (QUANTILES - 20 + 0.5) / QUANTILES
        ratio = table[i] / table[QUANTILES - 20]
        assert ratio == pytest.approx((again / left) ** (1 / 1.5), rel=1e-3)


def test_no_point_of_the_normal_curve_lies_where_rounding_could_differ() -> None:
    normal = NormalDist()
    for i in range(int(QUANTILES * TAIL_FROM)):
        scaled = normal.inv_cdf((i + 0.5) / QUANTILES) * 10**6
        assert abs(scaled - math.floor(scaled) - 0.5) > 1e-6


def test_amounts_have_the_median_asked_for() -> None:
    amounts = draw_amounts(
        stream(1, "x"), median_minor=np.full(20_000, 12_345), sigma_milli=900, tail_milli=1600
    )
    assert median(amounts.tolist()) == pytest.approx(12_345, rel=0.05)
    assert amounts.min() >= 1


@given(st.lists(st.integers(1, 10**12), min_size=1), st.sampled_from([1, 5, 50, 1000]))
def test_a_rounded_amount_is_the_nearest_multiple_but_never_nothing(
    amounts: list[int], step: int
) -> None:
    rounded = round_to_step(np.array(amounts), np.full(len(amounts), step)).tolist()
    for amount, result in zip(amounts, rounded, strict=True):
        assert result % step == 0
        assert result >= step
        assert abs(result - amount) * 2 <= step or (amount < step == result)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20).filter(any))
def test_nothing_of_weight_zero_is_drawn(weights: list[int]) -> None:
    drawn = Counter(draw_weighted(stream(3, "w"), np.array(weights), 500).tolist())
    assert all(weights[index] > 0 for index in drawn)
    assert sum(drawn.values()) == 500


def test_counts_have_their_rate() -> None:
    drawn = counts(stream(4, "c"), rate_permille=2300, count=20_000)
    assert set(drawn.tolist()) == {2, 3}
    assert drawn.mean() == pytest.approx(2.3, abs=0.02)


@given(st.integers(-7900, 7900))
def test_a_probability_is_the_logistic_curve_of_its_logit(logit_milli: int) -> None:
    exact = 1e6 / (1 + math.exp(-(logit_milli // 10) / 100))
    assert probability_ppm(np.array([logit_milli]))[0] == pytest.approx(exact, abs=1)


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=20))
def test_a_uuid_is_of_version_7_and_starts_with_its_time(seconds: list[int]) -> None:
    drawn = uuid7(stream(5, "u"), np.array(seconds) % 2**37).to_list()
    for text, second in zip(drawn, seconds, strict=True):
        identifier = uuid.UUID(text)
        assert str(identifier) == text
        assert (identifier.version, identifier.variant) == (7, uuid.RFC_4122)
        assert identifier.int >> 80 == second % 2**37 * 1000
