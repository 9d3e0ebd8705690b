"""Signatures of deliveries: Standard Webhooks, symmetric (`v1`, HMAC-SHA256).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hashlib
import hmac
import secrets as randomness
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
"""The specification asks for 24 to 64."""


def new_secret() -> str:
    """A new secret as its owner gets it, once."""
    return PREFIX + b64encode(randomness.token_bytes(SECRET_BYTES)).decode()


def signature(secret: str, *, message_id: str, timestamp_s: int, body: bytes) -> str:
    """The signature of one attempt by one secret, such as `v1,K5oZfz...`."""
    key = b64decode(secret.removeprefix(PREFIX), validate=True)
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return "v1," + b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def signed_headers(
    secrets: Sequence[str], *, message_id: str, at: datetime, body: bytes
) -> dict[str, str]:
    """The headers of an attempt; a signature for each secret, so that a rotation breaks nobody."""
    timestamp_s = int(at.timestamp())
    signatures = (
        signature(secret, message_id=message_id, timestamp_s=timestamp_s, body=body)
        for secret in secrets
    )
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signatures),
    }
