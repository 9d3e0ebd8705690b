"""What the commands about people do. What cannot be is one sentence and exit status 2."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
from rich.console import Console
from rich.table import Table

from ledger_service.parties.access import UnknownRole
from ledger_service.parties.clients import Actor
from ledger_service.parties.people import (
    NewPerson,
    Person,
    PersonRefused,
    UnknownPerson,
    disable_person,
    new_person,
    people,
    person_by_email,
    reencrypt,
    reset_mfa,
)
from ledger_service.runtime.encryption import Keyring
from ledger_service.runtime.settings import SourceName
from orchestration.cli.installation import choose
from orchestration.cli.ledger_books import refuse
from orchestration.cli.registries import print_line, registry_of
from orchestration.resources import open_platform

ISSUER_ON_LOOPBACK = "http://localhost:8000"
"""Where `wgi up` serves, unless another port is chosen or `WGI_IDENTITY_ISSUER` is set."""


def invite_one(*, source: SourceName | None, by: str, **terms: object) -> None:
    """Register a person; `terms` are those of `NewPerson`."""
    with _registry(source) as (connection, keyring):
        try:
            new = NewPerson(**terms)  # type: ignore[arg-type]  # the command line has checked them
            person, token = new_person(
                connection, new, keyring=keyring, by=Actor(by), at=datetime.now(UTC)
            )
        except (PersonRefused, UnknownRole) as error:
            refuse(str(error))
    _show_invitation(person, token)


def show_all(*, source: SourceName | None) -> None:
    """A table of everybody."""
    table = Table("person", "name", "e-mail", "role", "participants", "second factors", "state", "since")
    with _registry(source) as (connection, keyring):
        found = people(connection)
        for each in found:
            table.add_row(
                each.subject,
                each.name(keyring),
                each.email(keyring),
                each.role,
                " ".join(each.participants),
                _factors(each),
                each.status,
                f"{each.created_at:%Y-%m-%d}",
            )
    Console(emoji=False, markup=False).print(table if found else "nobody: `wgi people invite`")


def reset_one(*, source: SourceName | None, named: str, by: str) -> None:
    """End what a person has, and invite them again."""
    with _registry(source) as (connection, keyring):
        person = _named(connection, named, keyring)
        try:
            token = reset_mfa(connection, person.subject, by=Actor(by), at=datetime.now(UTC))
        except UnknownPerson as error:
            refuse(str(error))
    _show_invitation(person, token)


def disable_one(*, source: SourceName | None, named: str, by: str) -> None:
    """Disable a person."""
    with _registry(source) as (connection, keyring):
        person = _named(connection, named, keyring)
        try:
            disable_person(connection, person.subject, by=Actor(by), at=datetime.now(UTC))
        except UnknownPerson as error:
            refuse(str(error))
    print_line(f"{person.subject} is disabled")


def reencrypt_everybody(*, source: SourceName | None, by: str) -> None:
    """Bring what is encrypted under the current key."""
    with _registry(source) as (connection, keyring):
        changed = reencrypt(connection, keyring=keyring, by=Actor(by))
    print_line(f"people    {changed} were under another key than {keyring.current}")


@contextmanager
def _registry(source: SourceName | None) -> Iterator[tuple[psycopg.Connection, Keyring]]:
    with open_platform(choose(source)) as platform, registry_of(platform) as connection:
        yield connection, Keyring.open(platform.settings)


def _named(connection: psycopg.Connection, named: str, keyring: Keyring) -> Person:
    """The person of that address or id, or the only one whose id begins so; others are refused."""
    if "@" in named:
        of_address = person_by_email(connection, named, keyring=keyring)
        return of_address or refuse(f"nobody has the address {named}: `wgi people list`")
    found = [each for each in people(connection) if each.subject.startswith(named)]
    if len(found) == 1:
        return found[0]
    none = f"nobody has the id {named}: `wgi people list`"
    return refuse(f"{len(found)} ids begin with {named}: name more of it" if found else none)


def _factors(person: Person) -> str:
    app = ["authenticator app"] if person.has_totp else []
    keys = [f"{person.passkeys} passkeys"] if person.passkeys else []
    return ", ".join(app + keys)


def _show_invitation(person: Person, token: str) -> None:
    issuer = os.environ.get("WGI_IDENTITY_ISSUER", ISSUER_ON_LOOPBACK)
    print_line(f"person     {person.subject}")
    print_line(f"enrols at  {issuer}/enrol?token={token}")
    sentence = "The link is not shown again; it counts once, and for three days."
    Console(stderr=True, emoji=False).print(sentence)
