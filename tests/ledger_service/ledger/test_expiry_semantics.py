"""Holds that expire: at their deadline they cannot be posted, whether or not they were released."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.ledger_service.ledger.bookkeeping import Book, account, name, new_book, transfer


def resolution(number: int, phase: str, **other: Any) -> dict[str, Any]:
    return transfer(number, None, None, None, phase=phase, pending_id=name(1), **other)


@pytest.fixture
def let_pass(superuser: psycopg.Connection) -> Callable[[Book, timedelta], None]:
    """Sets all times of a book back, as if all had been booked so much earlier."""

    def moved(book: Book, passed: timedelta) -> None:
        with superuser.transaction():
            superuser.execute("SET LOCAL session_replication_role = replica")
            superuser.execute(
                """UPDATE ledger.transfer SET booked_at = booked_at - %(passed)s,
                expires_at = expires_at - %(passed)s WHERE book_id = %(book_id)s""",
                {"passed": passed, "book_id": book.book_id},
            )
            superuser.execute(
                """UPDATE ledger.account SET last_booked_at = last_booked_at - %(passed)s
                WHERE book_id = %(book_id)s""",
                {"passed": passed, "book_id": book.book_id},
            )

    return moved


@pytest.fixture
def held(connection: psycopg.Connection) -> Book:
    """A hold of all that account 1 may spend, for an hour."""
    book = new_book(connection, account(1, debit_limit=50), account(2))
    assert book.post(transfer(1, 1, 2, 50, phase="pending", timeout_s=3_600)) == ["created"]
    return book


LATER = timedelta(hours=2)


def test_before_its_deadline_a_hold_is_posted_and_not_expired(held: Book) -> None:
    assert held.post(resolution(2, "expire"), resolution(3, "post")) == [
        "pending_transfer_not_expired",
        "created",
    ]


def test_after_its_deadline_a_hold_cannot_be_posted_even_before_it_is_released(
    held: Book, let_pass: Callable[[Book, timedelta], None]
) -> None:
    let_pass(held, LATER)
    assert held.post(resolution(2, "post")) == ["pending_transfer_expired"]
    assert held.totals(1) == (0, 0, 50, 0)


def test_an_expired_hold_keeps_its_funds_until_it_is_released_once(
    held: Book, let_pass: Callable[[Book, timedelta], None]
) -> None:
    let_pass(held, LATER)
    spend = [transfer(number, 1, 2, 50) for number in (5, 6, 7)]
    codes = held.post(
        spend[0], resolution(2, "expire"), spend[1], resolution(3, "expire"), resolution(4, "void")
    )
    expired = "pending_transfer_expired"
    assert codes == ["exceeds_credits", "created", "created", expired, expired]
    assert held.post(resolution(2, "expire"), resolution(8, "post")) == ["exists", expired]
    assert held.faults() == []


def test_a_void_may_release_what_has_expired(
    held: Book, let_pass: Callable[[Book, timedelta], None]
) -> None:
    let_pass(held, LATER)
    assert held.post(resolution(2, "void"), resolution(3, "expire")) == [
        "created",
        "pending_transfer_already_voided",
    ]


def test_an_expiry_is_booked_on_frozen_accounts(
    held: Book, let_pass: Callable[[Book, timedelta], None]
) -> None:
    let_pass(held, LATER)
    assert held.change(1, debits_frozen=True) == "changed"
    assert held.post(resolution(2, "post"), resolution(3, "expire")) == [
        "pending_transfer_expired",
        "created",
    ]
    assert held.totals(1) == (0, 0, 0, 0)


def test_an_imported_resolution_is_judged_by_its_own_time(held: Book) -> None:
    deadline = datetime.now(UTC) + timedelta(hours=1)
    assert held.post(
        resolution(2, "expire", booked_at=deadline - timedelta(minutes=1)),
        resolution(3, "post", booked_at=deadline + timedelta(minutes=1)),
        resolution(4, "post", booked_at=deadline - timedelta(minutes=1)),
    ) == ["pending_transfer_not_expired", "pending_transfer_expired", "created"]


def test_many_holds_expire_in_one_batch(
    connection: psycopg.Connection, let_pass: Callable[[Book, timedelta], None]
) -> None:
    book = new_book(connection, account(1), account(2))
    holds = [transfer(n, 1, 2, n, phase="pending", timeout_s=1 + n % 2 * 86_400) for n in range(1, 501)]
    assert set(book.post(*holds)) == {"created"}
    let_pass(book, LATER)
    releases = [
        transfer(1_000 + n, None, None, None, phase="expire", pending_id=name(n)) for n in range(1, 501)
    ]
    assert book.post(*releases) == ["pending_transfer_not_expired", "created"] * 250
    assert book.totals(1)[2] == sum(range(1, 501, 2))
    assert book.faults() == []
