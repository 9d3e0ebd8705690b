"""The dbt project as Dagster needs it: where it lies, its manifest, its connection."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from ledger_service.runtime.database import Database, Server
from ledger_service.runtime.settings import PROJECT_ROOT, Settings

PROJECT_DIR = PROJECT_ROOT / "dbt"
DBT = str(Path(sys.executable).with_name("dbt"))


class WarehouseProjectBroken(RuntimeError):
    """dbt cannot parse the project."""

    def __init__(self, output: str) -> None:
        super().__init__(f"dbt cannot parse {PROJECT_DIR}:\n{output}")


def target_path() -> Path:
    """Where dbt writes: with everything else that WGI writes, not into the project."""
    return Settings().home / "dbt"


def manifest() -> Path:
    """The parsed project; parsed again only when one of its files has changed."""
    target = target_path()
    target.mkdir(parents=True, exist_ok=True)
    found, stamp = target / "manifest.json", target / "parsed.sha256"
    digest = _digest()
    if not (found.exists() and stamp.exists() and stamp.read_text() == digest):
        result = subprocess.run(
            [
                DBT,
                "--quiet",
                "parse",
                "--project-dir",
                str(PROJECT_DIR),
                "--profiles-dir",
                str(PROJECT_DIR),
            ],
            env=os.environ | output_environment(),
            capture_output=True,
            check=False,
            text=True,
        )
        if result.returncode:
            raise WarehouseProjectBroken(result.stdout + result.stderr)
        stamp.write_text(digest)
    return found


def output_environment() -> dict[str, str]:
    """Keeps dbt's output out of the project, and dbt from calling home."""
    target = target_path()
    return {
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }


def connection_environment(server: Server) -> dict[str, str]:
    """The warehouse's connection as `dbt/profiles.yml` reads it."""
    parameters = conninfo_to_dict(server.url(Database.WAREHOUSE))
    return {
        "WGI_WAREHOUSE_HOST": str(parameters.get("host", "localhost")),
        "WGI_WAREHOUSE_PORT": str(parameters.get("port", 5432)),
        "WGI_WAREHOUSE_USER": str(parameters.get("user", "")),
        "WGI_WAREHOUSE_PASSWORD": str(parameters.get("password") or ""),
        "WGI_WAREHOUSE_DBNAME": server.name(Database.WAREHOUSE),
    }


def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(PROJECT_DIR.rglob("*")):
        if path.is_file() and path.suffix in {".sql", ".yml"}:
            digest.update(str(path.relative_to(PROJECT_DIR)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
