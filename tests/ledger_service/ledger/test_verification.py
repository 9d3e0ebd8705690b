"""Tampering is found, and the first row that differs is named."""

from collections.abc import Callable

import psycopg
import pytest
from bookkeeping import DAY, Book, account, name, new_book, transfer

from ledger_service.ledger.sealing import SealRefused, seal
from ledger_service.runtime.database import Database, Role, Server

NEXT_DAY = DAY.replace(day=DAY.day + 1)


@pytest.fixture
def sealed(connection: psycopg.Connection, ledger: Server) -> Book:
    """Two sealed dates with every phase, and one open date."""
    book = new_book(connection, account(1), account(2), account(3), account(4, currency="UGX"))
    book.post(
        transfer(1, 1, 2, 100),
        transfer(2, 2, 3, 50, phase="pending"),
        transfer(3, None, None, 20, phase="post", pending_id=name(2)),
    )
    book.post(transfer(4, 1, 3, 30), transfer(5, 3, 1, 5), on=NEXT_DAY)
    with ledger.connect(Database.LEDGER, Role.CLOSE) as closing:
        for date in (DAY, NEXT_DAY):
            book.close(date)
            seal(closing, book_id=book.book_id, business_date=date)
    book.post(transfer(6, 2, 1, 7), on=NEXT_DAY.replace(day=NEXT_DAY.day + 1))
    return book


@pytest.fixture
def tamper(superuser: psycopg.Connection, sealed: Book) -> Callable[..., None]:
    """Run statements as a superuser who has switched the triggers off."""

    def run(*statements: str) -> None:
        with superuser.transaction():
            superuser.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                found = superuser.execute(statement, {"book_id": sealed.book_id})
                assert found.rowcount > 0, statement

    return run


def of(transfer_number: int) -> str:
    return f"book_id = %(book_id)s AND transfer_id = '{name(transfer_number)}'"


def found(book: Book) -> list[tuple[str, str | None, int | None]]:
    return [(d.check, d.transfer_id, d.account_id) for d in book.verified().differences]


def described(book: Book, check: str) -> str:
    return next(d.description for d in book.verified().differences if d.check == check)


def test_an_honest_book_verifies(sealed: Book) -> None:
    verified = sealed.verified()
    assert (verified.transfers, verified.accounts, verified.blocks) == (6, 4, 2)
    assert verified.participant_id == sealed.participant_id
    assert verified.differences == ()


def test_a_changed_amount_of_a_transfer_is_found(sealed: Book, tamper: Callable[..., None]) -> None:
    tamper(f"UPDATE ledger.transfer SET amount = amount + 1 WHERE {of(4)}")
    assert found(sealed) == [("transfers", name(4), 1), ("seals", None, None)]
    assert "the entry says 30 posted" in described(sealed, "transfers")


def test_a_changed_entry_is_found(sealed: Book, tamper: Callable[..., None]) -> None:
    tamper(f"UPDATE ledger.entry SET amount = amount + 1 WHERE {of(4)} AND side = 'C'")
    assert found(sealed) == [("transfers", name(4), 3), ("entries", name(4), 3)]


def test_a_changed_balance_after_an_entry_is_found(sealed: Book, tamper: Callable[..., None]) -> None:
    tamper(f"UPDATE ledger.entry SET debits_posted_after = 0 WHERE {of(1)} AND side = 'D'")
    assert found(sealed) == [("entries", name(1), 1)]


def test_a_changed_total_is_found(sealed: Book, tamper: Callable[..., None]) -> None:
    tamper(
        "UPDATE ledger.account SET credits_posted = 1000 WHERE book_id = %(book_id)s AND account_id = 2"
    )
    assert found(sealed) == [("accounts", None, 2), ("zero", None, None)]
    assert "KES" in described(sealed, "zero")


def test_a_deleted_transfer_is_found(sealed: Book, tamper: Callable[..., None]) -> None:
    tamper(f"DELETE FROM ledger.transfer WHERE {of(5)}")
    assert found(sealed) == [("transfers", name(5), 1), ("seals", None, None)]
    assert described(sealed, "transfers") == "the entry belongs to no transfer"
    assert "seals 2 transfers, the journal has 1" in described(sealed, "seals")


