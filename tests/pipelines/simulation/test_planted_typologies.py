"""Planted typologies: there in the input exactly as the truth describes them, even on one day."""

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from pipelines.simulation.simulate import simulate
from pipelines.simulation.typologies import Typology, instances_of_each

Row = dict[str, str]


@pytest.fixture(scope="module")
def planted(simulated) -> dict[str, list[tuple[Row, list[Row]]]]:
    """By typology: each row of the truth with its instructions."""
    known = {row["instruction_id"]: row for row in simulated.all_instructions}
    found = defaultdict(list)
    for row in simulated.true("aml_typologies"):
        found[row["typology"]].append((row, [known[i] for i in row["instruction_ids"].split(" ")]))
    return found


@pytest.fixture(scope="module")
def thresholds(simulated) -> dict[str, Decimal]:
    lines = (simulated.out / "rates.csv").read_text().splitlines()[1:]
    return {line.split(",")[0]: Decimal(line.split(",")[4]) for line in lines}


def at(row: Row) -> datetime:
    return datetime.fromisoformat(row["event_at"])


def test_each_typology_is_planted_as_often_as_any_other(simulated, planted) -> None:
    each = instances_of_each(customers=1000, days=3)
    assert {name: len(found) for name, found in planted.items()} == {str(t): each for t in Typology}
    assert simulated.summary.typologies == each * len(Typology)


def test_the_truth_names_the_account_of_its_instructions(planted) -> None:
    for found in planted.values():
        for row, instructions in found:
            account = (row["participant"], row["account"])
            for instruction in instructions:
                sides = {
                    (instruction[f"{s}_agent"], instruction[f"{s}_account"])
                    for s in ("debtor", "creditor")
                }
                assert account in sides
            dates = {instruction["value_date"] for instruction in instructions}
            assert (min(dates), max(dates)) == (row["first_date"], row["last_date"])


def test_no_account_has_two_typologies(simulated) -> None:
    accounts = Counter((r["participant"], r["account"]) for r in simulated.true("aml_typologies"))
    assert set(accounts.values()) == {1}


def test_a_planted_account_does_nothing_else(simulated, planted) -> None:
    for found in planted.values():
        for row, instructions in found:
            account = (row["participant"], row["account"])
            own = {
                r["instruction_id"]
                for r in simulated.all_instructions
                if account
                in {
                    (r["debtor_agent"], r["debtor_account"]),
                    (r["creditor_agent"], r["creditor_account"]),
                }
                and r["kind"] not in {"opening_balance", "interest_credit", "fee"}
            }
            assert own == {instruction["instruction_id"] for instruction in instructions}


def test_large_cash_is_above_the_threshold_and_ordinary_cash_far_below(
    simulated, planted, thresholds
) -> None:
    for _, (deposit,) in planted["large_cash"]:
        assert deposit["kind"] == "cash_deposit"
        assert Decimal(deposit["amount"]) > Decimal("1.1") * thresholds[deposit["currency"]]
    special = {
        i["instruction_id"]
        for name in ("large_cash", "structuring")
        for _, r in planted[name]
        for i in r
    }
    refused = {row["instruction_id"] for row in simulated.true("insufficient_funds")}
    for row in simulated.of_kind("cash_deposit", "cash_withdrawal"):
        if row["instruction_id"] not in special | refused:
            assert Decimal(row["amount"]) * 4 < thresholds[row["currency"]]


def test_structured_deposits_stay_below_the_threshold_and_pass_it_together(planted, thresholds) -> None:
    for _, deposits in planted["structuring"]:
        threshold = thresholds[deposits[0]["currency"]]
        amounts = [Decimal(deposit["amount"]) for deposit in deposits]
        assert 3 <= len(deposits) <= 5
        assert all(Decimal("0.8") * threshold < amount < threshold for amount in amounts)
        assert at(deposits[-1]) - at(deposits[0]) < timedelta(days=3)


def test_in_a_rapid_movement_nine_tenths_leave_within_hours(planted) -> None:
    for row, (received, *sent) in planted["rapid_movement"]:
        assert received["creditor_account"] == row["account"]
        assert all(payment["debtor_account"] == row["account"] for payment in sent)
        out = sum(Decimal(payment["amount"]) for payment in sent)
        assert Decimal("0.9") <= out / Decimal(received["amount"]) < 1
        assert timedelta() < at(sent[-1]) - at(received) <= timedelta(hours=4)


def test_a_fan_in_has_many_payers_to_one_account_within_a_day(planted) -> None:
    for row, payments in planted["fan_in"]:
        payers = {(p["debtor_agent"], p["debtor_account"]) for p in payments}
        assert len(payers) == len(payments) >= 12
        assert {p["creditor_account"] for p in payments} == {row["account"]}
        assert at(payments[-1]) - at(payments[0]) < timedelta(days=1)


def test_a_reactivated_account_had_been_still_for_more_than_a_year(simulated, planted) -> None:
    last = {
        (r["creditor_agent"], r["creditor_account"]): r for r in simulated.of_kind("opening_balance")
    }
    for row, payments in planted["dormant_reactivation"]:
        opening = last[row["participant"], row["account"]]
        assert at(payments[0]) - at(opening) > timedelta(days=365)
        assert sum(Decimal(p["amount"]) for p in payments) > Decimal("0.75") * Decimal(opening["amount"])


def test_an_account_is_either_in_use_or_has_been_still_for_more_than_a_year(simulated) -> None:
    first = date(2024, 5, 29)
    moved = {}
    for row in [*simulated.of_kind("opening_balance"), *simulated.migrated_loans]:
        account = (
            row["creditor_agent"] or row["debtor_agent"],
            row["creditor_account"] or row["debtor_account"],
        )
        moved.setdefault(account, []).append((first - at(row).date()).days)
    assert all(0 < min(ages) < 180 or ages[0] == min(ages) > 365 for ages in moved.values())
    gaps = [a - b for ages in moved.values() for a, b in pairwise(sorted(ages, reverse=True))]
    assert 90 < max(gaps) < 180  # what is migrated wakes nobody


def test_other_dormant_accounts_stay_dormant(simulated, planted) -> None:
    first = date(2024, 5, 29)
    reactivated = {(r["participant"], r["account"]) for r, _ in planted["dormant_reactivation"]}
    asleep = {
        (r["creditor_agent"], r["creditor_account"])
        for r in simulated.of_kind("opening_balance")
        if first - at(r).date() > timedelta(days=365)
    } - reactivated
    assert len(asleep) > 10
    for row in simulated.all_instructions:
        if row["kind"] != "opening_balance":
            assert (row["debtor_agent"], row["debtor_account"]) not in asleep
            assert (row["creditor_agent"], row["creditor_account"]) not in asleep


def test_all_typologies_fit_into_one_day_of_the_smallest_economy(tmp_path: Path) -> None:
    simulate(
        out=tmp_path / "o",
        truth=tmp_path / "t",
        seed=2,
        first_date=date(2024, 3, 9),
        days=1,
        customers=200,
    )
    lines = (tmp_path / "t/aml_typologies.csv").read_text().splitlines()[1:]
    assert {line.split(",")[0] for line in lines} == {str(t) for t in Typology}
