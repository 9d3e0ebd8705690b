"""What the endpoints of the audit log answer."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class AuditEvent(BaseModel):
    """A privileged act."""

    number: int = Field(description="1, 2, 3 ... without gaps.")
    at: datetime
    actor: str = Field(description="The person, or the client that acts by itself.")
    client: str = Field(description="Through which client a person acted.")
    act: str = Field(examples=["client.disabled"])
    subject: str = Field(description="What it was done to.")
    details: dict[str, Any]
    request_id: str
    previous_hash: str = Field(description="Hexadecimal.")
    hash: str = Field(
        description="SHA-256 of the previous hash and of the fields before it, each as a netstring."
    )


class AuditEvents(BaseModel):
    """A page of acts, the oldest first."""

    data: list[AuditEvent]
    next_cursor: str | None = Field(description="For the next page; null after the last.")


class AuditProof(BaseModel):
    """The whole chain holds."""

    events: int
    hash: str = Field(description="Of the last event: keep it, and later it proves all before it.")
