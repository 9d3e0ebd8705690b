"""Settings: every knob of WGI, read from the environment with prefix `WGI_`.

Nothing below `orchestration/` and `api/` reads the environment except through this module.
"""

from enum import StrEnum
from functools import cached_property
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parents[2]


class SourceName(StrEnum):
    """Where a business day's input comes from."""

    SIMULATED = "simulated"
    """The seeded pan-African economy of `pipelines/simulation`."""
    BERKA = "berka"
    """The real bank of the PKDD'99 challenge."""


class LogFormat(StrEnum):
    """How log lines are written."""

    CONSOLE = "console"
    """For a person at a terminal."""
    JSON = "json"
    """For log shipping: one object a line."""


class Settings(BaseSettings):
    """All settings; `Settings()` reads them from the environment."""

    model_config = SettingsConfigDict(env_prefix="WGI_", extra="ignore", frozen=True)

    home: Path = Field(
        default=PROJECT_ROOT / ".wgi",
        description="Where everything that WGI writes lies: embedded database, lake, files, reports.",
    )
    database_url: str | None = Field(
        default=None,
        description="libpq URL of a real PostgreSQL server whose login role may create databases and "
        "roles; unset: the embedded server below `home`.",
    )
    database_prefix: str = Field(
        default="wgi",
        pattern="^[a-z][a-z0-9_]{0,40}$",
        description="Database names are <prefix>_ledger, <prefix>_warehouse and <prefix>_dagster.",
    )
    shared_data: Path = Field(
        default=PROJECT_ROOT.parent / "shared" / "data",
        description="The folder of real inputs (the real bank, credit data); may be absent.",
    )
    source: SourceName = Field(default=SourceName.SIMULATED, description="Input of the business day.")
    data: Path | None = Field(
        default=None,
        description="Folder of the source's files; unset: generated below `home` (simulated) or "
        "`shared_data` (berka).",
    )
    log_format: LogFormat = Field(default=LogFormat.CONSOLE, description="Format of log lines.")
    log_level: str = Field(default="WARNING", description="Lowest level that is logged.")

    @cached_property
    def lake(self) -> Path:
        """Root of the lake."""
        return self.home / "lake"

    @cached_property
    def files(self) -> Path:
        """Where settlement files are written."""
        return self.home / "files"

    @cached_property
    def reports(self) -> Path:
        """Where returns and reports are written."""
        return self.home / "reports"

    @cached_property
    def models(self) -> Path:
        """Where trained models are kept."""
        return self.home / "models"

    @cached_property
    def simulated(self) -> Path:
        """Where the simulation writes its input files; the truth lies beside, in `truth/`."""
        return self.home / "simulated"

    @cached_property
    def berka(self) -> Path:
        """The real bank's files: `data` itself, or its folder `berka`."""
        root = self.data or self.shared_data
        return root / "berka" if (root / "berka").is_dir() else root
