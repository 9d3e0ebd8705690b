"""Running dbt on a warehouse, and what a run left."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from ledger_service.runtime.database import Database, Role, Server

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
