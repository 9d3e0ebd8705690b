"""Two-phase transfers, and limits that count what is held."""

from typing import Any

import psycopg
import pytest

from tests.ledger_service.ledger.bookkeeping import Book, account, name, new_book, transfer


def hold(number: int, amount: int) -> dict[str, Any]:
    return transfer(number, 1, 2, amount, phase="pending")


def post(number: int, held: int, amount: int | None = None) -> dict[str, Any]:
    return transfer(number, None, None, amount, phase="post", pending_id=name(held))


def void(number: int, held: int) -> dict[str, Any]:
    return transfer(number, None, None, None, phase="void", pending_id=name(held))


def test_a_hold_moves_nothing_but_the_pending_totals(book: Book) -> None:
    assert book.post(hold(1, 9)) == ["created"]
    assert book.totals(1) == (0, 0, 9, 0)
    assert book.totals(2) == (0, 0, 0, 9)


@pytest.mark.parametrize("amount", [None, 9, 4])
def test_posting_releases_the_whole_hold_and_books_what_is_posted(
    book: Book, amount: int | None
) -> None:
    assert book.post(hold(1, 9)) == ["created"]
    assert book.post(post(2, 1, amount)) == ["created"]
    assert book.totals(1) == (amount or 9, 0, 0, 0)
    assert book.totals(2) == (0, amount or 9, 0, 0)
    assert book.post(void(3, 1)) == ["pending_transfer_already_posted"]
    assert book.faults() == []


def test_a_void_releases_the_hold(book: Book) -> None:
    assert book.post(hold(1, 9), void(2, 1), post(3, 1)) == [
        "created",
        "created",
        "pending_transfer_already_voided",
    ]
    assert book.totals(1) == book.totals(2) == (0, 0, 0, 0)


def test_a_hold_resolved_twice_in_one_batch_is_resolved_once(book: Book) -> None:
    assert book.post(hold(1, 9), hold(2, 9)) == ["created"] * 2
    codes = book.post(post(3, 1), void(4, 2), post(5, 1), post(6, 2))
    assert codes == [
        "created",
        "created",
        "pending_transfer_already_posted",
        "pending_transfer_already_voided",
    ]
    assert book.faults() == []


def test_a_resolution_may_name_the_accounts_of_its_hold(book: Book) -> None:
    assert book.post(hold(1, 9)) == ["created"]
    assert book.post(transfer(2, 1, None, 9, phase="post", pending_id=name(1))) == ["created"]


def test_a_debit_limit_of_zero_keeps_debits_within_credits(connection: psycopg.Connection) -> None:
    book = new_book(connection, account(1, debit_limit=0), account(2))
    assert book.post(transfer(1, 1, 2, 1)) == ["exceeds_credits"]
    assert book.post(transfer(2, 2, 1, 10), transfer(3, 1, 2, 10), transfer(4, 1, 2, 1)) == [
        "created",
        "created",
        "exceeds_credits",
    ]


def test_a_credit_line_is_used_to_its_end_and_no_further(connection: psycopg.Connection) -> None:
    book = new_book(connection, account(1, debit_limit=100), account(2))
    assert book.post(transfer(1, 1, 2, 60), transfer(2, 1, 2, 41), transfer(3, 1, 2, 40)) == [
        "created",
        "exceeds_credits",
        "created",
    ]
    assert book.totals(1) == (100, 0, 0, 0)


def test_a_credit_limit_is_the_mirror(connection: psycopg.Connection) -> None:
    book = new_book(connection, account(1), account(2, credit_limit=100))
    assert book.post(transfer(1, 1, 2, 100), transfer(2, 1, 2, 1), transfer(3, 2, 1, 1)) == [
        "created",
        "exceeds_debits",
        "created",
    ]


def test_held_funds_cannot_be_spent_and_released_funds_can(connection: psycopg.Connection) -> None:
    book = new_book(connection, account(1, debit_limit=10), account(2))
    assert book.post(hold(1, 8), transfer(2, 1, 2, 3), transfer(3, 1, 2, 2)) == [
        "created",
        "exceeds_credits",
        "created",
    ]
    assert book.post(hold(4, 1)) == ["exceeds_credits"]
    assert book.post(post(5, 1, 5), transfer(6, 1, 2, 4), transfer(7, 1, 2, 3)) == [
        "created",
        "exceeds_credits",
        "created",
    ]


def test_pending_credits_count_against_a_credit_limit(connection: psycopg.Connection) -> None:
    book = new_book(connection, account(1), account(2, credit_limit=10))
    assert book.post(hold(1, 8), transfer(2, 1, 2, 3), hold(3, 3), transfer(4, 1, 2, 2)) == [
        "created",
        "exceeds_debits",
        "exceeds_debits",
        "created",
    ]
    assert book.post(transfer(5, 1, 2, 1), void(6, 1), transfer(7, 1, 2, 8)) == [
        "exceeds_debits",
        "created",
        "created",
    ]


@pytest.mark.parametrize("side", ["debit_limit", "credit_limit"])
def test_a_limit_can_be_changed_but_not_below_what_is_used(
    connection: psycopg.Connection, side: str
) -> None:
    """Used are 8, held 5 of them."""
    book = new_book(connection, account(1), account(2))
    limited = 1 if side == "debit_limit" else 2
    assert book.post(hold(1, 5), transfer(2, 1, 2, 3)) == ["created"] * 2
    assert book.change(limited, **{side: 7}) == f"exceeds_{side}"
    assert book.change(limited, **{side: 8}) == "changed"
    refused = "exceeds_credits" if side == "debit_limit" else "exceeds_debits"
    assert book.post(transfer(3, 1, 2, 1)) == [refused]
    assert book.change(limited, **{side: 9}) == "changed"
    assert book.post(transfer(3, 1, 2, 1), transfer(4, 1, 2, 1)) == ["created", refused]
    assert book.change(limited, **{side: None}) == "changed"
    assert book.post(transfer(4, 1, 2, 1)) == ["created"]
    assert book.faults() == []


def test_pending_credits_cannot_be_spent(connection: psycopg.Connection) -> None:
    book = new_book(connection, account(1), account(2, debit_limit=0))
    assert book.post(hold(1, 8), transfer(2, 2, 1, 1)) == ["created", "exceeds_credits"]
    assert book.post(post(3, 1), transfer(4, 2, 1, 8)) == ["created", "created"]


def test_a_long_batch_against_a_limit_books_exactly_what_fits(connection: psycopg.Connection) -> None:
    book = new_book(connection, account(1, debit_limit=1_000), account(2))
    codes = book.post(*(transfer(number, 1, 2, 7) for number in range(1, 2_001)))
    assert codes == ["created"] * 142 + ["exceeds_credits"] * 1_858
    assert book.totals(1) == (994, 0, 0, 0)
    assert book.faults() == []


def test_every_entry_has_the_next_version_and_the_totals_after_it(book: Book) -> None:
    book.post(
        transfer(1, 1, 2, 5), transfer(2, 2, 1, 3), hold(3, 4), transfer(4, 3, 1, 1), post(5, 3, 2)
    )
    rows = [row[1:10] for row in book.entries() if row[0] == 1]
    assert rows == [
        (1, name(1), "D", 5, 0, 5, 0, 0, 0),
        (2, name(2), "C", 3, 0, 5, 3, 0, 0),
        (3, name(3), "D", 0, 4, 5, 3, 4, 0),
        (4, name(4), "C", 1, 0, 5, 4, 4, 0),
        (5, name(5), "D", 2, -4, 7, 4, 0, 0),
    ]
