"""The one error format: RFC 9457 problem documents with a stable `code`."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

PROBLEM = "application/problem+json"


class NotFound(LookupError):
    """Nothing of that kind has this identifier."""

    code = "not_found"

    def __init__(self, kind: str, identifier: str) -> None:
        super().__init__(f"there is no {kind} {identifier!r}")


def problem(status: int, *, code: str, detail: str, **facts: object) -> JSONResponse:
    """A problem document; `code` never changes its meaning, `detail` is for people."""
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **facts,
    }
    return JSONResponse(content, status_code=status, media_type=PROBLEM)


def register_error_handlers(app: FastAPI) -> None:
    """Answer every failure of `app` with a problem document."""

    @app.exception_handler(NotFound)
    def not_found(_: Request, error: NotFound) -> JSONResponse:
        return problem(404, code=error.code, detail=str(error))

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        fields = [
            {"pointer": "/" + "/".join(map(str, item["loc"])), "message": item["msg"]}
            for item in error.errors()
        ]
        return problem(422, code="invalid_request", detail="the request is not valid", errors=fields)

    @app.exception_handler(HTTPException)
    def refused(_: Request, error: HTTPException) -> JSONResponse:
        code = HTTPStatus(error.status_code).name.lower()
        return problem(error.status_code, code=code, detail=str(error.detail))
