"""Random batches on the database and on a model in plain Python: same answers, same entries."""

from datetime import date, timedelta
from itertools import zip_longest
from typing import Any

import psycopg
from bookkeeping import DAY, NOON, account, name, new_book, transfer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model import MOST, SIDES, Account, Model

ACCOUNTS = [
    account(1),
    account(2),
    account(3, debit_limit=0),
    account(4, debit_limit=25, credit_limit=40),
    account(5, credit_limit=30),
    account(6, currency="UGX"),
    account(7),  # closed
    account(8),  # frozen
]
STATES = {7: "closed", 8: "frozen"}

AMOUNTS = st.sampled_from([0, -1, None, 461168601842738, 461168601842739, 2**61 - 1, 2**61, 2**62, MOST])
PHASES = ["single"] * 4 + ["pending"] * 3 + ["post"] * 2 + ["void"]
HOLDS = st.integers(1, 6)
SINGLES = st.integers(7, 40)


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly good by itself, so that batches go far; one in three has a fault of its own."""
    phase = draw(st.sampled_from(PHASES))
    resolves = phase in {"post", "void"}
    accounts = st.none() if resolves else st.integers(1, 5)
    item = transfer(
        draw(HOLDS if phase == "pending" else SINGLES),
        draw(accounts),
        draw(accounts),
        None if resolves else draw(st.sampled_from([1, 5, 10, 20])),
        phase=phase,
        pending_id=name(draw(HOLDS)) if resolves else None,
        linked=draw(st.sampled_from([False, False, False, True])),
    )
    faults = {
        "transfer_id": st.none(),
        "debit_account_id": st.sampled_from([None, 1, 6, 7, 8, 9]),
        "credit_account_id": st.sampled_from([None, 2, 6, 7, 8, 9]),
        "amount_minor": st.sampled_from([1, 5, 10]) if resolves else AMOUNTS,
        "phase": st.sampled_from(["single", "post", "settled", None]),
        "pending_id": HOLDS.map(name),
        "kind": st.sampled_from([None, "salary"]),
        "value_date": st.sampled_from([None, date(2025, 1, 1)]),
    }
    column = draw(st.sampled_from([None] * 16 + list(faults)))
    return item | {column: draw(faults[column])} if column else item


SECONDS = st.sampled_from([0] * 9 + [5, -5])
"""By which an item is booked later than the one before."""

BATCHES = st.lists(
    st.tuples(st.lists(items(), max_size=20), st.lists(SECONDS, max_size=20), st.integers(0, 5)),
    min_size=1,
    max_size=4,
)

PROPERTY = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def modelled() -> Model:
    limits = ((row["account_id"], row["debit_limit"], row["credit_limit"]) for row in ACCOUNTS)
    currencies = {row["account_id"]: row["currency"] for row in ACCOUNTS}
    return Model(
        {
            account_id: Account(currencies[account_id], *both, STATES.get(account_id, "open"))
            for account_id, *both in limits
        }
    )


@given(batches=BATCHES)
@settings(PROPERTY, max_examples=150)
def test_the_ledger_answers_and_keeps_what_the_model_does(
    connection: psycopg.Connection,
    superuser: psycopg.Connection,
    batches: list[tuple[list[dict[str, Any]], list[int], int]],
) -> None:
    book, model = new_book(connection, *ACCOUNTS), modelled()
    set_state = "UPDATE ledger.account SET state = %s WHERE book_id = %s AND account_id = %s"
    superuser.cursor().executemany(set_state, [(s, book.book_id, a) for a, s in STATES.items()])
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
        assert book.totals(account_id) == tuple(expected.totals[total] for total in SIDES)
    assert [(*row[:2], *row[6:10]) for row in book.entries()] == [
        (account_id, version, *totals)
        for account_id, expected in model.accounts.items()
        for version, totals in enumerate(expected.entries, start=1)
    ]
    assert book.verified().differences == ()


@given(batch=st.lists(items(), max_size=60))
@settings(PROPERTY, max_examples=60)
def test_a_batch_is_the_same_as_its_chains_one_by_one(
    connection: psycopg.Connection, batch: list[dict[str, Any]]
) -> None:
    timed = [item | {"booked_at": NOON} for item in batch]
    together, apart = new_book(connection, *ACCOUNTS), new_book(connection, *ACCOUNTS)
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
