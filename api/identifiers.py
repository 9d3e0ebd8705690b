"""Identifiers that the gateway makes: UUIDv7 (RFC 9562), so that they sort by time."""

from typing import Annotated

import uuid_utils
from pydantic import Field

ResourceId = Annotated[
    str, Field(description="UUIDv7.", examples=["019ab0c1-7d6e-7c11-9a52-3c0f2f1b8d10"])
]


def uuid7() -> str:
    """A new UUIDv7."""
    return str(uuid_utils.uuid7())
