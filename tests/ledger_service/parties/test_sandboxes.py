"""Sandboxes: play money apart from the live books, clocks that go forward, and a fresh start."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import psycopg
import pytest

from ledger_service.ledger.lookups import lookup_external_refs
from ledger_service.ledger.verification import verify
from ledger_service.parties.sandbox_terms import Outcome, participant_ids, sandbox_terms
from ledger_service.parties.sandboxes import (
    ClockRefused,
    UnknownSandbox,
    advance_clock,
    empty_sandbox,
    make_sandbox,
    return_later,
    sandbox,
    sandboxes,
)
from ledger_service.payments.settlement.transfers import TransferRefused, post_all
from ledger_service.runtime.database import Database, Role, Server
from ledger_service.runtime.identifiers import derived_id
from ledger_service.runtime.migrations import migrate


@pytest.fixture
def migrated_sandbox(worker_databases: Server) -> Server:
    migrate(worker_databases.sandbox)
    return worker_databases.sandbox


@pytest.fixture
def connection(migrated_sandbox: Server) -> Iterator[psycopg.Connection]:
    with migrated_sandbox.connect(Database.LEDGER, Role.APP, autocommit=True) as opened:
        yield opened
        for one in sandboxes(opened):
            opened.execute("SELECT sandbox.empty_tenant(%s)", [one.tenant])


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


def book(connection: psycopg.Connection, participant: str) -> int:
    row = connection.execute(
        "SELECT book_id FROM ledger.book WHERE participant_id = %s", [participant]
    ).fetchone()
    assert row
    return int(row[0])


def account(connection: psycopg.Connection, book_id: int, reference: str) -> dict[str, object]:
    found = lookup_external_refs(connection, book_id=book_id, external_refs=[reference])
    return found.row(0, named=True)


def pay(
    connection: psycopg.Connection, book_id: int, minor: int, at: datetime, **columns: object
) -> str:
    """From Alice to Bob; returns the id."""
    transfer_id = derived_id(at, minor, str(columns))
    row = {
        "transfer_id": transfer_id,
        "debit_account_id": account(connection, book_id, "wallet:alice:KES")["account_id"],
        "credit_account_id": account(connection, book_id, "wallet:bob:KES")["account_id"],
        "amount_minor": minor,
        "kind": "credit_transfer",
        "event_at": at,
        "value_date": at.date(),
    } | columns
    post_all(connection, book_id=book_id, business_date=at.date(), rows=[row])
    return transfer_id


def balance(connection: psycopg.Connection, book_id: int, reference: str) -> int:
    found = account(connection, book_id, reference)
    return int(str(found["credits_posted"])) - int(str(found["debits_posted"]))


def test_a_sandbox_begins_with_participants_accounts_and_play_money(
    connection: psycopg.Connection, now: datetime
) -> None:
    made = make_sandbox(connection, "acme", at=now)
    assert made.participants == ("SBX-ACME-W", "SBX-ACME-A", "SBX-ACME-B")
    wallets = book(connection, "SBX-ACME-W")
    assert balance(connection, wallets, "wallet:alice:KES") == 100_000_000
    assert balance(connection, wallets, "wallet:alice:UGX") == 1_000_000, "it has no minor unit"
    assert account(connection, wallets, "clearing:SBX-ACME-A:USD")["counterparty_id"] == "SBX-ACME-A"
    assert account(connection, wallets, "magic:frozen:KES")["debits_frozen"]
    assert account(connection, wallets, "magic:closed:KES")["closed"]
    assert [found for one in verify(connection) for found in one.differences] == []


def test_making_it_again_changes_nothing(connection: psycopg.Connection, now: datetime) -> None:
    make_sandbox(connection, "acme", at=now)
    before = connection.execute("SELECT count(*) FROM ledger.transfer").fetchone()
    make_sandbox(connection, "acme", at=now + timedelta(hours=1))
    assert connection.execute("SELECT count(*) FROM ledger.transfer").fetchone() == before


def test_a_wallet_is_not_overdrawn(connection: psycopg.Connection, now: datetime) -> None:
    make_sandbox(connection, "acme", at=now)
    with pytest.raises(TransferRefused, match="exceeds_credits"):
        pay(connection, book(connection, "SBX-ACME-W"), 100_000_001, now)


@pytest.mark.parametrize("name", ["Acme", "live", "a" * 21, "", "-a", "a'b"])
def test_a_name_that_is_none_is_refused(
    connection: psycopg.Connection, now: datetime, name: str
) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        make_sandbox(connection, name, at=now)


def test_the_role_of_the_sandbox_may_nothing_in_the_ledger(ledger_database: Server) -> None:
    with psycopg.connect(ledger_database.url(Database.LEDGER, Role.SANDBOX), autocommit=True) as astray:
        for statement in (
            "SELECT count(*) FROM ledger.transfer",
            "SELECT ledger.lock_book(1)",
            "INSERT INTO gateway.idempotency_record DEFAULT VALUES",
            "SELECT count(*) FROM payments.payment",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                astray.execute(statement)


def test_the_role_of_the_ledger_may_nothing_in_the_sandbox(migrated_sandbox: Server) -> None:
    with psycopg.connect(
        Server(migrated_sandbox.conninfo, migrated_sandbox.prefix).url(Database.SANDBOX, Role.APP),
        autocommit=True,
    ) as astray:
        for statement in ("SELECT count(*) FROM ledger.transfer", "SELECT ledger.lock_book(1)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                astray.execute(statement)


def test_what_asks_for_the_ledger_gets_the_sandbox_alone(migrated_sandbox: Server) -> None:
    with migrated_sandbox.connect(Database.LEDGER, Role.APP) as connection:
        row = connection.execute("SELECT current_database(), current_user").fetchone()
    assert row == (f"{migrated_sandbox.prefix}_sandbox", "wgi_sandbox")


def test_the_journal_of_a_sandbox_is_as_immutable_as_the_ledgers(
    connection: psycopg.Connection, now: datetime
) -> None:
    make_sandbox(connection, "acme", at=now)
    connection.execute("SET sandbox.emptying = 'yes'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM ledger.transfer")


def test_holds_expire_by_the_test_clock(connection: psycopg.Connection, now: datetime) -> None:
    make_sandbox(connection, "acme", at=now)
    wallets = book(connection, "SBX-ACME-W")
    hold = pay(connection, wallets, 500, now, phase="pending", timeout_s=86_400)
    assert account(connection, wallets, "wallet:alice:KES")["debits_pending"] == 500
    advanced = advance_clock(connection, "acme", by=timedelta(hours=23), server_now=now)
    assert (advanced.holds_released, advanced.now) == (0, now + timedelta(hours=23))
    later = datetime.now(UTC)
    assert advance_clock(connection, "acme", by=timedelta(hours=2), server_now=later).holds_released == 1
    assert account(connection, wallets, "wallet:alice:KES")["debits_pending"] == 0
    with pytest.raises(TransferRefused):
        pay(connection, wallets, 500, now + timedelta(days=2), phase="post", pending_id=hold)


def test_a_clock_is_its_tenants_alone(connection: psycopg.Connection, now: datetime) -> None:
    make_sandbox(connection, "acme", at=now)
    make_sandbox(connection, "other", at=now)
    other = book(connection, "SBX-OTHER-W")
    pay(connection, other, 500, now, phase="pending", timeout_s=86_400)
    advance_clock(connection, "acme", by=timedelta(days=3), server_now=now)
    assert account(connection, other, "wallet:alice:KES")["debits_pending"] == 500
    assert sandbox(connection, "other").clock_ahead == timedelta()


@pytest.mark.parametrize("by", [timedelta(), timedelta(seconds=-1), timedelta(days=367)])
def test_a_clock_goes_forward_only(connection: psycopg.Connection, now: datetime, by: timedelta) -> None:
    make_sandbox(connection, "acme", at=now)
    with pytest.raises(ClockRefused):
        advance_clock(connection, "acme", by=by, server_now=now)


def test_money_comes_back_when_the_clock_has_come_to_it(
    connection: psycopg.Connection, now: datetime
) -> None:
    make_sandbox(connection, "acme", at=now)
    wallets = book(connection, "SBX-ACME-W")
    transfer_id = pay(connection, wallets, 400_400, now)
    return_later(connection, "acme", transfers=[(wallets, transfer_id)], now=now)
    assert advance_clock(connection, "acme", by=timedelta(days=1), server_now=now).returned == 0
    assert balance(connection, wallets, "wallet:bob:KES") == 100_400_400
    assert advance_clock(connection, "acme", by=timedelta(days=1), server_now=now).returned == 1
    assert balance(connection, wallets, "wallet:bob:KES") == 100_000_000
    assert advance_clock(connection, "acme", by=timedelta(days=1), server_now=now).returned == 0


def test_emptying_begins_again_and_leaves_other_tenants_alone(
    connection: psycopg.Connection, now: datetime
) -> None:
    make_sandbox(connection, "acme", at=now)
    make_sandbox(connection, "other", at=now)
    pay(connection, book(connection, "SBX-ACME-W"), 700, now)
    pay(connection, book(connection, "SBX-OTHER-W"), 900, now)
    advance_clock(connection, "acme", by=timedelta(days=3), server_now=now)
    emptied = empty_sandbox(connection, "acme", at=now)
    assert emptied.clock_ahead == timedelta()
    assert emptied.emptied_at is not None
    acme, other = (book(connection, f"SBX-{name}-W") for name in ("ACME", "OTHER"))
    assert balance(connection, acme, "wallet:bob:KES") == 100_000_000
    assert balance(connection, other, "wallet:bob:KES") == 100_000_900
    assert [found for one in verify(connection) for found in one.differences] == []


def test_a_sandbox_that_is_not_there_is_told(connection: psycopg.Connection, now: datetime) -> None:
    for act in (
        lambda: sandbox(connection, "nobody"),
        lambda: empty_sandbox(connection, "nobody", at=now),
        lambda: advance_clock(connection, "nobody", by=timedelta(1), server_now=now),
    ):
        with pytest.raises(UnknownSandbox):
            act()


def test_every_outcome_has_its_amount_and_its_account() -> None:
    terms = sandbox_terms()
    assert set(terms.outcomes) == set(Outcome)
    for outcome, magic in terms.outcomes.items():
        assert terms.outcome_of(amount=magic.amount, accounts=[]) == outcome
        assert terms.outcome_of(amount=magic.amount + Decimal("0.00"), accounts=[]) == outcome
        named = [f"SBX-ACME-W/{magic.account}:KES", "wallet:bob:KES"]
        assert terms.outcome_of(amount=Decimal(1), accounts=named) == outcome
    assert terms.outcome_of(amount=Decimal(1), accounts=["wallet:bob:KES"]) is None


def test_tenants_never_share_a_participant() -> None:
    tenants = ["a", "a-w", "a-b", "b", "w"]
    ids = pl.Series([one for tenant in tenants for one in participant_ids(tenant)])
    assert ids.n_unique() == len(ids)
