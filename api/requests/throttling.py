"""Throttling: so many requests of a client to a route in a time; the headers say what is left.

A client is who its token belongs to. That is known after the first request with a token was let in;
until then, and for tokens that are not valid, requests are counted by address, so that guessing is
slow. Counting is the library's; where it fails, requests are let in.
"""

import hashlib
import math
import time
from collections import OrderedDict
from typing import Final

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.identity.caller import Caller
from api.requests.answers import send_problem

TOKENS_REMEMBERED: Final = 50_000
PATH_PARTS: Final = 3
"""Of a path that tell a route: `/v1/transfers` of `/v1/transfers/{id}/reversals`."""

_log = structlog.get_logger(__name__)


class Throttling:
    """Answers 429 beyond a rate."""

    def __init__(self, app: ASGIApp, *, rate: str, storage: Storage) -> None:
        self._app = app
        self._rate: RateLimitItem = parse(rate)
        self._limiter = FixedWindowRateLimiter(storage)
        self._clients: OrderedDict[bytes, str] = OrderedDict()
        """By hash of a token."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, where its client has requests left."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        token = _token(scope)
        client = self._clients.get(token) if token else None
        route = f"{scope['method']} {'/'.join(scope['path'].split('/', PATH_PARTS)[:PATH_PARTS])}"
        counted = await self._counted(client or _address(scope), route)
        if counted is None:
            await self._app(scope, receive, send)
            return
        allowed, remaining, reset_s = counted
        headers = [
            (b"ratelimit-limit", str(self._rate.amount).encode()),
            (b"ratelimit-remaining", str(remaining).encode()),
            (b"ratelimit-reset", str(reset_s).encode()),
        ]

        async def answering(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        if not allowed:
            await send_problem(
                scope,
                answering,
                status=429,
                code="rate_limited",
                detail=f"more than {self._rate} of this client to this route",
                headers={"Retry-After": str(max(reset_s, 1))},
            )
            return
        await self._app(scope, receive, answering)
        if token and client is None:
            self._remember(token, scope)

    async def _counted(self, client: str, route: str) -> tuple[bool, int, int] | None:
        """Whether the request is let in, how many more are, and seconds until all are again."""
        try:
            allowed = await self._limiter.hit(self._rate, client, route)
            window = await self._limiter.get_window_stats(self._rate, client, route)
        except Exception as error:  # whatever the storage raises: it must not stop payments
            _log.warning("requests cannot be counted", error=str(error))
            return None
        return allowed, window.remaining, max(0, math.ceil(window.reset_time - time.time()))

    def _remember(self, token: bytes, scope: Scope) -> None:
        caller = scope.get("state", {}).get("caller")
        if isinstance(caller, Caller):
            self._clients[token] = f"{caller.tenant}/{caller.client_id}"
            if len(self._clients) > TOKENS_REMEMBERED:
                self._clients.popitem(last=False)


def _token(scope: Scope) -> bytes | None:
    """A hash of the request's token."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return hashlib.blake2b(value, digest_size=16).digest()
    return None


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return f"address {client[0]}" if client else "address unknown"
