"""Failures: who guesses at passwords and secrets waits, by address; those who are right never do."""

import math
import time
from contextlib import suppress
from typing import Final

import structlog
from fastapi import Request
from limits import RateLimitItem, parse
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter

from api.errors import Refusal

_KIND: Final = "failures"
_log = structlog.get_logger(__name__)


class TooManyFailures(Refusal):
    """This address was wrong too often."""

    status = 429
    code = "rate_limited"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            f"Too many wrong attempts from your network: try again in {retry_after_s} seconds.",
            headers={"Retry-After": str(retry_after_s)},
        )


class Failures:
    """Counts what was wrong."""

    def __init__(self, storage: Storage, *, rate: str) -> None:
        self._rate: RateLimitItem = parse(rate)
        self._limiter = FixedWindowRateLimiter(storage)

    async def check(self, request: Request) -> None:
        """Raise `TooManyFailures` where an address has to wait."""
        address = _address(request)
        try:
            if await self._limiter.test(self._rate, _KIND, address):
                return
            resets_at, _ = await self._limiter.get_window_stats(self._rate, _KIND, address)
        except Exception as error:  # whatever the storage raises: people are locked out by themselves
            _log.warning("failures cannot be counted", error=str(error))
            return
        raise TooManyFailures(max(1, math.ceil(resets_at - time.time())))

    async def failed(self, request: Request) -> None:
        """Count a failure."""
        with suppress(Exception):  # as above
            await self._limiter.hit(self._rate, _KIND, _address(request))


def failures_of(request: Request) -> Failures:
    """Those that the application counts."""
    failures: Failures = request.app.state.failures
    return failures


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
