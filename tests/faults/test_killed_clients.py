"""kill -9 of clients under load: the server ends or undoes what they had begun, and never halves it."""

import multiprocessing
import random
import time
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import polars as pl
import psycopg
import pytest

from ledger_service.ledger.verification import verify
from ledger_service.runtime.database import Database, Role, Server
from tests.faults.load import BATCH, batches, post_in_both_books, settle

ROUNDS = 7
CLIENTS = 3
LONGEST_LOAD_S = 0.4
PATIENCE_S = 20

WORK = multiprocessing.get_context("forkserver")
"""New processes, with the imports made once: a fork of this one would copy threads' locks."""


def post_until_killed(server: Server, seed: int, told: Connection) -> None:
    """Tells, after each commit, how many batches were acknowledged."""
    with server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        for number, transfers in enumerate(batches(seed), start=1):
            assert post_in_both_books(connection, transfers) == {"created"}
            told.send(number)


def acknowledged_before_the_kill(client: BaseProcess, told: Connection) -> int:
    """Batches that the client knew of; what it had told before it died is still to be read."""
    client.kill()
    client.join(PATIENCE_S)
    acknowledged = 1
    try:
        while True:
            acknowledged = told.recv()
    except EOFError:
        return acknowledged


def until_no_client_is_served(connection: psycopg.Connection) -> None:
    statement = """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""
    for _ in range(PATIENCE_S * 100):
        if connection.execute(statement).fetchone() == (0,):
            return
        time.sleep(0.01)
    pytest.fail("the server still serves a client that is dead")


def test_a_killed_client_leaves_nothing_half_done(server: Server) -> None:
    WORK.set_forkserver_preload(
        ["ledger_service.ledger.verification", "ledger_service.ledger.books", "pytest"]
    )
    rng, expected = random.Random(1), set[str]()
    with server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        for number in range(ROUNDS):
            clients: list[tuple[int, BaseProcess, Connection]] = []
            for client in range(CLIENTS):
                seed, (told, tells) = number * CLIENTS + client, WORK.Pipe(duplex=False)
                process = WORK.Process(target=post_until_killed, args=(server, seed, tells), daemon=True)
                process.start()
                tells.close()
                clients.append((seed, process, told))
            for *_, told in clients:
                assert told.poll(PATIENCE_S)
                told.recv()
            time.sleep(rng.uniform(0, LONGEST_LOAD_S))
            counts = [acknowledged_before_the_kill(process, told) for _, process, told in clients]
            until_no_client_is_served(connection)
            acknowledged: list[pl.DataFrame] = []
            last: list[pl.DataFrame] = []
            for (seed, *_), count in zip(clients, counts, strict=True):
                of_client = batches(seed)
                acknowledged += [next(of_client) for _ in range(count)]
                last.append(next(of_client))
            expected |= {name for transfers in acknowledged for name in transfers["transfer_id"]}
            settle(connection, expected=expected, acknowledged=acknowledged[-CLIENTS:], last=last)
        assert len(expected) > ROUNDS * CLIENTS * BATCH
        assert [book.differences for book in verify(connection)] == [(), ()]
