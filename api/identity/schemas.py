"""What the identity endpoints take and answer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.identity.clients import ASSERTION_ALGORITHMS, ASSERTION_TYPE, Method
from api.identity.oauth_errors import OAuthErrorCode
from api.identity.settings import IdentitySettings
from api.problem_catalog import responses
from ledger_service.parties.access import access
from ledger_service.parties.clients import Client, Grant


class TokenAnswer(BaseModel):
    """A token (RFC 6749, section 5.1)."""

    access_token: str = Field(
        description="For `Authorization: Bearer`.", examples=["eyJhbGciOiJFZDI1NTE5..."]
    )
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # the kind of token, not one
    expires_in: int = Field(description="Seconds.", examples=[600])
    scope: str = Field(description="What it allows.", examples=["accounts:read transfers:write"])
    refresh_token: str | None = Field(
        default=None, description="For the next one; only where a person logged in. Counts once."
    )


class OAuthProblem(BaseModel):
    """Why there is no token (RFC 6749, section 5.2)."""

    error: OAuthErrorCode = Field(examples=["invalid_client"])
    error_description: str = Field(description="For people.")


class Introspection(BaseModel):
    """What an access token says (RFC 7662)."""

    active: bool
    scope: str | None = None
    client_id: str | None = None
    sub: str | None = None
    token_type: str | None = None
    exp: int | None = None
    iat: int | None = None
    iss: str | None = None
    tenant: str | None = None
    participants: list[str] | None = None


class Jwks(BaseModel):
    """Public keys (RFC 7517)."""

    keys: list[dict[str, Any]]


class ServerMetadata(BaseModel):
    """What this server can do (RFC 8414)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str
    introspection_endpoint: str
    jwks_uri: str
    scopes_supported: list[str]
    response_types_supported: list[str] = ["code"]
    response_modes_supported: list[str] = ["query"]
    grant_types_supported: list[str] = [grant.value for grant in Grant]
    code_challenge_methods_supported: list[str] = ["S256"]
    token_endpoint_auth_methods_supported: list[str] = [method.value for method in Method]
    token_endpoint_auth_signing_alg_values_supported: list[str] = list(ASSERTION_ALGORITHMS)
    revocation_endpoint_auth_methods_supported: list[str] = [method.value for method in Method]
    introspection_endpoint_auth_methods_supported: list[str] = [
        method.value for method in Method if method is not Method.NONE
    ]
    authorization_response_iss_parameter_supported: bool = True

    @classmethod
    def of(cls, settings: IdentitySettings) -> "ServerMetadata":
        """Of the server at its issuer's address."""
        base = settings.issuer
        return cls(
            issuer=base,
            authorization_endpoint=f"{base}/oauth2/authorize",
            token_endpoint=f"{base}/oauth2/token",
            revocation_endpoint=f"{base}/oauth2/revoke",
            introspection_endpoint=f"{base}/oauth2/introspect",
            jwks_uri=f"{base}/.well-known/jwks.json",
            scopes_supported=list(access().scopes),
        )


class ClientAnswer(BaseModel):
    """A client, without any secret."""

    id: str = Field(examples=["client_5f0c2a9be1d34c77a1f0b2c3"])
    name: str = Field(examples=["Soko Pay"])
    kind: Literal["partner", "service"]
    role: str | None
    scopes: list[str] = Field(description="What its tokens may have.")
    participants: list[str]
    tenant: str = Field(description="`live`, or the name of a sandbox.")
    grants: list[str]
    redirect_uris: list[str]
    authentication: Literal["secret", "private_key_jwt", "none"]
    created_at: datetime
    created_by: str
    disabled_at: datetime | None

    @classmethod
    def of(cls, client: Client) -> "ClientAnswer":
        """As the registry has it."""
        secret = "secret" if client.secret_hash else "private_key_jwt"
        return cls.model_validate(
            {
                "id": client.client_id,
                "name": client.name,
                "kind": client.kind,
                "role": client.role,
                "scopes": sorted(client.bound),
                "participants": list(client.participants),
                "tenant": client.tenant,
                "grants": list(client.grants),
                "redirect_uris": list(client.redirect_uris),
                "authentication": "none" if client.is_public else secret,
                "created_at": client.created_at,
                "created_by": client.created_by,
                "disabled_at": client.disabled_at,
            }
        )


