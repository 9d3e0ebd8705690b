"""The OpenAPI document: what all routes have in common, added to what each says of itself."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.errors import Problem
from api.requests.conditions import is_conditional

SUMMARY: Final = "Payments over HTTP: accounts, transfers, holds, payments, balances, statements."

DESCRIPTION: Final = """\
Move money between accounts, and never twice.

**Callers** have a bearer token of `POST /oauth2/token`. A token has scopes; a route that asks for
one which it does not have answers `403 scope_missing`.

**Idempotency.** Every `POST` takes an `Idempotency-Key`. The same key with the same request is
answered as the first time, byte for byte, with `Idempotent-Replayed: true`; with another request it
is refused (`422 idempotency_key_reused`), while the first is at work too (`409
idempotency_key_in_use`). Keys are kept for 24 hours at least, and outlive a crash: the record
commits with its effect. So after a timeout, a lost connection or any `5xx`, send the same request
with the same key again.

**Amounts** are decimal strings in units, beside their ISO 4217 currency: `"125.50"`, `"KES"`.
**Times** are RFC 3339 in UTC. **Ids** are UUIDv7.

**Failures** are problem documents (RFC 9457). `code` is stable, for programs; `detail` is for
people; `errors` point to fields of the request; `request_id` is what to name when asking for help.

**Headers.** `X-Request-ID` is taken and given back, or made; `traceparent` is given back.
What is read has an `ETag`, and is answered `304` to a matching `If-None-Match`.
`RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` (seconds) say what is left of a
client's requests to a route.
"""

TAGS: Final = (
    ("payments", "From wallet to wallet, also between two participants."),
    ("transfers", "Between two accounts of a book, and what returns them."),
    ("holds", "Money set aside: captured whole or in part, given back, or over in time."),
    ("accounts", "Opened, looked at, frozen and closed; what they hold and what moved on them."),
    ("statements", "Accounts between two times, as JSON or CSV."),
    ("participants", "Whose books there are."),
    ("approvals", "What takes two people: limits, fees, rates, postings by hand."),
    ("audit", "Privileged acts, in a chain of hashes."),
    ("webhooks", "What happens in the books, sent to the client's own endpoints."),
    ("sandbox", "Play money: a clock, a fresh start, and amounts that produce every outcome."),
    ("OAuth2", "Tokens."),
    ("clients", "The programs that may ask for tokens."),
    ("service", "Whether the gateway answers."),
)

CLIENT_SECRET: Final = {
    "type": "http",
    "scheme": "basic",
    "description": "Id and secret of a client, for `POST /oauth2/token` and its like.",
}

_COMMON_HEADERS: Final = {
    "X-Request-ID": "Names the request.",
    "RateLimit-Limit": "Requests of a client to the route in a window.",
    "RateLimit-Remaining": "What is left of them.",
    "RateLimit-Reset": "Seconds until all are there again.",
}

_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The `ETag` of what the caller has: answered 304 while it is the same.",
}
_ETAG: Final = {"description": "Of the content.", "schema": {"type": "string"}}

_REPLAYED: Final = {
    "description": "`true` where the answer was given before.",
    "schema": {"type": "string", "enum": ["true"]},
}


_TYPICAL: Final = {
    "account": "wallet:alice:KES",
    "act": "client.created",
    "actor": "operator-1",
    "credit_account": "wallet:bob:KES",
    "currency": "KES",
    "debit_account": "wallet:alice:KES",
    "kind": "credit_transfer",
    "line": "customer_wallets",
    "name": "My shop",
    "participant_id": "SBX-DEMO-W",
    "proposed_by": "operator-1",
    "reason": "as agreed in the contract",
    "request_id": "order-2041",
    "role": "fintech_developer",
    "subject": "order-2041",
    "tenant": "demo",
    "transfer_id": "019ab0c1-7d6e-7c11-9a52-3c0f2f1b8d10",
    "url": "https://shop.example/webhooks",
}
"""What stands in a text field of this name where its model gives no example of its own."""


def describe(app: FastAPI) -> None:
    """Let an application describe itself."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=SUMMARY,
        description=DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS],
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = problem
    _exemplify(schemas)
    document["components"]["securitySchemes"]["ClientSecret"] = CLIENT_SECRET
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if is_conditional(method.upper(), path):
                _condition(operation)
            _complete(operation)
    return document


def _exemplify(schemas: dict[str, Any]) -> None:
    """An example for every plain text that has none."""
    for schema in schemas.values():
        for name, field in schema.get("properties", {}).items():
            plain = field.get("type") == "string" and not field.keys() & {"const", "enum", "format"}
            if plain and name in _TYPICAL:
                field.setdefault("examples", [_TYPICAL[name]])


def _condition(operation: dict[str, Any]) -> None:
    """What is read has an entity tag, and is not sent again to who has it."""
    operation.setdefault("parameters", []).append(_IF_NONE_MATCH)
    operation["responses"]["200"].setdefault("headers", {})["ETag"] = _ETAG
    operation["responses"]["304"] = {"description": "It is as the caller has it."}


def _complete(operation: dict[str, Any]) -> None:
    """Headers of every answer, and of those to a key."""
    keyed = False
    for parameter in operation.get("parameters", []):
        if parameter["name"] == "Idempotency-Key":
            keyed = True
            parameter["required"] = True
            parameter["schema"] = {"type": "string", "minLength": 1, "maxLength": 255}
            parameter["schema"]["pattern"] = "^[!-~]+$"
    for status, answer in operation["responses"].items():
        headers = answer.setdefault("headers", {})
        for name, text in _COMMON_HEADERS.items():
            headers[name] = {"description": text, "schema": {"type": "string"}}
        if keyed and (status.startswith("2") or status in {"404", "409", "422"}):
            headers["Idempotent-Replayed"] = _REPLAYED
        if status == "201":
            headers["Location"] = {"description": "Of what was made.", "schema": {"type": "string"}}
