"""The poster: every caller gets its own answer, after the commit, whatever happens on the way."""

import asyncio
import multiprocessing
import random
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger_service.ledger.poster import (
    MalformedTransfer,
    OutcomeUnknown,
    Overload,
    Poster,
    PosterOptions,
    PosterOverloaded,
    Transfer,
    UnknownBook,
)
from ledger_service.ledger.results import TransferResult
from ledger_service.ledger.transfers import BATCH_LIMIT, BatchTooLarge
from ledger_service.runtime.database import Database, Role, Server
from tests.ledger_service.ledger.bookkeeping import DAY, Book, account, name, new_book, transfer

PATIENCE_S = 30


def item(
    number: int, debit: int | None, credit: int | None, amount: int | None, **other: Any
) -> Transfer:
    """What `transfer` says, as the poster takes it."""
    columns = transfer(number, debit, credit, amount, **other)
    del columns["linked"]
    return Transfer(**columns)


@contextmanager
def held(ledger: Server, book: Book) -> Iterator[None]:
    """Another writer has the book: what is posted meanwhile waits, one batch at the ledger."""
    with ledger.connect(Database.LEDGER, Role.APP, autocommit=True) as other, other.transaction():
        replace(book, connection=other).post()
        yield


def until(condition: Any) -> None:
    """Wait until something is so."""
    pause = threading.Event()
    for _ in range(PATIENCE_S * 100):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it never came to be so")


def waits_for_book(superuser: psycopg.Connection) -> list[int]:
    """Backends that wait for a row lock inside a posting."""
    statement = """SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'
        AND query LIKE '%%create_transfers%%' AND datname = current_database()"""
    return [row[0] for row in superuser.execute(statement)]


def test_each_caller_gets_its_own_answer(ledger: Server, connection: psycopg.Connection) -> None:
    book = new_book(connection, account(1), account(2, debit_limit=0), account(3))
    asked = [(item(n, 2, 3, 1), "exceeds_credits") for n in range(1, 50)]
    asked += [(item(n, 1, 3, 1), "created") for n in range(50, 100)]
    asked += [(item(n, 1, 9, 1), "credit_account_not_found") for n in range(100, 150)]
    random.Random(1).shuffle(asked)

    async def post() -> list[TransferResult]:
        async with Poster(ledger) as poster:
            return await asyncio.gather(*(poster.post(book.book_id, DAY, i) for i, _ in asked))

    answers = asyncio.run(post())
    assert answers == [answer for _, answer in asked]
    assert all(isinstance(answer, TransferResult) for answer in answers)
    assert book.written() == (50, 100)


def test_many_concurrent_requests_share_few_commits(ledger: Server, book: Book) -> None:
    async def post() -> list[TransferResult]:
        async with Poster(ledger) as poster:
            requests = (poster.post(book.book_id, DAY, item(n, 1, 2, 1)) for n in range(1, 501))
            return await asyncio.gather(*requests)

    assert asyncio.run(post()) == ["created"] * 500
    assert book.rows(
        "SELECT count(DISTINCT booked_at) < 50 FROM ledger.transfer WHERE book_id = %(book_id)s"
    ) == [(True,)]


def test_a_book_keeps_the_order_of_its_requests(ledger: Server, connection: psycopg.Connection) -> None:
    """Each payment can be made only from the one before it."""
    book = new_book(connection, *(account(n, debit_limit=0 if n > 1 else None) for n in range(1, 300)))
    with Poster(ledger) as poster:
        futures = [poster.submit(book.book_id, DAY, item(n, n, n + 1, 7)) for n in range(1, 299)]
    assert [future.result() for future in futures] == ["created"] * 298


def test_a_book_has_one_lane_at_a_time_and_the_others_serve_other_books(
    ledger: Server, book: Book, superuser: psycopg.Connection
) -> None:
    other = new_book(book.connection, account(1), account(2))
    with Poster(ledger, PosterOptions(lanes=3)) as poster:
        with held(ledger, book):
            first = poster.submit(book.book_id, DAY, item(1, 1, 2, 1))
            until(lambda: waits_for_book(superuser))
            later = [poster.submit(book.book_id, DAY, item(n, 1, 2, 1)) for n in range(2, 6)]
            for n in range(10, 20):
                future = poster.submit(other.book_id, DAY, item(n, 1, 2, 1))
                assert future.result(PATIENCE_S) == "created"
            assert len(waits_for_book(superuser)) == 1
        assert [future.result(PATIENCE_S) for future in (first, *later)] == ["created"] * 5