class ClientList(BaseModel):
    """All clients that the caller may see, in the order of their registration."""

    data: list[ClientAnswer]


class ClientRequest(BaseModel):
    """A client that is to be registered.

    It signs its requests for tokens with its own keys: no secret goes over the wire, or into the record
    of an idempotency key. Clients with a secret are made at the command line, `wgi clients new`.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Soko Pay",
                    "participants": ["KE-F01"],
                    "scopes": ["accounts:read", "transfers:write"],
                    "public_keys": [
                        {
                            "kty": "OKP",
                            "crv": "Ed25519",
                            "kid": "2025-06",
                            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                        }
                    ],
                }
            ]
        },
    )

    name: str = Field(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$")
    participants: list[str] = Field(min_length=1, max_length=100, description="Whose books it reaches.")
    scopes: list[str] = Field(default=[], max_length=100, description="Either these, or a role.")
    role: str | None = Field(default=None, max_length=100)
    tenant: str = Field(default="live", pattern="^[a-z][a-z0-9-]{0,39}$")
    redirect_uris: list[str] = Field(
        default=[], max_length=20, description="With them it acts for people who log in, too."
    )
    public_keys: list[dict[str, Any]] = Field(
        min_length=1, max_length=10, description="JWKs: public parts of OKP, EC or RSA keys, with `kid`."
    )


def _form(required: list[str], **properties: Mapping[str, object]) -> dict[str, Any]:
    authentication = {
        "client_id": {"type": "string", "description": "Where the header does not name it."},
        "client_secret": {"type": "string", "format": "password"},
        "client_assertion_type": {"type": "string", "enum": ["", ASSERTION_TYPE]},
        "client_assertion": {"type": "string", "description": "JWT (RFC 7523)."},
    }
    schema = {"type": "object", "required": required, "properties": {**properties, **authentication}}
    content = {"application/x-www-form-urlencoded": {"schema": schema}}
    return {
        "requestBody": {"required": True, "content": content},
        "security": [{"ClientSecret": []}, {}],
    }


_TEXT: Final = {"type": "string"}
TOKEN_FORM: Final = _form(
    ["grant_type"],
    grant_type={"type": "string", "enum": [grant.value for grant in Grant]},
    scope={**_TEXT, "description": "Words; all that are allowed where it is left out."},
    code=_TEXT,
    redirect_uri={**_TEXT, "description": "With a code: the one that was asked with."},
    code_verifier={**_TEXT, "description": "With a code: PKCE (RFC 7636)."},
    refresh_token=_TEXT,
)
"""Of `POST /oauth2/token`, for the OpenAPI document."""
ONE_TOKEN_FORM: Final = _form(["token"], token=_TEXT, token_type_hint=_TEXT)
"""Of revocation and introspection."""


def oauth_responses(
    *statuses: int, success: tuple[int, str] | None = None
) -> dict[int | str, dict[str, Any]]:
    """Failures of an OAuth2 endpoint: its own form for these; problems for those of every route."""
    words = {
        400: "The request, or what it brings, is not valid.",
        401: "The client is unknown or disabled, or did not prove who it is.",
    }
    common = responses()
    found: dict[int | str, dict[str, Any]] = {
        status: common[status] for status in (429, 500, 503, 504) if status in common
    }
    found[413] = {"description": "The body is longer than is taken."}
    for status in statuses:
        found[status] = {"model": OAuthProblem, "description": words[status]}
    if success is not None:
        found[success[0]] = {"description": success[1]}
    return found
