"""OAuth2: tokens, their end, and what others need to know of this server.

Errors here have the form of RFC 6749, which client libraries read, and not that of the other routes.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, quote

import psycopg
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from api.identity.authorization_codes import (
    AuthorizationRequest,
    authorization_request,
    issue_code,
)
from api.identity.clients import Credentials, authenticated, credentials_of
from api.identity.grants import IssuedTokens, PersonAccess, common_participants
from api.identity.oauth_errors import NOT_KEPT, OAuthError, OAuthErrorCode
from api.identity.refresh_tokens import end_session, session_of
from api.identity.revocation import revoke
from api.identity.schemas import (
    ONE_TOKEN_FORM,
    TOKEN_FORM,
    Introspection,
    Jwks,
    ServerMetadata,
    TokenAnswer,
    oauth_responses,
)
from api.identity.service import Identity
from api.identity.tokens import InvalidToken, Verified
from api.requests.failures import failures_of
from ledger_service.parties.clients import Client, ClientKind, UnknownClient, client

LOGIN_PAGE: Final = "/login"
LONGEST_FORM: Final = 16 * 1024
MOST_FIELDS: Final = 40

PersonOf: TypeAlias = Callable[[Request], Awaitable[PersonAccess | None]]
"""Who is logged in at this browser: `app.state.person_of`."""

router: Final = APIRouter(tags=["OAuth2"])


@router.post(
    "/oauth2/token",
    operation_id="create_token",
    summary="Get a token",
    response_model=TokenAnswer,
    responses=oauth_responses(400, 401),
    openapi_extra=TOKEN_FORM,
)
async def token(request: Request) -> JSONResponse:
    """Get an access token: for the client itself, for a code, or for a refresh token (RFC 6749)."""
    identity, form = identity_of(request), await form_of(request)

    def work(connection: psycopg.Connection, found: Client) -> IssuedTokens:
        return identity.desk.tokens(connection, found, form, at=identity.now())

    issued = await _for_client(request, form, work)
    answer = TokenAnswer(
        access_token=issued.access_token,
        expires_in=issued.expires_in_s,
        scope=" ".join(sorted(issued.scopes)),
        refresh_token=issued.refresh_token,
    )
    return JSONResponse(answer.model_dump(exclude_none=True), headers=NOT_KEPT)


@router.post(
    "/oauth2/revoke",
    operation_id="revoke_token",
    summary="End a token",
    response_class=Response,
    responses=oauth_responses(400, 401, success=(200, "It does not count any more, if it ever did.")),
    openapi_extra=ONE_TOKEN_FORM,
)
async def revoke_token(request: Request) -> Response:
    """End a token of the client's (RFC 7009): a refresh token ends with all that came of its login."""
    identity, form = identity_of(request), await form_of(request)
    value = _token_in(form)
    verified = _verified(identity, value)

    def work(connection: psycopg.Connection, found: Client) -> str | None:
        at, life = identity.now(), identity.desk.token_life
        if verified is not None and verified.caller.client_id == found.client_id:
            jti = verified.ids[0]
            revoke(connection, jti, at=at, token_life=life, reason="revoked by its client")
            return jti
        session = session_of(connection, value, client_id=found.client_id)
        if session is None:
            return None
        end_session(connection, session, at=at, token_life=life, reason="revoked by its client")
        return str(session)

    revoked_id = await _for_client(request, form, work)
    if revoked_id is not None:
        identity.note_revoked(revoked_id)
    return Response(headers=NOT_KEPT)


@router.post(
    "/oauth2/introspect",
    operation_id="introspect_token",
    summary="Ask about an access token",
    response_model=Introspection,
    responses=oauth_responses(400, 401),
    openapi_extra=ONE_TOKEN_FORM,
)
async def introspect(request: Request) -> JSONResponse:
    """Ask what an access token says, and whether it counts (RFC 7662).

    A partner asks about its own tokens, a service of ours about all; public clients about none.
    """
    identity, form = identity_of(request), await form_of(request)
    verified = _verified(identity, _token_in(form))

    def work(connection: psycopg.Connection, found: Client) -> Client:
        del connection
        if found.is_public:
            message = "a public client cannot ask about tokens"
            raise OAuthError(OAuthErrorCode.UNAUTHORIZED_CLIENT, message)
        return found

    found = await _for_client(request, form, work)
    answer = _introspection(identity, found, verified)
    return JSONResponse(answer.model_dump(exclude_none=True), headers=NOT_KEPT)


@router.get(
    "/oauth2/authorize",
    operation_id="authorize",
    summary="Send a person to log in",
    response_class=RedirectResponse,
    status_code=303,
    responses=oauth_responses(
        400, success=(303, "To the login page, or back to the client with `code` or `error`.")
    ),
    openapi_extra={
        "security": [],
        "parameters": [
            {"name": name, "in": "query", "required": required, "schema": {"type": "string"}}
            for name, required in (
                ("response_type", True),
                ("client_id", True),
                ("redirect_uri", True),
                ("code_challenge", True),
                ("code_challenge_method", True),
                ("scope", False),
                ("state", False),
                ("prompt", False),
            )
        ],
    },
)
async def authorize(request: Request) -> Response:
    """Begin a login (authorization code with PKCE): a browser is sent here by the client.

    Where nobody is logged in, the browser goes to the login page and comes back. Clients are registered
    by us, so people are not asked again whether they trust them.
    """
    identity, parameters = identity_of(request), _once_each(request.query_params.multi_items())
    name = parameters.get("client_id", "")
    found = await identity.run(lambda connection: _client_or_none(connection, name))
    asked = authorization_request(found, parameters)
    try:
        person = await _person(request, asked.checked())
        if person is None:
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return _see_other(f"{LOGIN_PAGE}?next={quote(here, safe='')}")
        code = await _code(identity, asked, person)
    except OAuthError as error:
        told = {"error": error.code.value, "error_description": str(error)}
        return _see_other(asked.answer(identity.settings.issuer, **told))
    return _see_other(asked.answer(identity.settings.issuer, code=code))


