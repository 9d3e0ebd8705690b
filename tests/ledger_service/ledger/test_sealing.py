"""Blocks: the same transfers give the same chain on any server."""

import hashlib
from datetime import timedelta

import pytest
from bookkeeping import DAY, NOON, name, new_book, ordinary, transfer
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.ledger.sealing import GENESIS, Block, blocks, merkle_root, seal
from ledger_service.runtime.database import Database, Role, Server, prepare
from ledger_service.runtime.migrations import migrate


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
                hold = transfer(
                    10 * number + 8, 1, 2, 9, phase="pending", booked_at=NOON, payment_id=name(77)
                )
                post = transfer(
                    10 * number + 9,
                    None,
                    None,
                    4,
                    phase="post",
                    pending_id=name(10 * number + 8),
                    booked_at=NOON,
                )
                assert set(book.post(*items, hold, post, on=DAY + timedelta(days=number))) == {"created"}
            book.close(DAY + timedelta(days=number))
            seal(closing, book_id=book.book_id, business_date=DAY + timedelta(days=number))
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


def test_each_block_names_the_one_before_and_an_empty_date_has_an_empty_root(ledger: Server) -> None:
    chain = sealed_chain(ledger, date_style="ISO")
    assert [block.previous_hash for block in chain] == [
        GENESIS,
        *(block.block_hash for block in chain[:-1]),
    ]
    assert chain[1].merkle_root == GENESIS
    assert [block.height for block in chain] == [1, 2, 3]


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=20))
def test_the_merkle_root_is_that_of_its_halves_recursively(leaves: list[bytes]) -> None:
    def root(nodes: list[bytes]) -> bytes:
        if len(nodes) <= 1:
            return nodes[0] if nodes else GENESIS
        half = 1
        while 2 * half < len(nodes):
            half *= 2
        return hashlib.sha256(root(nodes[:half]) + root(nodes[half:])).digest()

    assert merkle_root(leaves) == root(leaves)


@pytest.mark.parametrize("position", range(4))
def test_every_leaf_changes_the_root(position: int) -> None:
    leaves = [hashlib.sha256(bytes([number])).digest() for number in range(4)]
    changed = [*leaves]
    changed[position] = GENESIS
    assert merkle_root(changed) != merkle_root(leaves)
