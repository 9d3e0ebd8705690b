"""Webhooks of a sandbox: at work as the live ones are, and gone when it is emptied."""

from datetime import UTC, datetime

from api.webhooks.events import EventType
from api.webhooks.worker import has_webhooks
from ledger_service.parties.sandbox_terms import participant_ids
from ledger_service.parties.sandboxes import make_sandbox
from ledger_service.runtime.database import Server
from ledger_service.runtime.migrations import migrate
from tests.api.webhooks.receiver import Receiver
from tests.api.webhooks.webhook_ledger import Desk, connect, post


def test_a_sandbox_is_told_and_nothing_of_it_is_left_when_it_is_emptied(
    ledger_database: Server, receiver: Receiver
) -> None:
    migrate(ledger_database.sandbox)
    assert has_webhooks(ledger_database.sandbox)
    with connect(ledger_database.sandbox) as connection:
        make_sandbox(connection, "acme", at=datetime.now(UTC))
        participant = participant_ids("acme")[0]
        desk = Desk(ledger_database.sandbox, connection, 0, now=datetime.now(UTC))
        desk.subscribe(
            receiver.url, EventType.TRANSFER_POSTED, participants=(participant,), tenant="acme"
        )
        ((desk.book_id,),) = desk.rows(
            "SELECT book_id FROM ledger.book WHERE participant_id = %s", participant
        )
        ((debit, credit), *_) = desk.rows(
            "SELECT a.account_id, b.account_id "
            "FROM ledger.account a JOIN ledger.account b USING (book_id, currency) "
            "WHERE a.book_id = %s AND a.debit_limit IS NULL AND b.account_id <> a.account_id",
            desk.book_id,
        )
        post(connection, desk.book_id, debit, credit, 100)
        desk.run()
        assert [got.event["data"]["participant_id"] for got in receiver.received] == [participant]
        post(connection, desk.book_id, debit, credit, 100)
        desk.relay()
        connection.execute("SELECT sandbox.empty_tenant('acme')")
        for table in ("endpoint", "secret", "subscription", "delivery", "attempt"):
            assert desk.rows(f"SELECT count(*) FROM gateway.webhook_{table}") == [(0,)], table
        desk.deliver()
        assert len(receiver.received) == 1