def test_threads_and_coroutines_share_a_poster(ledger: Server, book: Book) -> None:
    async def post(poster: Poster) -> list[TransferResult]:
        return await asyncio.gather(
            *(poster.post(book.book_id, DAY, item(n, 1, 2, 1)) for n in range(1, 101))
        )

    with Poster(ledger) as poster, ThreadPoolExecutor(4) as pool:
        loops = [pool.submit(asyncio.run, post(poster)) for _ in range(2)]
        numbers = range(1001, 1101)
        threads = pool.map(
            lambda n: poster.submit(book.book_id, DAY, item(n, 1, 2, 1)).result(), numbers
        )
        assert list(threads) == ["created"] * 100
        both = zip(*(loop.result(PATIENCE_S) for loop in loops), strict=True)
        assert all(sorted(pair) == ["created", "exists"] for pair in both)
    assert book.written() == (200, 400)


def test_a_chain_succeeds_or_fails_as_a_whole_and_never_links_to_a_stranger(
    ledger: Server, connection: psycopg.Connection
) -> None:
    book = new_book(connection, account(1), account(2, debit_limit=0), account(3))
    good = [item(1, 1, 2, 5), item(2, 2, 3, 5)]
    bad = [item(3, 1, 3, 5), item(4, 2, 3, 5), item(5, 1, 3, 5)]

    async def post() -> list[Any]:
        async with Poster(ledger) as poster:
            with held(ledger, book):
                await poster_is_busy(poster, book)
                requests = asyncio.gather(
                    poster.post_chain(book.book_id, DAY, good),
                    poster.post_chain(book.book_id, DAY, bad),
                    poster.post(book.book_id, DAY, item(6, 1, 3, 1)),
                    poster.post_chain(book.book_id, DAY, [item(7, 1, 3, 1)]),
                    poster.post_chain(book.book_id, DAY, []),
                )
                await asyncio.sleep(0.01)
            return await requests

    failed = ["linked_event_failed", "exceeds_credits", "linked_event_failed"]
    assert asyncio.run(post()) == [["created"] * 2, failed, "created", ["created"], []]


async def poster_is_busy(poster: Poster, book: Book) -> None:
    """From here on requests gather: the lane waits for the held book with one that is refused."""
    task = asyncio.create_task(poster.post(book.book_id, DAY, item(10**6, 1, 1, 1)))
    await asyncio.sleep(0.05)
    assert not task.done()


def test_a_chain_is_never_cut_between_batches(ledger: Server, book: Book) -> None:
    """Together the chains hold more than a batch; each is booked at one instant."""
    length = BATCH_LIMIT // 2 - 1_000

    async def post() -> list[list[TransferResult]]:
        async with Poster(ledger, PosterOptions(capacity=3 * BATCH_LIMIT)) as poster:
            with held(ledger, book):
                await poster_is_busy(poster, book)
                chains = [
                    [item(k * BATCH_LIMIT + n, 1, 2, 1) for n in range(1, length + 1)] for k in range(3)
                ]
                requests = asyncio.gather(*(poster.post_chain(book.book_id, DAY, c) for c in chains))
                await asyncio.sleep(0.01)
            return await requests

    assert asyncio.run(post()) == [["created"] * length] * 3
    assert book.rows(
        """SELECT count(DISTINCT booked_at) FROM ledger.transfer WHERE book_id = %(book_id)s"""
    ) == [(2,)]
    with Poster(ledger) as poster, pytest.raises(BatchTooLarge):
        poster.submit_chain(book.book_id, DAY, [item(1, 1, 2, 1)] * (BATCH_LIMIT + 1))


def test_requests_of_several_dates_and_books_are_posted_each_where_it_belongs(
    ledger: Server, connection: psycopg.Connection
) -> None:
    books = [new_book(connection, account(1), account(2)) for _ in range(3)]
    days = [DAY + timedelta(days=n) for n in range(3)]
    assert books[0].close(DAY)

    async def post() -> list[TransferResult]:
        async with Poster(ledger, PosterOptions(lanes=2)) as poster:
            return await asyncio.gather(*(
                poster.post(book.book_id, day, item(n * 10 + d, 1, 2, 1))
                for n in range(1, 21) for book in books for d, day in enumerate(days)
            ))  # fmt: skip

    answers = asyncio.run(post())
    assert Counter(answers) == {"business_date_closed": 20, "created": 160}
    statement = """SELECT count(*) FROM ledger.transfer
        WHERE book_id = %(book_id)s AND transfer_id::text LIKE '%%0'"""
    dates = """SELECT business_date, count(*) FROM ledger.transfer
        WHERE book_id = %(book_id)s GROUP BY 1 ORDER BY 1"""
    assert books[1].rows(dates) == [(day, 20) for day in days]
    assert books[0].rows(dates) == [(day, 20) for day in days[1:]]
    assert books[0].rows(statement)


