"""A month leaves the journal with proof, the ledger goes on without it, and it can come back."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import psycopg
import pytest

from ledger_service.ledger.archive import ArchiveRefused, archive_month, restore_month
from ledger_service.ledger.proofs import prove
from ledger_service.ledger.sealing import seal
from ledger_service.ledger.verification import verify
from ledger_service.runtime.database import Database, Role, Server
from tests.ledger_service.ledger.bookkeeping import NOON, Book, account, new_book, transfer

JANUARY, FEBRUARY, MARCH = (date(2025, month, 1) for month in (1, 2, 3))
LAST = date(2025, 3, 31)


def of(month: int, number: int) -> str:
    """A UUIDv7 of a month of 2025."""
    milliseconds = int(datetime(2025, month, 5, tzinfo=UTC).timestamp() * 1000)
    return str(uuid.UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | number))


@pytest.fixture
def owner(ledger_database: Server) -> Iterator[psycopg.Connection]:
    with ledger_database.connect(Database.LEDGER, Role.OWNER, autocommit=True) as connection:
        yield connection


@pytest.fixture
def book(ledger_database: Server) -> Iterator[Book]:
    """Blocks of January, of January and February, and of February and March, closed and sealed."""
    with (
        ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as connection,
        ledger_database.connect(Database.LEDGER, Role.CLOSE, autocommit=True) as closing,
    ):
        book = new_book(connection, account(1), account(2), account(3))

        def post(*items: tuple[int, int, int, int]) -> None:
            batch = [
                transfer(None, debit, credit, 10) | {"transfer_id": of(month, number)}
                for month, number, debit, credit in items
            ]
            assert set(book.post(*batch)) == {"created"}
            seal(closing, book_id=book.book_id, sealed_at=NOON)

        post((1, 1, 1, 2), (1, 2, 2, 3))
        hold = transfer(None, 1, 2, 7, phase="pending") | {"transfer_id": of(1, 3)}
        void = transfer(None, None, None, None, phase="void", pending_id=of(1, 3))
        assert book.post(hold, void | {"transfer_id": of(2, 4)}) == ["created", "created"]
        back = transfer(None, None, None, 4, reverses_id=of(1, 1)) | {"transfer_id": of(2, 5)}
        assert book.post(back) == ["created"]
        post((1, 6, 3, 1), (2, 7, 1, 3))
        post((2, 8, 1, 2), (3, 9, 2, 1))
        book.close(LAST)
        seal(closing, book_id=book.book_id, sealed_at=NOON)
        yield book


def differences(book: Book) -> list[str]:
    (found,) = verify(book.connection)
    return [f"{d.check}: {d.description}" for d in found.differences]


def journal(book: Book) -> list[tuple[object, ...]]:
    return book.rows("SELECT * FROM ledger.transfer WHERE book_id = %(book_id)s ORDER BY sequence")


@pytest.mark.parametrize("drop", [False, True])
def test_the_ledger_goes_on_without_archived_months(
    owner: psycopg.Connection, book: Book, tmp_path: Path, drop: bool
) -> None:
    totals = [book.totals(number) for number in (1, 2, 3)]
    archive = archive_month(owner, month=JANUARY, folder=tmp_path / "1", archived_at=NOON, drop=drop)
    assert [(file.table, file.rows) for file in archive.files] == [
        ("transfer", 4),
        ("resolution", 1),
        ("reversal", 1),
    ]
    assert differences(book) == []
    archive_month(owner, month=FEBRUARY, folder=tmp_path / "2", archived_at=NOON, drop=drop)
    assert differences(book) == []
    assert len(journal(book)) == 1
    assert [book.totals(number) for number in (1, 2, 3)] == totals
    after = date(2025, 4, 1)
    late = transfer(None, 1, 2, 1) | {"transfer_id": of(2, 99)}
    new = transfer(None, 1, 2, 1) | {"transfer_id": of(3, 98)}
    assert book.post(late, new, on=after) == ["id_archived", "created"]
    assert differences(book) == []


def test_the_archive_says_what_it_holds(owner: psycopg.Connection, book: Book, tmp_path: Path) -> None:
    rows = journal(book)
    archive_month(owner, month=JANUARY, folder=tmp_path, archived_at=NOON)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (part,) = manifest["books"]
    assert (part["book_id"], part["transfers"], part["first_sequence"]) == (book.book_id, 4, 4)
    assert sorted(part["block_hashes"]) == ["1", "2"]
    written = pl.read_parquet(tmp_path / "transfer.parquet")
    assert written["sequence"].to_list() == sorted(written["sequence"].to_list())
    assert set(written.columns) >= {"transfer_id", "dr_debits_posted", "expires_at"}
    assert written.schema["amount"] == pl.Int64
    assert written.schema["booked_at"] == pl.Datetime("us", "UTC")
    assert len(rows) == len(journal(book)) + written.height


def test_a_month_comes_back_as_it_was(owner: psycopg.Connection, book: Book, tmp_path: Path) -> None:
    before = journal(book)
    for number, month in ((1, JANUARY), (2, FEBRUARY)):
        archive_month(
            owner, month=month, folder=tmp_path / str(number), archived_at=NOON, drop=number == 1
        )
    with pytest.raises(ArchiveRefused, match="2025-02 is later and comes first"):
        restore_month(owner, month=JANUARY, folder=tmp_path / "1")
    restore_month(owner, month=FEBRUARY, folder=tmp_path / "2")
    assert differences(book) == []
    restore_month(owner, month=JANUARY, folder=tmp_path / "1")
    assert journal(book) == before
    assert differences(book) == []
    with pytest.raises(ArchiveRefused, match="it is attached"):
        restore_month(owner, month=JANUARY, folder=tmp_path / "1")
    with pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute("DELETE FROM ledger.transfer_2025_01")


def test_a_changed_archive_does_not_come_back(
    owner: psycopg.Connection, book: Book, tmp_path: Path
) -> None:
    archive_month(owner, month=JANUARY, folder=tmp_path, archived_at=NOON)
    path = tmp_path / "transfer.parquet"
    pl.read_parquet(path).with_columns(kind=pl.lit("salary")).write_parquet(path)
    with pytest.raises(ArchiveRefused, match=r"transfer\.parquet is not the file that was written"):
        restore_month(owner, month=JANUARY, folder=tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["files"][0]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArchiveRefused, match="seals other transfers"):
        restore_month(owner, month=JANUARY, folder=tmp_path)


def test_what_remains_is_still_verified(
    owner: psycopg.Connection,
    book: Book,
    tmp_path: Path,
    embedded_postgres: str,
    ledger_database: Server,
) -> None:
    archive_month(owner, month=JANUARY, folder=tmp_path, archived_at=NOON)
    assert prove(book.connection, book_id=book.book_id, transfer_id=of(2, 7)).path
    owner.execute("ALTER TABLE ledger.transfer_2025_02 DISABLE TRIGGER immutable")
    owner.execute(
        "UPDATE ledger.transfer_2025_02 SET kind = 'salary' WHERE transfer_id = %s", [of(2, 7)]
    )
    assert [difference.partition(":")[0] for difference in differences(book)] == ["seals"]
    owner.execute("DELETE FROM ledger.transfer_2025_02 WHERE transfer_id = %s", [of(2, 8)])
    assert {difference.partition(":")[0] for difference in differences(book)} >= {"events", "seals"}


def test_what_is_not_settled_stays(owner: psycopg.Connection, book: Book, tmp_path: Path) -> None:
    def refused(month: date, reason: str) -> None:
        with pytest.raises(ArchiveRefused, match=reason):
            archive_month(owner, month=month, folder=tmp_path, archived_at=NOON)

    refused(FEBRUARY, "2025-01 is older and comes first")
    refused(date(2031, 1, 1), "the journal has no such partition")
    after = date(2025, 4, 1)
    hold = transfer(None, 1, 2, 7, phase="pending") | {"transfer_id": of(1, 70)}
    assert book.post(hold, on=after) == ["created"]
    refused(JANUARY, f"hold {of(1, 70)} of book {book.book_id} is open")
    void = transfer(None, None, None, None, phase="void", pending_id=of(1, 70))
    assert book.post(void | {"transfer_id": of(1, 71)}, on=after) == ["created"]
    refused(JANUARY, "is not sealed")
    seal(owner, book_id=book.book_id, sealed_at=NOON)
    refused(JANUARY, f"book {book.book_id} has not closed 2025-04-01")
    book.close(after)
    archive_month(owner, month=JANUARY, folder=tmp_path, archived_at=NOON)
    assert differences(book) == []
