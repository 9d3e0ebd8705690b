"""A server on loopback that takes deliveries, or misbehaves as it is told."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Received:
    """A request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event_id(self) -> str:
        """Its `webhook-id`."""
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        """Its body, read."""
        content: dict[str, Any] = json.loads(self.body)
        return content


Behaviour = Callable[[Received, web.Request], Awaitable[web.StreamResponse]]


async def take(_: Received, __: web.Request) -> web.StreamResponse:
    """As an endpoint should."""
    return web.Response(status=204)


def answering(status: int, text: str = "", **headers: str) -> Behaviour:
    """Always the same."""

    async def answer(_: Received, __: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=text, headers=named)

    return answer


@dataclass
class Receiver:
    """Runs in a thread of its own while it is entered."""

    behaviour: Behaviour = take
    received: list[Received] = field(default_factory=list)
    port: int = 0
    _news: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    def wait_until(self, done: Callable[[list[Received]], bool], *, at_most_s: float = 60.0) -> None:
        """Until what was received is enough."""
        with self._news:
            assert self._news.wait_for(lambda: done(self.received), timeout=at_most_s), self.received

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        got = Received(request.path, headers, await request.read())
        with self._news:
            self.received.append(got)
            self._news.notify_all()
        return await self.behaviour(got, request)