def test_a_deleted_entry_is_found(sealed: Book, tamper: Callable[..., None]) -> None:
    tamper(f"DELETE FROM ledger.entry WHERE {of(1)} AND side = 'C'")
    assert found(sealed)[:2] == [("transfers", name(1), 2), ("entries", name(2), 2)]


def test_a_transfer_moved_to_another_currency_is_found(
    sealed: Book, tamper: Callable[..., None]
) -> None:
    tamper(f"UPDATE ledger.transfer SET currency = 'UGX' WHERE {of(6)}")
    assert found(sealed) == [("transfers", name(6), 1)]


def test_a_consistent_alteration_is_found_by_the_seal_alone(
    sealed: Book, tamper: Callable[..., None]
) -> None:
    tamper(
        f"UPDATE ledger.transfer SET amount = amount + 1 WHERE {of(4)}",
        f"UPDATE ledger.entry SET amount = amount + 1 WHERE {of(4)}",
        """UPDATE ledger.entry SET debits_posted_after = debits_posted_after + 1
        WHERE book_id = %(book_id)s AND account_id = 1 AND version >= 2""",
        """UPDATE ledger.entry SET credits_posted_after = credits_posted_after + 1
        WHERE book_id = %(book_id)s AND account_id = 3 AND version >= 3""",
        """UPDATE ledger.account SET debits_posted = debits_posted + 1
        WHERE book_id = %(book_id)s AND account_id = 1""",
        """UPDATE ledger.account SET credits_posted = credits_posted + 1
        WHERE book_id = %(book_id)s AND account_id = 3""",
    )
    assert found(sealed) == [("seals", None, None)]
    assert (
        described(sealed, "seals") == f"block 2 of {NEXT_DAY} seals other transfers than the journal has"
    )


@pytest.mark.parametrize(
    ("change", "description"),
    [
        ("block_hash = merkle_root", "block 1 of 2025-03-03 does not have the hash of its content"),
        ("previous_hash = merkle_root", "block 1 of 2025-03-03 does not name the block before it"),
        ("height = 7", "block 2 of 2025-03-04 stands where block 1 belongs"),
    ],
)
def test_a_changed_block_is_found(
    sealed: Book, tamper: Callable[..., None], change: str, description: str
) -> None:
    tamper(f"UPDATE ledger.block SET {change} WHERE book_id = %(book_id)s AND height = 1")
    assert described(sealed, "seals") == description


def test_a_transfer_slipped_in_between_sealed_dates_is_found(
    sealed: Book, tamper: Callable[..., None]
) -> None:
    earlier = "DATE '2025-03-02'"
    tamper(
        f"UPDATE ledger.transfer SET business_date = {earlier} WHERE {of(6)}",
        f"UPDATE ledger.entry SET business_date = {earlier} WHERE {of(6)}",
    )
    assert found(sealed) == [("unsealed", name(6), None)]


def test_a_date_is_sealed_only_when_it_is_closed_and_its_turn(
    connection: psycopg.Connection, ledger: Server
) -> None:
    book = new_book(connection, account(1), account(2))
    book.post(transfer(1, 1, 2, 1), on=DAY)
    with ledger.connect(Database.LEDGER, Role.CLOSE, autocommit=True) as closing:
        with pytest.raises(SealRefused, match=r"2025-03-03 .* it is not closed"):
            seal(closing, book_id=book.book_id, business_date=DAY)
        book.close(NEXT_DAY)
        with pytest.raises(SealRefused, match="2025-03-03 has transfers and comes first"):
            seal(closing, book_id=book.book_id, business_date=NEXT_DAY)
        block = seal(closing, book_id=book.book_id, business_date=DAY)
        assert seal(closing, book_id=book.book_id, business_date=DAY) == block
        assert seal(closing, book_id=book.book_id, business_date=NEXT_DAY).height == 2
        with pytest.raises(SealRefused, match="2025-03-04 is sealed already"):
            seal(closing, book_id=book.book_id, business_date=DAY.replace(day=1))
