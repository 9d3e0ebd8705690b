"""A route that is read directly: for the few that are asked thousands of times a second.

FastAPI solves a tree of dependencies for each request, which costs as much as posting a transfer. A
direct route has just three parameters to it: the request, the caller and a body of JSON. It is
documented, authorised, validated and refused like any other.
"""

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.params import Security
from fastapi.routing import APIRoute
from fastapi.security import SecurityScopes
from pydantic import BaseModel, ValidationError

from api.identity.caller import Caller
from api.requests.bodies import BODY


class DirectRoute(APIRoute):
    """For endpoints `(request, body, caller, idempotency_key)` that answer a `Response`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """How a request is answered."""
        endpoint: Callable[..., Awaitable[Response]] = self.endpoint
        hints = get_type_hints(endpoint, include_extras=True)
        if list(inspect.signature(endpoint).parameters) != _PARAMETERS:
            raise TypeError(f"{endpoint.__name__} is no endpoint of a direct route")
        model: type[BaseModel] = hints["body"]
        security = _security(hints["caller"])
        asked = SecurityScopes(list(security.scopes or ()))
        authorised: Callable[..., Awaitable[Caller]] = security.dependency  # type: ignore[assignment]  # always set

        async def answered(request: Request) -> Response:
            caller = await authorised(request, asked, request.headers.get("authorization"))
            return await endpoint(request, _read(request, model), caller)

        return answered


_PARAMETERS = ["request", "body", "caller", "idempotency_key"]


def _security(hint: object) -> Security:
    """How the endpoint asks for its caller."""
    if get_origin(hint) is Annotated:
        for said in get_args(hint):
            if isinstance(said, Security):
                return said
    raise TypeError("a direct route asks for a caller with a scope")


def _read(request: Request, model: type[BaseModel]) -> BaseModel:
    """The body; raises `RequestValidationError`."""
    raw: bytes = request.scope[BODY]
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if raw and media_type != "application/json" and not media_type.endswith("+json"):
            return model.model_validate(raw)
        return model.model_validate_json(raw)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False, include_context=False)
        located = [{**item, "loc": ("body", *item["loc"])} for item in errors]
        raise RequestValidationError(located) from error
