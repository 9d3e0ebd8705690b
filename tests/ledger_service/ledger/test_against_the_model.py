"""Random batches on the database and on a model in plain Python: same answers, same entries."""

import random
from dataclasses import replace
from datetime import date, timedelta
from itertools import zip_longest
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ledger_service.ledger.bookkeeping import DAY, NOON, Book, account, name, new_book, transfer
from tests.ledger_service.ledger.model import MOST, TOTALS, Account, Model

ACCOUNTS = [
    account(1),
    account(2),
    account(3, debit_limit=0),
    account(4, debit_limit=25, credit_limit=40),
    account(5, credit_limit=30),
    account(6, currency="UGX"),
    account(7),  # closed
    account(8),  # frozen for debits
    account(9),  # frozen for credits
]
CHANGES: dict[int, dict[str, Any]] = {
    7: {"closed": True},
    8: {"debits_frozen": True},
    9: {"credits_frozen": True},
}

AMOUNTS = st.sampled_from([0, -1, None, 461168601842738, 461168601842739, 2**61 - 1, 2**61, 2**62, MOST])
PHASES = ["single"] * 12 + ["pending"] * 5 + ["post"] * 2 + ["void", "expire"]
SIDES = ["debit", "credit", "both"]
FROM_AND_TO = [(d, c) for d in (1, 1, 2, 2, 3, 4, 4, 5) for c in (1, 2, 3, 4, 4, 5, 5) if d != c]
HOLDS = st.integers(1, 12)
SINGLES = st.integers(13, 120)


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly good by itself, so that batches go far; one in ten has a fault of its own."""
    phase = draw(st.sampled_from(PHASES))
    resolves = phase in {"post", "void", "expire"}
    reverses = phase == "single" and draw(st.integers(0, 12)) == 12
    debit, credit = draw(st.sampled_from(FROM_AND_TO))
    balancing = None if resolves or reverses else draw(st.sampled_from([None] * 20 + SIDES))
    item = transfer(
        draw(HOLDS if phase == "pending" else SINGLES),
        None if resolves or reverses else debit,
        None if resolves or reverses else credit,
        draw(st.sampled_from([None, 1, 5] if resolves or reverses or balancing else [5, 10, 20, 30])),
        phase=phase,
        pending_id=name(draw(HOLDS)) if resolves else None,
        linked=draw(st.sampled_from([False] * 12 + [True])),
        reverses_id=name(draw(SINGLES)) if reverses else None,
        balancing=balancing,
        value_date=DAY + timedelta(days=draw(st.sampled_from([0, 0, 0, -1, 1]))),
    )
    faults = {
        "transfer_id": st.none(),
        "debit_account_id": st.sampled_from([None, 1, 6, 7, 8, 9, 10]),
        "credit_account_id": st.sampled_from([None, 2, 6, 7, 8, 9, 10]),
        "amount_minor": st.sampled_from([1, 5, 10]) if resolves else AMOUNTS,
        "phase": st.sampled_from(["single", "post", "settled", None]),
        "pending_id": HOLDS.map(name),
        "reverses_id": SINGLES.map(name),
        "timeout_s": st.sampled_from([0, 1, 2**32]),
        "balancing": st.sampled_from([*SIDES, "neither"]),
        "kind": st.sampled_from([None, "salary"]),
        "value_date": st.sampled_from([None, date(2025, 1, 1)]),
    }
    column = draw(st.sampled_from([None] * 100 + list(faults)))
    return item | {column: draw(faults[column])} if column else item


SECONDS = st.sampled_from([0] * 30 + [5, 5, -5])
"""By which an item is booked later than the one before."""

BATCHES = st.lists(
    st.tuples(
        st.lists(items(), min_size=8, max_size=30), st.lists(SECONDS, max_size=20), st.integers(0, 5)
    ),
    min_size=1,
    max_size=4,
)

PROPERTY = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def furnished(connection: psycopg.Connection) -> tuple[Book, Model]:
    """The accounts in a fresh book, and in the model."""
    book = new_book(connection, *ACCOUNTS)
    accounts = {
        row["account_id"]: Account(row["currency"], row["debit_limit"], row["credit_limit"])
        for row in ACCOUNTS
    }
    for account_id, terms in CHANGES.items():
        assert book.change(account_id, **terms) == "changed"
        accounts[account_id] = replace(accounts[account_id], **terms)
    return book, Model(accounts)


@given(batches=BATCHES)
@settings(PROPERTY, max_examples=75)
def test_the_ledger_answers_and_keeps_what_the_model_does(
    connection: psycopg.Connection,
    batches: list[tuple[list[dict[str, Any]], list[int], int]],
) -> None:
    book, model = furnished(connection)
    booked_at = NOON
    for number, (batch, seconds, closes) in enumerate(batches):
        if number and not closes:
            book.close(DAY)
            model.closed_through = DAY
        timed = []
        for item, later in zip_longest(batch, seconds[: len(batch)], fillvalue=0):
            booked_at += timedelta(seconds=int(later))
            timed.append(dict(item) | {"booked_at": booked_at})
        business_date = DAY + timedelta(days=number % 2)
        assert book.post(*timed, on=business_date) == model.post(business_date, timed)
    for account_id, expected in model.accounts.items():
        assert book.totals(account_id) == tuple(expected.totals[total] for total in TOTALS)
    assert [(*row[:2], *row[6:10], row[23]) for row in book.entries()] == [
        (account_id, version, *totals)
        for account_id, expected in model.accounts.items()
        for version, totals in enumerate(expected.entries, start=1)
    ]
    assert book.faults() == []


def long_batch(rng: random.Random, holds: list[str], singles: list[str]) -> list[dict[str, Any]]:
    """Two hundred items with new ids, few of them refused: holds and reversals find what they name."""
    batch = []
    for _ in range(200):
        debit, credit = rng.choice(FROM_AND_TO) if rng.random() < 0.1 else rng.choice([(1, 2), (2, 1)])
        item = transfer(len(holds) + len(singles) + 1, debit, credit, rng.randrange(1, 20))
        item["value_date"] = DAY + timedelta(days=rng.choice([-1, 0, 0, 0, 0, 1, 2]))
        of_named = {"debit_account_id": None, "credit_account_id": None, "amount_minor": None}
        what = rng.random()
        if what < 0.3:
            item["phase"] = "pending"
        elif what < 0.45 and holds:
            phase = rng.choice(["post", "post", "void"])
            item |= {"phase": phase, "pending_id": rng.choice(holds), **of_named}
        elif what < 0.47 and singles:
            item |= {"reverses_id": rng.choice(singles), **of_named}
        elif what < 0.49:
            item["balancing"] = rng.choice(SIDES)
        (holds if item["phase"] == "pending" else singles).append(item["transfer_id"])
        item["linked"] = rng.random() < 0.05
        batch.append(item)
    batch[-1]["linked"] = False
    return batch


@pytest.mark.parametrize("seed", range(6))
def test_long_batches_are_answered_as_by_the_model(connection: psycopg.Connection, seed: int) -> None:
    book, model = furnished(connection)
    rng = random.Random(seed)
    holds: list[str] = []
    singles: list[str] = []
    for _ in range(5):
        batch = long_batch(rng, holds, singles)
        assert book.post(*batch) == model.post(DAY, batch)
    assert [(*row[:2], *row[6:10], row[23]) for row in book.entries()] == [
        (account_id, version, *totals)
        for account_id, expected in model.accounts.items()
        for version, totals in enumerate(expected.entries, start=1)
    ]
    assert book.faults() == []
    assert book.verified().differences == ()


@given(batch=st.lists(items(), min_size=10, max_size=60))
@settings(PROPERTY, max_examples=30)
def test_a_batch_is_the_same_as_its_chains_one_by_one(
    connection: psycopg.Connection, batch: list[dict[str, Any]]
) -> None:
    timed = [item | {"booked_at": NOON} for item in batch]
    (together, _), (apart, _) = furnished(connection), furnished(connection)
    codes: list[str] = []
    chain: list[dict[str, Any]] = []
    for item in timed:
        chain.append(item)
        if not item["linked"]:
            codes += apart.post(*chain)
            chain = []
    codes += apart.post(*chain)
    assert together.post(*timed) == codes
    assert together.entries() == apart.entries()
