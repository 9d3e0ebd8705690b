"""Errors of the OAuth2 endpoints, in that protocol's own form (RFC 6749, section 5.2)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID

from fastapi import Request
from fastapi.responses import JSONResponse

NOT_KEPT: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""On every answer that carries a token, or says why there is none."""


class OAuthErrorCode(StrEnum):
    """Why there is no token."""

    INVALID_REQUEST = "invalid_request"
    """A parameter is missing, malformed, or there twice."""
    INVALID_CLIENT = "invalid_client"
    """The client is unknown or disabled, or did not prove who it is. Which, it does not say."""
    INVALID_GRANT = "invalid_grant"
    """The code or refresh token is unknown, used, ended, or another client's."""
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    """The client may not use this grant."""
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    """There is no such grant here."""
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    """Only codes are answered."""
    INVALID_SCOPE = "invalid_scope"
    """A scope is unknown, or beyond what the client or the person may have."""
    ACCESS_DENIED = "access_denied"
    """The person may not use this client."""
    LOGIN_REQUIRED = "login_required"
    """Nobody is logged in, and the client does not want a login page."""


class OAuthError(Exception):
    """Answered as `{"error": ..., "error_description": ...}`."""

    def __init__(self, code: OAuthErrorCode, description: str, *, basic: bool = False) -> None:
        self.code = code
        self.basic = basic
        """Whether the client tried HTTP Basic, and is told to again."""
        super().__init__(description)

    @property
    def status(self) -> int:
        """401 for a client that did not prove who it is."""
        return 401 if self.code is OAuthErrorCode.INVALID_CLIENT else 400

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the answer."""
        challenge = {"WWW-Authenticate": 'Basic realm="wgi", charset="UTF-8"'} if self.basic else {}
        return {**NOT_KEPT, **challenge}


class SessionEnded(OAuthError):
    """A code or refresh token was used for the second time, and all that came of it has ended.

    Raised after the end was written: who catches it commits.
    """

    def __init__(self, description: str, session_id: UUID) -> None:
        self.session_id = session_id
        super().__init__(OAuthErrorCode.INVALID_GRANT, description)


async def answer_oauth_error(request: Request, error: Exception) -> JSONResponse:
    """For `app.add_exception_handler(OAuthError, answer_oauth_error)`."""
    if not isinstance(error, OAuthError):
        raise error
    content = {"error": error.code.value, "error_description": str(error)}
    return JSONResponse(content, error.status, dict(error.headers))
