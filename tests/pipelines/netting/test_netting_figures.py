"""The figures say what netting saved, and the picture is the same bytes each time."""

from datetime import date

import polars as pl
import pytest
from lxml import etree

from pipelines.netting.figures import netting_figures, who_pays_whom
from pipelines.netting.positions import Positions, net
from pipelines.netting.tables import OBLIGATIONS

DAY = date(2026, 3, 2)
EXPONENTS = {"KES": 2, "XOF": 0}


@pytest.fixture
def positions() -> Positions:
    rows = [
        (DAY, "w1", "KES", "amani", "baobab", 10_000, "p", 1, 1, 1),
        (DAY, "w1", "KES", "baobab", "cauri", 8_000, "p", 2, 1, 1),
        (DAY, "w1", "KES", "cauri", "amani", 7_000, "p", 3, 1, 1),
        (DAY, "w2", "KES", "cauri", "amani", 7_000, "p", 3, 1, 2),
        (DAY, "w1", "XOF", "amani", "baobab", 5, "p", 1, 2, 1),
    ]
    return net(pl.DataFrame(rows, schema=dict(OBLIGATIONS.schema), orient="row"))


def test_the_saving_is_the_gross_value_less_what_each_window_settles(positions: Positions) -> None:
    kes, xof = netting_figures(positions).to_dicts()
    assert (kes["gross_minor"], kes["bilateral_net_minor"], kes["net_minor"]) == (32_000, 32_000, 10_000)
    assert (kes["saved_minor"], kes["saved_basis_points"]) == (22_000, 6_875)
    assert (kes["participants"], kes["obligations"]) == (3, 4)
    assert (xof["gross_minor"], xof["net_minor"], xof["saved_basis_points"]) == (5, 5, 0)


def test_a_day_without_obligations_has_no_figures_and_an_empty_picture() -> None:
    empty = net(OBLIGATIONS.empty())
    assert netting_figures(empty).is_empty()
    assert b"No obligations" in who_pays_whom(empty, exponents=EXPONENTS)


@pytest.mark.parametrize("image", ["svg", "png"])
def test_the_same_positions_are_the_same_picture(positions: Positions, image: str) -> None:
    first, second = (who_pays_whom(positions, exponents=EXPONENTS, image=image) for _ in range(2))
    assert first == second


def test_the_picture_names_participants_as_they_are_called(positions: Positions) -> None:
    names = {"amani": "Amani & Sons <Bank> $1 $2"}
    svg = etree.fromstring(who_pays_whom(positions, exponents=EXPONENTS, names=names))
    texts = {node.text for node in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Amani & Sons <Bank> $1 $2", "baobab", "KES: 320 owed, 100 has to move"} <= texts
