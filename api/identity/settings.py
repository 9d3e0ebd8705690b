"""Settings of identity: who issues tokens, for whom, and how long they count; prefix `WGI_IDENTITY_`."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class IdentitySettings(BaseSettings):
    """How tokens are issued and verified; `IdentitySettings()` reads the environment."""

    model_config = SettingsConfigDict(env_prefix="WGI_IDENTITY_", extra="ignore", frozen=True)

    issuer: str = Field(
        default="http://localhost:8000",
        pattern=r"^https?://[^/?#]+(/[^?#]*[^/?#])?$",
        description="The address at which clients reach this gateway; `iss` of its tokens.",
    )
    audience: str = Field(default="wgi-api", min_length=1, description="`aud` of its tokens.")
    access_token_s: int = Field(
        default=600, ge=30, le=3600, description="How long an access token counts."
    )
    authorization_code_s: int = Field(
        default=60, ge=10, le=600, description="How long an authorization code counts."
    )
    refresh_token_hours: int = Field(
        default=72, ge=1, description="How long a refresh token counts while it is not used."
    )
    session_hours: int = Field(
        default=720, ge=1, description="After this a person logs in again, however active."
    )
    signing_key_days: int = Field(default=30, ge=1, description="How long a key signs.")
    signing_key_ahead_hours: int = Field(
        default=24, ge=1, description="How long a key is published before it signs."
    )
    refresh_s: float = Field(
        default=1.0,
        gt=0,
        le=10,
        description="Between two looks at revocations, disabled clients and keys: how late a process "
        "learns what another one revoked.",
    )
    stale_s: float = Field(
        default=30.0,
        gt=0,
        description="With revocations not read for so long, nobody is let in.",
    )
    leeway_s: int = Field(default=5, ge=0, le=60, description="By how much clocks may differ.")
    verified_tokens: int = Field(
        default=20_000, ge=1, description="Verified tokens that are remembered until they end."
    )
    external_issuer: str | None = Field(
        default=None, description="Of another OpenID provider, whose tokens count instead of ours."
    )
    external_jwks_url: str | None = Field(default=None, description="Where its keys are: https.")
    external_audience: str | None = Field(default=None, description="What it calls this API.")
    external_claims: dict[str, str] = Field(
        default_factory=dict,
        description="Its name of a claim, where it is not ours: scope, roles, participants, tenant, "
        "client_id, kind.",
    )

    @model_validator(mode="after")
    def _external_is_whole(self) -> Self:
        named = (self.external_issuer, self.external_jwks_url, self.external_audience)
        if any(named) and not all(named):
            raise ValueError("an external provider has an issuer, a JWKS URL and an audience")
        return self