@pytest.mark.parametrize(
    "poison",
    [
        {"transfer_id": "not-a-uuid"},
        {"pending_id": "0" * 36, "phase": "post"},
        {"amount_minor": 10**30},
        {"amount_minor": 1.5},
        {"amount_minor": float("nan")},
        {"debit_account_id": "1"},
        {"kind": "zero\x00byte"},
        {"kind": "\ud800"},
        {"value_date": "today"},
    ],
    ids=str,
)
def test_a_malformed_request_fails_alone(ledger: Server, book: Book, poison: dict[str, Any]) -> None:
    bad = replace(item(500, 1, 2, 1), **poison)

    async def post() -> list[Any]:
        async with Poster(ledger) as poster:
            with held(ledger, book):
                await poster_is_busy(poster, book)
                requests = asyncio.gather(
                    *(poster.post(book.book_id, DAY, item(n, 1, 2, 1)) for n in range(1, 8)),
                    poster.post(book.book_id, DAY, bad),
                    poster.post_chain(
                        book.book_id, DAY, [item(501, 1, 2, 1), replace(bad, balancing=None)]
                    ),
                    *(poster.post(book.book_id, DAY, item(n, 1, 2, 1)) for n in range(8, 15)),
                    return_exceptions=True,
                )
                await asyncio.sleep(0.01)
            return await requests

    answers = asyncio.run(post())
    assert answers[:7] == answers[9:] == ["created"] * 7
    assert all(isinstance(answer, MalformedTransfer) for answer in answers[7:9])
    assert answers[8].transfer_ids == [name(501), bad.transfer_id]
    assert book.written() == (14, 28)


def test_a_business_date_that_is_none_is_refused_at_once(ledger: Server) -> None:
    with Poster(ledger) as poster, pytest.raises(MalformedTransfer):
        poster.submit(1, "2025-03-03", item(1, 1, 2, 1))  # type: ignore[arg-type] # what is tested


def test_an_unknown_book_is_named_and_the_others_go_on(ledger: Server, book: Book) -> None:
    with Poster(ledger, PosterOptions(lanes=1)) as poster:
        lost = [poster.submit(2_000_000, DAY, item(n, 1, 2, 1)) for n in range(5)]
        kept = poster.submit(book.book_id, DAY, item(1, 1, 2, 1))
    assert [future.exception().book_id for future in lost] == [2_000_000] * 5  # type: ignore[union-attr] # it is one
    assert all(isinstance(future.exception(), UnknownBook) for future in lost)
    assert kept.result() == "created"


def test_no_answer_comes_before_the_commit(
    ledger: Server, book: Book, superuser: psycopg.Connection
) -> None:
    """What fails at the commit itself was never answered as created."""
    superuser.execute(
        f"""CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the commit fails'; END $$;
        CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON ledger.book_state DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.book_id = {book.book_id}) EXECUTE FUNCTION public.refuse()"""
    )
    try:
        with Poster(ledger) as poster:
            future = poster.submit(book.book_id, DAY, item(1, 1, 2, 1))
        assert "the commit fails" in str(future.exception())
        assert book.written() == (0, 0)
    finally:
        superuser.execute("DROP FUNCTION public.refuse CASCADE")


def test_beyond_its_capacity_the_poster_refuses_and_says_when_to_come_back(
    ledger: Server, book: Book
) -> None:
    options = PosterOptions(capacity=5, overload=Overload.REFUSE)

    async def post() -> list[Any]:
        async with Poster(ledger, options) as poster:
            with held(ledger, book):
                requests = asyncio.gather(
                    *(poster.post(book.book_id, DAY, item(n, 1, 2, 1)) for n in range(1, 9)),
                    return_exceptions=True,
                )
                await asyncio.sleep(0.05)
            return [*await requests, await poster.post(book.book_id, DAY, item(9, 1, 2, 1))]

    answers = asyncio.run(post())
    assert answers[:5] == ["created"] * 5
    assert all(isinstance(answer, PosterOverloaded) for answer in answers[5:8])
    assert all(answer.capacity == 5 and answer.retry_after_s > 0 for answer in answers[5:8])
    assert answers[8] == "created"


