"""An auditor checks a proof with the published script, and nothing of the platform."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_service.ledger import check_proof
from ledger_service.ledger.leaves import leaf_hashes
from ledger_service.ledger.proofs import SealBroken, TransferNotFound, TransferNotSealed, prove
from ledger_service.ledger.sealing import seal
from ledger_service.runtime.database import Database, Role, Server
from tests.ledger_service.ledger.bookkeeping import NOON, Book, name, transfer

SCRIPT = Path(check_proof.__file__)
MANY = 40


@pytest.fixture
def sealed(book: Book, ledger: Server) -> Book:
    """Two blocks; the first of enough transfers for a tree of two levels."""
    book.post(*(transfer(n, 1 + n % 3, 1 + (n + 1) % 3, n) for n in range(1, MANY)))
    book.post(
        transfer(50, 1, 2, 70, phase="pending", timeout_s=60, kind="salaire é", payment_id=name(9)),
        transfer(51, None, None, 20, phase="post", pending_id=name(50)),
        transfer(52, 2, 1, 10, balancing="debit"),
        transfer(53, None, None, 5, reverses_id=name(20)),
    )
    with ledger.connect(Database.LEDGER, Role.CLOSE) as closing:
        seal(closing, book_id=book.book_id, sealed_at=NOON)
        book.post(transfer(60, 1, 2, 1))
        seal(closing, book_id=book.book_id, sealed_at=NOON)
    return book


def audited(folder: Path, proof: str, *expected: str) -> tuple[int, str]:
    """Exit status and last words of the script, run where the platform cannot be imported."""
    (folder / "proof.json").write_text(proof)
    script = folder / "check_proof.py"
    script.write_bytes(SCRIPT.read_bytes())
    finished = subprocess.run(
        [sys.executable, "-I", script, folder / "proof.json", *expected],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    return finished.returncode, finished.stdout


@pytest.mark.parametrize("number", [1, 17, 39, 50, 51, 53, 60])
def test_an_auditor_is_convinced_of_a_sealed_transfer(sealed: Book, number: int, tmp_path: Path) -> None:
    proof = prove(sealed.connection, book_id=sealed.book_id, transfer_id=name(number))
    status, words = audited(tmp_path, proof.to_json(), proof.block_hash)
    assert (status, words.partition(" of ")[0]) == (0, f"PROVEN: transfer {name(number)}")
    assert f"sealed under block 2: {proof.block_hash}" in words


def test_an_auditor_without_a_published_hash_is_told_to_compare(sealed: Book, tmp_path: Path) -> None:
    proof = prove(sealed.connection, book_id=sealed.book_id, transfer_id=name(1))
    status, words = audited(tmp_path, proof.to_json())
    assert status == 0
    assert words.endswith("Compare this hash with the published one.\n")


def test_an_auditor_is_not_convinced_by_another_chain(sealed: Book, tmp_path: Path) -> None:
    proof = prove(sealed.connection, book_id=sealed.book_id, transfer_id=name(1))
    status, words = audited(tmp_path, proof.to_json(), "00" * 32)
    assert (status, words.partition(":")[0]) == (1, "NOT PROVEN")


def test_one_flipped_digit_is_not_proven(sealed: Book, tmp_path: Path) -> None:
    proof = prove(sealed.connection, book_id=sealed.book_id, transfer_id=name(17)).to_json()
    root = json.loads(proof)["path"][0]["siblings"][3]
    flipped = proof.replace(root, ("0" if root[0] != "0" else "1") + root[1:])
    status, words = audited(tmp_path, flipped)
    assert (status, words) == (
        1,
        "NOT PROVEN: the transfer and its path do not lead to the block's root\n",
    )


def test_what_is_no_proof_is_refused_with_a_reason(tmp_path: Path) -> None:
    for text in ("", "{}", "[]", '{"transfer": {}, "blocks": []}'):
        status, words = audited(tmp_path, text)
        assert (status, words.partition(":")[0]) == (1, "NOT PROVEN")


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
def test_any_single_byte_flipped_is_not_proven(sealed: Book, data: st.DataObject) -> None:
    """Or says the same thing in other letters: then it is the same proof."""
    made = prove(sealed.connection, book_id=sealed.book_id, transfer_id=name(51))
    proof = made.to_json().encode()
    at = data.draw(st.integers(0, len(proof) - 1))
    flipped = bytearray(proof)
    flipped[at] ^= data.draw(st.sampled_from([1, 2, 4, 8, 16, 32, 64]))
    try:
        read: Any = json.loads(bytes(flipped))
        check_proof.check(read, made.block_hash)
    except (check_proof.NotProven, ValueError, KeyError, TypeError, IndexError):
        return
    original = json.loads(proof)["transfer"]
    assert check_proof.leaf_hash(read["transfer"]) == check_proof.leaf_hash(original)


def test_the_script_and_the_ledger_hash_alike(sealed: Book) -> None:
    found = leaf_hashes(sealed.connection, book_id=sealed.book_id, first=1, last=10**6)
    ids = sealed.rows(
        """SELECT transfer_id::text FROM ledger.transfer WHERE book_id = %(book_id)s ORDER BY sequence"""
    )
    proofs = [
        prove(sealed.connection, book_id=sealed.book_id, transfer_id=transfer_id)
        for (transfer_id,) in ids
    ]
    assert [check_proof.leaf_hash(proof.transfer) for proof in proofs] == found


def test_what_is_not_sealed_or_not_there_is_refused(sealed: Book) -> None:
    sealed.post(transfer(70, 1, 2, 1))
    with pytest.raises(TransferNotSealed, match="is event 48 of book") as refused:
        prove(sealed.connection, book_id=sealed.book_id, transfer_id=name(70))
    assert refused.value.sequence == 48
    with pytest.raises(TransferNotFound, match=name(99)):
        prove(sealed.connection, book_id=sealed.book_id, transfer_id=name(99))


def test_a_block_that_was_tampered_with_proves_nothing(
    sealed: Book, superuser: psycopg.Connection
) -> None:
    with superuser.transaction():
        superuser.execute("SET LOCAL session_replication_role = replica")
        superuser.execute(
            "UPDATE ledger.transfer SET kind = 'x' WHERE book_id = %s AND transfer_id = %s",
            [sealed.book_id, name(2)],
        )
    with pytest.raises(SealBroken, match="block 1"):
        prove(sealed.connection, book_id=sealed.book_id, transfer_id=name(1))
