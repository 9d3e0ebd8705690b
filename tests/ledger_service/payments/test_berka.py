"""The real bank is read whole, in an order that its own balances confirm."""

from pathlib import Path

import polars as pl
import pytest

from ledger_service.payments.instructions import INSTRUCTION_SCHEMA
from ledger_service.payments.sources.berka import ROUNDING_MINOR, Berka
from ledger_service.payments.sources.source import ACCOUNT_SCHEMA, PARTICIPANT_SCHEMA


@pytest.fixture(scope="module")
def berka(shared_data: Path) -> Berka:
    return Berka(shared_data / "berka")


@pytest.fixture(scope="module")
def instructions(berka: Berka) -> pl.DataFrame:
    return pl.concat(berka.parsed(day).instructions for day in berka.business_dates())


def test_every_transaction_is_an_instruction(berka: Berka, instructions: pl.DataFrame) -> None:
    assert instructions.schema == pl.Schema(INSTRUCTION_SCHEMA)
    assert instructions.height == 49_102
    assert instructions["instruction_id"].n_unique() == 49_102
    assert all(berka.parsed(day).quarantine.is_empty() for day in berka.business_dates()[:3])


def test_kinds_are_those_of_the_bank(instructions: pl.DataFrame) -> None:
    assert dict(instructions.group_by("kind").len().iter_rows()) == {
        "cash_deposit": 9_759,
        "cash_withdrawal": 14_256,
        "credit_transfer": 10_115,
        "fee": 5_445,
        "interest_credit": 9_463,
        "penalty_interest": 64,
    }
    by_card = instructions.filter(pl.col("channel") == "card")
    assert by_card.height == 12
    assert by_card["kind"].unique().to_list() == ["cash_withdrawal"]


def test_interbank_transfers_name_the_other_bank_and_account(instructions: pl.DataFrame) -> None:
    transfers = instructions.filter(pl.col("kind") == "credit_transfer")
    assert transfers.filter(pl.col("debtor_agent") == pl.col("creditor_agent")).is_empty()
    parties = ("debtor_agent", "debtor_account", "creditor_agent", "creditor_account")
    assert sum(transfers.select(parties).null_count().row(0)) == 0
    banks = set(transfers["debtor_agent"]) | set(transfers["creditor_agent"])
    assert len(banks) == 14


def test_the_booking_order_is_confirmed_by_the_stated_balances(instructions: pl.DataFrame) -> None:
    is_credit = pl.col("kind").is_in(["cash_deposit", "interest_credit"]) | (
        (pl.col("kind") == "credit_transfer") & (pl.col("creditor_agent") == "CZ-BERKA")
    )
    account = pl.when(is_credit).then("creditor_account").otherwise("debtor_account")
    signed = pl.when(is_credit).then(pl.col("amount_minor")).otherwise(-pl.col("amount_minor"))
    steps = (
        instructions.with_columns(account=account, signed=signed)
        .sort("account", "event_at")
        .with_columns(before=pl.col("stated_balance_minor").shift(1, fill_value=0).over("account"))
        .with_columns(gap=pl.col("before") + pl.col("signed") - pl.col("stated_balance_minor"))
    )
    assert steps["account"].n_unique() == 1_229
    breaks = steps.filter(pl.col("gap").abs() > ROUNDING_MINOR)
    assert breaks.height == 28
    # All on the last date: interest that the bank had credited in its balance, and not yet listed.
    assert breaks["value_date"].unique().to_list() == [instructions["value_date"].max()]
    assert (breaks["gap"] < 0).all()


def test_event_times_are_distinct_and_of_their_date(instructions: pl.DataFrame) -> None:
    assert instructions["event_at"].n_unique() == instructions.height
    assert (instructions["event_at"].dt.date() == instructions["value_date"]).all()


def test_the_bank_has_a_book_and_its_13_counterparties_have_none(berka: Berka) -> None:
    participants = berka.participants()
    assert participants.schema == pl.Schema(PARTICIPANT_SCHEMA)
    assert participants.filter("has_book")["participant_id"].to_list() == ["CZ-BERKA"]
    assert participants.height == 14
    accounts = berka.accounts()
    assert accounts.schema == pl.Schema(ACCOUNT_SCHEMA)
    assert accounts.height == 4_500
    assert accounts["party_id"].null_count() == 0


def test_the_static_files_are_complete(berka: Berka) -> None:
    frames = berka.reference_data()
    assert {name: frame.height for name, frame in frames.items()} == {
        "district": 77,
        "party": 5_369,
        "account_terms": 4_500,
        "disposition": 5_369,
        "card": 892,
        "loan": 682,
        "standing_order": 6_471,
    }
    assert frames["party"]["birth_date"].null_count() == 0
    assert frames["loan"]["outcome"].null_count() == 354


def test_reading_twice_gives_the_same(berka: Berka) -> None:
    day = berka.business_dates()[-1]
    again = Berka(berka.path).parsed(day)
    assert again.instructions.equals(berka.parsed(day).instructions)
