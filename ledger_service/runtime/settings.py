"""Settings: every knob of WGI, read from the environment with prefix `WGI_`.

Nothing below `orchestration/` and `api/` reads the environment except through this module.
"""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr
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
        description="Where everything that WGI writes lies, one folder a source.",
    )
    database_url: str | None = Field(
        default=None,
        description="libpq URL of a real PostgreSQL server whose login role may create databases and "
        "roles; unset: the embedded server.",
    )
    database_prefix: str | None = Field(
        default=None,
        pattern="^[a-z][a-z0-9_]{0,40}$",
        description="Databases are <prefix>_ledger, <prefix>_warehouse and <prefix>_dagster; unset: "
        "wgi_<source>.",
    )
    shared_data: Path = Field(
        default=PROJECT_ROOT.parent / "shared" / "data",
        description="The folder of real inputs (the real bank, credit data); may be absent.",
    )
    source: SourceName = Field(default=SourceName.SIMULATED, description="Input of the business day.")
    data: Path | None = Field(
        default=None,
        description="Folder of the source's files; unset: generated (simulated) or `shared_data`.",
    )
    banks: Path | None = Field(
        default=None,
        description="Folder of bank connections (YAML); unset: simulated banks on loopback.",
    )
    bank_secrets: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="Secrets that bank connections name, as a JSON object.",
    )
    encryption_keys: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="Keys that personal data and secrets are encrypted under, a JSON object: id to 32 "
        "octets in base64; the last one is current, the first one stays. Unset: a file below `home`.",
    )
    log_format: LogFormat = Field(default=LogFormat.CONSOLE, description="Format of log lines.")
    log_level: str = Field(default="WARNING", description="Lowest level that is logged.")

    @property
    def root(self) -> Path:
        """The folder of the source's installation: database, lake, files, reports."""
        return self.home / self.source

    @property
    def databases(self) -> str:
        """The prefix of the installation's database names."""
        return self.database_prefix or f"wgi_{self.source}"

    @property
    def lake(self) -> Path:
        """Root of the lake."""
        return self.root / "lake"

    @property
    def files(self) -> Path:
        """Where settlement files are written."""
        return self.root / "files"

    @property
    def reports(self) -> Path:
        """Where returns and reports are written."""
        return self.root / "reports"

    @property
    def models(self) -> Path:
        """Where trained models are kept."""
        return self.root / "models"

    @property
    def input(self) -> Path:
        """The folder of the source's input files."""
        if self.source is SourceName.SIMULATED:
            return self.data or self.root / "input"
        folder = self.data or self.shared_data
        return folder / "berka" if (folder / "berka").is_dir() else folder

    @property
    def truth(self) -> Path:
        """Where the simulation writes what it planted, apart from the input."""
        return self.root / "truth"

    @property
    def credit_data(self) -> Path:
        """Labelled loans to train on: the real lender's where present, else the simulated ones."""
        real = self.shared_data / "credit" / "superlender"
        return real if real.is_dir() else self.input / "credit"
