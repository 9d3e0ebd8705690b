"""The sweep as a whole: nothing later leaks in, same inputs give same alerts, what-if answers."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.aml.detection import detection
from pipelines.aml.refusals import ParameterUndeclared
from pipelines.aml.rules import load_rules
from pipelines.aml.sweep import Sweep, sweep, what_if
from pipelines.simulation.simulate import simulate
from tests.pipelines.aml.aml_books import Books
from tests.pipelines.aml.simulated_books import simulated_frames

RULES = load_rules()
DAY = date(2025, 3, 5)
THRESHOLD = 130_000_000

payments = st.lists(
    st.tuples(
        st.sampled_from(
            ["cash_deposit", "cash_withdrawal", "credit_transfer", "opening_balance", "fee"]
        ),
        st.sampled_from(["ann", "ben", "KE-P01/x", "KP-P01/y"]),
        st.sampled_from(["cat", "dan", "KE-P01/x"]),
        st.sampled_from([THRESHOLD // 50, THRESHOLD // 2, THRESHOLD]),
        st.integers(0, 4 * 24),
        st.booleans(),
    ),
    max_size=20,
)


def written(drawn, *, days_later=0) -> Books:
    books = Books()
    book_all(books, drawn, days_later=days_later)
    return books


def book_all(books, drawn, *, days_later=0):
    """Book payments at hours after 2 March; some a day after they happened."""
    for kind, one, other, amount, hour, late in drawn:
        day = date(2025, 3, 2) + timedelta(days=hour // 24 + days_later)
        debtor = None if kind in {"cash_deposit", "opening_balance"} else one
        creditor = None if kind in {"cash_withdrawal", "fee"} else other
        if kind == "cash_deposit" and "/" in other:
            continue
        books.pay(
            amount, kind=kind, debtor=debtor, creditor=creditor, at=f"{day}T{hour % 24:02}:00",
            business_date=day + timedelta(days=int(late)),
        )  # fmt: skip


def same(one: Sweep, other: Sweep) -> bool:
    return (
        one.alerts.equals(other.alerts)
        and one.alert_transfers.equals(other.alert_transfers)
        and one.evidence.equals(other.evidence)
    )


@settings(max_examples=8, deadline=None)
@given(payments, payments)
def test_what_is_booked_later_changes_nothing(drawn, later):
    books = written(drawn)
    before = sweep(business_date=DAY, rules=RULES, **books.frames())
    book_all(books, later, days_later=4)
    assert same(before, sweep(business_date=DAY, rules=RULES, **books.frames()))


@settings(max_examples=6, deadline=None)
@given(payments)
def test_the_order_of_rows_and_the_other_rules_do_not_matter(drawn):
    frames = written(drawn).frames()
    shuffled = {
        name: frame.collect().sample(fraction=1, shuffle=True, seed=3).lazy()
        for name, frame in frames.items()
    }
    whole = sweep(business_date=DAY, rules=RULES, **frames)
    assert same(whole, sweep(business_date=DAY, rules=RULES[::-1], **shuffled))
    alone = [sweep(business_date=DAY, rules=[rule], **frames).alerts for rule in RULES]
    assert pl.concat(alone).sort("ref").equals(whole.alerts)


@settings(max_examples=6, deadline=None)
@given(payments)
def test_every_alert_rests_on_an_entry_of_its_date_and_on_none_later(drawn):
    books = written(drawn)
    entries = books.frames()["entries"].collect()
    result = sweep(business_date=DAY, rules=RULES, **books.frames())
    joined = result.alert_transfers.join(
        entries, on=["book_id", "account_id", "version"], suffix="_entry"
    )
    last = joined.group_by("ref").agg(pl.col("business_date_entry").max())
    assert set(last["business_date_entry"]) <= {DAY}
    assert last.height == result.alerts.height
    assert not set(joined["kind"]) & {"fee", "opening_balance"}


def test_what_if_says_which_alerts_another_threshold_gains_and_loses(books):
    books.pay(THRESHOLD, kind="cash_deposit", creditor="ann", at="2025-03-05T10:00")
    books.pay(THRESHOLD // 2, kind="cash_deposit", creditor="ben", at="2025-03-05T10:00")
    (rule,) = (r for r in RULES if r.rule_id == "large_cash")
    lower = what_if(rule, {"threshold_bps": 5_000}, business_date=DAY, **books.frames())
    assert lower.gained["party_id"].to_list() == ["party-ben"]
    assert lower.lost.height == 0
    assert "each at or above KES 650,000.00" in lower.gained["explanation"][0]
    higher = what_if(rule, {"threshold_bps": 10_001}, business_date=DAY, **books.frames())
    assert higher.lost["party_id"].to_list() == ["party-ann"]
    assert rule.parameters_on(DAY)["threshold_bps"] == 10_000


def test_what_if_refuses_a_parameter_that_the_rule_does_not_have(books):
    with pytest.raises(ParameterUndeclared):
        what_if(RULES[0], {"threshold": 1}, business_date=DAY, **books.frames())


def test_detection_counts_cases_found_and_alerts_that_are_true(books):
    found = books.pay(THRESHOLD, kind="cash_deposit", creditor="ann", at="2025-03-05T10:00")
    books.pay(THRESHOLD, kind="cash_deposit", creditor="ben", at="2025-03-05T10:00")
    missed = books.pay(5, kind="cash_deposit", creditor="cat", at="2025-03-05T10:00")
    truth = pl.DataFrame(
        {
            "typology": ["large_cash", "large_cash", "fan_in"],
            "participant": ["KE-B01"] * 3,
            "account": ["ann", "cat", "cat"],
            "instruction_ids": [found, f"other {missed}", "none;at;all"],
        }
    )
    result = sweep(business_date=DAY, rules=RULES, **books.frames())
    measured = detection(
        truth=truth,
        alerts=result.alerts,
        alert_transfers=result.alert_transfers,
        entries=books.frames()["entries"],
    )
    assert measured.measure.rows() == [
        ("fan_in", 1, 0, 0.0, 0, 0, 0, None),
        ("large_cash", 2, 1, 0.5, 2, 1, 1, 0.5),
    ]
    assert measured.missed["account"].to_list() == ["cat", "cat"]
    assert measured.untrue["party_id"].to_list() == ["party-ben"]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory) -> tuple[pl.DataFrame, dict[str, pl.LazyFrame]]:
    """Three days of a simulated economy: the planted truth and the frames."""
    folder: Path = tmp_path_factory.mktemp("simulated")
    simulate(
        out=folder / "in", truth=folder / "truth", seed=11, first_date=date(2025, 6, 2), days=3,
        customers=1000,
    )  # fmt: skip
    truth = pl.read_csv(folder / "truth" / "aml_typologies.csv", infer_schema=False)
    return truth, simulated_frames(folder / "in", folder / "truth")


def test_nine_in_ten_planted_cases_of_a_simulated_economy_are_detected(simulated):
    truth, frames = simulated
    sweeps = [sweep(business_date=date(2025, 6, day), rules=RULES, **frames) for day in (2, 3, 4)]
    measured = detection(
        truth=truth,
        alerts=pl.concat(s.alerts for s in sweeps),
        alert_transfers=pl.concat(s.alert_transfers for s in sweeps),
        entries=frames["entries"],
    )
    assert measured.measure["cases"].sum() == truth.height
    assert measured.measure["detected"].sum() * 10 >= truth.height * 9
    assert measured.measure["true_alerts"].sum() * 2 > measured.measure["alerts"].sum()
