"""Identification: each request has an id, which its answer carries, and so does the caller's trace.

The outermost part: what fails behind it and was not answered is answered here, so that a failure
has the id too.
"""

import re
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.identifiers import uuid7
from api.requests.answers import send_problem
from api.requests.security_headers import SECURITY_HEADERS

_SANE: Final = re.compile(rb"[A-Za-z0-9._:+/=@-]{1,128}")
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_log = structlog.get_logger(__name__)


class Identification:
    """Gives each request an id: the client's `X-Request-ID` where it is sane, else a UUIDv7."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given, trace = None, None
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _SANE.fullmatch(value):
                given = value
            elif name == b"traceparent" and _TRACEPARENT.fullmatch(value):
                trace = value
        request_id = given.decode() if given else uuid7()
        scope["wgi.request_id"] = request_id
        added = [(b"x-request-id", request_id.encode())]
        if trace:
            scope["wgi.traceparent"] = trace.decode()
            added.append((b"traceparent", trace))
        started = False

        async def answering(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = list(message["headers"])
                present = {name for name, _ in headers}
                headers += added
                headers += [pair for pair in SECURITY_HEADERS if pair[0] not in present]
                message["headers"] = headers
            await send(message)

        try:
            await self._app(scope, receive, answering)
        except Exception as error:
            _log.error("request failed", request_id=request_id, exc_info=error)
            if started:
                raise  # so that the server closes the connection: the client sees that it is not whole
            await send_problem(
                scope,
                answering,
                status=500,
                code="internal_error",
                detail="the request failed here; the same request with the same key may be tried again",
            )
