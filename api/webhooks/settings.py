"""Settings of webhooks, prefix `WGI_WEBHOOKS_`."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class WebhookSettings(BaseSettings):
    """Where deliveries may go and how patient they are; `WebhookSettings()` reads the environment."""

    model_config = SettingsConfigDict(env_prefix="WGI_WEBHOOKS_", extra="ignore", frozen=True)

    loopback: bool = Field(
        default=False,
        description="Whether endpoints may be on this machine, over http and on any port: for local "
        "use and tests, never where others register endpoints.",
    )
    ports: frozenset[int] = Field(default=frozenset({443, 8443}), description="Ports of endpoints.")
    attempt_s: float = Field(default=15.0, gt=0, description="Longest an attempt may take.")
    answer_bytes: int = Field(
        default=64 * 1024, gt=0, description="What is read of an answer at most; the rest is left."
    )
    delays_s: tuple[float, ...] = Field(
        default=(5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400),
        description="Before each retry; after the last one the delivery has failed.",
    )
    failing_days: float = Field(
        default=5.0, gt=0, description="An endpoint that fails that long without a success is disabled."
    )
    secret_overlap_hours: float = Field(
        default=24.0, gt=0, description="How long the secret before the last rotation goes on signing."
    )
    retention_days: int = Field(default=30, ge=7, description="How long finished deliveries are kept.")
    endpoints_per_client: int = Field(default=50, gt=0, description="Of a client, at most.")
    at_a_time: int = Field(default=32, gt=0, description="Deliveries of a worker at a time.")
    at_a_time_of_endpoint: int = Field(
        default=8,
        gt=0,
        description="Of them to one endpoint, so that a slow one leaves room for others.",
    )
    relay_pause_s: float = Field(
        default=0.25, gt=0, description="Between two looks at the books, where nothing has happened."
    )
    heartbeat_s: float = Field(default=5.0, gt=0, description="Between two signs of life of a worker.")
    stalled_s: float = Field(
        default=30.0, gt=0, description="Without a sign of life a worker is taken for dead."
    )

    @property
    def failing(self) -> timedelta:
        """`failing_days` as a duration."""
        return timedelta(days=self.failing_days)

    @property
    def secret_overlap(self) -> timedelta:
        """`secret_overlap_hours` as a duration."""
        return timedelta(hours=self.secret_overlap_hours)
