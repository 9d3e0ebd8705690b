"""Which installation a command works on, and the environment that Dagster's processes inherit."""

import os
from pathlib import Path

import yaml

from ledger_service.runtime.database import Database, Server
from ledger_service.runtime.settings import Settings, SourceName


def choose(source: SourceName | None = None, data: Path | None = None) -> Settings:
    """Settings of the chosen source: the option, else `WGI_SOURCE`, else the last one that ran a day.

    The choice is put into the environment, where Dagster's processes find it.
    """
    if source is None and "WGI_SOURCE" not in os.environ:
        last = _last_source_file(Settings())
        source = SourceName(last.read_text().strip()) if last.exists() else None
    if source is not None:
        os.environ["WGI_SOURCE"] = source
    if data is not None:
        os.environ["WGI_DATA"] = str(data.resolve())
    return Settings()


def remember(settings: Settings) -> None:
    """Make this source the one that later commands work on."""
    last = _last_source_file(settings)
    last.parent.mkdir(parents=True, exist_ok=True)
    last.write_text(f"{settings.source}\n")


def dagster_home(settings: Settings, server: Server) -> Path:
    """Write Dagster's instance configuration, point the environment at it, return its folder.

    Storage is PostgreSQL (sqlite locks when the UI and a run write at once); telemetry is off.
    """
    home = settings.root / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["WGI_DAGSTER_URL"] = server.uri(Database.DAGSTER)
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")
    configuration = {
        "storage": {"postgres": {"postgres_url": {"env": "WGI_DAGSTER_URL"}}},
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},  # no invitation to join a community over the first page
        "run_monitoring": {"enabled": True},
        "concurrency": {"runs": {"max_concurrent_runs": 1}, "pools": {"default_limit": 1}},
        "local_artifact_storage": {
            "module": "dagster._core.storage.root",
            "class": "LocalArtifactStorage",
            "config": {"base_dir": str(home)},
        },
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(configuration, sort_keys=False))
    return home


def _last_source_file(settings: Settings) -> Path:
    return settings.home / "source"
