"""The picture says who pays whom before and after netting, and what that saves."""

from itertools import pairwise

import polars as pl
import pytest
from lxml import etree

from pipelines.netting.figures import CLEARED_SCHEMA, SAVINGS_SCHEMA, savings_by_currency
from pipelines.netting.flow_picture import MOST_PARTICIPANTS, before_and_after
from pipelines.netting.positions import net
from tests.pipelines.netting.owed_windows import Owed, owed

EXPONENTS = {"KES": 2, "XOF": 0}
DEBTS: list[Owed] = [
    ("w1", "KES", "amani", "baobab", 10_000),
    ("w1", "KES", "baobab", "cauri", 8_000),
    ("w1", "KES", "cauri", "amani", 7_000),
    ("w2", "KES", "cauri", "amani", 7_000),
    ("w1", "XOF", "amani", "baobab", 5),
]


def texts(debts: list[Owed], **options: object) -> list[str]:
    obligations = owed(*debts)
    svg = before_and_after(obligations, net(obligations), exponents=EXPONENTS, **options)
    found = etree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(node.itertext()).strip() for node in found]


def test_the_title_says_gross_net_and_saved_of_the_busiest_currency() -> None:
    written = " ".join(texts(DEBTS))
    assert "KES: 320 owed, 100 has to move." in written
    assert "Netting saves 220, 68 % of the money." in written
    assert "Before: 320 gross" in written
    assert "After: 100 net" in written


def test_another_currency_is_drawn_when_it_is_named() -> None:
    assert "XOF: 5 owed, 5 has to move." in texts(DEBTS, currency="XOF")


def test_participants_bear_their_names_and_amounts_before_and_after() -> None:
    written = texts(DEBTS, names={"amani": "Amani & Sons <Bank> $1 $2"})
    row = written.index("Amani & Sons <Bank> $1 $2")
    owes, is_owed, pays, receives = written[row + 1 : row + 5]
    assert (owes, is_owed, pays, receives) == ("100", "140", "30", "70")


def test_the_smaller_participants_are_gathered_and_nothing_of_the_total_is_lost() -> None:
    names = [f"bank-{number:02}" for number in range(MOST_PARTICIPANTS + 5)]
    debts: list[Owed] = [
        ("w1", "KES", one, other, 100_000 - 5_000 * place)
        for place, (one, other) in enumerate(pairwise(names))
    ]
    written = texts(debts)
    assert "5 others" in written
    assert sum(name in written for name in names) == MOST_PARTICIPANTS
    total = sum(debt[4] for debt in debts) / 100
    assert f"Before: {total / 1000:,.4g} k gross" in written
    assert any(text.startswith("Not drawn: ") for text in written)


def test_a_name_that_is_too_long_is_cut() -> None:
    assert any(text.endswith("…") for text in texts(DEBTS, names={"amani": "A" * 60}))


@pytest.mark.parametrize("image", ["svg", "png"])
def test_the_same_day_is_the_same_picture_whatever_the_order_of_rows(image: str) -> None:
    obligations = owed(*DEBTS)
    first, second = (
        before_and_after(rows, net(rows), exponents=EXPONENTS, image=image)
        for rows in (obligations, obligations.reverse())
    )
    assert first == second


def test_a_day_or_a_currency_without_obligations_has_a_picture_that_says_so() -> None:
    assert "No obligations on this business date" in texts([])
    assert "No obligations on this business date" in texts(DEBTS, currency="ZAR")


def test_savings_are_listed_by_currency_the_busiest_first() -> None:
    kes, xof = savings_by_currency(net(owed(*DEBTS))).to_dicts()
    assert (kes["currency"], kes["gross_minor"], kes["net_minor"]) == ("KES", 32_000, 10_000)
    assert (kes["saved_minor"], kes["saved_percent"]) == (22_000, 68.75)
    assert (xof["currency"], xof["saved_percent"]) == ("XOF", 0.0)
    assert kes["left_after_clearing_minor"] is None


def test_what_set_off_leaves_stands_beside_what_netting_leaves() -> None:
    cleared = pl.DataFrame([("KES", 21_000)], schema=CLEARED_SCHEMA, orient="row")
    savings = savings_by_currency(net(owed(*DEBTS)), cleared=cleared)
    assert dict(savings.schema) == SAVINGS_SCHEMA
    assert savings["left_after_clearing_minor"].to_list() == [11_000, None]


def test_a_day_without_obligations_saves_nothing() -> None:
    assert savings_by_currency(net(owed())).is_empty()
