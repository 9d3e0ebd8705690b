"""Lanes: the threads that carry a poster's requests to the ledger, a connection and a batch each.

What belongs here: how a batch is posted, retried and answered. How requests wait is in `lines`, what
callers see in `poster`. A free lane takes all that waits for a book; while its batch commits, the next
one gathers.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from datetime import date
from operator import attrgetter
from pathlib import Path
from typing import TypeAlias

import polars as pl
import psycopg
from psycopg import errors

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
from ledger_service.ledger.transfers import (
    OPTIONAL_COLUMNS,
    TRANSFER_COLUMNS,
    create_transfers,
)
from ledger_service.runtime.database import Database, DatabaseUnreachable, Role, Server

FIRST_PAUSE_S = 0.01
"""Before a lost connection is made anew; doubled each time, up to `LONGEST_PAUSE_S`."""
LONGEST_PAUSE_S = 1.0

PostBatch: TypeAlias = Callable[[psycopg.Connection, int, date, "list[Request]"], "Iterable[Answer]"]
"""Posts requests to a book and a business date, on a connection in autocommit mode; an answer each, in
order. What it raises, nothing was committed of."""


class Lane(threading.Thread):
    """A connection, and the thread that posts one batch after the other on it."""

    def __init__(
        self,
        server: Server,
        lines: Lines,
        *,
        budget_s: float,
        give_up_after_s: float,
        post: PostBatch,
    ) -> None:
        super().__init__(name="poster-lane", daemon=True)
        self._server = server
        self._lines = lines
        self._budget_s = budget_s
        self._give_up_after_s = give_up_after_s
        self._post = post
        self._connection: psycopg.Connection | None = None
        self._session: tuple[object, ...] | None = None
        """Process and start of the last session."""

    def run(self) -> None:
        """Post until the lines have stopped and are empty."""
        while (taken := self._lines.take(self._budget_s)) is not None:
            book_id, requests = taken
            started = time.monotonic()
            wanted = [request for request in requests if _still_wanted(request)]
            answers: list[tuple[Request, Answer]] = []
            of_dates: dict[date, list[Request]] = {}
            for request in wanted:
                of_dates.setdefault(request.business_date, []).append(request)
            for business_date, group in of_dates.items():
                answers += self._answers(book_id, business_date, group)
            self._lines.done(book_id, requests, time.monotonic() - started)
            _deliver(answers)
        if self._connection is not None:
            self._connection.close()

    def _answers(
        self, book_id: int, business_date: date, requests: list[Request]
    ) -> list[tuple[Request, Answer]]:
        """Each request's answer; one that makes its batch fail is found by halving, and fails alone."""
        try:
            answers = self._posted(book_id, business_date, requests)
        except errors.ForeignKeyViolation:
            return [(request, UnknownBook(book_id)) for request in requests]
        except OutcomeUnknown as error:
            return [(request, error) for request in requests]
        except Exception as error:
            if len(requests) == 1:
                return [(requests[0], _malformed(requests[0], error))]
            half = len(requests) // 2
            return self._answers(book_id, business_date, requests[:half]) + self._answers(
                book_id, business_date, requests[half:]
            )
        return list(zip(requests, answers, strict=True))

    def _posted(self, book_id: int, business_date: date, requests: list[Request]) -> list[Answer]:
        """The answers after the commit; on a lost connection the batch is posted again."""
        given_up_at = time.monotonic() + self._give_up_after_s
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                connection = self._connection or self._connected()
                return list(self._post(connection, book_id, business_date, requests))
            except errors.ProgramLimitExceeded:
                raise
            except (psycopg.OperationalError, psycopg.InterfaceError, DatabaseUnreachable) as error:
                self._disconnect()
                if time.monotonic() + pause_s > given_up_at:
                    raise OutcomeUnknown(self._give_up_after_s, str(error).strip()) from error
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _connected(self) -> psycopg.Connection:
        """A connection, once the session before it has ended.

        Else that session's batch could still be booked after its retry has been answered.
        """
        if self._session is not None:
            with psycopg.connect(self._server.url(Database.LEDGER), autocommit=True) as connection:
                if (False,) in connection.execute(_END_SESSION, self._session):
                    raise psycopg.OperationalError("the session that was lost does not end")
            self._session = None
        self._connection = self._server.connect(Database.LEDGER, Role.APP, autocommit=True)
        self._session = self._connection.execute(_SESSION).fetchone()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


_SESSION = Path(__file__).with_name("session.sql").read_bytes()
_END_SESSION = Path(__file__).with_name("end_session.sql").read_bytes()
_COLUMNS = tuple(name for name in TRANSFER_COLUMNS | OPTIONAL_COLUMNS if name != "linked")
_cells: Callable[[Transfer], tuple[object, ...]] = attrgetter(*_COLUMNS)
_SCHEMA = TRANSFER_COLUMNS | OPTIONAL_COLUMNS
_RESULTS = {str(result): result for result in TransferResult}


def _still_wanted(request: Request) -> bool:
    """Whether its caller has not withdrawn it while it waited."""
    if isinstance(request.future, Future):
        return request.future.set_running_or_notify_cancel()
    return not request.future.cancelled()


def post_batch(
    connection: psycopg.Connection, book_id: int, business_date: date, requests: list[Request]
) -> Iterable[Answer]:
    """Post the items of all requests with one statement: to each request its `TransferResult` values."""
    codes = create_transfers(
        connection, book_id=book_id, business_date=business_date, transfers=_frame(requests)
    )
    return _shared_out(requests, codes.to_list())


def _frame(requests: list[Request]) -> pl.DataFrame:
    """The items of all requests as one batch; each item of a chain but the last is linked."""
    items: list[Transfer] = []
    linked: list[bool] = []
    for request in requests:
        if isinstance(request.items, tuple):
            items += request.items
            linked += [True] * (len(request.items) - 1)
        else:
            items.append(request.items)
        linked.append(False)
    columns = dict(zip(_COLUMNS, zip(*map(_cells, items), strict=True), strict=True))
    return pl.DataFrame(
        [pl.Series(name, columns[name], dtype=_SCHEMA[name], strict=True) for name in _COLUMNS]
        + [pl.Series("linked", linked, dtype=pl.Boolean)]
    )


def _shared_out(requests: list[Request], codes: list[str]) -> Iterable[Answer]:
    """To each request the codes of its items."""
    results = [_RESULTS[code] for code in codes]
    if len(results) == len(requests):
        return [
            [result] if isinstance(request.items, tuple) else result
            for request, result in zip(requests, results, strict=True)
        ]
    answers: list[Answer] = []
    first = 0
    for request in requests:
        last = first + len(request)
        answers.append(results[first:last] if isinstance(request.items, tuple) else results[first])
        first = last
    return answers


def _malformed(request: Request, error: Exception) -> Exception:
    malformed = MalformedTransfer(request.transfer_ids, str(error).strip())
    malformed.__cause__ = error
    return malformed


def _deliver(answers: list[tuple[Request, Answer]]) -> None:
    """Give the answers; each event loop is woken once."""
    of_loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Answer], Answer]]] = {}
    for request, answer in answers:
        if isinstance(request.future, asyncio.Future):
            of_loops.setdefault(request.future.get_loop(), []).append((request.future, answer))
        elif isinstance(answer, Exception):
            request.future.set_exception(answer)
        else:
            request.future.set_result(answer)
    for loop, pairs in of_loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, pairs)


def _settle(pairs: list[tuple[asyncio.Future[Answer], Answer]]) -> None:
    for future, answer in pairs:
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
