"""One warehouse for the session: loaded from a small lake, built by dbt once."""

from collections.abc import Iterator

import psycopg
import pytest

from ledger_service.runtime.database import Database, Role, Server
from pipelines.lake.warehouse import ensure_tables, load_dates
from tests.warehouse.dbt_runs import Build, Warehouse
from tests.warehouse.small_lake import LOADED_AT, TABLES, frames


@pytest.fixture(scope="session")
def warehouse(warehouse_database: Server, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The small lake loaded, nothing built yet."""
    with warehouse_database.connect(Database.WAREHOUSE, Role.OWNER) as connection:
        ensure_tables(connection, TABLES)
        _load(connection)
    return Warehouse(warehouse_database, tmp_path_factory.mktemp("dbt"))


@pytest.fixture(scope="session")
def built(warehouse: Warehouse) -> Build:
    """The whole warehouse built and tested once."""
    return warehouse.dbt("build")


@pytest.fixture
def connection(warehouse_database: Server) -> Iterator[psycopg.Connection]:
    """A connection of the warehouse's owner whose work is undone after the test."""
    with (
        warehouse_database.connect(Database.WAREHOUSE, Role.OWNER) as connection,
        connection.transaction(force_rollback=True),
    ):
        yield connection


def _load(connection: psycopg.Connection) -> None:
    rows = frames()
    for table in TABLES:
        frame = rows[table.name]
        dates = frame["business_date"].unique().to_list()
        load_dates(connection, table=table, dates=dates, frame=frame, loaded_at=LOADED_AT)
