"""Time limit: a request that takes too long is answered 504; what it began may still have its effect."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.requests.answers import send_problem


class TimeLimit:
    """Ends requests after a number of seconds."""

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, until its time is over."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def answering(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            async with asyncio.timeout(self._seconds) as limit:
                await self._app(scope, receive, answering)
        except TimeoutError:
            if started or not limit.expired():
                raise
            await send_problem(
                scope,
                send,
                status=504,
                code="timed_out",
                detail="the outcome is not known: try again with the same key",
            )
