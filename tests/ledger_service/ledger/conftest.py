"""One ledger for the tests of a worker; each test opens books of its own in it."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ledger_service.runtime.database import Database, Role, Server, prepare
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.postgres_server import LOGIN_ROLE
from tests.ledger_service.ledger.bookkeeping import Book, account, new_book


@pytest.fixture(scope="session")
def ledger(embedded_postgres: str) -> Server:
    """A ledger that lives as long as the worker."""
    server = Server(make_conninfo(embedded_postgres, user=LOGIN_ROLE, dbname="postgres"), prefix="books")
    prepare(server)
    migrate(server)
    return server


@pytest.fixture
def connection(ledger: Server) -> Iterator[psycopg.Connection]:
    """A connection of the application, in autocommit mode."""
    with ledger.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        yield connection


@pytest.fixture
def connect(ledger: Server) -> Callable[[], psycopg.Connection]:
    """Makes further connections of the application."""
    return lambda: ledger.connect(Database.LEDGER, Role.APP, autocommit=True)


@pytest.fixture
def superuser(embedded_postgres: str, ledger: Server) -> Iterator[psycopg.Connection]:
    """The server's superuser, whom nothing stops."""
    conninfo = make_conninfo(embedded_postgres, dbname=ledger.name(Database.LEDGER))
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield connection


@pytest.fixture
def book(connection: psycopg.Connection) -> Book:
    """A fresh book with three accounts that nothing constrains: 1, 2 and 3."""
    return new_book(connection, account(1), account(2), account(3))
