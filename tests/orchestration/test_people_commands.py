"""`wgi people` and `wgi audit`: who may log in, and the proof of what was done about it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ledger_service.parties.passwords import enrol, verify_password
from ledger_service.parties.people import Person, people
from ledger_service.runtime.database import Database, Role, Server
from ledger_service.runtime.encryption import Keyring
from ledger_service.runtime.settings import Settings
from orchestration.cli.app import app

Wgi = Callable[..., Result]
ADDRESS = "clerk@wgi.example"
PASSWORD = "a lorry full of mangoes"  # noqa: S105  # of the tests
CLERK = ("people", "invite", ADDRESS, "--name", "Clerk", "--role", "finance")


@pytest.fixture
def wgi(ledger_database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wgi:
    monkeypatch.setenv("WGI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WGI_DATABASE_URL", ledger_database.conninfo)
    monkeypatch.setenv("WGI_DATABASE_PREFIX", ledger_database.prefix)
    monkeypatch.setenv("WGI_SOURCE", "simulated")

    def run(*arguments: str, status: int = 0) -> Result:
        result = CliRunner().invoke(app, arguments, env={"COLUMNS": "250", "USER": "operator"})
        assert result.exit_code == status, result.output
        assert not result.exception or isinstance(result.exception, SystemExit)
        return result

    return run


def keyring() -> Keyring:
    return Keyring.open(Settings())


def everybody(server: Server) -> list[Person]:
    with server.connect(Database.LEDGER, Role.APP) as connection:
        return people(connection)


def enrolled(server: Server, invitation: Result) -> Person:
    token = invitation.stdout.split("token=")[1].split()[0]
    with server.connect(Database.LEDGER, Role.APP) as connection:
        return enrol(connection, token, PASSWORD, keyring=keyring(), at=datetime.now(UTC))


def lets_in(server: Server) -> bool:
    with server.connect(Database.LEDGER, Role.APP) as connection:
        at = datetime.now(UTC)
        return verify_password(connection, ADDRESS, PASSWORD, keyring=keyring(), at=at) is not None


def test_the_link_of_an_invitation_enrols_its_person(wgi: Wgi, ledger_database: Server) -> None:
    person = enrolled(ledger_database, wgi(*CLERK))
    assert (person.role, list(person.participants), person.created_by) == ("finance", ["*"], "operator")
    listed = wgi("people", "list").stdout
    assert all(told in listed for told in (person.subject, "Clerk", ADDRESS, "active"))
    assert lets_in(ledger_database)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("clerk", "--name", "Clerk", "--role", "finance"), "no e-mail address"),
        ((ADDRESS, "--name", "Clerk", "--role", "king"), "no role 'king'"),
        ((ADDRESS, "--name", " ", "--role", "finance"), "1 to 200 characters"),
        ((ADDRESS, "--name", "C", "--role", "finance", "--participant", "KE-F99"), "KE-F99"),
        ((ADDRESS, "--name", "C", "--role", "fintech_developer"), "names the participants"),
    ],
)
def test_who_cannot_be_invited_is_a_sentence(
    wgi: Wgi, arguments: tuple[str, ...], sentence: str
) -> None:
    assert sentence in " ".join(wgi("people", "invite", *arguments, status=2).stderr.split())
    assert "nobody" in wgi("people", "list").stdout


def test_a_reset_ends_the_password_and_invites_again(wgi: Wgi, ledger_database: Server) -> None:
    person = enrolled(ledger_database, wgi(*CLERK))
    again = wgi("people", "reset", ADDRESS)
    assert not lets_in(ledger_database)
    assert enrolled(ledger_database, again).subject == person.subject
    assert lets_in(ledger_database)


def test_who_is_disabled_is_not_let_in_and_has_nothing_to_reset(
    wgi: Wgi, ledger_database: Server
) -> None:
    person = enrolled(ledger_database, wgi(*CLERK))
    wgi("people", "disable", person.subject[:9])
    assert not lets_in(ledger_database)
    assert "disabled" in wgi("people", "reset", person.subject, status=2).stderr


@pytest.mark.parametrize("named", ["nobody@wgi.example", "ffffffff"])
def test_nobody_is_a_sentence(wgi: Wgi, named: str) -> None:
    assert "nobody has the" in wgi("people", "disable", named, status=2).stderr


def test_a_new_key_takes_over_what_is_encrypted(
    wgi: Wgi, ledger_database: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = '"1": "' + "A" * 43 + '="', '"2": "' + "B" * 43 + '="'
    monkeypatch.setenv("WGI_ENCRYPTION_KEYS", f"{{{first}}}")
    wgi(*CLERK)
    monkeypatch.setenv("WGI_ENCRYPTION_KEYS", f"{{{first}, {second}}}")
    assert "1 were under" in wgi("people", "reencrypt").stdout
    assert "0 were under" in wgi("people", "reencrypt").stdout
    assert everybody(ledger_database)[0].email(keyring()) == ADDRESS


def test_a_proof_of_the_audit_log_holds_until_an_act_is_changed(
    wgi: Wgi, ledger_database: Server
) -> None:
    wgi(*CLERK)
    assert "person.created" in wgi("audit", "list", "--actor", "operator").stdout
    words = wgi("audit", "verify").stdout.split()
    kept = ("--events", words[1], "--hash", words[3])
    wgi("people", "disable", ADDRESS)
    assert wgi("audit", "verify", *kept).stdout.split()[1] == "2"
    wrong = wgi("audit", "verify", "--events", "1", "--hash", "00" * 32, status=1)
    assert "broken at event 1" in wrong.stderr


@pytest.mark.parametrize("arguments", [("--events", "1"), ("--events", "1", "--hash", "xyz")])
def test_half_a_proof_is_a_sentence(wgi: Wgi, arguments: tuple[str, ...]) -> None:
    assert "--hash" in wgi("audit", "verify", *arguments, status=2).stderr
