"""The registry of clients on a real ledger database, and the table of scopes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg
import pytest

from ledger_service.ledger.books import register_participants
from ledger_service.parties.access import (
    Access,
    UnknownRole,
    UnknownScope,
    access,
    as_markdown,
    scopes_of_role,
)
from ledger_service.parties.clients import (
    Actor,
    ClientKind,
    ClientRefused,
    NewClient,
    NoSecret,
    UnknownClient,
    client,
    clients,
    create_client,
    disable_client,
    rotate_secret,
    secret_matches,
)
from ledger_service.runtime.audit import audit_events
from ledger_service.runtime.database import Database, Role, Server

OPS = Actor("ops")
NOW = datetime(2025, 6, 30, 12, tzinfo=UTC)
SHOP = NewClient(name="Soko Pay", participants=["KE-F01"], scopes=["transfers:write", "accounts:read"])
OWN_KEYS = {
    "keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapi"}]
}


@pytest.fixture
def connection(ledger_database: Server) -> psycopg.Connection:
    with ledger_database.connect(Database.LEDGER, Role.APP) as connection:
        kind = dict.fromkeys(
            ("participant_id", "name", "kind", "country", "bic", "home_currency"), pl.String
        )
        row = ("KE-F01", "Nairobi Test Fintech", "fintech", "KE", None, "KES", True)
        register_participants(
            connection, pl.DataFrame([row], schema={**kind, "has_book": pl.Boolean}, orient="row")
        )
        yield connection


def test_a_secret_is_shown_once_and_kept_as_argon2id(connection: psycopg.Connection) -> None:
    made, secret = create_client(connection, SHOP, by=OPS, at=NOW)
    kept = client(connection, made.client_id)
    assert kept == made
    assert secret is not None
    assert len(secret) > 43
    assert kept.secret_hash is not None
    assert kept.secret_hash.startswith("$argon2id$")
    stored = connection.execute("SELECT to_jsonb(c)::text FROM gateway.oauth_client c").fetchone()
    assert stored is not None
    assert secret not in stored[0]
    assert secret_matches(kept, secret, at=NOW)


@pytest.mark.parametrize("wrong", ["", "x", "wgi_secret_" + "A" * 43])
def test_another_secret_does_not_match(connection: psycopg.Connection, wrong: str) -> None:
    made, _ = create_client(connection, SHOP, by=OPS, at=NOW)
    assert not secret_matches(made, wrong, at=NOW)
    assert not secret_matches(None, wrong, at=NOW)


def test_after_a_rotation_both_secrets_count_until_the_old_one_ends(
    connection: psycopg.Connection,
) -> None:
    made, old = create_client(connection, SHOP, by=OPS, at=NOW)
    new = rotate_secret(connection, made.client_id, by=OPS, at=NOW, overlap=timedelta(hours=1))
    found = client(connection, made.client_id)
    assert old is not None
    assert secret_matches(found, new, at=NOW)
    assert secret_matches(found, old, at=NOW + timedelta(minutes=59))
    assert not secret_matches(found, old, at=NOW + timedelta(hours=1))
    assert secret_matches(found, new, at=NOW + timedelta(hours=1))


def test_a_disabled_client_stays_disabled_since_when_it_was_first(
    connection: psycopg.Connection,
) -> None:
    made, _ = create_client(connection, SHOP, by=OPS, at=NOW)
    assert disable_client(connection, made.client_id, by=OPS, at=NOW).disabled_at == NOW
    assert (
        disable_client(connection, made.client_id, by=OPS, at=NOW + timedelta(days=1)).disabled_at == NOW
    )
    with pytest.raises(NoSecret):
        rotate_secret(connection, made.client_id, by=OPS, at=NOW)


def test_who_gave_and_took_access_stands_in_the_audit_log(connection: psycopg.Connection) -> None:
    made, secret = create_client(connection, SHOP, by=OPS, at=NOW)
    rotate_secret(connection, made.client_id, by=OPS, at=NOW)
    disable_client(connection, made.client_id, by=OPS, at=NOW)
    disable_client(connection, made.client_id, by=OPS, at=NOW)
    acts = audit_events(connection, subject=made.client_id)
    assert [act.act for act in acts] == ["client.created", "client.secret_rotated", "client.disabled"]
    assert {act.actor for act in acts} == {"ops"}
    assert secret is not None
    assert secret not in "".join(act.details for act in acts)


def test_clients_are_listed_in_the_order_of_registration(connection: psycopg.Connection) -> None:
    for days, name in enumerate(("C", "A", "B")):
        create_client(connection, replace(SHOP, name=name), by=OPS, at=NOW + timedelta(days=days))
    assert [found.name for found in clients(connection)] == ["C", "A", "B"]


def test_a_client_that_was_never_registered_is_unknown(connection: psycopg.Connection) -> None:
    with pytest.raises(UnknownClient):
        client(connection, "client_nobody")
    with pytest.raises(UnknownClient):
        rotate_secret(connection, "client_nobody", by=OPS, at=NOW)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"scopes": ["transfers:writ"]}, UnknownScope),
        ({"scopes": [], "role": "king"}, UnknownRole),
        ({"scopes": []}, ClientRefused),
        ({"role": "auditor"}, ClientRefused),
        ({"scopes": ["limits:approve"]}, ClientRefused),
        ({"scopes": ["limits:approve", "accounts:read"]}, ClientRefused),
        ({"participants": []}, ClientRefused),
        ({"participants": ["*"]}, ClientRefused),
        ({"participants": ["KE-F99"]}, ClientRefused),
        ({"name": ""}, ClientRefused),
        ({"name": " padded"}, ClientRefused),
        ({"tenant": "No Such Name"}, ClientRefused),
        ({"public": True}, ClientRefused),
        ({"redirect_uris": ["http://shop.example/back"]}, ClientRefused),
        ({"redirect_uris": ["https://shop.example/back#x"]}, ClientRefused),
        ({"redirect_uris": ["https://user@shop.example/back"]}, ClientRefused),
        ({"redirect_uris": ["https:///back"]}, ClientRefused),
        ({"redirect_uris": ["javascript:alert(1)"]}, ClientRefused),
        ({"public_keys": {"keys": []}}, ClientRefused),
        ({"public_keys": {"keys": [{"kty": "oct", "kid": "a", "k": "AA"}]}}, ClientRefused),
        ({"public_keys": {"keys": [OWN_KEYS["keys"][0] | {"d": "AA"}]}}, ClientRefused),
    ],
)
def test_what_cannot_be_a_client_is_not_registered(
    connection: psycopg.Connection, change: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error), connection.transaction():
        create_client(connection, replace(SHOP, **change), by=OPS, at=NOW)
    assert clients(connection) == []


@pytest.mark.parametrize(
    "uri", ["https://shop.example/back?x=1", "http://127.0.0.1:8400/", "http://[::1]/"]
)
def test_people_come_back_by_https_or_to_their_own_machine(
    connection: psycopg.Connection, uri: str
) -> None:
    made, secret = create_client(
        connection, replace(SHOP, redirect_uris=[uri], public=True), by=OPS, at=NOW
    )
    assert secret is None
    assert made.is_public
    assert list(made.grants) == ["authorization_code", "refresh_token"]


def test_a_client_with_its_own_keys_has_no_secret(connection: psycopg.Connection) -> None:
    made, secret = create_client(connection, replace(SHOP, public_keys=OWN_KEYS), by=OPS, at=NOW)
    assert secret is None
    assert not made.is_public
    assert client(connection, made.client_id).public_keys == OWN_KEYS
    with pytest.raises(NoSecret):
        rotate_secret(connection, made.client_id, by=OPS, at=NOW)


def test_a_service_may_reach_every_participant(connection: psycopg.Connection) -> None:
    new = replace(SHOP, kind=ClientKind.SERVICE, participants=["*"])
    assert create_client(connection, new, by=OPS, at=NOW)[0].participants == ["*"]


def test_what_takes_two_people_is_no_program_s_own_scope(connection: psycopg.Connection) -> None:
    new = replace(SHOP, scopes=[], role="finance", redirect_uris=["https://desk.example/back"])
    made, _ = create_client(connection, new, by=OPS, at=NOW)
    assert "postings:approve" in made.bound
    assert "postings:approve" not in made.own_scopes
    assert "postings:propose" in made.own_scopes


def test_a_scope_that_the_table_has_no_longer_is_gone_at_once(connection: psycopg.Connection) -> None:
    made, _ = create_client(connection, SHOP, by=OPS, at=NOW)
    assert replace(made, scopes=["accounts:read", "money:print"]).bound == {"accounts:read"}
    assert replace(made, scopes=[], role="king").bound == frozenset()


def test_the_application_cannot_change_what_a_client_is(connection: psycopg.Connection) -> None:
    made, _ = create_client(connection, SHOP, by=OPS, at=NOW)
    for column in ("scopes", "participants", "tenant", "role", "redirect_uris"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute(f"UPDATE gateway.oauth_client SET {column} = {column}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
        connection.execute("DELETE FROM gateway.oauth_client")
    assert client(connection, made.client_id) == made


def test_who_approves_does_what_another_proposes() -> None:
    for name, scope in access().scopes.items():
        if scope.checks:
            assert name.endswith(":approve")
            assert scope.checks == name.replace(":approve", ":propose")


def test_the_auditor_changes_nothing() -> None:
    assert all(name.endswith(":read") for name in scopes_of_role("auditor"))


def test_no_role_gives_access_and_moves_money() -> None:
    for role in access().roles.values():
        assert not role.scopes >= {"clients:write", "transfers:write"}


def test_a_table_that_names_an_unknown_scope_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no scope b"):
        Access.model_validate({"scopes": {}, "roles": {"r": {"means": "m", "scopes": ["b"]}}})


def test_the_table_for_people_is_the_table_for_programs() -> None:
    rows = [line.strip("| ").split(" | ") for line in as_markdown().splitlines()[2:]]
    assert [row[0].strip("`") for row in rows] == list(access().scopes)
    for line in as_markdown().splitlines()[2:]:
        name, marks = line.split("|")[1].strip(" `"), [cell.strip() for cell in line.split("|")[3:-1]]
        for role, mark in zip(access().roles.values(), marks, strict=True):
            assert (mark == "•") == (name in role.scopes)


def test_the_page_about_identity_has_the_table() -> None:
    page = Path(__file__).parents[3] / "api" / "identity" / "README.md"
    assert as_markdown() in page.read_text()