def test_beyond_its_capacity_callers_wait_in_turn(ledger: Server, book: Book) -> None:
    options = PosterOptions(capacity=5)

    async def post(poster: Poster) -> list[Any]:
        return await asyncio.gather(
            *(poster.post(book.book_id, DAY, item(n, 1, 2, 1)) for n in range(1, 100)),
            poster.post_chain(book.book_id, DAY, [item(n, 1, 2, 1) for n in range(200, 220)]),
        )

    with Poster(ledger, options) as poster, ThreadPoolExecutor(8) as pool:
        coroutines = pool.submit(asyncio.run, post(poster))
        numbers = range(300, 400)
        threads = pool.map(
            lambda n: poster.submit(book.book_id, DAY, item(n, 1, 2, 1)).result(), numbers
        )
        assert list(threads) == ["created"] * 100
        assert coroutines.result(PATIENCE_S) == ["created"] * 99 + [["created"] * 20]


def test_a_thread_waits_for_room_before_it_goes_on(ledger: Server, book: Book) -> None:
    with Poster(ledger, PosterOptions(capacity=1)) as poster, ThreadPoolExecutor(1) as pool:
        with held(ledger, book):
            first = poster.submit(book.book_id, DAY, item(1, 1, 2, 1))
            second = pool.submit(poster.submit, book.book_id, DAY, item(2, 1, 2, 1))
            with pytest.raises(TimeoutError):
                second.result(0.1)
        assert first.result(PATIENCE_S) == second.result(PATIENCE_S).result(PATIENCE_S) == "created"


def test_a_request_withdrawn_while_it_waits_is_not_posted(ledger: Server, book: Book) -> None:
    async def post() -> None:
        async with Poster(ledger) as poster:
            with held(ledger, book):
                await poster_is_busy(poster, book)
                withdrawn = asyncio.create_task(poster.post(book.book_id, DAY, item(1, 1, 2, 1)))
                kept = asyncio.create_task(poster.post(book.book_id, DAY, item(2, 1, 2, 1)))
                await asyncio.sleep(0.01)
                withdrawn.cancel()
            assert await kept == "created"

    asyncio.run(post())
    assert book.written() == (1, 2)


def test_stopping_answers_all_that_was_taken_and_leaves_nothing_behind(
    ledger: Server, book: Book, superuser: psycopg.Connection
) -> None:
    with Poster(ledger) as poster:
        futures = [poster.submit(book.book_id, DAY, item(n, 1, 2, 1)) for n in range(1, 2_001)]
    assert all(future.done() and future.result() == "created" for future in futures)
    assert not [thread for thread in threading.enumerate() if thread.name == "poster-lane"]
    with pytest.raises(RuntimeError, match="stopped"):
        poster.submit(book.book_id, DAY, item(1, 1, 2, 1))
    until(lambda: sessions(superuser) == [(0,)])


def sessions(superuser: psycopg.Connection) -> list[tuple[Any, ...]]:
    """How many sessions last called the posting function, those of the tests apart."""
    return superuser.execute(
        """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND query LIKE 'SELECT ledger.create_transfers%'"""
    ).fetchall()


def test_a_session_that_ends_while_it_posts_is_replaced_and_the_batch_posted_again(
    ledger: Server, book: Book, superuser: psycopg.Connection
) -> None:
    with Poster(ledger) as poster:
        with held(ledger, book):
            futures = [poster.submit(book.book_id, DAY, item(n, 1, 2, 1)) for n in range(1, 11)]
            for _ in range(3):
                until(lambda: waits_for_book(superuser))
                for pid in waits_for_book(superuser):
                    superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        assert [future.result(PATIENCE_S) for future in futures] == ["created"] * 10
    assert book.written() == (10, 20)