@router.get(
    "/.well-known/jwks.json",
    operation_id="get_keys",
    summary="Public keys of the tokens",
    response_model=Jwks,
    responses=oauth_responses(),
    openapi_extra={"security": []},
)
async def jwks(request: Request) -> JSONResponse:
    """Public keys: those whose tokens count, and the next one. Read it again at least every hour."""
    published = identity_of(request).schedule().published()
    return JSONResponse(published, headers={"Cache-Control": "public, max-age=300"})


@router.get(
    "/.well-known/oauth-authorization-server",
    operation_id="get_server_metadata",
    summary="What this server can do",
    response_model=ServerMetadata,
    responses=oauth_responses(),
    openapi_extra={"security": []},
)
async def server_metadata(request: Request) -> JSONResponse:
    """Addresses and abilities, for client libraries to set themselves up (RFC 8414)."""
    metadata = ServerMetadata.of(identity_of(request).settings)
    return JSONResponse(metadata.model_dump(), headers={"Cache-Control": "public, max-age=300"})


def identity_of(request: Request) -> Identity:
    """The identity of this process."""
    identity: Identity = request.app.state.identity
    return identity


async def form_of(request: Request) -> Mapping[str, str]:
    """The fields of a form, each once; empty ones count as left out. Raises `OAuthError`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        message = "the body must be application/x-www-form-urlencoded"
        raise OAuthError(OAuthErrorCode.INVALID_REQUEST, message)
    body = await request.body()
    if len(body) > LONGEST_FORM:
        raise OAuthError(OAuthErrorCode.INVALID_REQUEST, "the form is too long")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise OAuthError(OAuthErrorCode.INVALID_REQUEST, "the form cannot be read") from error
    return _once_each(pairs)


def _once_each(pairs: list[tuple[str, str]]) -> Mapping[str, str]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise OAuthError(OAuthErrorCode.INVALID_REQUEST, "a parameter is there twice")
    return {name: value for name, value in fields.items() if value}


async def _for_client(
    request: Request,
    form: Mapping[str, str],
    work: Callable[[psycopg.Connection, Client], Any],
) -> Any:
    """Do `work` for the client that the request proves, in one transaction."""
    identity = identity_of(request)
    credentials = credentials_of(request.headers.get("authorization"), form)
    await failures_of(request).check(request)
    try:
        return await identity.run(
            lambda connection: work(connection, _proven(identity, connection, credentials))
        )
    except OAuthError as error:
        if error.code is OAuthErrorCode.INVALID_CLIENT:
            await failures_of(request).failed(request)
        raise


def _proven(identity: Identity, connection: psycopg.Connection, credentials: Credentials) -> Client:
    issuer = identity.settings.issuer
    audiences = (issuer, f"{issuer}/oauth2/token")
    return authenticated(connection, credentials, at=identity.now(), audiences=audiences)


def _token_in(form: Mapping[str, str]) -> str:
    if "token" not in form:
        raise OAuthError(OAuthErrorCode.INVALID_REQUEST, "token is missing")
    return form["token"]


def _verified(identity: Identity, value: str) -> Verified | None:
    try:
        return identity.own_tokens.verified(value)
    except InvalidToken:
        return None


def _introspection(identity: Identity, found: Client, verified: Verified | None) -> Introspection:
    if verified is None:
        return Introspection(active=False)
    caller = verified.caller
    hidden = found.kind != ClientKind.SERVICE and caller.client_id != found.client_id
    revoked = identity.revocations().cover(
        verified.ids, client_id=caller.client_id, issued_at_s=verified.issued_at_s
    )
    if hidden or revoked:
        return Introspection(active=False)
    return Introspection(
        active=True,
        scope=" ".join(sorted(caller.scopes)),
        client_id=caller.client_id,
        sub=caller.subject,
        token_type="Bearer",  # noqa: S106  # the kind of token, not one
        exp=int(verified.expires_at_s),
        iat=int(verified.issued_at_s),
        iss=identity.settings.issuer,
        tenant=caller.tenant,
        participants=sorted(caller.participants),
    )


def _client_or_none(connection: psycopg.Connection, client_id: str) -> Client | None:
    try:
        return client(connection, client_id)
    except (UnknownClient, psycopg.DataError, UnicodeError):  # as NUL, and half of a character
        return None


async def _person(request: Request, asked: AuthorizationRequest) -> PersonAccess | None:
    """Who is logged in; raises `OAuthError` where nobody is and nobody may be asked."""
    person_of: PersonOf = request.app.state.person_of
    person = await person_of(request)
    if person is None and asked.parameters.get("prompt") == "none":
        raise OAuthError(OAuthErrorCode.LOGIN_REQUIRED, "nobody is logged in")
    return person


async def _code(identity: Identity, asked: AuthorizationRequest, person: PersonAccess) -> str:
    scopes = asked.scopes(person.scopes)
    if not common_participants(asked.client.participants, person.participants):
        message = "the person reaches no books that this client reaches"
        raise OAuthError(OAuthErrorCode.ACCESS_DENIED, message)
    return await identity.run(
        lambda connection: issue_code(
            connection,
            asked,
            subject=person.subject,
            scopes=scopes,
            at=identity.now(),
            life=identity.code_life,
        )
    )


def _see_other(url: str) -> RedirectResponse:
    headers = {**NOT_KEPT, "Referrer-Policy": "no-referrer"}
    return RedirectResponse(url, status_code=303, headers=headers)
