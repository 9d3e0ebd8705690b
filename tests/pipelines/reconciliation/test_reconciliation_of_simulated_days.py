"""The simulated economy's statements hold planted breaks: all are found, and nothing else."""

import csv
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.reconciliation.camt053 import read_statement_files
from pipelines.reconciliation.reconcile import Earlier, Reconciliation, reconcile
from pipelines.reconciliation.rules import Rules
from pipelines.simulation.simulate import simulate

FIRST, DAYS = date(2026, 1, 5), 3
DIGITS = {
    "XOF": 0,
    "XAF": 0,
    "UGX": 0,
    "RWF": 0,
    "TND": 3,
    "LYD": 3,
    "BIF": 0,
    "DJF": 0,
    "GNF": 0,
    "KMF": 0,
}


class Digits(dict[str, int]):
    """Decimals of every currency: two unless told otherwise."""

    def __contains__(self, currency: object) -> bool:
        return True

    def __missing__(self, currency: str) -> int:
        return DIGITS.get(currency, 2)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _movements(out: Path, truth: Path, day: date) -> list[dict[str, Any]]:
    """What the ledger books on nostro accounts, from the instructions alone."""
    refused = {row["instruction_id"] for row in _rows(truth / "insufficient_funds.csv")}
    movements = []
    for row in _rows(out / "instructions" / f"{day}.csv"):
        if row["instruction_id"] in refused:
            continue
        if row["kind"] == "payout":
            owner, partner, sign = row["debtor_agent"], row["creditor_agent"], -1
        elif row["kind"] == "collection":
            owner, partner, sign = row["creditor_agent"], row["debtor_agent"], 1
        elif row["kind"] == "opening_balance" and row["creditor_account"].startswith("nostro:"):
            owner, partner, sign = row["creditor_agent"], row["creditor_account"].split(":")[1], 1
        else:
            continue
        minor = int(Decimal(row["amount"]).scaleb(Digits()[row["currency"]]))
        movements.append(
            {
                "key": (owner, partner, row["currency"]),
                "signed_minor": sign * minor,
                "end_to_end_id": row["end_to_end_id"],
                "value_date": date.fromisoformat(row["value_date"]),
                "kind": row["kind"],
            }
        )
    return movements


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("simulated")
    out, truth = folder / "out", folder / "truth"
    simulate(out=out, truth=truth, seed=7, first_date=FIRST, days=DAYS, customers=400)
    return out, truth


@pytest.fixture(scope="module")
def days(simulated: tuple[Path, Path], new_books: Any, rules: Rules) -> list[Reconciliation]:
    """Every simulated day reconciled in order."""
    out, truth = simulated
    dates = sorted(path.name for path in (out / "statements").iterdir())
    names = sorted(path.stem.split("_") for path in (out / "statements" / dates[0]).glob("*.xml"))
    numbers = {(owner, partner, currency): n for n, (owner, partner, currency) in enumerate(names, 1)}
    books = new_books()
    for (owner, partner, currency), number in numbers.items():
        books.open_nostro(number, partner=partner, currency=currency, participant=owner)
    earlier, results = Earlier.nothing(), []
    for name in dates:
        day = date.fromisoformat(name)
        movements = [
            movement | {"account_id": numbers[movement.pop("key")]}
            for movement in _movements(out, truth, day)
        ]
        paths = {f"{name}/{path.name}": path for path in (out / "statements" / name).glob("*.xml")}
        result = reconcile(
            business_date=day,
            day=books.close(day, movements),
            statements=read_statement_files(paths, exponents=Digits()),
            earlier=earlier,
            rules=rules,
        )
        results.append(result)
        matches = pl.concat([earlier.matches, result.matches])
        earlier = Earlier(result.breaks, result.accounts, matches)
    return results


def test_the_planted_breaks_are_found_and_no_others(
    simulated: tuple[Path, Path], days: list[Reconciliation]
) -> None:
    planted, found = defaultdict(set), defaultdict(set)
    for row in _rows(simulated[1] / "statement_breaks.csv"):
        sign = 1 if row["side"] == "CRDT" else -1
        scale = Digits()[row["currency"]]
        minor = {
            side: sign * int(Decimal(row[f"{side}_amount"]).scaleb(scale))
            if row[f"{side}_amount"]
            else None
            for side in ("ledger", "stated")
        }
        if row["break_class"] == "duplicate":
            minor["ledger"] = None
        reference = None if row["break_class"] == "fee" else row["reference"]
        planted[row["business_date"]].add(
            (
                row["break_class"],
                row["participant"],
                row["partner"],
                row["currency"],
                reference,
                *minor.values(),
            )
        )
    for result in days:
        for row in result.breaks.filter(pl.col("age_days") == 0).iter_rows(named=True):
            found[str(row["business_date"])].add(
                (
                    row["break_class"],
                    row["participant_id"],
                    row["counterparty_id"],
                    row["currency"],
                    row["end_to_end_id"],
                    row["ledger_minor"],
                    row["stated_minor"],
                )
            )
    assert planted
    assert found == planted


def test_breaks_age_day_by_day(days: list[Reconciliation]) -> None:
    last = days[-1].breaks
    assert last["age_days"].max() == DAYS - 1
    assert set(days[0].breaks["ref"]) <= set(last["ref"])


def test_the_closing_balances_differ_by_the_open_breaks_and_nothing_else(
    days: list[Reconciliation],
) -> None:
    for result in days:
        accounts = result.accounts
        assert (accounts["unexplained_minor"] == 0).all()
        assert accounts["stated_closing_minor"].null_count() == 0
        difference = accounts["stated_closing_minor"] - accounts["ledger_closing_minor"]
        assert (difference == accounts["break_difference_minor"]).all()
        assert result.rejected.is_empty()
