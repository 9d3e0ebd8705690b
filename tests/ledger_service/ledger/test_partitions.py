"""The journal's partitions: where a transfer lies, and that coming months have theirs."""

from datetime import UTC, date, datetime
from uuid import UUID

from ledger_service.ledger.partitions import keep_partitions_ahead
from ledger_service.runtime.database import Database, Role, Server
from tests.ledger_service.ledger.bookkeeping import Book, new_book, ordinary, transfer


def id_of(year: int, month: int, day: int) -> str:
    """A UUIDv7 of the first millisecond of a day."""
    milliseconds = int(datetime(year, month, day, tzinfo=UTC).timestamp() * 1000)
    return str(UUID(int=milliseconds << 80 | 0x7000_8000_0000_0000_0001))


def post(book: Book, *names: str) -> None:
    items = (transfer(1, 1, 2, 5) | {"transfer_id": name} for name in names)
    assert set(book.post(*items)) == {"created"}


def test_a_transfer_lies_in_the_month_of_its_id_and_any_other_beside(ledger: Server) -> None:
    first, last, future = id_of(2025, 3, 1), id_of(2025, 3, 31), id_of(2090, 1, 1)
    with ledger.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        book = new_book(connection, *ordinary([1, 2]))
        post(book, first, last, future)
        places = book.rows(
            """SELECT transfer_id::text, tableoid::regclass::text FROM ledger.transfer
            WHERE book_id = %(book_id)s ORDER BY 1"""
        )
    march = "ledger.transfer_2025_03"
    assert places == [(first, march), (last, march), (future, "ledger.transfer_other")]


def test_coming_months_get_partitions_once(ledger: Server) -> None:
    with ledger.connect(Database.LEDGER, Role.CLOSE) as connection:
        assert keep_partitions_ahead(connection, today=date(2031, 5, 17)) == 4
        assert keep_partitions_ahead(connection, today=date(2031, 5, 17)) == 0
        connection.rollback()


def test_a_month_that_has_transfers_already_keeps_them_where_they_are(ledger: Server) -> None:
    with ledger.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        post(new_book(connection, *ordinary([1, 2])), id_of(2046, 6, 15))
    with ledger.connect(Database.LEDGER, Role.CLOSE) as connection:
        assert keep_partitions_ahead(connection, today=date(2046, 5, 17)) == 3
        connection.rollback()
