"""The poster: single transfers of many concurrent callers, gathered into batches.

A row lock held through a flush of the write-ahead log bounds one-by-one posting; a batch pays for both
once. Callers are coroutines (`post`, `post_chain`) and threads (`submit`); each gets its own answer,
after the commit and never before. One batch of a book is posted at a time, so that a poster's requests
to a book keep their order; between posters (processes) there is none: what must follow a request of
another waits for its answer.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import TracebackType
from typing import Self, cast

from ledger_service.ledger.lanes import Lane, PostBatch, post_batch
from ledger_service.ledger.lines import Lines
from ledger_service.ledger.results import TransferResult
from ledger_service.ledger.submissions import (
    Answer,
    MalformedTransfer,
    OutcomeUnknown,
    Request,
    Transfer,
    UnknownBook,
)
from ledger_service.ledger.transfers import BATCH_LIMIT, BatchTooLarge
from ledger_service.runtime.database import Server

__all__ = [
    "MalformedTransfer",
    "OutcomeUnknown",
    "Overload",
    "Poster",
    "PosterOptions",
    "PosterOverloaded",
    "Transfer",
    "UnknownBook",
]


class Overload(StrEnum):
    """What happens to a request for which there is no room."""

    WAIT = "wait"
    """Its caller waits, in order of arrival."""
    REFUSE = "refuse"
    """It is answered `PosterOverloaded` at once."""


class PosterOverloaded(RuntimeError):
    """The poster holds as many items as it may; the request was not taken."""

    def __init__(self, capacity: int, retry_after_s: float) -> None:
        self.capacity = capacity
        self.retry_after_s = retry_after_s
        super().__init__(f"{capacity} transfers wait already: try again in {retry_after_s:.3f} s")


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterOptions:
    """How a poster works; the measurements behind the defaults are in `ledger_service/README.md`."""

    lanes: int = 4
    """Connections, shared by all books; a book has one at a time."""
    budget_s: float = 0.0005
    """How long a batch that is smaller than the one before waits for more; a lone caller never waits."""
    capacity: int = BATCH_LIMIT
    """Items that wait or are being posted at the same time."""
    overload: Overload = Overload.WAIT
    """What happens beyond `capacity`."""
    give_up_after_s: float = 60.0
    """How long a batch is retried while the ledger cannot be reached."""


class Poster:
    """Posts for many callers; a context manager of both kinds, which drains when it is left.

    Answers are the ledger's own, and final. After a lost connection what was in flight is posted
    again; what had been booked is then answered `exists`, never `created`: nobody can tell whether the
    lost attempt or another caller booked it. Both mean that the transfer is in the books, once.
    """

    def __init__(
        self, server: Server, options: PosterOptions | None = None, *, post: PostBatch = post_batch
    ) -> None:
        self._options = options or PosterOptions()
        self._lines = Lines(capacity=self._options.capacity)
        self._lanes = [
            Lane(
                server,
                self._lines,
                budget_s=self._options.budget_s,
                give_up_after_s=self._options.give_up_after_s,
                post=post,
            )
            for _ in range(self._options.lanes)
        ]

    async def post(self, book_id: int, business_date: date, transfer: Transfer) -> TransferResult:
        """Post one transfer and wait for the commit.

        Raises `PosterOverloaded`, `MalformedTransfer`, `UnknownBook` and `OutcomeUnknown`. Cancelling
        withdraws the request while it waits; once it is being posted its outcome stands.
        """
        return cast(TransferResult, await self._asked(book_id, business_date, transfer))

    async def post_chain(
        self, book_id: int, business_date: date, transfers: Sequence[Transfer]
    ) -> list[TransferResult]:
        """Post transfers that succeed or fail together; raises as `post`, and `BatchTooLarge`."""
        if not transfers:
            return []
        answer = await self._asked(book_id, business_date, tuple(transfers))
        return cast(list[TransferResult], answer)

    async def post_recorded(
        self, book_id: int, business_date: date, transfers: Sequence[Transfer], record: object
    ) -> object:
        """Post a transfer or a chain with what shall commit with it; raises as `post_chain`.

        What it is, and the answer, are known to the way of posting (`post`) that the poster was given.
        """
        return await self._asked(book_id, business_date, tuple(transfers), record)

    def submit(self, book_id: int, business_date: date, transfer: Transfer) -> "Future[TransferResult]":
        """For threads: the answer to come. Blocks while there is no room."""
        return cast("Future[TransferResult]", self._submitted(book_id, business_date, transfer))

    def submit_chain(
        self, book_id: int, business_date: date, transfers: Sequence[Transfer]
    ) -> "Future[list[TransferResult]]":
        """For threads: the answers of a chain to come."""
        return cast(
            "Future[list[TransferResult]]", self._submitted(book_id, business_date, tuple(transfers))
        )

    def start(self) -> None:
        """Begin; each lane connects with its first batch."""
        for lane in self._lanes:
            lane.start()

    def stop(self) -> None:
        """Take no more requests, and return when every one that was taken is answered."""
        self._lines.stop()
        for lane in self._lanes:
            lane.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    async def _asked(
        self,
        book_id: int,
        business_date: date,
        items: Transfer | tuple[Transfer, ...],
        record: object | None = None,
    ) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._add(Request(book_id, business_date, items, future, record=record))
        return await future

    def _submitted(
        self, book_id: int, business_date: date, items: Transfer | tuple[Transfer, ...]
    ) -> "Future[Answer]":
        future: Future[Answer] = Future()
        request = Request(book_id, business_date, items, future)
        self._add(request)
        if request.admitted is not None:
            request.admitted.wait()
        return future

    def _add(self, request: Request) -> None:
        if not isinstance(request.business_date, date):
            raise MalformedTransfer(request.transfer_ids, "its business date is not a date")
        if len(request) > BATCH_LIMIT:
            raise BatchTooLarge(len(request))
        if not self._lines.add(request, wait=self._options.overload is Overload.WAIT):
            capacity, load = self._lines.capacity, self._lines.load
            raise PosterOverloaded(
                capacity, max(load * self._lines.seconds_per_item, self._options.budget_s)
            )
