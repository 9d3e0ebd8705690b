"""Attempts: one HTTP request to an endpoint, what came of it, and what follows from that."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

EXCERPT: Final = 500
"""Characters of an answer that are kept."""
LONGEST_RETRY_AFTER: Final = timedelta(days=1)
JITTER: Final = 0.2
"""A retry comes up to this share of its delay later, so that not all come at once."""

_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt."""

    latency_ms: int
    status_code: int | None = None
    """None where there was no answer."""
    error: str | None = None
    """Why there was none."""
    excerpt: str = ""
    retry_after: timedelta | None = None
    """What the endpoint asked for."""

    @property
    def succeeded(self) -> bool:
        """Whether the endpoint took the delivery: any 2xx."""
        return self.status_code is not None and 200 <= self.status_code < 300

    @property
    def gone(self) -> bool:
        """Whether the endpoint wants no deliveries any more."""
        return self.status_code == 410

    def words(self) -> str:
        """For people."""
        return self.error or f"it answered {self.status_code}"


async def attempt(
    session: aiohttp.ClientSession,
    url: str,
    *,
    body: bytes,
    headers: dict[str, str],
    answer_bytes: int,
    now: datetime,
) -> Outcome:
    """Send a delivery once, following no redirect; never raises for what the endpoint does."""
    began = time.monotonic()

    def elapsed_ms() -> int:
        return round((time.monotonic() - began) * 1_000)

    sent = {"Content-Type": "application/json", "User-Agent": "WGI-Webhooks/1", **headers}
    try:
        async with session.post(url, data=body, headers=sent, allow_redirects=False) as answer:
            excerpt = _text(await _beginning(answer, answer_bytes))
            asked = None if answer.ok else retry_after(answer.headers.get("Retry-After"), now=now)
            return Outcome(elapsed_ms(), answer.status, excerpt=excerpt, retry_after=asked)
    except TimeoutError:
        return Outcome(elapsed_ms(), error="it did not answer in time")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Outcome(elapsed_ms(), error=_text(str(error).encode()) or type(error).__name__)


async def _beginning(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """At most that much of a body, for the length of an attempt; what is left goes with the connection.

    Status and headers count even where the body is broken off.
    """
    read = bytearray()
    try:
        async for chunk in answer.content.iter_chunked(4_096):
            read += chunk
            if len(read) >= most:
                break
    except (TimeoutError, aiohttp.ClientError):
        pass
    finally:
        answer.close()
    return bytes(read[:most])


def retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """How long to wait by a `Retry-After` header (RFC 9110, 10.2.3), a day at most; None without one."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        asked = timedelta(seconds=min(int(text[:9]), LONGEST_RETRY_AFTER.total_seconds()))
    else:
        try:
            until = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            return None
        asked = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    return min(max(asked, timedelta(0)), LONGEST_RETRY_AFTER)


def next_attempt_at(
    outcome: Outcome, *, tries: int, delays_s: Sequence[float], jitter: float, now: datetime
) -> datetime | None:
    """When to try again after attempt number `tries` since it was due; None after the last one.

    `jitter` is of [0, 1).
    """
    if outcome.gone or tries > len(delays_s):
        return None
    delay = timedelta(seconds=delays_s[tries - 1] * (1 + JITTER * jitter))
    return now + max(delay, outcome.retry_after or delay)


def _text(content: bytes) -> str:
    return _UNPRINTABLE.sub("", content[: 4 * EXCERPT].decode(errors="replace"))[:EXCERPT]
