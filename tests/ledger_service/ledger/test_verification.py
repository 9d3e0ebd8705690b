"""Tampering is found, and the first row that differs is named."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from ledger_service.ledger.checkpoints import Checkpoint, read_checkpoints, write_checkpoints
from ledger_service.ledger.event_ranges import verify_range
from ledger_service.ledger.sealing import seal
from ledger_service.ledger.verification import BookReading, BookVerification, verify, verify_in_parallel
from ledger_service.runtime.database import Database, Role, Server
from tests.ledger_service.ledger.bookkeeping import DAY, NOON, Book, account, name, new_book, transfer

NEXT_DAY = DAY + timedelta(days=1)
LATER = DAY + timedelta(days=2)
Tamper = Callable[..., None]


def seal_all(ledger: Server, book: Book) -> None:
    with ledger.connect(Database.LEDGER, Role.CLOSE) as closing:
        seal(closing, book_id=book.book_id, sealed_at=NOON)


@pytest.fixture
def sealed(connection: psycopg.Connection, ledger: Server) -> Book:
    """Two sealed dates with every phase, a reversal and a backdated entry; and one open date."""
    book = new_book(connection, account(1), account(2), account(3), account(4, currency="UGX"))
    results = book.post(
        transfer(1, 1, 2, 100, payment_id=name(50)),
        transfer(2, 2, 3, 50, phase="pending", timeout_s=3_600),
        transfer(3, None, None, 20, phase="post", pending_id=name(2)),
        transfer(11, 1, 2, 9, value_date=DAY - timedelta(days=5)),
        transfer(12, 1, 3, 40, phase="pending"),
        transfer(13, None, None, None, phase="void", pending_id=name(12)),
        transfer(14, None, None, 60, reverses_id=name(1)),
        transfer(15, None, None, 40, reverses_id=name(1)),
        transfer(16, 1, 2, 8, phase="pending"),
    )
    assert set(results) == {"created"}
    book.close(DAY)
    seal_all(ledger, book)
    book.post(transfer(4, 1, 3, 30), transfer(5, 3, 1, 5), on=NEXT_DAY)
    assert book.change(2, debits_frozen=True) == "changed"
    book.close(NEXT_DAY)
    seal_all(ledger, book)
    assert book.post(transfer(6, 3, 1, 7), on=LATER) == ["created"]
    return book


@pytest.fixture
def tamper(superuser: psycopg.Connection, sealed: Book) -> Tamper:
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
    assert verified.differences == ()
    assert (verified.transfers, verified.accounts, verified.blocks) == (12, 4, 2)
    assert verified.participant_id == sealed.participant_id


OTHER_VALUES = {
    "boolean": "NOT coalesce({0}, false)",
    "integer": "{0} + 100",
    "bigint": "coalesce({0}, 0) + 100",
    "date": "{0} + 100",
    "timestamp with time zone": "coalesce({0}, now()) + interval '1 microsecond'",
    "text": "coalesce({0}, '') || 'X'",
    "uuid": "gen_random_uuid()",
    "bytea": r"sha256({0})",
}
"""Another value of each type."""

UNSEEN = {
    "account": {"chart_code", "normal_side", "external_ref", "parent_account_id", "counterparty_id"}
    | {"party_id", "party_kind", "holder_name", "opened_on"},
    "account_revision": {"changed_at", "reason"},
    "business_day": {"closed_at"},
    "book_state": {"id_floor"},
    "block": {"sealed_at"},
}
"""What no transfer and no seal speaks of; book ids aside."""

ROWS = {
    "transfer": of(3),
    "resolution": of(13),
    "reversal": of(14),
    "block": "book_id = %(book_id)s AND height = 1",
    "account": "book_id = %(book_id)s AND account_id = 2",
    "account_revision": "book_id = %(book_id)s AND account_id = 2 AND revision = 2",
    "business_day": f"book_id = %(book_id)s AND business_date = '{DAY}'",
    "book_state": "book_id = %(book_id)s",
}


@pytest.mark.parametrize("table", ROWS)
def test_any_single_column_changed_in_any_table_is_found(
    sealed: Book, superuser: psycopg.Connection, table: str
) -> None:
    columns = superuser.execute(
        """SELECT column_name, data_type FROM information_schema.columns
        WHERE table_schema = 'ledger' AND table_name = %s""",
        [table],
    ).fetchall()
    for column, kind in columns:
        if column in {"book_id", "epoch"} | UNSEEN.get(table, set()):
            continue
        value = OTHER_VALUES[kind].format(column)
        with superuser.transaction(force_rollback=True):
            superuser.execute("SET LOCAL session_replication_role = replica")
            for relation, kept in CHECKED.items():
                for constraint in kept:
                    superuser.execute(f"ALTER TABLE ledger.{relation} DROP CONSTRAINT {constraint}")
            changed = superuser.execute(
                f"UPDATE ledger.{table} SET {column} = {value} WHERE {ROWS[table]}",
                {"book_id": sealed.book_id},
            )
            assert changed.rowcount == 1
            assert verified_within(superuser, sealed).differences, f"{table}.{column}"


CHECKED = {
    "transfer": ["transfer_check"],
    "account": ["limits_kept", "totals_not_negative"],
    "resolution": ["resolution_phase_check"],
    "reversal": ["reversal_check"],
    "block": ["block_check"],
}


def verified_within(connection: psycopg.Connection, book: Book) -> BookVerification:
    """Verify in a transaction that is under way."""
    reading = BookReading(connection, book.book_id, book.participant_id, None)
    return reading.verify(lambda ranges: (verify_range(connection, events) for events in ranges))


def test_every_column_of_every_sealed_transfer_is_covered_by_its_leaf(
    superuser: psycopg.Connection,
) -> None:
    columns = superuser.execute(
        """SELECT column_name FROM information_schema.columns
        WHERE table_schema = 'ledger' AND table_name = 'transfer'"""
    ).fetchall()
    statement = Path("ledger_service/ledger/leaves.sql").read_text()
    listed = statement.partition("SELECT ")[2].partition("FROM")[0].replace("\n", " ")
    assert {column.strip() for column in listed.split(",")} == {column for (column,) in columns}


def test_a_changed_amount_is_found_and_named(sealed: Book, tamper: Tamper) -> None:
    tamper(f"UPDATE ledger.transfer SET amount = amount + 1 WHERE {of(4)}")
    assert found(sealed) == [("entries", name(4), 1), ("seals", None, None)]
    assert described(sealed, "entries") == (
        "entry 8: 139/100 posted and 8/0 pending after it, recomputed 140/100 posted and 8/0 pending "
        "as entry 8"
    )


def test_a_changed_balance_after_an_open_transfer_is_found(sealed: Book, tamper: Tamper) -> None:
    tamper(f"UPDATE ledger.transfer SET dr_debits_posted = 0 WHERE {of(6)}")
    assert found(sealed) == [("entries", name(6), 3), ("totals", None, 3)]


def test_a_changed_total_is_found(sealed: Book, tamper: Tamper) -> None:
    tamper(
        "UPDATE ledger.account SET credits_posted = 1000 WHERE book_id = %(book_id)s AND account_id = 2"
    )
    assert found(sealed) == [("totals", None, 2), ("zero", None, None)]
    assert "KES" in described(sealed, "zero")


def test_a_deleted_transfer_is_found(sealed: Book, tamper: Tamper) -> None:
    tamper(f"DELETE FROM ledger.transfer WHERE {of(5)}")
    assert found(sealed) == [("events", None, None), ("entries", name(6), 1), ("seals", None, None)]
    assert "is missing" in described(sealed, "events")
    assert "seals 2 transfers, the journal has 1" in described(sealed, "seals")


def test_the_last_transfer_deleted_is_found(sealed: Book, tamper: Tamper) -> None:
    tamper(f"DELETE FROM ledger.transfer WHERE {of(6)}")
    assert [check for check, *_ in found(sealed)] == ["events", "totals"]


def test_the_first_of_several_differences_is_named(sealed: Book, tamper: Tamper) -> None:
    tamper(f"UPDATE ledger.transfer SET cr_credits_posted = 1 WHERE {of(6)} OR {of(5)}")
    assert found(sealed)[0] == ("entries", name(5), 1)


@pytest.mark.parametrize("number", [11, 1, 6])
def test_a_backdated_mark_that_is_wrong_is_found(sealed: Book, tamper: Tamper, number: int) -> None:
    tamper(f"UPDATE ledger.transfer SET dr_backdated = NOT dr_backdated WHERE {of(number)}")
    assert "entries" in [check for check, *_ in found(sealed)]


def test_a_hold_resolved_by_a_forged_row_is_found(sealed: Book, tamper: Tamper) -> None:
    tamper(f"INSERT INTO ledger.resolution VALUES (%(book_id)s, '{name(16)}', '{name(99)}', 'void')")
    assert found(sealed) == [("holds", None, None)]
    assert described(sealed, "holds") == "ledger.resolution has 3 rows, the transfers make 2"


def test_a_resolution_that_names_another_transfer_is_found(sealed: Book, tamper: Tamper) -> None:
    tamper(f"UPDATE ledger.resolution SET transfer_id = '{name(1)}' WHERE {of(13)}")
    assert found(sealed) == [("holds", name(13), 1)]


def test_a_reversal_that_returns_more_than_there_was_is_found(sealed: Book, tamper: Tamper) -> None:
    tamper(f"UPDATE ledger.reversal SET reversed_after = 80 WHERE {of(15)}")
    assert found(sealed) == [("reversals", name(15), 2)]


def test_a_consistent_alteration_is_found_by_the_seal_alone(sealed: Book, tamper: Tamper) -> None:
    tamper(
        f"UPDATE ledger.transfer SET kind = 'salary' WHERE {of(4)}",
    )
    assert found(sealed) == [("seals", None, None)]
    assert described(sealed, "seals") == (
        "block 2, events 15 to 18, seals other transfers than the journal has"
    )


@pytest.mark.parametrize(
    ("change", "description"),
    [
        ("block_hash = merkle_root", "block 1, events 1 to 14, does not have the hash of its content"),
        ("previous_hash = merkle_root", "block 1, events 1 to 14, does not name the block before it"),
        ("height = 7", "block 2, events 15 to 18, stands where block 1 belongs"),
        ("last_sequence = 13", "block 1, events 1 to 13, does not have the hash of its content"),
    ],
)
def test_a_changed_block_is_found(sealed: Book, tamper: Tamper, change: str, description: str) -> None:
    tamper(f"UPDATE ledger.block SET {change} WHERE book_id = %(book_id)s AND height = 1")
    assert described(sealed, "seals") == description


def test_a_transfer_booked_to_a_closed_date_is_found(sealed: Book, tamper: Tamper) -> None:
    tamper(f"UPDATE ledger.transfer SET business_date = '{DAY}' WHERE {of(6)}")
    assert found(sealed) == [("transfers", name(6), 3)]


# From a checkpoint


def checkpoint(book: Book) -> Checkpoint:
    made = book.verified().checkpoint
    assert made is not None
    return made


def since(book: Book, *checkpoints: Checkpoint) -> BookVerification:
    known = {made.book_id: made for made in checkpoints}
    return next(verify(book.connection, only_book_id=book.book_id, since=known))


def test_a_run_from_a_checkpoint_finds_what_a_whole_run_finds(
    sealed: Book, ledger: Server, tmp_path: Path
) -> None:
    made = checkpoint(sealed)
    assert (made.sequence, made.height, made.transfers) == (18, 2, 11)
    write_checkpoints(tmp_path, [made])
    stored = read_checkpoints(tmp_path)[sealed.book_id]
    sealed.open(account(9))
    sealed.post(transfer(21, 9, 1, 3), transfer(22, None, None, 7, reverses_id=name(6)), on=LATER)
    sealed.post(transfer(23, None, None, None, phase="void", pending_id=name(16)), on=LATER)
    seal_all(ledger, sealed)
    again, whole = since(sealed, stored), sealed.verified()
    assert again.differences == whole.differences == ()
    assert (again.transfers, again.blocks) == (whole.transfers, whole.blocks) == (15, 3)
    later = again.checkpoint
    assert later is not None
    assert whole.checkpoint is not None
    assert (later.sequence, later.accounts.totals.tolist()) == (
        whole.checkpoint.sequence,
        whole.checkpoint.accounts.totals.tolist(),
    )
    assert since(sealed, later).differences == ()


def test_a_run_from_a_checkpoint_does_not_read_what_is_before_it(sealed: Book, tamper: Tamper) -> None:
    made = checkpoint(sealed)
    tamper(f"UPDATE ledger.transfer SET kind = 'salary' WHERE {of(4)}")
    assert since(sealed, made).differences == ()
    assert sealed.verified().differences != ()


def test_a_checkpoint_holds_the_totals_as_they_were_verified(sealed: Book, tamper: Tamper) -> None:
    made = checkpoint(sealed)
    tamper(f"UPDATE ledger.transfer SET dr_debits_posted = dr_debits_posted + 1 WHERE {of(6)}")
    assert [d.check for d in since(sealed, made).differences] == ["entries", "totals"]


def test_a_chain_sealed_anew_is_found_from_a_checkpoint(sealed: Book) -> None:
    made = checkpoint(sealed)
    other = replace(made, block_hash=bytes(32))
    (difference,) = since(sealed, other).differences
    assert difference.description == "block 2, events 15 to 18, is not the one that was verified before"
    (missing, *_) = [d for d in since(sealed, replace(made, height=3)).differences if d.check == "seals"]
    assert missing.description == "block 3, verified before, is missing"


def test_a_checkpoint_of_another_epoch_is_passed_over(sealed: Book, tamper: Tamper) -> None:
    made = replace(checkpoint(sealed), epoch=7)
    tamper(f"UPDATE ledger.transfer SET kind = 'salary' WHERE {of(4)}")
    assert since(sealed, made).differences != ()


def test_several_processes_find_what_one_finds(sealed: Book, ledger: Server, tamper: Tamper) -> None:
    tamper(f"UPDATE ledger.transfer SET amount = amount + 1 WHERE {of(4)}")
    (shared,) = verify_in_parallel(ledger, processes=2, only_book_id=sealed.book_id)
    (alone,) = verify(sealed.connection, only_book_id=sealed.book_id)
    assert (shared.transfers, shared.blocks) == (alone.transfers, alone.blocks)
    assert shared.differences == alone.differences != ()
