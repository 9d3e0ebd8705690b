"""One ledger for the tests of a module; each test operates a scheme in a book of its own."""

import itertools
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ledger_service.reference.schemes import Scheme
from ledger_service.runtime.database import Database, Role, Server, prepare
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.postgres_server import LOGIN_ROLE
from tests.ledger_service.payments.settlement.settlement_world import World, new_world

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def settlement_ledger(embedded_postgres: str) -> Server:
    """A ledger that lives as long as the worker."""
    login = make_conninfo(embedded_postgres, user=LOGIN_ROLE, dbname="postgres")
    server = Server(login, prefix="settling")
    prepare(server)
    migrate(server)
    return server


@pytest.fixture
def connection(settlement_ledger: Server) -> Iterator[psycopg.Connection]:
    with settlement_ledger.connect(Database.LEDGER, Role.APP, autocommit=True) as opened:
        yield opened


@pytest.fixture
def operated(connection: psycopg.Connection) -> Callable[[Scheme], World]:
    """Makes a scheme with four participants and an open window."""
    return lambda scheme: new_world(connection, scheme, number=next(_NUMBERS))
