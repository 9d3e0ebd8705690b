"""Grants: from what a client brings to the tokens that it gets.

Belongs here: the three grants of `POST /oauth2/token`, and who a token of a person is for. All of it
runs on one connection, whose transaction the caller commits whether or not it ends with an `OAuthError`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeAlias

import psycopg

from api.identity.authorization_codes import allowed_scopes, redeem_code
from api.identity.oauth_errors import OAuthError, OAuthErrorCode
from api.identity.refresh_tokens import Session, next_token, start_session, use_token
from api.identity.settings import IdentitySettings
from api.identity.tokens import Granted, TokenIssuer
from ledger_service.parties.access import access
from ledger_service.parties.clients import EVERY_PARTICIPANT, Client, Grant


class PersonAccess(Protocol):
    """What tokens need to know of a person who may log in now."""

    @property
    def subject(self) -> str:
        """Their id, for good."""

    @property
    def scopes(self) -> frozenset[str]:
        """Those of their roles."""

    @property
    def participants(self) -> frozenset[str]:
        """Whose books they reach; `*` for staff."""


PersonBySubject: TypeAlias = Callable[[psycopg.Connection, str], PersonAccess | None]
"""A person; None for one who may not log in any more."""


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """What the token endpoint answers."""

    access_token: str
    expires_in_s: int
    scopes: frozenset[str]
    refresh_token: str | None = None


@dataclass(frozen=True, slots=True)
class TokenDesk:
    """Gives tokens to clients that have proven who they are."""

    settings: IdentitySettings
    issuer: TokenIssuer
    person_by_subject: PersonBySubject

    def tokens(
        self,
        connection: psycopg.Connection,
        client: Client,
        form: Mapping[str, str],
        *,
        at: datetime,
    ) -> IssuedTokens:
        """Tokens for what the form brings; raises `OAuthError`."""
        asked = form.get("grant_type", "")
        if not asked:
            raise OAuthError(OAuthErrorCode.INVALID_REQUEST, "grant_type is missing")
        if asked not in {grant.value for grant in Grant}:
            message = "grant_type is client_credentials, authorization_code or refresh_token"
            raise OAuthError(OAuthErrorCode.UNSUPPORTED_GRANT_TYPE, message)
        if asked not in client.grants:
            message = "this client may not use this grant"
            raise OAuthError(OAuthErrorCode.UNAUTHORIZED_CLIENT, message)
        needed = {Grant.AUTHORIZATION_CODE: "code", Grant.REFRESH_TOKEN: "refresh_token"}
        missing = needed.get(Grant(asked))
        if missing and not form.get(missing):
            raise OAuthError(OAuthErrorCode.INVALID_REQUEST, f"{missing} is missing")
        return _GRANTS[Grant(asked)](self, connection, client, form, at)

    def _client_credentials(
        self,
        connection: psycopg.Connection,
        client: Client,
        form: Mapping[str, str],
        at: datetime,
    ) -> IssuedTokens:
        del connection  # nothing is kept
        granted = Granted(
            client_id=client.client_id,
            subject=client.client_id,
            kind="service" if client.kind == "service" else "partner",
            tenant=client.tenant,
            scopes=allowed_scopes(form.get("scope"), client.own_scopes),
            participants=frozenset(client.participants),
        )
        return self._issued(granted, at=at)

    def _authorization_code(
        self,
        connection: psycopg.Connection,
        client: Client,
        form: Mapping[str, str],
        at: datetime,
    ) -> IssuedTokens:
        code = redeem_code(connection, client, form, at=at, token_life=self.token_life)
        session = Session(
            session_id=code.session_id,
            client_id=client.client_id,
            subject=code.subject,
            scopes=code.scopes,
            expires_at=at + timedelta(hours=self.settings.session_hours),
        )
        granted = self._for_person(connection, client, session, asked=None)
        refresh_token = start_session(connection, session, at=at, life=self.refresh_life)
        return self._issued(granted, at=at, refresh_token=refresh_token)

    def _refresh_token(
        self,
        connection: psycopg.Connection,
        client: Client,
        form: Mapping[str, str],
        at: datetime,
    ) -> IssuedTokens:
        session = use_token(
            connection,
            form["refresh_token"],
            client_id=client.client_id,
            at=at,
            token_life=self.token_life,
        )
        granted = self._for_person(connection, client, session, asked=form.get("scope"))
        refresh_token = next_token(connection, session, at=at, life=self.refresh_life)
        return self._issued(granted, at=at, refresh_token=refresh_token)

    def _for_person(
        self, connection: psycopg.Connection, client: Client, session: Session, *, asked: str | None
    ) -> Granted:
        """For a person as they are now: what a role lost since the login is lost here."""
        person = self.person_by_subject(connection, session.subject)
        if person is None:
            message = "the person may not log in any more"
            raise OAuthError(OAuthErrorCode.INVALID_GRANT, message)
        most = session.scopes & client.bound & person.scopes & access().scopes.keys()
        return Granted(
            client_id=client.client_id,
            subject=person.subject,
            kind="person",
            tenant=client.tenant,
            scopes=allowed_scopes(asked, most),
            participants=common_participants(client.participants, person.participants),
            session_id=session.session_id,
        )

    def _issued(
        self, granted: Granted, *, at: datetime, refresh_token: str | None = None
    ) -> IssuedTokens:
        token, _ = self.issuer.issue(granted, at=at)
        return IssuedTokens(token, self.settings.access_token_s, granted.scopes, refresh_token)

    @property
    def token_life(self) -> timedelta:
        """After this, an access token that is issued now counts nowhere."""
        return timedelta(seconds=self.settings.access_token_s + 2 * self.settings.leeway_s)

    @property
    def refresh_life(self) -> timedelta:
        """How long a refresh token counts."""
        return timedelta(hours=self.settings.refresh_token_hours)


def common_participants(of_client: Sequence[str], of_person: Collection[str]) -> frozenset[str]:
    """Whose books both reach."""
    if EVERY_PARTICIPANT in of_client:
        return frozenset(of_person)
    if EVERY_PARTICIPANT in of_person:
        return frozenset(of_client)
    return frozenset(of_client) & frozenset(of_person)


_GRANTS: Final = {
    Grant.CLIENT_CREDENTIALS: TokenDesk._client_credentials,
    Grant.AUTHORIZATION_CODE: TokenDesk._authorization_code,
    Grant.REFRESH_TOKEN: TokenDesk._refresh_token,
}
