"""A process killed between any two statements from close to settled: run again, it ends the same."""

import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

sys.path.append(str(Path(__file__).parents[1] / "ledger_service" / "payments" / "settlement"))

from ledger_service.payments.settlement.instruction_log import instructions
from ledger_service.payments.settlement.instructions import confirm, instruct, reject, retry_due, settle
from ledger_service.payments.settlement.participants import set_bilateral_limit
from ledger_service.payments.settlement.positions import keep_positions
from ledger_service.payments.settlement.recast import EXCLUDED_SCHEMA, exclusions, recast
from ledger_service.payments.settlement.scheme_book import SchemeBook, operate
from ledger_service.payments.settlement.windows import windows
from ledger_service.runtime.database import Database, Role, Server
from tests.ledger_service.payments.settlement.settlement_world import (
    DAY,
    EVENING,
    PARTICIPANTS,
    World,
    new_world,
    obligation,
    payment_id,
    scheme,
)

import polars as pl  # isort: skip

KILLED = 9
STRIDE = 11
"""Statements between two places of a kill; coprime to those of a step, so that all kinds are met."""
PATIENCE_S = 60

WORK = multiprocessing.get_context("forkserver")


class Countdown:
    """Statements that a process has left."""

    left = sys.maxsize


def count_down() -> None:
    Countdown.left -= 1
    if Countdown.left < 0:
        os._exit(KILLED)


class MortalCursor(psycopg.Cursor[Any]):
    """A cursor whose process dies before a certain statement."""

    def execute(self, *args: Any, **kwargs: Any) -> "MortalCursor":
        count_down()
        super().execute(*args, **kwargs)
        return self

    def executemany(self, *args: Any, **kwargs: Any) -> None:
        count_down()
        super().executemany(*args, **kwargs)


def settle_window(world: World) -> None:
    """Everything that follows the traffic of a window: a rejection, its retry, a recast, finality."""
    world.close(1)
    if world.window(1).run == 1:
        keep_positions(world.connection, world.books, number=1, positions=world.nets(1), at=EVENING)
        world.instruct(1)
        reject_once(world)
        (retried,) = [one for one in of_run(world, 1) if one.participant_id == "KE-B01"]
        if retried.retry_at is not None:
            retry_due(world.connection, world.books, at=retried.retry_at)
        confirm_of(world, 1, "TZ-B01")
        gone = pl.DataFrame([(payment_id(3), "debtor_defaulted")], schema=EXCLUDED_SCHEMA, orient="row")
        recast(world.connection, world.books, number=1, excluded=gone, at=EVENING)
    instruct(world.connection, world.books, number=1, positions=world.nets(1), at=EVENING)
    for participant_id in PARTICIPANTS:
        confirm_of(world, 2, participant_id)
    settle(world.connection, world.books, number=1, at=EVENING)
    world.close(2)


def of_run(world: World, run: int) -> Sequence[Any]:
    found = instructions(world.connection, world.books, window_number=1)
    return [one for one in found if one.run == run]


def reject_once(world: World) -> None:
    for one in of_run(world, 1):
        if one.participant_id == "KE-B01" and one.attempt == 1 and one.state == "instructed":
            told = {"code": "AM04", "reason": "no funds", "at": EVENING}
            reject(world.connection, world.books, instruction_id=one.instruction_id, **told)


def confirm_of(world: World, run: int, participant_id: str) -> None:
    for one in of_run(world, run):
        if one.participant_id == participant_id:
            told = {"reference": f"ref-{participant_id}", "at": EVENING}
            confirm(world.connection, world.books, instruction_id=one.instruction_id, **told)


def die_on_the_way(server: Server, book_id: int, statements: int) -> None:
    url = server.url(Database.LEDGER, Role.APP)
    with psycopg.connect(url, autocommit=True, cursor_factory=MortalCursor) as connection:
        Countdown.left = statements
        settle_window(World(connection, SchemeBook(scheme(), book_id)))


def prepared(connection: psycopg.Connection, number: int) -> World:
    world = new_world(connection, scheme(), number=number)
    set_bilateral_limit(
        connection,
        world.books,
        creditor_id="UG-B01",
        debtor_id="KE-B01",
        currency="KES",
        limit_minor=1_000,
        opened_on=DAY,
        reason="set",
    )
    results = world.accept(
        obligation(1, "KE-B01", "UG-B01", 100),
        obligation(2, "UG-B01", "TZ-B01", 30),
        obligation(3, "RW-B01", "KE-B01", 7),
        obligation(4, "UG-B01", "RW-B01", 900, currency="UGX"),
    )
    assert set(results) == {"accepted"}
    return world


def end(world: World) -> object:
    """All that must be the same, without the numbers of the book."""
    connection, books = world.connection, world.books
    found = instructions(connection, books)
    transfers = connection.execute(
        """SELECT sequence, kind, phase, amount, debit_account_id, credit_account_id
        FROM ledger.transfer WHERE book_id = %s ORDER BY sequence""",
        [books.book_id],
    ).fetchall()
    events = connection.execute(
        """SELECT window_number, number, state, run, event_to FROM payments.settlement_window_event
        WHERE book_id = %s ORDER BY 1, 2""",
        [books.book_id],
    ).fetchall()
    lives = connection.execute(
        """SELECT i.run, i.participant_id, i.currency, e.number, e.state, e.attempt, e.code, e.reference
        FROM payments.settlement_instruction_event e
        JOIN payments.settlement_instruction i USING (book_id, instruction_id)
        WHERE e.book_id = %s ORDER BY 1, 2, 3, 4""",
        [books.book_id],
    ).fetchall()
    return (
        windows(connection, books),
        [(one.run, one.participant_id, one.direction, one.amount_minor, one.state) for one in found],
        exclusions(connection, books, number=1)["payment_id"].to_list(),
        transfers,
        events,
        lives,
    )


def test_a_settlement_killed_anywhere_ends_the_same(ledger_database: Server) -> None:
    WORK.set_forkserver_preload([__name__, "ledger_service.payments.settlement.repairs"])
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        undisturbed = prepared(connection, 1)
        settle_window(undisturbed)
        expected = end(undisturbed)
        assert [one.state for one in windows(connection, undisturbed.books)] == [
            "settled",
            "closed",
            "open",
        ]
        kills = 0
        for statements in range(1, 10_000, STRIDE):
            world = prepared(connection, 1 + statements)
            process = WORK.Process(
                target=die_on_the_way, args=(ledger_database, world.books.book_id, statements)
            )
            process.start()
            process.join(PATIENCE_S)
            if process.exitcode == 0:
                break
            assert process.exitcode == KILLED
            kills += 1
            settle_window(world)
            settle_window(world)
            assert end(world) == expected, f"killed before statement {statements + 1}"
            assert not world.differences()
        else:
            pytest.fail("the process never came to its end")
        assert kills > 10
        operate(connection, undisturbed.books, opened_on=DAY)
        assert end(undisturbed) == expected
