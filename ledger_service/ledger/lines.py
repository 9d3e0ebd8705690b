"""Lines: where a poster's requests wait, one line for each book, until a lane takes them.

A lane takes all that waits for a book, at most a batch. A book has one lane at a time: a second one
would only wait for the book inside the database, with a smaller batch.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from ledger_service.ledger.submissions import Request
from ledger_service.ledger.transfers import BATCH_LIMIT

LINES_LIMIT = 1_000
"""Of books; beyond it those where nobody waits are forgotten."""


@dataclass(eq=False)
class _Line:
    """The requests of one book that wait."""

    book_id: int
    waiting: deque[Request] = field(default_factory=deque)
    taken: bool = False
    """Whether a lane waits for it or is at work: one at a time, so that
    requests keep their order."""
    gathered: int = 0
    """Requests of its last batch."""


class Lines:
    """Where requests wait: a line for each book, and those for which there is no room yet.

    All of it is guarded by one lock, which is held for moments only.
    """

    def __init__(self, *, capacity: int) -> None:
        self.capacity = capacity
        self.load = 0
        """Items that wait in lines or are being posted."""
        self.seconds_per_item = 0.0
        """Of late."""
        self._changed = threading.Condition()
        self._lines: dict[int, _Line] = {}
        self._ready: deque[_Line] = deque()
        self._outside: deque[Request] = deque()
        self._stopping = False

    def add(self, request: Request, *, wait: bool) -> bool:
        """Put a request into its line; where there is no room it waits outside, if it may."""
        with self._changed:
            if self._stopping:
                raise RuntimeError("the poster has stopped")
            if not self._outside and self._has_room(request):
                self._admit(request)
                return True
            if wait:
                request.admitted = threading.Event()
                self._outside.append(request)
            return wait

    def take(self, budget_s: float) -> tuple[int, list[Request]] | None:
        """All that waits for one book, at most a batch; None when nothing will come any more.

        Where fewer wait than came together the last time, more are given `budget_s` to come.
        """
        with self._changed:
            while not self._ready:
                if self._stopping and not self.load:
                    self._changed.notify_all()
                    return None
                self._changed.wait()
            line = self._ready.popleft()
            more_may_come = len(line.waiting) < line.gathered
        if more_may_come and budget_s > 0:
            time.sleep(budget_s)
        with self._changed:
            requests = _up_to_a_batch(line.waiting)
            line.gathered = len(requests)
        return line.book_id, requests

    def done(self, book_id: int, requests: list[Request], seconds: float) -> None:
        """Make room after a batch."""
        items = sum(map(len, requests))
        with self._changed:
            line = self._lines[book_id]
            line.taken = False
            self._offer(line)
            if len(self._lines) > LINES_LIMIT:
                self._lines = {key: kept for key, kept in self._lines.items() if kept.taken}
            self.load -= items
            self.seconds_per_item += 0.2 * (seconds / max(items, 1) - self.seconds_per_item)
            while self._outside and self._has_room(self._outside[0]):
                self._admit(self._outside.popleft())
            if self._stopping and not self.load:
                self._changed.notify_all()

    def stop(self) -> None:
        """Accept nothing more; what is there is still taken."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def _has_room(self, request: Request) -> bool:
        return not self.load or self.load + len(request) <= self.capacity

    def _admit(self, request: Request) -> None:
        self.load += len(request)
        line = self._lines.get(request.book_id)
        if line is None:
            line = self._lines[request.book_id] = _Line(request.book_id)
        line.waiting.append(request)
        self._offer(line)
        if request.admitted is not None:
            request.admitted.set()

    def _offer(self, line: _Line) -> None:
        """Let a lane come, where one may."""
        if line.waiting and not line.taken:
            line.taken = True
            self._ready.append(line)
            self._changed.notify()


def _up_to_a_batch(waiting: deque[Request]) -> list[Request]:
    """Requests from the front; chains stay whole."""
    requests: list[Request] = []
    items = 0
    while waiting and items + len(waiting[0]) <= BATCH_LIMIT:
        items += len(waiting[0])
        requests.append(waiting.popleft())
    return requests
