"""The audit log is complete, in order, and tells when it was touched."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_service.runtime.audit import (
    FIRST_HASH,
    AuditBroken,
    AuditProof,
    audit_events,
    record_act,
    verify_audit,
)
from ledger_service.runtime.database import Database, Role, Server


@pytest.fixture
def connection(ledger_database: Server) -> Iterator[psycopg.Connection]:
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as opened:
        yield opened


def act(connection: psycopg.Connection, number: int = 0, actor: str = "alice") -> int:
    return record_act(
        connection, act="client.disabled", actor=actor, subject=f"client-{number}", details={"n": number}
    )


def forged(server: Server, statement: str) -> None:
    """What only the owner of the tables could do, its guard switched off."""
    with server.connect(Database.LEDGER, Role.OWNER, autocommit=True) as owner:
        owner.execute("ALTER TABLE gateway.audit_event DISABLE TRIGGER immutable")
        try:
            owner.execute(statement)
        finally:
            owner.execute("ALTER TABLE gateway.audit_event ENABLE TRIGGER immutable")


def test_events_are_numbered_and_chained_from_the_first(connection: psycopg.Connection) -> None:
    assert [act(connection, n) for n in range(3)] == [1, 2, 3]
    events = audit_events(connection)
    assert events[0].previous_hash == FIRST_HASH
    assert [event.previous_hash for event in events[1:]] == [event.hash for event in events[:-1]]
    assert verify_audit(connection) == AuditProof(3, events[-1].hash)


def test_an_act_is_written_with_its_effect_or_not_at_all(connection: psycopg.Connection) -> None:
    with connection.transaction(force_rollback=True):
        assert act(connection) == 1
    assert audit_events(connection) == []
    assert act(connection) == 1


def test_acts_of_many_at_once_make_one_chain(ledger_database: Server) -> None:
    def run() -> None:
        with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as own:
            for number in range(20):
                act(own, number)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as own:
        assert verify_audit(own).events == 80


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE gateway.audit_event SET actor = 'x'",
        "DELETE FROM gateway.audit_event",
        "TRUNCATE gateway.audit_event",
        "UPDATE gateway.audit_head SET number = 0",
        "INSERT INTO gateway.audit_event SELECT * FROM gateway.audit_event",
    ],
)
def test_the_application_can_only_add(connection: psycopg.Connection, statement: str) -> None:
    act(connection)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


@pytest.mark.parametrize(
    ("change", "broken_at"),
    [
        ("UPDATE gateway.audit_event SET actor = 'mallory' WHERE number = 2", 2),
        ("UPDATE gateway.audit_event SET details = '{}' WHERE number = 3", 3),
        ("UPDATE gateway.audit_event SET at = at + interval '1 us' WHERE number = 1", 1),
        ("DELETE FROM gateway.audit_event WHERE number = 2", 3),
    ],
)
def test_what_was_touched_is_named(
    connection: psycopg.Connection, ledger_database: Server, change: str, broken_at: int
) -> None:
    for number in range(4):
        act(connection, number)
    forged(ledger_database, change)
    with pytest.raises(AuditBroken) as broken:
        verify_audit(connection)
    assert broken.value.number == broken_at


def test_a_proof_kept_elsewhere_finds_what_was_cut_off(
    connection: psycopg.Connection, ledger_database: Server
) -> None:
    for number in range(4):
        act(connection, number)
    kept = verify_audit(connection)
    forged(ledger_database, "DELETE FROM gateway.audit_event WHERE number > 2")
    assert verify_audit(connection).events == 2, "by itself a shorter chain is whole"
    with pytest.raises(AuditBroken, match="4 events"):
        verify_audit(connection, known=kept)
    with pytest.raises(AuditBroken, match="the one that was kept"):
        verify_audit(connection, known=AuditProof(2, bytes(32)))


text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=30)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actor=text, subject=text, value=text)
def test_every_text_has_the_hash_that_the_database_gave_it(
    connection: psycopg.Connection, actor: str, subject: str, value: str
) -> None:
    record_act(connection, act="a.b", actor=actor, subject=subject, details={"value": value})
    verify_audit(connection)


def test_events_are_found_by_actor_act_and_subject(connection: psycopg.Connection) -> None:
    for number in range(3):
        act(connection, number, actor="bob" if number else "alice")
    assert [event.number for event in audit_events(connection, actor="bob")] == [2, 3]
    assert [event.number for event in audit_events(connection, subject="client-2")] == [3]
    assert audit_events(connection, act="client.created") == []
    assert [event.number for event in audit_events(connection, after=1, limit=1)] == [2]
    first, last = audit_events(connection)[0], audit_events(connection)[-1]
    assert last.at - first.at >= timedelta()
