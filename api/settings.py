"""Settings of the gateway: every limit that an operator may move, prefix `WGI_API_`."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


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
    connections: int = Field(default=8, gt=0, description="To the database, for reads.")
    writers: int = Field(
        default=4, gt=0, description="To the database, for what is not posted in batches."
    )
    rate: str = Field(
        default="5000/second",
        description="Requests of a client to a route, as in `100/minute`.",
    )
    rate_storage: SecretStr = Field(
        default=SecretStr("async+memory://"),
        description="Where requests are counted: this process, or `async+redis://...` for several.",
    )
    idempotency_hours: int = Field(
        default=72, ge=24, description="How long the answer to an idempotency key is kept."
    )
    sweep_s: float = Field(default=600.0, gt=0, description="Between two sweeps of old records.")
