"""What the commands about clients do. What cannot be is one sentence and exit status 2."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from ledger_service.parties.access import UnknownRole, UnknownScope
from ledger_service.parties.clients import (
    LIVE,
    Actor,
    Client,
    ClientKind,
    ClientRefused,
    NewClient,
    NoSecret,
    clients,
    create_client,
    disable_client,
    rotate_secret,
)
from ledger_service.parties.key_rotation import rotate_signing_keys
from ledger_service.parties.sandbox_terms import participant_ids
from ledger_service.parties.sandboxes import make_sandbox
from ledger_service.runtime.database import Database, Role
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.settings import SourceName
from orchestration.cli.installation import choose
from orchestration.cli.ledger_books import refuse
from orchestration.cli.registries import print_line, registry, registry_of
from orchestration.resources import Platform, open_platform


def create(
    *, source: SourceName | None, by: str, public_keys: Path | None, service: bool, **terms: Any
) -> None:
    """Register a client; `terms` are those of `NewClient`. A sandbox that it names is made."""
    kind = ClientKind.SERVICE if service else ClientKind.PARTNER
    keys = _key_set(public_keys) if public_keys else None
    with open_platform(choose(source)) as platform, registry_of(platform) as connection:
        try:
            if terms["tenant"] != LIVE:
                terms["participants"] = _of_sandbox(platform, terms["tenant"], terms["participants"])
            new = NewClient(public_keys=keys, kind=kind, **terms)
            made, secret = create_client(connection, new, by=Actor(by), at=datetime.now(UTC))
        except (ClientRefused, UnknownScope, UnknownRole) as error:
            refuse(str(error))
    print_line(f"client_id      {made.client_id}")
    if made.tenant != LIVE:
        print_line(f"sandbox        {made.tenant}: {' '.join(made.participants)}")
    if secret is not None:
        print_line(f"client_secret  {secret}")
        Console(stderr=True, emoji=False).print("The secret is not shown again.")


def show_all(*, source: SourceName | None) -> None:
    """A table of all clients."""
    with registry(source) as connection:
        found = clients(connection)
    table = Table("client", "name", "kind", "tenant", "participants", "may", "proves itself by", "since")
    for each in found:
        by = "secret" if each.secret_hash else "signature"
        state = f"disabled {each.disabled_at:%Y-%m-%d}" if each.disabled_at else ""
        table.add_row(
            each.client_id,
            each.name,
            each.kind,
            each.tenant,
            " ".join(each.participants),
            each.role or " ".join(each.scopes),
            state or ("nothing" if each.is_public else by),
            f"{each.created_at:%Y-%m-%d}",
        )
    Console(emoji=False, markup=False).print(table if found else "no clients: `wgi clients new`")


def rotate_one(*, source: SourceName | None, client_id: str, overlap_hours: float, by: str) -> None:
    """A new secret for a client."""
    with registry(source) as connection:
        found = _named(connection, client_id)
        try:
            secret = rotate_secret(
                connection,
                found.client_id,
                by=Actor(by),
                at=datetime.now(UTC),
                overlap=timedelta(hours=overlap_hours),
            )
        except NoSecret as error:
            refuse(str(error))
    print_line(f"client_id      {found.client_id}")
    print_line(f"client_secret  {secret}")
    sentence = f"The secret is not shown again; the one before counts for {overlap_hours:g} hours more."
    Console(stderr=True, emoji=False).print(sentence)


def disable_one(*, source: SourceName | None, client_id: str, by: str) -> None:
    """Disable a client."""
    with registry(source) as connection:
        found = _named(connection, client_id)
        disable_client(connection, found.client_id, by=Actor(by), at=datetime.now(UTC))
    print_line(f"{found.client_id} ({found.name}) is disabled")


def rotate_signing(*, source: SourceName | None, compromised: bool, by: str) -> None:
    """Let the next signing key sign."""
    with registry(source) as connection:
        if not rotate_signing_keys(
            connection, by=Actor(by), at=datetime.now(UTC), compromised=compromised
        ):
            refuse("there is no next key yet: the gateway makes keys when it starts (`wgi up`)")
    print_line("the next key signs; gateways notice within a second and publish another")


def _of_sandbox(platform: Platform, tenant: str, named: Sequence[str]) -> list[str]:
    """The participants of a sandbox that a client reaches: all, or those that are named."""
    known = participant_ids(tenant)
    if others := sorted(set(named) - set(known)):
        refuse(f"sandbox {tenant} has no participant {', '.join(others)}: it has {', '.join(known)}")
    server = platform.server.sandbox
    migrate(server)
    with server.connect(Database.LEDGER, Role.APP) as connection:
        try:
            make_sandbox(connection, tenant, at=datetime.now(UTC))
        except psycopg.errors.CheckViolation:
            refuse(
                f"{tenant!r} is no name of a sandbox: lower case letters, digits, hyphens, at most 20"
            )
    return list(named or known)


def _named(connection: psycopg.Connection, client_id: str) -> Client:
    """The client of that id, or the only one that begins so; others are refused."""
    found = [each for each in clients(connection) if each.client_id.startswith(client_id)]
    exact = [each for each in found if each.client_id == client_id]
    if len(exact or found) == 1:
        return (exact or found)[0]
    none = f"there is no client {client_id}: `wgi clients list`"
    return refuse(f"{len(found)} clients begin with {client_id}: name more of it" if found else none)


def _key_set(path: Path) -> dict[str, Any]:
    try:
        keys = json.loads(path.read_text())
    except ValueError as error:
        refuse(f"{path} is not JSON: {error}")
    if not isinstance(keys, dict):
        refuse(f"{path} is no JWK set")
    return keys if "keys" in keys else {"keys": [keys]}
