"""Secrets of endpoints at rest: encrypted, each for its own place."""

from dataclasses import dataclass

from api.identifiers import uuid7
from api.identity.signing_keys import Sealer
from api.webhooks.signatures import new_secret


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A new secret as it is stored."""

    secret_id: str
    sealed: bytes


def sealed_secret(keyring: Sealer, endpoint_id: str) -> SealedSecret:
    """A new secret for an endpoint."""
    secret_id = uuid7()
    context = _context(endpoint_id, secret_id)
    return SealedSecret(secret_id, keyring.encrypt(new_secret().encode(), context=context))


def opened(keyring: Sealer, endpoint_id: str, secret_id: str, sealed: bytes) -> str:
    """A secret as its owner has it, `whsec_...`."""
    return keyring.decrypt(bytes(sealed), context=_context(endpoint_id, secret_id)).decode()


def _context(endpoint_id: str, secret_id: str) -> str:
    return f"gateway.webhook_secret {endpoint_id} {secret_id}"
