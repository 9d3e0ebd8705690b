"""A participant defaults: what the recast says of a window is what the ledger's window becomes."""

from collections.abc import Callable

import polars as pl
import pytest

from ledger_service.payments.settlement.instructions import confirm, instructions
from ledger_service.payments.settlement.recast import EXCLUDED_SCHEMA, recast
from ledger_service.payments.settlement.window_obligations import obligations_of
from ledger_service.reference.schemes import Scheme
from pipelines.netting.recast import SETTLED_SCHEMA, unpaid
from pipelines.netting.recast import recast as netted_again
from pipelines.netting.ties import TIES_SCHEMA
from tests.ledger_service.payments.settlement.settlement_world import (
    EVENING,
    World,
    nets_of,
    obligation,
    payment_id,
    scheme,
)

DEFAULTER = "KE-B01"
TIES = pl.DataFrame([(payment_id(4), payment_id(5))], schema=TIES_SCHEMA, orient="row")


@pytest.fixture
def world(operated: Callable[[Scheme], World]) -> World:
    made = operated(scheme())
    results = made.accept(
        obligation(1, DEFAULTER, "UG-B01", 100),
        obligation(2, "UG-B01", "TZ-B01", 30),
        obligation(3, "TZ-B01", DEFAULTER, 5),
        obligation(4, DEFAULTER, "RW-B01", 7, partner=5),
        obligation(5, "RW-B01", "UG-B01", 200, currency="UGX", partner=4),
        obligation(6, "UG-B01", "RW-B01", 60, currency="UGX"),
    )
    assert results == ["accepted"] * 6
    made.close(1)
    return made


def test_the_window_of_the_ledger_becomes_what_the_recast_says(world: World) -> None:
    before = obligations_of(world.connection, world.books, world.window(1))
    analysis = netted_again(before, [DEFAULTER], ties=TIES)
    excluded = analysis.excluded.select(list(EXCLUDED_SCHEMA))
    assert set(excluded["payment_id"]) == {payment_id(n) for n in (1, 3, 4, 5)}
    recast(world.connection, world.books, number=1, excluded=excluded, at=EVENING)
    after = obligations_of(world.connection, world.books, world.window(1))
    assert sorted(after["payment_id"]) == sorted(analysis.kept["payment_id"])
    assert nets_of(after) == nets_of(analysis.kept)
    for participant, currency, amount in analysis.positions.select(
        "participant_id", "currency", "after_minor"
    ).rows():
        assert world.balance(participant, currency) == amount
    assert not world.differences()


def test_the_next_run_instructs_what_the_recast_leaves_to_settle(world: World) -> None:
    first = world.instruct(1)
    paid = next(one for one in first if (one.participant_id, one.currency) == ("UG-B01", "KES"))
    confirm(
        world.connection, world.books, instruction_id=paid.instruction_id, reference="paid", at=EVENING
    )
    signed = paid.amount_minor if paid.direction == "pay_out" else -paid.amount_minor
    settled = pl.DataFrame([("small-1", "KES", "UG-B01", signed)], schema=SETTLED_SCHEMA, orient="row")
    before = obligations_of(world.connection, world.books, world.window(1))
    analysis = netted_again(before, [DEFAULTER], ties=TIES, settled=settled)
    excluded = analysis.excluded.select(list(EXCLUDED_SCHEMA))
    recast(world.connection, world.books, number=1, excluded=excluded, at=EVENING)
    world.instruct(1)
    instructed = {
        (one.participant_id, one.currency): one.amount_minor * (1 if one.direction == "pay_out" else -1)
        for one in instructions(world.connection, world.books, window_number=1)
        if one.run == 2
    }
    left = analysis.positions.filter(pl.col("to_settle_minor") != 0)
    assert instructed == {
        (row["participant_id"], row["currency"]): row["to_settle_minor"] for row in left.to_dicts()
    }


def test_the_loss_is_what_the_ledger_says_the_defaulter_owes(world: World) -> None:
    before = obligations_of(world.connection, world.books, world.window(1))
    (loss,) = unpaid(netted_again(before, [DEFAULTER], ties=TIES))
    assert loss.amount_minor == -world.balance(DEFAULTER)
