"""Imported transfers bring their own booking times, in order: they never rewrite history."""

from datetime import timedelta

from tests.ledger_service.ledger.bookkeeping import NOON, Book, account, transfer

SECOND = timedelta(seconds=1)


def test_imported_transfers_are_booked_at_their_own_time(book: Book) -> None:
    times = [NOON, NOON, NOON + SECOND]
    items = [transfer(n, 1, 2, 1, booked_at=at) for n, at in enumerate(times, start=1)]
    assert book.post(*items) == ["created"] * 3
    statement = "SELECT booked_at FROM ledger.transfer WHERE book_id = %(book_id)s ORDER BY sequence"
    assert [at for (at,) in book.rows(statement)] == times


def test_one_that_would_come_before_an_entry_is_refused_on_either_side(book: Book) -> None:
    codes = book.post(
        transfer(1, 1, 2, 1, booked_at=NOON + SECOND),
        transfer(2, 1, 3, 1, booked_at=NOON),
        transfer(3, 3, 2, 1, booked_at=NOON),
        transfer(4, 1, 2, 1, booked_at=NOON + SECOND),
    )
    assert codes == [
        "created",
        "booked_at_must_not_regress",
        "booked_at_must_not_regress",
        "created",
    ]


def test_accounts_that_do_not_meet_need_no_common_order(book: Book) -> None:
    assert book.open(account(4)) == ["created"]
    codes = book.post(
        transfer(1, 1, 2, 1, booked_at=NOON + SECOND), transfer(2, 3, 4, 1, booked_at=NOON)
    )
    assert codes == ["created", "created"]


def test_the_ledgers_own_clock_does_not_fall_behind_what_was_imported(book: Book) -> None:
    far = NOON.replace(year=2100)
    assert book.post(transfer(1, 1, 2, 1, booked_at=far), transfer(2, 1, 3, 1)) == ["created"] * 2
    assert book.post(transfer(3, 3, 2, 1)) == ["created"]
    statement = "SELECT DISTINCT booked_at FROM ledger.transfer WHERE book_id = %(book_id)s"
    assert book.rows(statement) == [(far,)]
    assert book.faults() == []


def test_an_imported_transfer_is_refused_where_the_ledger_booked_since(book: Book) -> None:
    assert book.post(transfer(1, 1, 2, 1)) == ["created"]
    assert book.post(transfer(2, 1, 2, 1, booked_at=NOON)) == ["booked_at_must_not_regress"]


def test_the_retry_of_an_import_exists_whatever_was_booked_since(book: Book) -> None:
    items = [transfer(n, 1, 2, 1, booked_at=NOON + n * SECOND) for n in (1, 2)]
    assert book.post(*items) == ["created"] * 2
    assert book.post(*items) == ["exists"] * 2
