"""Every payment's legs balance in every book and currency, and say what the payment is."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.payments.instructions import INSTRUCTION_SCHEMA, PaymentKind
from ledger_service.payments.posting_rules import (
    LEG_SCHEMA,
    POSTING_RULES,
    legs_for,
    unapplied_legs,
)

PARTICIPANTS = pl.DataFrame(
    {
        "participant_id": ["A", "B", "X", "P"],
        "kind": ["bank", "fintech", "bank", "partner_bank"],
        "book_id": [1, 2, None, None],
    },
    schema_overrides={"book_id": pl.Int32},
)


def instruction(number: int = 1, **fields: object) -> dict[str, object]:
    return {
        **dict.fromkeys(INSTRUCTION_SCHEMA),
        "instruction_id": f"019b8a3c-0000-7000-8000-{number:012d}",
        "kind": "credit_transfer",
        "event_at": datetime(2026, 1, 5, 9, tzinfo=UTC),
        "value_date": date(2026, 1, 5),
        "currency": "KES",
        "amount_minor": 100,
        "debtor_agent": "A",
        "debtor_account": "a1",
        "creditor_agent": "A",
        "creditor_account": "a2",
        "source_file": "f",
        "source_row": number,
        **fields,
    }


def legs(*instructions: dict[str, object]) -> pl.DataFrame:
    frame = pl.DataFrame(list(instructions), schema=INSTRUCTION_SCHEMA)
    found = legs_for(frame, PARTICIPANTS)
    assert found.schema == pl.Schema(LEG_SCHEMA)
    return found


def sides(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    return frame.select(
        "leg", "book_id", "debit_ref", "credit_ref", "currency", "amount_minor", "linked"
    ).rows()


CONVERSION = {"counter_currency": "USD", "counter_amount_minor": 7}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [(1, 1, "a1", "a2", "KES", 100, False)]),
        (
            {"creditor_agent": "B", "creditor_account": "b1"},
            [
                (1, 1, "a1", "clearing:B:KES", "KES", 100, False),
                (3, 2, "clearing:A:KES", "b1", "KES", 100, False),
            ],
        ),
        (
            {"creditor_agent": "B", "creditor_account": "b1", **CONVERSION},
            [
                (1, 1, "a1", "fx_position:KES", "KES", 100, True),
                (2, 1, "fx_position:USD", "clearing:B:USD", "USD", 7, False),
                (3, 2, "clearing:A:USD", "b1", "USD", 7, False),
            ],
        ),
        (
            {"kind": "fx_conversion", **CONVERSION},
            [
                (1, 1, "a1", "fx_position:KES", "KES", 100, True),
                (2, 1, "fx_position:USD", "a2", "USD", 7, False),
            ],
        ),
        (
            {"creditor_agent": "X", "creditor_account": "x"},
            [(1, 1, "a1", "clearing:X:KES", "KES", 100, False)],
        ),
        (
            {"debtor_agent": "X", "debtor_account": "x", **CONVERSION},
            [(3, 1, "clearing:X:USD", "a2", "USD", 7, False)],
        ),
        (
            {"kind": "payout", "creditor_agent": "X", "creditor_account": "x"},
            [(1, 1, "a1", "nostro:X:KES", "KES", 100, False)],
        ),
        (
            {"creditor_agent": "P", "creditor_account": "p"},
            [(1, 1, "a1", "nostro:P:KES", "KES", 100, False)],
        ),
        (
            {"kind": "collection", "debtor_agent": "P", "debtor_account": "p"},
            [(3, 1, "nostro:P:KES", "a2", "KES", 100, False)],
        ),
        (
            {"creditor_agent": None, "creditor_account": None},
            [(1, 1, "a1", "suspense:KES", "KES", 100, False)],
        ),
        (
            {"debtor_agent": None, "debtor_account": None},
            [(1, 1, "suspense:KES", "a2", "KES", 100, False)],
        ),
        (
            {"kind": "cash_deposit", "debtor_account": None},
            [(1, 1, "cash:KES", "a2", "KES", 100, False)],
        ),
        (
            {"kind": "cash_withdrawal", "creditor_account": None},
            [(1, 1, "a1", "cash:KES", "KES", 100, False)],
        ),
        (
            {"kind": "card_purchase", "creditor_account": None, **CONVERSION},
            [
                (1, 1, "a1", "fx_position:KES", "KES", 100, True),
                (2, 1, "fx_position:USD", "card_settlement:USD", "USD", 7, False),
            ],
        ),
        ({"kind": "fee"}, [(1, 1, "a1", "fee_income:KES", "KES", 100, False)]),
        (
            {"kind": "interest_credit"},
            [(1, 1, "interest_expense:KES", "a2", "KES", 100, False)],
        ),
        (
            {"kind": "penalty_interest"},
            [(1, 1, "a1", "penalty_interest_income:KES", "KES", 100, False)],
        ),
        ({"kind": "loan_disbursement"}, [(1, 1, "loans:KES", "a2", "KES", 100, False)]),
        ({"kind": "loan_repayment"}, [(1, 1, "a1", "loans:KES", "KES", 100, False)]),
        ({"kind": "opening_balance"}, [(1, 1, "opening_balances:KES", "a2", "KES", 100, False)]),
        (
            {"kind": "opening_balance", "creditor_account": None},
            [(1, 1, "a1", "opening_balances:KES", "KES", 100, False)],
        ),
        (
            {"kind": "opening_balance", "creditor_account": "nostro:P:KES", "debtor_account": None},
            [(1, 1, "nostro:P:KES", "opening_balances:KES", "KES", 100, False)],
        ),
        ({"debtor_agent": "X", "creditor_agent": "P"}, []),
    ],
)
def test_a_payment_is_posted_by_its_rule(
    fields: dict[str, object], expected: list[tuple[object, ...]]
) -> None:
    assert sides(legs(instruction(**fields))) == expected


def test_every_kind_has_one_rule() -> None:
    assert sorted(rule.kind for rule in POSTING_RULES) == sorted(PaymentKind)


def test_a_nostro_opening_names_its_bank() -> None:
    found = legs(instruction(kind="opening_balance", creditor_account="nostro:P:KES"))
    assert found.select("debit_chart_code", "debit_counterparty").row(0) == (1110, "P")


def test_what_cannot_arrive_waits_in_the_creditors_book() -> None:
    found = legs(instruction(creditor_agent="B", creditor_account="b1"))
    waiting = unapplied_legs(found.filter(pl.col("leg") == 3))
    expected = [(4, 2, "clearing:A:KES", "unapplied_receipts:KES", "KES", 100, False)]
    assert sides(waiting) == expected
    assert not set(waiting["transfer_id"]) & set(found["transfer_id"])


agents = st.sampled_from(["A", "B", "X", "P"])
payments = st.builds(
    lambda kind, debtor, creditor, amount, counter: {
        "kind": kind.value,
        "debtor_agent": debtor,
        "creditor_agent": creditor,
        "amount_minor": amount,
        "counter_currency": None if counter is None else "USD",
        "counter_amount_minor": counter,
    },
    st.sampled_from(list(PaymentKind)),
    agents,
    agents,
    st.integers(1, 10**15),
    st.none() | st.integers(1, 10**15),
)


@given(drawn=st.lists(payments, max_size=20))
def test_what_one_bank_owes_another_is_what_the_other_is_owed(drawn: list[dict[str, object]]) -> None:
    rows = [instruction(number, **fields) for number, fields in enumerate(drawn)]
    found = legs(*rows)
    assert found["transfer_id"].n_unique() == found.height
    clearing = pl.concat(
        found.filter(pl.col(f"{side}_chart_code") == 1210).select(
            "book_id",
            "currency",
            counterparty=f"{side}_counterparty",
            signed=sign * pl.col("amount_minor").cast(pl.Int128),
        )
        for side, sign in (("debit", 1), ("credit", -1))
    ).join(PARTICIPANTS.select("book_id", own="participant_id"), on="book_id")
    between = clearing.filter(pl.col("counterparty").is_in(["A", "B"]))
    # Seen from both books the pair's balances cancel, currency by currency.
    assert between.group_by("currency").agg(pl.col("signed").sum())["signed"].to_list() in (
        [],
        [0],
        [0, 0],
    )
    assert (between["own"] != between["counterparty"]).all()


@given(drawn=st.lists(payments, min_size=1, max_size=20))
def test_every_leg_has_two_different_sides_and_every_conversion_both_halves(
    drawn: list[dict[str, object]],
) -> None:
    found = legs(*(instruction(number, **fields) for number, fields in enumerate(drawn)))
    assert found.filter(pl.col("debit_ref").eq_missing(pl.col("credit_ref"))).is_empty()
    assert found["debit_ref"].null_count() + found["credit_ref"].null_count() == 0
    chains = found.filter(pl.col("linked"))
    halves = found.filter(pl.col("leg") == 2)
    assert chains["payment_id"].to_list() == halves["payment_id"].to_list()
    assert (chains["book_id"] == halves["book_id"]).all()
    # A chain's halves follow each other, as the ledger wants them.
    position = found.with_row_index("at")
    after = position.filter(pl.col("leg") == 2)["at"]
    assert (position.filter(pl.col("linked"))["at"] + 1 == after).all()
