"""Blocks: the same transfers give the same chain on any server."""

import hashlib
import struct
import threading
import uuid
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.ledger import sealing
from ledger_service.ledger.leaves import canonical_bytes, leaf_hashes
from ledger_service.ledger.merkle import merkle_path, merkle_root
from ledger_service.ledger.sealing import GENESIS, Block, SealRefused, blocks, seal
from ledger_service.runtime.database import Database, Role, Server, prepare
from ledger_service.runtime.migrations import migrate
from tests.ledger_service.ledger.bookkeeping import DAY, NOON, Book, name, new_book, ordinary, transfer


def sealed_chain(server: Server, *, date_style: str) -> list[Block]:
    """Three dates, the second without transfers, in the server's next book."""
    with (
        server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection,
        server.connect(Database.LEDGER, Role.CLOSE, autocommit=True) as closing,
    ):
        closing.execute(f"SET datestyle = '{date_style}'")
        book = new_book(connection, *ordinary(range(1, 4)))
        for number in range(3):
            if number != 1:
                items = [
                    transfer(10 * number + n, 1 + n % 3, 1 + (n + 1) % 3, 7 + n, booked_at=NOON)
                    for n in range(5)
                ]
                of_hold = {"booked_at": NOON, "payment_id": name(77)}
                hold = transfer(10 * number + 8, 1, 2, 9, phase="pending", **of_hold)
                resolved = {"phase": "post", "pending_id": name(10 * number + 8), "booked_at": NOON}
                post = transfer(10 * number + 9, None, None, 4, **resolved)
                assert set(book.post(*items, hold, post, on=DAY + timedelta(days=number))) == {"created"}
            book.close(DAY + timedelta(days=number))
            assert len(seal(closing, book_id=book.book_id, sealed_at=NOON)) == 1
        found = blocks(closing, book_id=book.book_id)
    assert all(block.block_hash == stored for block, stored in found)
    return [block for block, _ in found]


def test_the_chain_is_the_same_on_two_fresh_databases(ledger_database: Server) -> None:
    another = Server(ledger_database.conninfo, prefix="another")
    prepare(another)
    migrate(another)
    here = sealed_chain(ledger_database, date_style="ISO, DMY")
    there = sealed_chain(another, date_style="German")
    assert here == there
    assert [block.transfers for block in here] == [7, 0, 7]


def test_each_block_begins_where_the_one_before_ended_and_names_it(ledger: Server) -> None:
    chain = sealed_chain(ledger, date_style="ISO")
    assert [block.previous_hash for block in chain] == [
        GENESIS,
        *(block.block_hash for block in chain[:-1]),
    ]
    assert chain[1].merkle_root == GENESIS
    assert [block.height for block in chain] == [1, 2, 3]
    # Three accounts and seven transfers and a close; a close; seven transfers and a close.
    assert [(b.first_sequence, b.last_sequence) for b in chain] == [(1, 11), (12, 12), (13, 20)]


@pytest.fixture
def closing(ledger: Server) -> psycopg.Connection:
    return ledger.connect(Database.LEDGER, Role.CLOSE, autocommit=True)


def test_nothing_is_sealed_twice_and_nothing_before_it_happens(
    book: Book, closing: psycopg.Connection
) -> None:
    book.post(*(transfer(n, 1, 2, n) for n in range(1, 6)))
    first = seal(closing, book_id=book.book_id, sealed_at=NOON, through=5)
    assert [(b.first_sequence, b.last_sequence, b.transfers) for b in first] == [(1, 5, 2)]
    assert seal(closing, book_id=book.book_id, sealed_at=NOON, through=4) == []
    assert [b.last_sequence for b in seal(closing, book_id=book.book_id, sealed_at=NOON)] == [8]
    assert seal(closing, book_id=book.book_id, sealed_at=NOON) == []
    with pytest.raises(SealRefused, match="event 9 has not happened, the last one is 8"):
        seal(closing, book_id=book.book_id, sealed_at=NOON, through=9)
    with pytest.raises(SealRefused, match="there is no such book"):
        seal(closing, book_id=10**6, sealed_at=NOON)