class Wire:
    """A wire to the server that can be cut: before an answer, or with a batch on its way."""

    def __init__(self, folder: Path, server: Server) -> None:
        given = conninfo_to_dict(server.conninfo)
        self._target = f"{given['host']}/.s.PGSQL.{given.get('port') or 5432}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/.s.PGSQL.5432")
        self._listener.listen()
        self.server = replace(
            server, conninfo=make_conninfo(server.conninfo, host=str(folder), port=5432)
        )
        self.loses_answers = False
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut(self) -> None:
        """Both ways, with what is on them."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_S)
        for end in (self._listener, *self._ends):
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._target)
                self._ends += [near, far]
                for ends in ((near, far), (far, near)):
                    self._threads.append(threading.Thread(target=self._carry, args=ends))
                    self._threads[-1].start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while content := source.recv(65_536):
                if self.loses_answers and source in self._ends[1::2]:
                    self.loses_answers = False
                    break
                sink.sendall(content)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def wire(ledger: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    wire = Wire(tmp_path_factory.mktemp("w"), ledger)
    yield wire
    wire.close()


def test_what_was_booked_before_the_answer_was_lost_is_answered_exists(wire: Wire, book: Book) -> None:
    with Poster(wire.server, PosterOptions(lanes=1)) as poster:
        assert poster.submit(book.book_id, DAY, item(1, 1, 2, 1)).result(PATIENCE_S) == "created"
        wire.loses_answers = True
        assert poster.submit(book.book_id, DAY, item(2, 1, 2, 1)).result(PATIENCE_S) == "exists"
        assert poster.submit(book.book_id, DAY, item(3, 1, 2, 1)).result(PATIENCE_S) == "created"
    assert book.written() == (3, 6)


def test_the_lost_attempt_has_ended_before_the_batch_is_posted_again(
    wire: Wire, ledger: Server, book: Book, superuser: psycopg.Connection
) -> None:
    """Else it, first in the line for the book, would be booked, and the retry answered `exists`."""
    with Poster(wire.server) as poster:
        with held(ledger, book):
            future = poster.submit(book.book_id, DAY, item(1, 1, 2, 1))
            until(lambda: waits_for_book(superuser))
            lost = waits_for_book(superuser)
            wire.cut()
            until(lambda: set(waits_for_book(superuser)) - set(lost))
        assert future.result(PATIENCE_S) == "created"


def test_where_the_ledger_stays_away_the_outcome_is_called_unknown(
    ledger: Server, tmp_path: Path
) -> None:
    away = replace(ledger, conninfo=make_conninfo(ledger.conninfo, host=str(tmp_path)))
    with Poster(away, PosterOptions(give_up_after_s=0.1)) as poster:
        future = poster.submit(1, DAY, item(1, 1, 2, 1))
    assert isinstance(future.exception(), OutcomeUnknown)


def test_sessions_that_end_at_random_lose_nothing_and_double_nothing(
    ledger: Server, book: Book, superuser: psycopg.Connection
) -> None:
    """Every acknowledged transfer is there once, and nothing else; the books balance."""

    async def post() -> list[TransferResult]:
        async with Poster(ledger) as poster:
            posts = asyncio.create_task(many(poster, book, range(1, 2_001)))
            rng = random.Random(7)
            for _ in range(10):
                await asyncio.sleep(rng.random() * 0.03)
                await asyncio.to_thread(end_sessions)
            return await posts

    def end_sessions() -> None:
        superuser.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
            AND query LIKE 'SELECT ledger.create_transfers(%' AND pid <> pg_backend_pid()"""
        )

    assert Counter(asyncio.run(post())).keys() <= {"created", "exists"}
    assert book.written() == (2_000, 4_000)
    assert book.totals(1) == (2_000, 0, 0, 0)
    assert book.totals(2) == (0, 2_000, 0, 0)


async def many(poster: Poster, book: Book, numbers: range) -> list[TransferResult]:
    """All the numbers, by sixteen callers one after the other each."""
    rest = iter(numbers)

    async def caller() -> list[TransferResult]:
        return [await poster.post(book.book_id, DAY, item(n, 1, 2, 1)) for n in rest]

    return list(chain.from_iterable(await asyncio.gather(*(caller() for _ in range(16)))))


def post_in_a_process(server: Server, book_id: int) -> Counter[str]:
    """What one of several poster processes is answered; all of them ask for the same."""

    async def post() -> list[TransferResult]:
        async with Poster(server) as poster:
            return await asyncio.gather(
                *(poster.post(book_id, DAY, item(n, 1, 2, 1)) for n in range(1, 1_001)),
                *(poster.post(book_id, DAY, item(2_000 + n, 3, 2, 1)) for n in range(1_000)),
            )

    return Counter(str(result) for result in asyncio.run(post()))


def test_two_poster_processes_share_a_book(ledger: Server, connection: psycopg.Connection) -> None:
    """The same ids are booked once, and the limit of account 3 is kept between them."""
    book = new_book(connection, account(1), account(2), account(3, debit_limit=100))
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        posting = [pool.submit(post_in_a_process, ledger, book.book_id) for _ in range(2)]
        answers = sum((future.result(PATIENCE_S) for future in posting), Counter[str]())
    assert answers == {"created": 1_100, "exists": 1_100, "exceeds_credits": 1_800}
    assert book.totals(3) == (100, 0, 0, 0)
    assert book.rows(
        """SELECT max(sequence) - min(sequence) + 1, count(*) FROM ledger.transfer
        WHERE book_id = %(book_id)s"""
    ) == [(1_100, 1_100)]
