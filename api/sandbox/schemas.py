"""What the endpoints of the sandbox take and answer."""

from datetime import datetime

from pydantic import BaseModel, Field

from api.transfers.schemas import Given, WholeNumber


class AdvanceClock(Given):
    """How far the clock is to be set forward."""

    seconds: WholeNumber = Field(gt=0, le=366 * 86_400, examples=[172_800])


class Nothing(Given):
    """A body without content."""


class Magic(BaseModel):
    """What produces an outcome."""

    outcome: str = Field(examples=["late_return"])
    amount: str = Field(description="In any currency.", examples=["4004"])
    account: str = Field(
        description="With `:` and a currency: an account that does the same.",
        examples=["magic:late-return"],
    )
    means: str


class Sandbox(BaseModel):
    """A tenant with play money."""

    tenant: str
    now: datetime = Field(description="By its own clock.")
    clock_ahead_seconds: int = Field(description="How far that is before the true time.")
    participants: list[str] = Field(description="Whose books it has.")
    outcomes: list[Magic]
    emptied_at: datetime | None


class Advanced(BaseModel):
    """What setting the clock forward did."""

    now: datetime
    holds_released: int = Field(description="Holds that have expired.")
    returned: int = Field(description="Transfers that came back.")
