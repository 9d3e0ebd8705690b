"""Load shedding: beyond a number of requests at work, those that come are turned away at once.

So that those at work are answered in time. Transfers that wait to be posted have a limit of their own,
in the poster.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from api.requests.answers import send_problem


class Shedding:
    """Counts requests at work, and answers 503 beyond a limit."""

    def __init__(self, app: ASGIApp, *, at_work: int) -> None:
        self._app = app
        self._limit = at_work
        self._at_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, where there is room."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._at_work >= self._limit:
            await send_problem(
                scope,
                send,
                status=503,
                code="overloaded",
                detail="too many requests at work: nothing was done, try again shortly",
                headers={"Retry-After": "1"},
            )
            return
        self._at_work += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._at_work -= 1
