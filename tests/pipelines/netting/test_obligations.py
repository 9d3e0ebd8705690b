"""Obligations are read off the clearing accounts once each, and the two books of a pair must agree."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lake.ledger_tables import ENTRIES
from pipelines.netting.obligations import (
    ClearingAccountInvalid,
    SeveralBusinessDates,
    mirror_differences,
    obligations,
)
from pipelines.netting.tables import OBLIGATIONS
from tests.pipelines.netting.clearing_books import DAY, Books, Debt, at, books

WITH_BOOK = {"amani", "baobab", "cauri"}
WITHOUT_BOOK = {"dogon", "ewe"}

debts = st.lists(
    st.builds(
        lambda pair, **rest: Debt(*pair, **rest),
        pair=st.permutations(sorted(WITH_BOOK | WITHOUT_BOOK))
        .map(lambda names: tuple(names[:2]))
        .filter(lambda pair: not set(pair) <= WITHOUT_BOOK),
        amount_minor=st.integers(1, 10**12),
        currency=st.sampled_from(["KES", "XOF"]),
        payment_id=st.sampled_from(["p1", "p2", "p3"]),
    ),
    max_size=30,
)


def read(made: Books) -> pl.DataFrame:
    return obligations(made.entries, made.accounts, made.participants)


def differences(made: Books) -> list[dict[str, object]]:
    return mirror_differences(made.entries, made.accounts, made.participants).to_dicts()


def test_a_credit_in_the_clearing_account_is_owed_and_a_debit_is_due() -> None:
    made = books(
        [Debt("amani", "dogon", 500), Debt("dogon", "amani", 70)],
        with_book={"amani"},
        without_book={"dogon"},
    )
    found = read(made).select("debtor_id", "creditor_id", "amount_minor").rows()
    assert found == [("amani", "dogon", 500), ("dogon", "amani", 70)]


def test_of_two_mirror_entries_the_one_in_the_debtors_book_counts() -> None:
    made = books([Debt("baobab", "amani", 500)], with_book={"amani", "baobab"})
    found = read(made)
    assert found.height == 1
    baobab = made.participants.filter(pl.col("participant_id") == "baobab")["book_id"].item()
    assert found["book_id"].item() == baobab


@given(debts)
def test_every_debt_is_one_obligation(owed: list[Debt]) -> None:
    made = books(owed, with_book=WITH_BOOK, without_book=WITHOUT_BOOK)
    found = read(made)
    columns = ["debtor_id", "creditor_id", "currency", "amount_minor", "payment_id"]
    expected = [(d.debtor, d.creditor, d.currency, d.amount_minor, d.payment_id) for d in owed]
    assert sorted(found.select(columns).rows()) == sorted(expected)
    assert not found.select(OBLIGATIONS.key).is_duplicated().any()
    assert differences(made) == []


def test_pending_entries_owe_nothing() -> None:
    made = books([Debt("amani", "baobab", 500)], with_book=WITH_BOOK)
    held = made.entries.with_columns(pending_minor="amount_minor", amount_minor=pl.lit(0, pl.Int64))
    assert obligations(held, made.accounts, made.participants).is_empty()


def test_each_obligation_stands_in_the_window_it_was_booked_in() -> None:
    made = books(
        [Debt("amani", "baobab", 1, booked_at=at(6)), Debt("amani", "baobab", 2, booked_at=at(25))],
        with_book=WITH_BOOK,
    )
    assert read(made)["window_id"].to_list() == ["east-africa-1", "east-africa-4"]


def test_a_day_without_entries_has_no_obligations() -> None:
    made = books([], with_book=WITH_BOOK)
    assert read(made).equals(OBLIGATIONS.empty())
    assert differences(made) == []


def test_a_missing_mirror_entry_is_named_by_its_pair() -> None:
    made = books([Debt("amani", "baobab", 500), Debt("baobab", "cauri", 9)], with_book=WITH_BOOK)
    clearing = made.accounts.filter(
        (pl.col("participant_id") == "baobab") & (pl.col("counterparty_id") == "amani")
    )["account_id"].item()
    one_sided = Books(
        made.entries.filter(pl.col("account_id") != clearing), made.accounts, made.participants
    )
    assert differences(one_sided) == [
        {
            "business_date": DAY,
            "currency": "KES",
            "debtor_id": "amani",
            "creditor_id": "baobab",
            "debtor_book_minor": 500,
            "creditor_book_minor": 0,
            "difference_minor": 500,
            "differing_payments": 1,
        }
    ]


def test_two_differences_that_cancel_in_the_sum_still_show() -> None:
    owed = [Debt("amani", "baobab", 5, payment_id="p1"), Debt("amani", "baobab", 7, payment_id="p2")]
    made = books(owed, with_book=WITH_BOOK)
    swapped = made.entries.with_columns(
        payment_id=pl.when((pl.col("side") == "D") & (pl.col("account_id") != 1))
        .then(pl.col("payment_id").replace({"p1": "p2", "p2": "p1"}))
        .otherwise("payment_id")
    )
    (found,) = differences(Books(swapped, made.accounts, made.participants))
    assert (found["difference_minor"], found["differing_payments"]) == (0, 2)


@pytest.mark.parametrize("counterparty", [None, "amani", "nobody"])
def test_a_clearing_account_with_no_other_participant_is_refused(counterparty: str | None) -> None:
    made = books([Debt("amani", "dogon", 500)], with_book={"amani"}, without_book={"dogon"})
    wrong = made.accounts.with_columns(counterparty_id=pl.lit(counterparty, pl.String))
    with pytest.raises(ClearingAccountInvalid) as refused:
        obligations(made.entries, wrong, made.participants)
    assert refused.value.counterparty_id == counterparty


def test_entries_of_two_business_dates_are_refused() -> None:
    made = books([Debt("amani", "baobab", 500)], with_book=WITH_BOOK)
    other = made.entries.with_columns(business_date=pl.lit(date(2026, 3, 3)))
    with pytest.raises(SeveralBusinessDates, match="2026-03-03"):
        obligations(pl.concat([made.entries, other]), made.accounts, made.participants)
    assert set(ENTRIES.schema) == set(made.entries.columns)
