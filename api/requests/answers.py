"""Answers of middleware: a problem document sent without a route."""

import json
from collections.abc import Mapping

from starlette.types import Scope, Send

from api.errors import PROBLEM, problem_content


async def send_problem(
    scope: Scope,
    send: Send,
    *,
    status: int,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Answer a request with a problem."""
    content = problem_content(status, code=code, detail=detail, request_id=scope.get("wgi.request_id"))
    body = json.dumps(content).encode()
    named = {"Content-Type": PROBLEM, "Content-Length": str(len(body)), **(headers or {})}
    raw = [(name.lower().encode(), value.encode()) for name, value in named.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
