"""Settings of the gateway: every limit that an operator may move, prefix `WGI_API_`."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Tls(StrEnum):
    """How the gateway itself serves TLS."""

    OFF = "off"
    """Not: a proxy does, or it is reached over loopback alone."""
    FILES = "files"
    """With a certificate and a key of the operator's."""
    LOCAL = "local"
    """With a certificate for this machine, signed by itself."""


class GatewaySettings(BaseSettings):
    """How much a gateway takes on; `GatewaySettings()` reads the environment."""

    model_config = SettingsConfigDict(env_prefix="WGI_API_", extra="ignore", frozen=True)

    body_bytes: int = Field(default=256 * 1024, gt=0, description="Longest body of a request.")
    json_depth: int = Field(default=16, gt=0, description="Deepest nesting of a JSON body.")
    request_s: float = Field(default=30.0, gt=0, description="Longest a request may take.")
    requests_in_flight: int = Field(
        default=1_000, gt=0, description="Requests at work at a time; those beyond are answered 503."
    )
    transfers_waiting: int = Field(
        default=5_000, gt=0, description="Transfers that wait to be posted; those beyond: 503."
    )
    gather_s: float = Field(
        default=0.005,
        ge=0,
        description="How long transfers wait for others to be booked with, where more came together the "
        "last time; one that comes alone never waits.",
    )
    connections: int = Field(default=8, gt=0, description="To the database, for reads.")
    writers: int = Field(
        default=4, gt=0, description="To the database, for what is not posted in batches."
    )
    rate: str = Field(
        default="5000/second",
        description="Requests of a client to a route, as in `100/minute`.",
    )
    failure_rate: str = Field(
        default="60/minute",
        description="Wrong passwords and secrets of an address, before it has to wait.",
    )
    rate_storage: SecretStr = Field(
        default=SecretStr("async+memory://"),
        description="Where requests are counted: this process, or `async+redis://...` for several.",
    )
    idempotency_hours: int = Field(
        default=72, ge=24, description="How long the answer to an idempotency key is kept."
    )
    sweep_s: float = Field(default=600.0, gt=0, description="Between two sweeps of old records.")
    tls: Tls = Field(default=Tls.OFF, description="How TLS 1.3 is served directly.")
    tls_certificate: Path | None = Field(default=None, description="Certificate chain, PEM.")
    tls_key: Path | None = Field(default=None, description="Its private key, PEM.")
    trusted_proxies: str | None = Field(
        default=None,
        description="Addresses of proxies whose `X-Forwarded-*` headers count, with commas.",
    )
