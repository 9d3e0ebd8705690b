"""Breaks have a life that nobody takes back: found, given to somebody, written off by two, resolved."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import polars as pl
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.books import register_participants
from ledger_service.ledger.lookups import lookup_accounts, lookup_external_refs
from ledger_service.ledger.verification import verify
from ledger_service.payments.break_cases.cases import (
    CaseInState,
    CaseNotFound,
    CaseState,
    Event,
    assign,
    case,
    cases,
    comment,
    reopen,
)
from ledger_service.payments.break_cases.policy import policy_on, read_policies
from ledger_service.payments.break_cases.sync import BREAK_COLUMNS, Synced, sync
from ledger_service.payments.break_cases.write_offs import (
    MakerIsChecker,
    WriteOffRefused,
    decide_write_off,
    propose_write_off,
    write_offs,
)
from ledger_service.runtime.database import Database, Role, Server

MONDAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOSTRO, CUSTOMER = 1, 2


@pytest.fixture
def connection(ledger_database: Server) -> Iterator[psycopg.Connection]:
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as opened:
        row = {
            "participant_id": "KE-B01",
            "name": "Bank",
            "kind": "bank",
            "country": "KE",
            "bic": None,
            "home_currency": "KES",
            "has_book": True,
        }
        schema = dict.fromkeys(row, pl.String) | {"has_book": pl.Boolean}
        register_participants(opened, pl.DataFrame([row], schema=schema))
        given = {
            "account_id": [NOSTRO, CUSTOMER],
            "external_ref": ["nostro:X", "customer"],
            "chart_code": [1110, 2010],
            "currency": ["KES", "KES"],
            "opened_on": [MONDAY, MONDAY],
        }
        absent = {name: [None, None] for name in ACCOUNT_COLUMNS if name not in given}
        frame = pl.DataFrame({**given, **absent}).select(
            pl.col(name).cast(kind) for name, kind in ACCOUNT_COLUMNS.items()
        )
        create_accounts(opened, book_id=1, accounts=frame)
        yield opened


def breaks(*rows: tuple[str, int], **other: Any) -> pl.DataFrame:
    """Breaks of the nostro account as (ref, difference in minor units)."""
    facts = {
        "break_class": "missing_in_ledger",
        "participant_id": "KE-B01",
        "book_id": 1,
        "account_id": NOSTRO,
        "external_ref": "nostro:X",
        "currency": "KES",
        "first_seen": MONDAY,
        "owner": "payments_operations",
    } | other
    found = [{"ref": f"break:{ref}", "difference_minor": minor, **facts} for ref, minor in rows]
    return pl.DataFrame(found, schema=dict(BREAK_COLUMNS))


def seen(connection: psycopg.Connection, *rows: tuple[str, int], day: int = 0, **other: Any) -> Synced:
    on = MONDAY + timedelta(days=day)
    return sync(connection, breaks(*rows, **other), business_date=on, at=NOON + timedelta(days=day))


def proposed(connection: psycopg.Connection, ref: str = "break:a") -> None:
    propose_write_off(connection, break_ref=ref, actor="maker", words="too small", at=NOON)


def events(connection: psycopg.Connection, ref: str = "break:a") -> list[str]:
    return [str(each.event) for each in case(connection, ref).events]


def test_a_close_opens_changes_and_resolves_and_finds_again(connection: psycopg.Connection) -> None:
    assert seen(connection, ("a", 5), ("b", -7)) == Synced(opened=("break:a", "break:b"))
    assert seen(connection, ("a", 5), ("b", -7)) == Synced()
    assert seen(connection, ("a", 6), day=1) == Synced(changed=("break:a",), resolved=("break:b",))
    assert seen(connection, ("a", 5), ("b", -7), day=0) == Synced(), "an earlier close rewinds nothing"
    assert seen(connection, ("a", 6), ("b", -7), day=2) == Synced(reopened=("break:b",))
    assert events(connection, "break:b") == ["opened", "resolved", "reopened"]
    assert case(connection, "break:a").difference_minor == 6


def test_people_take_breaks_and_talk_about_them(connection: psycopg.Connection) -> None:
    seen(connection, ("a", 5))
    for _ in range(2):
        assign(connection, break_ref="break:a", to="finance desk", actor="lead", at=NOON)
    comment(connection, break_ref="break:a", words="the bank looks", actor="finance desk", at=NOON)
    found = case(connection, "break:a")
    assert (found.assignee, found.state) == ("finance desk", CaseState.OPEN)
    assert events(connection) == ["opened", "assigned", "commented"]
    with pytest.raises(CaseNotFound):
        comment(connection, break_ref="break:z", words="?", actor="lead", at=NOON)
    with pytest.raises(CaseInState):
        reopen(connection, break_ref="break:a", words="?", actor="lead", at=NOON)


def test_breaks_are_due_by_their_class(connection: psycopg.Connection) -> None:
    seen(connection, ("a", 5), ("b", 5))
    found = case(connection, "break:a")
    assert found.due_on == policy_on(MONDAY).due_on("missing_in_ledger", MONDAY)
    assert not found.is_overdue(found.due_on)
    assert found.is_overdue(found.due_on + timedelta(days=1))
    seen(connection, ("b", 5), day=1)
    assert not case(connection, "break:a").is_overdue(MONDAY + timedelta(days=99))
    assert policy_on(MONDAY).due_on("never heard of", MONDAY) > MONDAY
    assert read_policies()


@pytest.mark.parametrize(("difference", "line"), [(500, "gains"), (-300, "losses")])
def test_a_write_off_of_two_people_books_the_difference_once(
    connection: psycopg.Connection, difference: int, line: str
) -> None:
    seen(connection, ("a", difference))
    proposed(connection)
    with pytest.raises(MakerIsChecker):
        decide_write_off(connection, break_ref="break:a", approved=True, actor="MAKER", at=NOON)
    assert case(connection, "break:a").state == CaseState.PROPOSED
    decide_write_off(connection, break_ref="break:a", approved=True, actor="checker", at=NOON)
    with pytest.raises(CaseInState, match="written off"):
        decide_write_off(connection, break_ref="break:a", approved=True, actor="checker", at=NOON)
    nostro = lookup_accounts(connection, book_id=1, account_ids=[NOSTRO]).row(0, named=True)
    assert nostro["debits_posted"] - nostro["credits_posted"] == difference
    other = lookup_external_refs(
        connection, book_id=1, external_refs=[f"reconciliation-{line}:KES"]
    ).row(0, named=True)
    assert other["credits_posted"] - other["debits_posted"] == difference
    booked = write_offs(connection).row(0, named=True)
    assert (booked["break_ref"], booked["account_id"]) == ("break:a", NOSTRO)
    assert booked["words"] == "written off: too small (maker, approved by checker)"
    assert [found for book in verify(connection) for found in book.differences] == []
    # The close before the booking still shows it; the one after does not.
    assert seen(connection, ("a", difference), day=1) == Synced()
    assert seen(connection, day=2) == Synced(resolved=("break:a",))


def test_of_two_who_decide_at_once_one_does(
    connection: psycopg.Connection, ledger_database: Server
) -> None:
    seen(connection, ("a", 500))
    proposed(connection)
    outcomes: list[str] = []

    def decide(approved: bool) -> None:
        with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as own:
            try:
                decide_write_off(own, break_ref="break:a", approved=approved, actor="other", at=NOON)
                outcomes.append("decided")
            except CaseInState:
                outcomes.append("too late")

    people = [threading.Thread(target=decide, args=(approved,)) for approved in (True, False, True)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert sorted(outcomes) == ["decided", "too late", "too late"]


def test_a_refusal_leaves_the_break_open(connection: psycopg.Connection) -> None:
    seen(connection, ("a", 500))
    proposed(connection)
    decide_write_off(connection, break_ref="break:a", approved=False, actor="checker", at=NOON)
    assert case(connection, "break:a").state == CaseState.OPEN
    assert write_offs(connection).is_empty()


def test_a_difference_that_changed_since_is_not_booked(connection: psycopg.Connection) -> None:
    seen(connection, ("a", 500))
    proposed(connection)
    seen(connection, ("a", 400), day=1)
    with pytest.raises(WriteOffRefused, match="changed since"):
        decide_write_off(connection, break_ref="break:a", approved=True, actor="checker", at=NOON)
    assert case(connection, "break:a").state == CaseState.PROPOSED


@pytest.mark.parametrize(
    ("difference", "facts", "reason"),
    [
        (0, {"break_class": "date"}, "same amount"),
        (5, {"account_id": CUSTOMER}, "customer's account"),
        (10**12, {}, "exceed"),
        (5, {"currency": "SSP"}, "nothing is written off in SSP"),
        (5, {"account_id": None}, "no account"),
    ],
)
def test_what_cannot_be_written_off_says_why(
    connection: psycopg.Connection, difference: int, facts: dict[str, Any], reason: str
) -> None:
    seen(connection, ("a", difference), **facts)
    with pytest.raises(WriteOffRefused, match=reason):
        proposed(connection)


def test_nothing_of_a_life_is_changed(connection: psycopg.Connection) -> None:
    seen(connection, ("a", 500))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM payments.break_event")


_NAMES = (f"made up {number}" for number in count())
STEPS = st.lists(
    st.sampled_from(["seen", "gone", "propose", "approve", "refuse", "reopen"]), max_size=12
)
_MODEL: dict[tuple[str, str], str] = {
    ("none", "seen"): "open",
    ("resolved", "seen"): "open",
    ("open", "gone"): "resolved",
    ("proposed", "gone"): "resolved",
    ("written_off", "gone"): "resolved",
    ("open", "propose"): "proposed",
    ("proposed", "approve"): "written_off",
    ("proposed", "refuse"): "open",
    ("resolved", "reopen"): "open",
    ("written_off", "reopen"): "open",
}
"""Every step that does something; any other leaves the state, or is refused."""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_order_of_steps_follows_the_model(connection: psycopg.Connection, steps: list[str]) -> None:
    name = next(_NAMES)
    ref, state = f"break:{name}", "none"
    latest = connection.execute("SELECT max(business_date) FROM payments.break_sync").fetchone()
    base = (latest[0] if latest and latest[0] else MONDAY) - MONDAY
    for number, step in enumerate(steps, start=base.days + 1):
        try:
            if step == "seen":
                seen(connection, (name, 500), day=number)
            elif step == "gone":
                seen(connection, day=number)
            elif step == "propose":
                proposed(connection, ref)
            elif step == "reopen":
                reopen(connection, break_ref=ref, words="?", actor="lead", at=NOON)
            else:
                approved = step == "approve"
                decide_write_off(connection, break_ref=ref, approved=approved, actor="checker", at=NOON)
        except (CaseInState, CaseNotFound):
            assert (state, step) not in _MODEL
        else:
            state = _MODEL.get((state, step), state)
        found = cases(connection, break_ref=ref)
        assert (str(found[0].state) if found else "none") == state
    assert all(one.events[0].event == Event.OPENED for one in cases(connection))
