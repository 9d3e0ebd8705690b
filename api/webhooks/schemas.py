"""What the endpoints of webhooks take and answer."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from api.identifiers import ResourceId
from api.times import Instant
from api.transfers.schemas import Given, ParticipantId
from api.webhooks.events import EventType, Ordering
from api.webhooks.subscriptions import Endpoint
from api.webhooks.targets import LONGEST_URL

Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_URL,
        description="`https://`, a host of the public internet, port 443 or 8443.",
        examples=["https://fintech.example/webhooks"],
    ),
]
Description = Annotated[
    str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$", examples=["Ledger of the shop"])
]
EventTypes = Annotated[
    list[EventType],
    Field(min_length=1, max_length=len(EventType), examples=[["transfer.posted", "hold.captured"]]),
]
Participants = Annotated[
    list[ParticipantId],
    Field(min_length=1, max_length=200, description="Whose books it is told about."),
]
EventId = Annotated[
    str, Field(pattern="^evt_[0-9a-f]{32}$", examples=["evt_5b1f6c0a9d3e4f2781b60c9f2a7d4e18"])
]


class NewWebhookEndpoint(Given):
    """Where you want to be told what happens."""

    url: Url
    event_types: EventTypes
    description: Description = ""
    participants: Participants | None = Field(
        default=None, description="All that the token reaches where it is absent; staff names them."
    )
    ordering: Ordering = Field(
        default=Ordering.ACCOUNT,
        description="Deliveries are in order within the account that pays, or within a whole book. "
        "One that fails holds up those behind it, and no others. Does not change.",
    )


class WebhookEndpointChange(Given):
    """What is to be changed; what is absent stays."""

    url: Url | None = None
    event_types: EventTypes | None = None
    description: Description | None = None
    participants: Participants | None = None


class SecretRotation(Given):
    """How the secret before goes out of use."""

    overlap_hours: float | None = Field(
        default=None,
        ge=0,
        le=168,
        description="How long it goes on signing, beside the new one; 0 when it has leaked.",
        examples=[24],
    )


class Enabling(Given):
    """From where an endpoint goes on."""

    resume: Literal["backlog", "now"] = Field(
        default="backlog", description="With what it has missed, or with what happens from now on."
    )


class Replay(Given):
    """What is to be delivered again: exactly one of the two."""

    since: Instant | None = Field(
        default=None,
        description="All events of the endpoint since then, whether it was there already or not.",
        examples=["2026-03-02T00:00:00Z"],
    )
    event_id: EventId | None = Field(default=None, description="One event of its log.")

    @model_validator(mode="after")
    def _one(self) -> "Replay":
        if (self.since is None) == (self.event_id is None):
            raise ValueError("give either since or event_id")
        return self


class WebhookEndpoint(BaseModel):
    """Where you are told what happens."""

    id: ResourceId
    url: str
    description: str
    event_types: list[EventType]
    participants: list[str]
    ordering: Ordering
    status: Literal["enabled", "disabled"]
    disabled_at: datetime | None
    disabled_reason: str | None = Field(description="Why nothing is sent.")
    failing_since: datetime | None = Field(description="The first failure after the last success.")
    created_at: datetime

    @classmethod
    def of(cls, found: Endpoint) -> "WebhookEndpoint":
        """As clients see it."""
        return cls(
            id=found.endpoint_id,
            url=found.url,
            description=found.description,
            event_types=[EventType(each) for each in found.event_types],
            participants=found.participants,
            ordering=found.ordering,
            status="enabled" if found.disabled_at is None else "disabled",
            disabled_at=found.disabled_at,
            disabled_reason=found.disabled_reason,
            failing_since=found.failing_since,
            created_at=found.created_at,
        )


class WebhookSecret(BaseModel):
    """A new secret; it is shown in this answer and, under the same key, in no other."""

    secret_id: ResourceId
    secret: str | None = Field(
        description="Verifies deliveries, with any library of Standard Webhooks. Null where the answer "
        "is given again after the secret was forgotten.",
        examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"],
    )


class CreatedWebhookEndpoint(WebhookEndpoint, WebhookSecret):
    """The endpoint and the secret that signs its deliveries."""


class Queued(BaseModel):
    """What is going to be delivered."""

    endpoint_id: ResourceId
    event_id: EventId | None = Field(description="Of one event, its `webhook-id`.")
    since: datetime | None = None


class WebhookAttempt(BaseModel):
    """A request, and what came of it."""

    number: int
    at: datetime
    latency_ms: int
    status_code: int | None
    error: str | None = Field(description="Why there was no answer.")
    response_excerpt: str


class WebhookDelivery(BaseModel):
    """An event for an endpoint."""

    id: ResourceId
    event_id: str = Field(description="The `webhook-id`, the same in every attempt and replay.")
    event_type: str
    status: Literal["pending", "succeeded", "failed", "cancelled"]
    created_at: datetime
    next_attempt_at: datetime | None = Field(
        description="When it is tried; later where it waits for one before it."
    )
    finished_at: datetime | None
    attempt_count: int
    attempts: list[WebhookAttempt] = Field(description="The last 20.")


class WebhookEndpointPage(BaseModel):
    """Endpoints, in the order of their registration."""

    data: list[WebhookEndpoint]
    next_cursor: str | None = Field(description="For the next page; null after the last.")


class WebhookDeliveryPage(BaseModel):
    """Deliveries, newest first."""

    data: list[WebhookDelivery]
    next_cursor: str | None = Field(description="For the next page; null after the last.")
