"""Balancing transfers take what is available, and no more."""

from typing import Any

import psycopg
import pytest

from tests.ledger_service.ledger.bookkeeping import Book, account, name, new_book, transfer

MOST = 2**63 - 1


@pytest.fixture
def funded(connection: psycopg.Connection) -> Book:
    """100 on each: 2 without a limit, 3 with a credit line of 50 and 20 held."""
    book = new_book(connection, account(1), account(2), account(3, debit_limit=50), account(4))
    codes = book.post(
        transfer(1, 1, 2, 100), transfer(2, 1, 3, 100), transfer(3, 3, 4, 20, phase="pending")
    )
    assert codes == ["created"] * 3
    return book


def amount(book: Book, number: int) -> int:
    statement = "SELECT transfer_id::text, amount FROM ledger.transfer WHERE book_id = %(book_id)s"
    return int(dict(book.rows(statement))[name(number)])


@pytest.mark.parametrize(
    ("item", "moved"),
    [
        (transfer(9, 2, 4, None, balancing="debit"), 100),
        (transfer(9, 2, 4, 1_000, balancing="debit"), 100),
        (transfer(9, 2, 4, 99, balancing="debit"), 99),
        (transfer(9, 2, 4, MOST, balancing="debit"), 100),
        (transfer(9, 3, 4, None, balancing="debit"), 130),
        (transfer(9, 4, 1, None, balancing="credit"), 200),
        (transfer(9, 2, 1, None, balancing="both"), 100),
        (transfer(9, 3, 1, 7, balancing="both"), 7),
    ],
)
def test_the_amount_is_clamped_to_what_is_available(
    funded: Book, item: dict[str, Any], moved: int
) -> None:
    assert funded.post(item) == ["created"]
    assert amount(funded, 9) == moved
    assert funded.post(item, item | {"amount_minor": moved}) == ["exists", "exists"]
    assert funded.post(item | {"amount_minor": moved - 1}) == ["exists_with_different_amount"]
    assert funded.faults() == []


def test_a_balancing_hold_holds_what_is_available(funded: Book) -> None:
    codes = funded.post(
        transfer(9, 3, 4, None, phase="pending", balancing="debit"),
        transfer(10, 3, 4, None, balancing="debit"),
        transfer(11, None, None, None, phase="post", pending_id=name(9)),
    )
    assert codes == ["created", "exceeds_credits", "created"]
    assert funded.totals(3) == (130, 100, 20, 0)


def test_nothing_available_moves_nothing(funded: Book) -> None:
    codes = funded.post(
        transfer(9, 4, 2, 5, balancing="debit"),
        transfer(10, 2, 3, 5, balancing="credit"),
        transfer(11, 2, 4, 0, balancing="debit"),
        transfer(12, 2, 4, -1, balancing="debit"),
    )
    assert codes == ["exceeds_credits", "exceeds_debits", *["amount_must_be_positive"] * 2]


def test_the_other_side_keeps_its_own_limit(connection: psycopg.Connection) -> None:
    book = new_book(connection, account(1), account(2), account(3, credit_limit=60))
    codes = book.post(
        transfer(1, 1, 2, 100),
        transfer(2, 2, 3, None, balancing="debit"),
        transfer(3, 2, 3, None, balancing="both"),
    )
    assert codes == ["created", "exceeds_debits", "created"]
    assert amount(book, 3) == 60


def test_totals_near_their_end_are_clamped_without_overflow(connection: psycopg.Connection) -> None:
    book = new_book(connection, account(1), account(2, debit_limit=MOST), account(3))
    codes = book.post(transfer(1, 1, 2, MOST), transfer(2, 2, 3, None, balancing="debit"))
    assert codes == ["created", "created"]
    assert amount(book, 2) == MOST
    assert book.post(transfer(3, 2, 3, None, balancing="debit")) == ["overflows_debits_posted"]
    assert book.faults() == []
