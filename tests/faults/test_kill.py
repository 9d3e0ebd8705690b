"""kill -9 of the server under load, round after round.

What was acknowledged is there once, in both books; what was not is there whole or not at all, and a
retry settles it.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import psycopg

from ledger_service.ledger.verification import verify
from ledger_service.runtime.database import Database, DatabaseUnreachable, Role, Server
from ledger_service.runtime.postgres_server import EmbeddedPostgres
from tests.faults.load import batches, post_in_both_books, settle

ROUNDS = 6
POSTERS = 3
LOAD_S = 0.3
PATIENCE_S = 20


def post_until_the_server_dies(
    server: Server, seed: int, started: threading.Semaphore
) -> tuple[list[pl.DataFrame], pl.DataFrame]:
    """The acknowledged batches, and the one that was on its way."""
    acknowledged: list[pl.DataFrame] = []
    transfers = pl.DataFrame()
    try:
        with server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
            for transfers in batches(seed):
                assert post_in_both_books(connection, transfers) == {"created"}
                acknowledged.append(transfers)
                started.release()
    except (psycopg.OperationalError, DatabaseUnreachable):
        pass
    return acknowledged, transfers


def killed_under_load(
    embedded: EmbeddedPostgres, server: Server, number: int
) -> list[tuple[list[pl.DataFrame], pl.DataFrame]]:
    started = threading.Semaphore(0)
    with ThreadPoolExecutor(POSTERS) as pool:
        posters = [
            pool.submit(post_until_the_server_dies, server, number * POSTERS + poster, started)
            for poster in range(POSTERS)
        ]
        for _ in range(POSTERS):
            assert started.acquire(timeout=PATIENCE_S)
        time.sleep(LOAD_S)
        embedded.kill()
        return [poster.result(PATIENCE_S) for poster in posters]


def test_a_killed_server_keeps_what_it_acknowledged_and_halves_nothing(
    embedded: EmbeddedPostgres, server: Server
) -> None:
    expected: set[str] = set()
    for number in range(ROUNDS):
        work = killed_under_load(embedded, server, number)
        embedded.stop()
        embedded.start()
        acknowledged = [transfers for done, _ in work for transfers in done]
        assert acknowledged
        expected |= {name for transfers in acknowledged for name in transfers["transfer_id"]}
        with server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
            last = [transfers for _, transfers in work if not transfers.is_empty()]
            settle(connection, expected=expected, acknowledged=acknowledged[-POSTERS:], last=last)
    with server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        assert [book.differences for book in verify(connection)] == [(), ()]
