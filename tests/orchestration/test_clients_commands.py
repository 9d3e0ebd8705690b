"""`wgi clients`: operators give programs access to the API, and take it away."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result
from typer.testing import CliRunner

from ledger_service.ledger.books import register_participants
from ledger_service.parties.clients import Client, client, secret_matches
from ledger_service.parties.sandbox_terms import participant_ids
from ledger_service.parties.sandboxes import sandboxes
from ledger_service.runtime.audit import audit_events
from ledger_service.runtime.database import Database, Role, Server
from orchestration.cli.app import app

Wgi = Callable[..., Result]
SCOPES = ("--participant", "KE-F01", "--scope", "accounts:read", "--scope", "transfers:write")


@pytest.fixture
def wgi(ledger_database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wgi:
    monkeypatch.setenv("WGI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WGI_DATABASE_URL", ledger_database.conninfo)
    monkeypatch.setenv("WGI_DATABASE_PREFIX", ledger_database.prefix)
    monkeypatch.setenv("WGI_SOURCE", "simulated")
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        fintech = {"participant_id": "KE-F01", "name": "Fintech", "kind": "fintech", "country": "KE"}
        fintech |= {"home_currency": "KES"}
        register_participants(
            connection,
            pl.DataFrame([fintech]).with_columns(bic=pl.lit(None, pl.String), has_book=True),
        )

    def run(*arguments: str | Path, status: int = 0) -> Result:
        result = CliRunner().invoke(
            app, ["clients", *map(str, arguments)], env={"COLUMNS": "250", "USER": "operator"}
        )
        assert result.exit_code == status, result.output
        assert not result.exception or isinstance(result.exception, SystemExit)
        return result

    return run


def printed(result: Result) -> dict[str, str]:
    words = (line.split() for line in result.stdout.splitlines())
    return {pair[0]: pair[1] for pair in words if len(pair) == 2}


def registered(server: Server, client_id: str) -> Client:
    with server.connect(Database.LEDGER, Role.APP) as connection:
        return client(connection, client_id)


def test_a_new_client_s_secret_is_printed_once(wgi: Wgi, ledger_database: Server) -> None:
    made = printed(wgi("new", "Soko Pay", *SCOPES))
    found = registered(ledger_database, made["client_id"])
    assert secret_matches(found, made["client_secret"], at=datetime.now(UTC))
    assert (found.name, found.tenant, found.created_by) == ("Soko Pay", "live", "operator")
    listed = wgi("list").stdout
    assert made["client_id"] in listed
    assert "accounts:read transfers:write" in listed
    assert made["client_secret"] not in listed


def test_a_client_of_a_sandbox_has_its_participants_and_play_money(
    wgi: Wgi, ledger_database: Server
) -> None:
    made = wgi("new", "Soko", "--role", "fintech_developer", "--tenant", "soko")
    found = registered(ledger_database, printed(made)["client_id"])
    assert (found.role, found.tenant) == ("fintech_developer", "soko")
    assert set(found.participants) == set(participant_ids("soko"))
    assert "transfers:write" in found.own_scopes
    with ledger_database.sandbox.connect(Database.LEDGER, Role.APP) as connection:
        assert [one.tenant for one in sandboxes(connection)] == ["soko"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--tenant", "Soko!"), "no name of a sandbox"),
        (("--tenant", "soko", "--participant", "KE-F01"), "has no participant KE-F01"),
    ],
)
def test_a_sandbox_that_cannot_be_is_refused(
    wgi: Wgi, arguments: tuple[str, ...], sentence: str
) -> None:
    refused = wgi("new", "Soko", "--role", "fintech_developer", *arguments, status=2)
    assert sentence in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--participant", "KE-F01"), "either scopes or a role"),
        (("--participant", "KE-F01", "--scope", "money:print"), "no scope money:print"),
        (("--participant", "KE-F01", "--role", "king"), "no role 'king'"),
        (("--participant", "KE-F99", "--scope", "accounts:read"), "no participant KE-F99"),
        (("--scope", "accounts:read"), "names the participants"),
    ],
)
def test_what_cannot_be_a_client_is_a_sentence(
    wgi: Wgi, arguments: tuple[str, ...], sentence: str
) -> None:
    assert sentence in " ".join(wgi("new", "Soko", *arguments, status=2).stderr.split())
    assert "no clients" in wgi("list").stdout


def test_a_client_with_keys_has_no_secret(wgi: Wgi, ledger_database: Server, tmp_path: Path) -> None:
    key = {
        "kty": "OKP",
        "crv": "Ed25519",
        "kid": "a",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }
    (tmp_path / "key.jwk").write_text(json.dumps(key))
    made = printed(wgi("new", "Soko", *SCOPES, "--public-keys", tmp_path / "key.jwk"))
    assert "client_secret" not in made
    assert registered(ledger_database, made["client_id"]).public_keys == {"keys": [key]}


def test_after_a_rotation_the_old_secret_counts_as_long_as_was_said(
    wgi: Wgi, ledger_database: Server
) -> None:
    old = printed(wgi("new", "Soko", *SCOPES))
    new = printed(wgi("rotate", old["client_id"][:12], "--overlap-hours", "2"))
    found, now = registered(ledger_database, old["client_id"]), datetime.now(UTC)
    assert secret_matches(found, new["client_secret"], at=now)
    assert secret_matches(found, old["client_secret"], at=now)
    assert not secret_matches(found, old["client_secret"], at=now + timedelta(hours=2))


def test_who_disabled_a_client_stands_in_the_audit_log(wgi: Wgi, ledger_database: Server) -> None:
    made = printed(wgi("new", "Soko", *SCOPES))
    assert "is disabled" in wgi("disable", made["client_id"], "--by", "supervisor").stdout
    assert registered(ledger_database, made["client_id"]).disabled_at is not None
    with ledger_database.connect(Database.LEDGER, Role.APP) as connection:
        acts = audit_events(connection, subject=made["client_id"])
    assert [(act.act, act.actor) for act in acts] == [
        ("client.created", "operator"),
        ("client.disabled", "supervisor"),
    ]
    assert "has no secret, or is disabled" in wgi("rotate", made["client_id"], status=2).stderr


def test_a_client_that_is_not_there_is_a_sentence(wgi: Wgi) -> None:
    assert "there is no client nobody" in wgi("disable", "nobody", status=2).stderr


def test_keys_are_rotated_once_a_gateway_has_made_them(wgi: Wgi) -> None:
    assert "makes keys when it starts" in wgi("rotate-keys", status=2).stderr
