"""One warehouse for the session: loaded from a small lake, built by dbt once."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from small_lake import LOADED_AT, TABLES, frames

from ledger_service.runtime.database import Database, Role, Server
from pipelines.lake.warehouse import ensure_tables, load_dates

PROJECT = Path(__file__).resolve().parents[2] / "dbt"


@dataclass(frozen=True, slots=True)
class Build:
    """What one run of dbt left: its exit code, its log and the status of each node."""

    exit_code: int
    log: str
    statuses: dict[str, str]

    def failed(self) -> set[str]:
        """Names of the nodes that failed."""
        return {name for name, status in self.statuses.items() if status in {"fail", "error"}}


@dataclass(frozen=True, slots=True)
class Warehouse:
    """The warehouse's database and the project's folder for what dbt writes."""

    server: Server
    target: Path

    def dbt(self, *arguments: str) -> Build:
        """Run dbt in a process of its own: it does not run twice in one."""
        place = conninfo_to_dict(self.server.url(Database.WAREHOUSE))
        settings = {
            "WGI_WAREHOUSE_HOST": str(place["host"]),
            "WGI_WAREHOUSE_USER": str(place["user"]),
            "WGI_WAREHOUSE_DBNAME": str(place["dbname"]),
            "DBT_TARGET_PATH": str(self.target),
            "DBT_LOG_PATH": str(self.target),
        }
        command = [str(Path(sys.executable).with_name("dbt")), "--quiet", *arguments]
        folders = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
        done = subprocess.run(
            [*command, *folders],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        written = self.target / "run_results.json"
        assert written.exists(), done.stdout + done.stderr
        results = json.loads(written.read_text())["results"]
        written.unlink()
        statuses = {result["unique_id"].split(".")[2]: result["status"] for result in results}
        return Build(done.returncode, done.stdout + done.stderr, statuses)

    def rows(self, query: str, *, role: Role = Role.OWNER) -> list[tuple[Any, ...]]:
        """What a query answers to a role."""
        with self.server.connect(Database.WAREHOUSE, role) as connection:
            return connection.execute(query).fetchall()


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
