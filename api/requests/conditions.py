"""Conditional requests (RFC 9110, 13): what the caller has already is not sent again.

Every resource that is read has an entity tag: the one that its route gives, else a hash of the content.
"""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.etags import content_etag, is_known

_PROBES: Final = frozenset({"/v1/ping", "/v1/health"})
"""What says that the service answers: no resource, and asked all the time."""
_NOT_SENT: Final = ("content-length", "content-type")


def is_conditional(method: str, path: str) -> bool:
    """Whether a resource is read."""
    return method == "GET" and path.startswith("/v1/") and path not in _PROBES


class Conditions:
    """Answers `If-None-Match`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; tag its answer, or leave out what is known."""
        if scope["type"] != "http" or not is_conditional(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        known = ", ".join(Headers(scope=scope).getlist("if-none-match")) or None
        start: Message | None = None
        parts: list[bytes] = []

        async def answering(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and message["status"] == 200:
                start = message
                return
            if start is None:
                await send(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = b"".join(parts)
            headers = MutableHeaders(raw=list(start["headers"]))
            tag = headers.setdefault("etag", content_etag(body))
            if is_known(tag, known):
                for name in _NOT_SENT:
                    del headers[name]
                start["status"], body = 304, b""
            start["headers"] = headers.raw
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self._app(scope, receive, answering)
