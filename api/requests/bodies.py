"""Bodies: read whole before the route, so long and so deep as is taken and no more."""

import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.requests.answers import send_problem

BODY: Final = "wgi.body"
"""Of the scope: the body, for who needs it at once."""

_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS: Final = re.compile(rb"[\[\]{}]")


class Bodies:
    """Refuses bodies that are too long (413) or nested too deep (400)."""

    def __init__(self, app: ASGIApp, *, longest: int, deepest: int) -> None:
        self._app = app
        self._longest = longest
        self._deepest = deepest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its body in one piece."""
        if scope["type"] != "http" or scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        body = await self._read(scope, receive)
        if body is None:
            detail = f"a body has {self._longest} bytes at most"
            # What is left of the body is not read: the connection cannot be used again.
            await send_problem(
                scope,
                send,
                status=413,
                code="payload_too_large",
                detail=detail,
                headers={"Connection": "close"},
            )
            return
        if depth_beyond(body, self._deepest):
            detail = f"the body is nested deeper than {self._deepest} levels"
            await send_problem(scope, send, status=400, code="json_too_deep", detail=detail)
            return
        scope[BODY] = body
        given = False

        async def replayed() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replayed, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body; None where it is too long."""
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value[:20]) > self._longest:
                return None
        parts: list[bytes] = []
        length = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b"".join(parts)  # the client has gone
            part = message.get("body", b"")
            length += len(part)
            if length > self._longest:
                return None
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)


def depth_beyond(body: bytes, deepest: int) -> bool:
    """Whether a body, read as JSON, is nested deeper than that; what is no JSON is not judged."""
    if body.count(b"{") + body.count(b"[") <= deepest:
        return False
    depth = 0
    for found in _BRACKETS.finditer(_STRINGS.sub(b"", body)):
        depth += 1 if found[0] in b"[{" else -1
        if depth > deepest:
            return True
    return False
