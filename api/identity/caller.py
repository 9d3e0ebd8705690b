"""The caller of a request: who it is, what it may do, and whose books it reaches.

Belongs here: the caller as routes see it, and how a route asks for a scope. How a token is verified is
the application's, in `app.state.authenticate`; so is `app.state.look_for_tenants`, which is awaited
where a caller's sandbox is not known yet: another process may just have made it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from fastapi import Depends, Request, Security
from fastapi.openapi.models import OAuthFlowAuthorizationCode, OAuthFlowClientCredentials, OAuthFlows
from fastapi.security import OAuth2, SecurityScopes

from api.errors import Refusal

EVERY_PARTICIPANT: Final = "*"
"""Among the participants of staff."""

LIVE: Final = "live"
"""The tenant whose money is real."""

TOKEN_URL: Final = "/oauth2/token"  # noqa: S105  # an address, not a secret
AUTHORIZATION_URL: Final = "/oauth2/authorize"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls."""

    client_id: str
    subject: str
    """The person who acts through the client; the client itself where none does."""
    kind: Literal["partner", "person", "service"]
    tenant: str
    """`live`, or the name of a sandbox."""
    scopes: frozenset[str]
    participants: frozenset[str]
    """Whose books it reaches; `EVERY_PARTICIPANT` for staff."""

    def reaches(self, participant_id: str) -> bool:
        """Whether the books of a participant are open to it."""
        return participant_id in self.participants or EVERY_PARTICIPANT in self.participants


Authenticate: TypeAlias = Callable[[str], Awaitable[Caller]]
"""Caller of a bearer token; raises `Unauthenticated`."""


class Unauthenticated(Refusal):
    """No token, or one that is not valid any more."""

    status = 401
    code = "unauthenticated"

    def __init__(self, detail: str = "the request carries no bearer token") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class ScopeMissing(Refusal):
    """The token does not have the scope that the route asks for."""

    status = 403
    code = "scope_missing"

    def __init__(self, scope: str) -> None:
        challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
        super().__init__(f"the token lacks the scope {scope}", headers={"WWW-Authenticate": challenge})


class ParticipantNotAllowed(Refusal):
    """The token does not reach the books of a participant."""

    status = 403
    code = "participant_not_allowed"

    def __init__(self, participant_id: str) -> None:
        super().__init__(f"the token does not reach the books of {participant_id!r}")


_BEARER: Final = OAuth2(
    flows=OAuthFlows(
        clientCredentials=OAuthFlowClientCredentials(tokenUrl=TOKEN_URL),
        authorizationCode=OAuthFlowAuthorizationCode(
            authorizationUrl=AUTHORIZATION_URL, tokenUrl=TOKEN_URL
        ),
    ),
    scheme_name="OAuth2",
    description="A bearer token of `POST /oauth2/token`.",
    auto_error=False,
)


async def _caller(
    request: Request, asked: SecurityScopes, authorization: Annotated[str | None, Depends(_BEARER)]
) -> Caller:
    kind, _, token = (authorization or "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise Unauthenticated
    authenticate: Authenticate = request.app.state.authenticate
    caller = await authenticate(token.strip())
    for scope in asked.scopes:
        if scope not in caller.scopes:
            raise ScopeMissing(scope)
    if caller.tenant not in request.app.state.books:
        await request.app.state.look_for_tenants()
    request.state.caller = caller
    return caller


def require(scope: str) -> Any:
    """For `Annotated[Caller, require(scope)]`: the caller, who has the scope.

    Raises `Unauthenticated` and `ScopeMissing`.
    """
    return Security(_caller, scopes=[scope])
