"""Control totals agree where the books do, and name the line or the pair where they do not."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from pipelines.lake.ledger_tables import ACCOUNTS
from pipelines.reconciliation.control_totals import control_totals

DAY = date(2026, 3, 2)


@pytest.fixture
def days(books: Any) -> list[Any]:
    """Two closed days with a deposit, a wallet and two clearing accounts that mirror each other."""
    books.open_deposit(1, currency="KES")
    books.open(2, normal_side="C", currency="KES", chart_code=2020, chart_name="customer_wallets")
    clearing = {"chart_code": 1210, "chart_name": "clearing", "currency": "KES", "normal_side": "D"}
    books.open(3, counterparty_id="ug-bank", **clearing)
    books.open(4, counterparty_id="ke-bank", participant_id="ug-bank", **clearing)
    first = [(1, 500), (2, 300), (3, -40), (4, 40)]
    second = [(1, -20), (3, 15), (4, -15)]
    return [
        books.close(DAY + timedelta(days=number), [_moved(*each) for each in movements])
        for number, movements in enumerate((first, second))
    ]


def _moved(account: int, minor: int) -> dict[str, int]:
    return {"account_id": account, "signed_minor": minor}


def _totals(days: list[Any], **changed: pl.DataFrame) -> pl.DataFrame:
    frames = {
        "accounts": days[1].accounts,
        "entries": days[1].entries,
        "accounts_before": days[0].accounts,
    }
    return control_totals(**(frames | changed))


def test_lines_and_pairs_agree(days: list[Any]) -> None:
    totals = _totals(days)
    assert totals["difference_minor"].to_list() == [0] * 5
    lines = totals.filter(control="general_ledger").select("chart_name", "ours_minor")
    assert sorted(lines.iter_rows()) == [
        ("clearing", -25), ("clearing", 25), ("customer_deposits", -480), ("customer_wallets", -300),
    ]  # fmt: skip
    pair = totals.filter(control="nostro_vostro").row(0, named=True)
    assert (pair["participant_id"], pair["counterparty_id"], pair["ours_minor"]) == (
        "ke-bank",
        "ug-bank",
        -25,
    )


def test_the_first_close_begins_from_nothing(days: list[Any]) -> None:
    totals = control_totals(
        accounts=days[0].accounts, entries=days[0].entries, accounts_before=ACCOUNTS.empty()
    )
    assert (totals["difference_minor"] == 0).all()


def test_an_entry_that_is_missing_from_the_lake_moves_its_line_apart(days: list[Any]) -> None:
    totals = _totals(days, entries=days[1].entries.filter(pl.col("account_id") != 1))
    wrong = totals.filter(pl.col("difference_minor") != 0)
    assert wrong.select("chart_name", "difference_minor").rows() == [("customer_deposits", 20)]


def test_an_account_that_is_missing_from_the_lake_moves_its_line_apart(days: list[Any]) -> None:
    totals = _totals(days, accounts=days[1].accounts.filter(pl.col("account_id") != 2))
    wrong = totals.filter(pl.col("difference_minor") != 0)
    assert wrong.select("chart_name", "difference_minor").rows() == [("customer_wallets", 300)]


def test_a_pair_that_says_two_things_is_named(days: list[Any]) -> None:
    one_sided = days[1].accounts.with_columns(
        debits_posted=pl.col("debits_posted") + 7 * (pl.col("account_id") == 4)
    )
    wrong = _totals(days, accounts=one_sided).filter(
        (pl.col("difference_minor") != 0) & (pl.col("control") == "nostro_vostro")
    )
    assert wrong.select("participant_id", "counterparty_id", "difference_minor").rows() == [
        ("ke-bank", "ug-bank", -7)
    ]


def test_a_counterpart_without_books_has_no_other_side(days: list[Any]) -> None:
    totals = _totals(days, accounts=days[1].accounts.filter(participant_id="ke-bank"))
    assert totals.filter(control="nostro_vostro").is_empty()
