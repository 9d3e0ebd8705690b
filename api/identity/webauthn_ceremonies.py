"""Ceremonies of WebAuthn: adding a passkey, and proving with one who one is.

The library judges what authenticators say; here is what is asked of them, and what is kept. A passkey
is a second factor beside the password, so it need not verify its user again, nor be discoverable.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
import webauthn
from webauthn.helpers import base64url_to_bytes, options_to_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from api.identity.sessions import LoginSession, keep_challenge, used_challenge
from ledger_service.parties.attempts import attempt
from ledger_service.parties.second_factors import ISSUER, Passkey, add_passkey, passkeys, use_passkey

LONGEST_NAME: Final = 100
_SELECTION: Final = AuthenticatorSelectionCriteria(
    resident_key=ResidentKeyRequirement.DISCOURAGED,
    user_verification=UserVerificationRequirement.PREFERRED,
)
_UNREADABLE: Final = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError)
"""What the library raises of an answer that cannot be one."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """For whom passkeys are made."""

    domain: str
    origin: str
    """Of its pages, as browsers name it."""


def relying_party(issuer: str) -> RelyingParty | None:
    """The gateway; None where it is reached by a number alone."""
    parts = urlsplit(issuer)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return RelyingParty(host, f"{parts.scheme}://{parts.netloc}")
    return None


def registration_options(
    connection: psycopg.Connection, session: LoginSession, *, party: RelyingParty, email: str, name: str
) -> Mapping[str, Any]:
    """What a browser needs to make a passkey."""
    options = webauthn.generate_registration_options(
        rp_id=party.domain,
        rp_name=ISSUER,
        user_id=session.person.subject.encode(),
        user_name=email,
        user_display_name=name,
        authenticator_selection=_SELECTION,
        exclude_credentials=_descriptors(connection, session),
    )
    keep_challenge(connection, session, options.challenge)
    return _as_mapping(options)


def registered(
    connection: psycopg.Connection,
    session: LoginSession,
    credential: Mapping[str, Any],
    *,
    party: RelyingParty,
    name: str,
    at: datetime,
) -> bool:
    """Keep the passkey that a browser made; False where it is not what was asked for."""
    challenge = used_challenge(connection, session)
    if challenge is None:
        return False
    try:
        verified = webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=party.domain,
            expected_origin=party.origin,
        )
    except _UNREADABLE:
        return False
    new = Passkey(
        credential_id=verified.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        transports=_transports(credential),
        name=name.strip()[:LONGEST_NAME] or "Passkey",
        created_at=at,
    )
    return add_passkey(connection, session.person, new)


def authentication_options(
    connection: psycopg.Connection, session: LoginSession, *, party: RelyingParty
) -> Mapping[str, Any]:
    """What a browser needs to prove with a passkey who its person is."""
    options = webauthn.generate_authentication_options(
        rp_id=party.domain, allow_credentials=_descriptors(connection, session)
    )
    keep_challenge(connection, session, options.challenge)
    return _as_mapping(options)


def authenticated(
    connection: psycopg.Connection,
    session: LoginSession,
    credential: Mapping[str, Any],
    *,
    party: RelyingParty,
    at: datetime,
) -> bool:
    """Whether a browser has proven it, with a passkey of the person's; counted where it failed."""
    challenge = used_challenge(connection, session)
    if challenge is None:
        return False

    def proven() -> bool:
        try:
            used_id = base64url_to_bytes(credential["id"])
            mine = {bytes(each.credential_id): each for each in _passkeys(connection, session)}
            passkey = mine[used_id]
            verified = webauthn.verify_authentication_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=party.domain,
                expected_origin=party.origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
            )
        except _UNREADABLE:
            return False
        subject, count = session.person.subject, verified.new_sign_count
        return use_passkey(connection, subject, passkey, sign_count=count, at=at)

    return attempt(connection, session.person.subject, proven, at=at)


def _passkeys(connection: psycopg.Connection, session: LoginSession) -> list[Passkey]:
    return passkeys(connection, session.person.subject)


def _descriptors(
    connection: psycopg.Connection, session: LoginSession
) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=bytes(each.credential_id),
            transports=[AuthenticatorTransport(transport) for transport in each.transports],
        )
        for each in _passkeys(connection, session)
    ]


def _transports(credential: Mapping[str, Any]) -> list[str]:
    said = credential.get("response", {}).get("transports", [])
    known = {transport.value for transport in AuthenticatorTransport}
    return sorted(known.intersection(each for each in said if isinstance(each, str)))


def _as_mapping(options: Any) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads(options_to_json(options))
    return found