def test_a_long_run_of_events_becomes_several_blocks(
    book: Book, closing: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "BLOCK_EVENTS", 4)
    book.post(*(transfer(n, 1, 2, n) for n in range(1, 8)))
    made = seal(closing, book_id=book.book_id, sealed_at=NOON)
    assert [(b.first_sequence, b.last_sequence, b.transfers) for b in made] == [
        (1, 4, 1),
        (5, 8, 4),
        (9, 10, 2),
    ]


def test_of_two_sealers_at_once_the_second_is_refused(book: Book, ledger: Server) -> None:
    book.post(transfer(1, 1, 2, 5))
    refused: list[SealRefused] = []

    def second() -> None:
        with ledger.connect(Database.LEDGER, Role.CLOSE) as connection:
            try:
                seal(connection, book_id=book.book_id, sealed_at=NOON)
            except SealRefused as error:
                refused.append(error)

    with ledger.connect(Database.LEDGER, Role.CLOSE) as connection:
        assert len(seal(connection, book_id=book.book_id, sealed_at=NOON)) == 1
        other = threading.Thread(target=second)
        other.start()
        other.join(0.3)
        assert other.is_alive()
        connection.commit()
        other.join(10)
    assert [str(error) for error in refused] == [
        f"book {book.book_id} cannot be sealed: block 1 was sealed meanwhile"
    ]


def test_a_third_party_rebuilds_the_canonical_bytes(book: Book, closing: psycopg.Connection) -> None:
    at = datetime(2025, 3, 3, 12, 0, 0, 250, tzinfo=UTC)
    book.post(transfer(7, 1, 2, 300, kind="salaire é", payment_id=name(9), booked_at=at))
    days = (DAY - datetime(2000, 1, 1).date()).days  # noqa: DTZ001 (a date only)
    noon = (NOON - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    numbers = [4, 1, 2, 300, 0, noon + 250, noon, 1, 300, 0, 0, 0, 1, 0, 300, 0, 0]
    fields = [
        *(struct.pack(">i", number) for number in (book.book_id, days, days)),
        *(b"\0", b"\0"),
        *(struct.pack(">q", number) for number in numbers),
        *(uuid.UUID(name(7)).bytes, b"single", b"KES", uuid.UUID(name(9)).bytes),
        *(None, None, None, None, "salaire é".encode()),
    ]
    expected = struct.pack(">h", len(fields)) + b"".join(
        struct.pack(">i", -1) if field is None else struct.pack(">i", len(field)) + field
        for field in fields
    )
    where = {"book_id": book.book_id, "first": 1, "last": 4}
    assert canonical_bytes(closing, **where) == [expected]
    assert leaf_hashes(closing, **where) == [hashlib.sha256(expected).digest()]


LEAVES = st.lists(st.binary(min_size=32, max_size=32), max_size=600)


@given(LEAVES)
def test_the_merkle_root_is_that_of_its_parts_recursively(leaves: list[bytes]) -> None:
    def root(nodes: list[bytes]) -> bytes:
        if len(nodes) <= 1:
            return nodes[0] if nodes else GENESIS
        part = 1
        while 16 * part < len(nodes):
            part *= 16
        children = [root(nodes[at : at + part]) for at in range(0, len(nodes), part)]
        return hashlib.sha256(b"\1" + b"".join(children)).digest()

    assert merkle_root(leaves) == root(leaves)


@given(LEAVES.filter(bool), st.data())
def test_the_path_of_every_leaf_leads_to_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(leaves) - 1))
    digest = leaves[position]
    for step in merkle_path(leaves, position=position):
        children = [*step.siblings[: step.position], digest, *step.siblings[step.position :]]
        if len(children) > 1:
            digest = hashlib.sha256(b"\1" + b"".join(children)).digest()
    assert digest == merkle_root(leaves)


@pytest.mark.parametrize("position", range(40))
def test_every_leaf_changes_the_root(position: int) -> None:
    leaves = [hashlib.sha256(bytes([number])).digest() for number in range(40)]
    changed = [*leaves]
    changed[position] = GENESIS
    assert merkle_root(changed) != merkle_root(leaves)
