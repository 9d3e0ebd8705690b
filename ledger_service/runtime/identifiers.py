"""Ids that are derived from what they name, so that a step that is run again names the same things."""

import hashlib
from datetime import datetime
from typing import Final
from uuid import UUID

_VERSION_7: Final = 0x7 << 76
_VARIANT: Final = 0b10 << 62
_LOW_62: Final = (1 << 62) - 1


def derived_id(at: datetime, *parts: object) -> str:
    """UUIDv7 of a time that is kept, and 74 bits of SHA-256 of the parts."""
    digest = int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:16], "big")
    milliseconds = int(at.timestamp() * 1_000)
    value = (milliseconds << 80) | _VERSION_7 | ((digest >> 64 & 0xFFF) << 64)
    return str(UUID(int=value | _VARIANT | (digest & _LOW_62)))
