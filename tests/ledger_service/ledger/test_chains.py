"""Linked chains: all or nothing, once."""

from typing import Any

import pytest

from tests.ledger_service.ledger.bookkeeping import NOON, Book, account, name, new_book, transfer


def chain(*items: dict[str, Any]) -> list[dict[str, Any]]:
    return [item | {"linked": True} for item in items[:-1]] + [items[-1]]


def test_a_chain_is_booked_whole(book: Book) -> None:
    assert book.post(*chain(transfer(1, 1, 2, 5), transfer(2, 2, 3, 5))) == ["created"] * 2
    assert book.totals(2) == (5, 5, 0, 0)


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_one_failing_item_fails_its_chain_and_no_other(book: Book, failing: int) -> None:
    items = [transfer(number, 1, 2, 0 if number == failing + 2 else 1) for number in range(2, 5)]
    codes = book.post(transfer(1, 1, 2, 1), *chain(*items), transfer(5, 1, 2, 1))
    expected = ["linked_event_failed"] * 3
    expected[failing] = "amount_must_be_positive"
    assert codes == ["created", *expected, "created"]
    assert book.written() == (2, 4)
    assert book.faults() == []


def test_a_chain_sees_what_its_earlier_items_did(connection: Any) -> None:
    book = new_book(connection, account(1), account(2, debit_limit=0), account(3))
    assert book.post(*chain(transfer(1, 1, 2, 5), transfer(2, 2, 3, 5))) == ["created"] * 2
    failed = book.post(*chain(transfer(3, 1, 2, 5), transfer(4, 2, 3, 6)))
    assert failed == ["linked_event_failed", "exceeds_credits"]
    assert book.totals(2) == (5, 5, 0, 0)


def test_a_failed_chain_gives_its_funds_back_to_the_items_after_it(connection: Any) -> None:
    book = new_book(connection, account(1), account(2, debit_limit=10), account(3))
    codes = book.post(
        *chain(transfer(1, 2, 3, 10), transfer(2, 1, 1, 1)),
        transfer(3, 2, 3, 10),
        transfer(4, 2, 3, 1),
    )
    assert codes == ["linked_event_failed", "accounts_must_be_different", "created", "exceeds_credits"]


def test_an_open_chain_is_refused_and_what_stands_before_it_is_booked(book: Book) -> None:
    codes = book.post(
        transfer(1, 1, 2, 1), transfer(2, 1, 2, 1, linked=True), transfer(3, 1, 2, 1, linked=True)
    )
    assert codes == ["created", "linked_event_failed", "linked_event_chain_open"]
    assert book.written() == (1, 2)


def test_a_single_open_item_is_an_open_chain_even_when_it_exists(book: Book) -> None:
    assert book.post(transfer(1, 1, 2, 1)) == ["created"]
    assert book.post(transfer(1, 1, 2, 1, linked=True)) == ["linked_event_chain_open"]


def test_the_retry_of_a_chain_exists(book: Book) -> None:
    items = [*chain(transfer(1, 1, 2, 5), transfer(2, 2, 3, 5)), transfer(3, 1, 2, 1)]
    book.post(*items[:2])
    before = book.entries()
    assert book.post(*items[:2]) == ["exists"] * 2
    assert book.entries() == before
    assert book.post(*items) == ["exists", "exists", "created"]


def test_a_chain_that_exists_in_part_fails(book: Book) -> None:
    assert book.post(transfer(1, 1, 2, 5)) == ["created"]
    assert book.post(*chain(transfer(1, 1, 2, 5), transfer(2, 2, 3, 5))) == [
        "exists",
        "linked_event_failed",
    ]
    assert book.post(*chain(transfer(2, 2, 3, 5), transfer(1, 1, 2, 5))) == [
        "linked_event_failed",
        "exists",
    ]
    assert book.written() == (1, 2)


def test_an_id_twice_in_a_chain_fails_it(book: Book) -> None:
    codes = book.post(*chain(transfer(1, 1, 2, 5), transfer(1, 1, 2, 5)))
    assert codes == ["linked_event_failed", "exists"]
    assert book.written() == (0, 0)


def test_a_hold_and_its_resolution_may_stand_in_one_chain(book: Book) -> None:
    codes = book.post(
        *chain(
            transfer(1, 1, 2, 9, phase="pending"),
            transfer(2, None, None, 4, phase="post", pending_id=name(1)),
        )
    )
    assert codes == ["created"] * 2
    assert book.totals(1) == (4, 0, 0, 0)


def test_a_conversion_is_a_chain_through_the_position_accounts(connection: Any) -> None:
    book = new_book(
        connection,
        account(1),
        account(2, currency="UGX"),
        account(3, chart_code=6010),
        account(4, chart_code=6010, currency="UGX"),
    )
    legs = chain(transfer(1, 1, 3, 100, booked_at=NOON), transfer(2, 4, 2, 2_850, booked_at=NOON))
    assert book.post(*legs) == ["created"] * 2
    assert book.faults() == []
