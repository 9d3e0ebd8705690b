"""Fixtures that every test may use: where the real inputs lie, real PostgreSQL, a real browser.

Each worker process starts one embedded server in a temporary folder. Its databases are made once,
because making and dropping one forces a checkpoint; each test that asks for them finds them empty.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ledger_service.runtime.database import Database, Role, Server, create_login_role, prepare
from ledger_service.runtime.garbage import collect_rarely
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.postgres_server import LOGIN_ROLE, EmbeddedPostgres
from tests.migrated_ledger import MigratedLedger

# A busy machine is no failure. Where a test names no number, HYPOTHESIS_PROFILE=thorough looks longer.
settings.register_profile("wgi", deadline=None, max_examples=50)
settings.register_profile("thorough", deadline=None, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "wgi"))

collect_rarely()

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real inputs; the test skips where it is absent."""
    folder = Path(os.environ.get("WGI_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real inputs are not at {folder} (setting WGI_SHARED_DATA)")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's Chromium; the test skips where there is none."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium is installed (the package `chromium`)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def embedded_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The superuser's connection string of this worker's own server."""
    embedded = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    superuser = embedded.start()
    create_login_role(superuser)
    yield superuser
    embedded.abandon()


@pytest.fixture(scope="session")
def worker_databases(embedded_postgres: str) -> Server:
    """The databases that the worker's tests use one after the other."""
    login = make_conninfo(embedded_postgres, user=LOGIN_ROLE, dbname="postgres")
    server = Server(login, prefix="test")
    prepare(server)
    return server


@pytest.fixture
def database_server(worker_databases: Server) -> Server:
    """The three databases, empty."""
    for database in Database:
        with worker_databases.connect(database, Role.OWNER) as connection:
            schemas = connection.execute(
                "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'"
            ).fetchall()
            for (name,) in schemas:
                connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
            connection.execute("CREATE SCHEMA public")
    return worker_databases


@pytest.fixture(scope="session")
def migrated_ledger(embedded_postgres: str, worker_databases: Server) -> MigratedLedger:
    """What is known of the worker's ledger."""
    name = worker_databases.name(Database.LEDGER)
    return MigratedLedger(make_conninfo(embedded_postgres, dbname=name), worker_databases)


@pytest.fixture
def ledger_database(migrated_ledger: MigratedLedger, request: pytest.FixtureRequest) -> Server:
    """A ledger with every migration applied, and nothing in it."""
    if not migrated_ledger.emptied():
        migrate(request.getfixturevalue("database_server"))
        migrated_ledger.migrated()
    return migrated_ledger.server


@pytest.fixture(scope="session")
def warehouse_database(embedded_postgres: str) -> Server:
    """Databases that live as long as the worker: for tests that share one warehouse build."""
    login = make_conninfo(embedded_postgres, user=LOGIN_ROLE, dbname="postgres")
    server = Server(login, prefix="shared")
    prepare(server)
    return server
