"""Registries of the ledger database as commands reach them: clients, people, the audit log."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import psycopg
import typer
from rich.console import Console

from ledger_service.runtime.database import Database, Role
from ledger_service.runtime.settings import SourceName
from orchestration.cli.installation import choose
from orchestration.resources import Platform, open_platform

ByOption = Annotated[
    str, typer.Option(metavar="PERSON", envvar=["USER", "LOGNAME"], help="Who does it; audited.")
]


@contextmanager
def registry(source: SourceName | None) -> Iterator[psycopg.Connection]:
    """A connection to the registries, committed at the end."""
    with open_platform(choose(source)) as platform, registry_of(platform) as connection:
        yield connection


def registry_of(platform: Platform) -> psycopg.Connection:
    """A connection to the registries of a platform that is open."""
    return platform.server.connect(Database.LEDGER, Role.APP)


def print_line(line: str) -> None:
    """One line to be read by people and programs: whole, however long."""
    Console(emoji=False, markup=False, highlight=False).print(line, soft_wrap=True)
