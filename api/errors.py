"""The one error format: RFC 9457 problem documents with a stable `code`.

Belongs here: the document, the exceptions that become one, and their handlers. Domain code raises a
`Refusal`; which code has which status is written once, with the class or the table that raises it.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from ledger_service.runtime.database import DatabaseUnreachable

PROBLEM = "application/problem+json"

TYPE_PREFIX = "/problems/"
"""Of the `type` of a problem: the documentation page explains each code there."""

_log = structlog.get_logger(__name__)


class FieldProblem(BaseModel):
    """One field that is wrong."""

    pointer: str = Field(description="JSON pointer (RFC 6901).", examples=["/body/amount"])
    message: str = Field(examples=["String should match the pattern of a decimal number"])


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/problems/insufficient_funds"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    code: str = Field(description="Stable, for programs.", examples=["insufficient_funds"])
    detail: str = Field(description="For people.")
    request_id: str | None = Field(
        default=None, description="Name it when you ask for help.", examples=["019ab0c1-7d6e-7c11"]
    )
    errors: list[FieldProblem] | None = None


class Refusal(Exception):
    """A request that is answered with a problem document."""

    status = 422
    code = "refused"

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        code: str | None = None,
        pointer: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status or self.status
        self.code = code or self.code
        self.pointer = pointer
        self.headers = dict(headers or {})
        super().__init__(detail)


class NotFound(Refusal):
    """Nothing of that kind has this identifier."""

    status = 404
    code = "not_found"

    def __init__(self, kind: str, identifier: object) -> None:
        super().__init__(f"there is no {kind} {str(identifier)!r}")


class Overloaded(Refusal):
    """The gateway has more to do than it can: try again later. Nothing was done."""

    status = 503
    code = "overloaded"

    def __init__(self, detail: str, *, retry_after_s: float) -> None:
        super().__init__(detail, headers={"Retry-After": str(max(1, round(retry_after_s)))})


def problem_content(
    status: int,
    *,
    code: str,
    detail: str,
    request_id: str | None = None,
    errors: Sequence[Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """A problem as a mapping; `code` never changes its meaning, `detail` is for people."""
    content: dict[str, Any] = {
        "type": TYPE_PREFIX + code,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if request_id:
        content["request_id"] = request_id
    if errors:
        content["errors"] = list(errors)
    return content


def problem(
    status: int,
    *,
    code: str,
    detail: str,
    request_id: str | None = None,
    errors: Sequence[Mapping[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem document."""
    content = problem_content(status, code=code, detail=detail, request_id=request_id, errors=errors)
    return JSONResponse(content, status_code=status, media_type=PROBLEM, headers=dict(headers or {}))


def request_id(request: Request) -> str | None:
    """The identifier of a request, as its answer carries it."""
    found = request.scope.get("wgi.request_id")
    return str(found) if found else None


def register_error_handlers(app: FastAPI) -> None:
    """Answer every failure of `app` with a problem document."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> JSONResponse:
        return problem(
            error.status,
            code=error.code,
            detail=str(error),
            request_id=request_id(request),
            errors=[{"pointer": error.pointer, "message": str(error)}] if error.pointer else None,
            headers=error.headers,
        )

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        fields = [
            {"pointer": "/" + "/".join(map(_escaped, item["loc"])), "message": str(item["msg"])}
            for item in error.errors()
        ]
        unreadable = any(item["type"] == "json_invalid" for item in error.errors())
        return problem(
            400 if unreadable else 422,
            code="malformed_json" if unreadable else "invalid_request",
            detail="the body is not JSON" if unreadable else "the request is not valid",
            request_id=request_id(request),
            errors=fields,
        )

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        code = HTTPStatus(error.status_code).name.lower()
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_methods_at(app, request.url.path)) or headers["Allow"]
        return problem(
            error.status_code,
            code=code,
            detail=str(error.detail),
            request_id=request_id(request),
            headers=headers,
        )

    @app.exception_handler(psycopg.OperationalError)
    @app.exception_handler(psycopg.InterfaceError)
    @app.exception_handler(DatabaseUnreachable)
    async def unavailable(request: Request, error: Exception) -> JSONResponse:
        _log.warning("the ledger does not answer", error=str(error), request_id=request_id(request))
        return problem(
            503,
            code="ledger_unavailable",
            detail="the ledger does not answer: try again with the same key",
            request_id=request_id(request),
            headers={"Retry-After": "1"},
        )

    @app.exception_handler(psycopg.DataError)
    async def unstorable(request: Request, error: psycopg.DataError) -> JSONResponse:
        return problem(
            422,
            code="invalid_request",
            detail=f"a value cannot be kept: {str(error).splitlines()[0]}",
            request_id=request_id(request),
        )


def _methods_at(app: FastAPI, path: str) -> list[str]:
    """All that a documented path takes: the framework names those of its first route alone."""
    operations = (
        methods
        for template, methods in app.openapi()["paths"].items()
        if compile_path(template)[0].match(path)
    )
    return sorted({method.upper() for methods in operations for method in methods})


def _escaped(part: object) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
