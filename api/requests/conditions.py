"""Conditional requests (RFC 9110, 13): what the caller has already is not sent again.

Every resource that is read has an entity tag: the one that its route gives, else a hash of the content.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.etags import content_etag, is_known

_NOT_SENT = ("content-length", "content-type")


class Conditions:
    """Answers `If-None-Match` of a `GET` below a path."""

    def __init__(self, app: ASGIApp, *, below: str) -> None:
        self._app = app
        self._below = below

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; tag its answer, or leave out what is known."""
        if (
            scope["type"] != "http"
            or scope["method"] != "GET"
            or not scope["path"].startswith(self._below)
        ):
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
