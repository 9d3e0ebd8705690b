"""Reversals name what they reverse, and never return more than it moved."""

from typing import Any

import psycopg
import pytest

from tests.ledger_service.ledger.bookkeeping import DAY, NOON, Book, account, name, new_book, transfer


def reversal(number: int, of: int, amount: int | None = None, **other: Any) -> dict[str, Any]:
    return transfer(number, None, None, amount, reverses_id=name(of), **other)


def test_a_reversal_returns_the_money_the_way_it_came(book: Book) -> None:
    assert book.post(transfer(1, 1, 2, 100), reversal(2, 1)) == ["created", "created"]
    assert book.totals(1) == book.totals(2) == (100, 100, 0, 0)
    assert book.rows(
        """SELECT ordinal, transfer_id::text, original_amount, reversed_after FROM ledger.reversal
        WHERE book_id = %(book_id)s"""
    ) == [(1, name(2), 100, 100)]


def test_parts_are_returned_until_nothing_is_left(book: Book) -> None:
    codes = book.post(
        transfer(1, 1, 2, 100),
        reversal(2, 1, 60),
        reversal(3, 1, 60),
        reversal(4, 1),
        reversal(5, 1),
        reversal(6, 1, 1),
    )
    assert codes == [
        "created",
        "created",
        "exceeds_reversed_transfer_amount",
        "created",
        "reversed_transfer_already_reversed",
        "reversed_transfer_already_reversed",
    ]
    assert book.totals(1) == (100, 100, 0, 0)
    assert book.faults() == []


def test_what_was_posted_of_a_hold_is_what_can_be_returned(book: Book) -> None:
    codes = book.post(
        transfer(1, 1, 2, 100, phase="pending"),
        transfer(2, None, None, 40, phase="post", pending_id=name(1)),
        reversal(3, 1),
        reversal(4, 2, 41),
        reversal(5, 2),
    )
    assert codes == [
        "created",
        "created",
        "reversed_transfer_not_posted",
        "exceeds_reversed_transfer_amount",
        "created",
    ]
    assert book.totals(1) == (40, 40, 0, 0)


def test_the_retry_of_a_reversal_exists_even_when_all_is_returned_since(book: Book) -> None:
    items = [transfer(1, 1, 2, 100), reversal(2, 1, 60), reversal(3, 1)]
    assert book.post(*items) == ["created"] * 3
    assert book.post(*items) == ["exists"] * 3
    assert book.totals(1) == (100, 100, 0, 0)


def test_money_that_was_spent_cannot_be_returned(connection: psycopg.Connection) -> None:
    book = new_book(connection, account(1), account(2, debit_limit=0), account(3))
    codes = book.post(transfer(1, 1, 2, 100), transfer(2, 2, 3, 70), reversal(3, 1), reversal(4, 1, 30))
    assert codes == ["created", "created", "exceeds_credits", "created"]


def test_a_failed_chain_takes_its_reversal_back(book: Book) -> None:
    codes = book.post(
        transfer(1, 1, 2, 100),
        reversal(2, 1, 60, linked=True),
        transfer(3, 1, 1, 1),
        reversal(4, 1, 100),
    )
    assert codes == ["created", "linked_event_failed", "accounts_must_be_different", "created"]


def test_a_transfer_of_a_closed_date_is_reversed_on_an_open_one(book: Book) -> None:
    assert book.post(transfer(1, 1, 2, 100)) == ["created"]
    assert book.close()
    assert book.post(reversal(2, 1)) == ["business_date_closed"]
    assert book.post(reversal(2, 1), on=DAY.replace(day=4)) == ["created"]


@pytest.mark.parametrize("phase", ["pending", "post", "void", "expire"])
def test_only_single_transfers_reverse(book: Book, phase: str) -> None:
    assert book.post(transfer(1, 1, 2, 100, phase="pending"), transfer(2, 1, 2, 9)) == ["created"] * 2
    pending_id = None if phase == "pending" else name(1)
    item = transfer(3, 1, 2, 9, phase=phase, pending_id=pending_id, reverses_id=name(2), event_at=NOON)
    assert book.post(item) == ["reverses_id_must_be_null"]
