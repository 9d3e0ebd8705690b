"""From net positions to finality: retries by code, recasts as rows, repairs by two people."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import polars as pl
import psycopg
import pytest

from ledger_service.payments.settlement.instruction_log import Instruction, instructions
from ledger_service.payments.settlement.instructions import (
    confirm,
    instruct,
    overdue,
    reject,
    retry_due,
)
from ledger_service.payments.settlement.participants import (
    Cover,
    set_bilateral_limit,
    set_cover,
)
from ledger_service.payments.settlement.positions import (
    NetPosition,
    PositionsDiffer,
    PositionsUnbalanced,
)
from ledger_service.payments.settlement.recast import (
    EXCLUDED_SCHEMA,
    ObligationNotInWindow,
    RecastRefused,
    exclusions,
    recast,
)
from ledger_service.payments.settlement.repairs import (
    MakerIsChecker,
    RepairAction,
    RepairDecided,
    RepairLapsed,
    decide,
    propose,
    repair_queue,
    repairs,
)
from ledger_service.payments.settlement.windows import WindowInState
from ledger_service.reference.schemes import Scheme
from tests.ledger_service.payments.settlement.settlement_world import (
    DAY,
    EVENING,
    MORNING,
    World,
    obligation,
    payment_id,
    scheme,
)

Operated = Callable[[Scheme], World]


@pytest.fixture
def world(operated: Operated) -> World:
    """A closed window: KE owes 100 net, TZ is owed 30, UG 70."""
    made = operated(scheme())
    set_bilateral_limit(
        made.connection,
        made.books,
        creditor_id="UG-B01",
        debtor_id="KE-B01",
        currency="KES",
        limit_minor=1_000,
        opened_on=DAY,
        reason="set",
    )
    made.accept(
        obligation(1, "KE-B01", "UG-B01", 100),
        obligation(2, "UG-B01", "TZ-B01", 30),
    )
    made.close(1)
    return made


def by_participant(found: Sequence[Instruction]) -> dict[str, Instruction]:
    return {one.participant_id: one for one in found}


def confirm_all(world: World, number: int) -> None:
    for one in instructions(world.connection, world.books, window_number=number):
        if one.state == "instructed":
            confirm(
                world.connection,
                world.books,
                instruction_id=one.instruction_id,
                reference=f"ref-{one.participant_id}",
                at=EVENING,
            )


def rejected(world: World, participant_id: str, code: str = "AC04") -> Instruction:
    """The participant's instruction, rejected by the agent."""
    one = by_participant(world.instruct(1))[participant_id]
    assert (
        reject(
            world.connection,
            world.books,
            instruction_id=one.instruction_id,
            code=code,
            reason="closed account",
            at=EVENING,
        )
        == "done"
    )
    return by_participant(instructions(world.connection, world.books))[participant_id]


def test_a_window_is_settled_when_all_of_it_is_final(world: World) -> None:
    first = world.instruct(1)
    assert [(one.participant_id, one.direction, one.amount_minor) for one in first] == [
        ("KE-B01", "pay_in", 100),
        ("TZ-B01", "pay_out", 30),
        ("UG-B01", "pay_out", 70),
    ]
    assert world.instruct(1) == first
    assert world.window(1).state == "instructed"
    assert world.pair("KE-B01", "UG-B01") == 100
    confirm_all(world, 1)
    assert world.window(1).state == "settled"
    assert [world.balance(name) for name in ("KE-B01", "TZ-B01", "UG-B01")] == [0, 0, 0]
    assert (world.agent(), world.pair("KE-B01", "UG-B01")) == (0, 0)
    final = by_participant(instructions(world.connection, world.books))["KE-B01"]
    assert (final.reference, final.at) == ("ref-KE-B01", EVENING)
    again = {"instruction_id": final.instruction_id, "at": EVENING}
    assert confirm(world.connection, world.books, reference="ref-KE-B01", **again) == "exists"
    assert confirm(world.connection, world.books, reference="other", **again) == "contradicts"
    rejection = {"code": "AM04", "reason": "late", **again}
    assert reject(world.connection, world.books, **rejection) == "contradicts"
    assert not world.differences()


def test_positions_are_kept_once_and_sum_to_zero(world: World) -> None:
    def given(*nets: int) -> list[NetPosition]:
        named = zip(("KE-B01", "UG-B01"), nets, strict=True)
        return [NetPosition(name, "KES", net) for name, net in named]

    with pytest.raises(PositionsUnbalanced):
        instruct(world.connection, world.books, number=1, positions=given(-1, 2), at=EVENING)
    with pytest.raises(WindowInState):
        instruct(world.connection, world.books, number=2, positions=given(-1, 1), at=EVENING)
    world.instruct(1)
    with pytest.raises(PositionsDiffer):
        instruct(world.connection, world.books, number=1, positions=given(-1, 1), at=EVENING)


def test_a_rejection_with_a_rule_is_tried_again_later_each_time(world: World) -> None:
    one = rejected(world, "KE-B01", "AM04")
    pauses = []
    while one.retry_at is not None:
        pauses.append(one.retry_at - EVENING)
        early = one.retry_at - timedelta(seconds=1)
        assert retry_due(world.connection, world.books, at=early) == []
        (again,) = retry_due(world.connection, world.books, at=one.retry_at)
        assert (again.state, again.attempt) == ("instructed", one.attempt + 1)
        assert retry_due(world.connection, world.books, at=one.retry_at) == []
        told = {"code": "AM04", "reason": "no funds", "at": EVENING}
        reject(world.connection, world.books, instruction_id=one.instruction_id, **told)
        one = by_participant(instructions(world.connection, world.books))["KE-B01"]
    assert (pauses, one.attempt) == ([timedelta(minutes=10), timedelta(minutes=20)], 3)
    assert [one.participant_id for one in repair_queue(world.connection, world.books)] == ["KE-B01"]
    assert not world.differences()


def test_what_is_not_answered_in_time_is_overdue(world: World) -> None:
    world.instruct(1)
    hour = timedelta(hours=1)
    assert overdue(world.connection, world.books, at=EVENING + hour) == []
    late = overdue(world.connection, world.books, at=EVENING + hour * 2)
    assert len(late) == 3


def test_a_pay_out_waits_while_its_participant_has_used_the_money(world: World) -> None:
    def cap(minor: int) -> None:
        set_cover(
            world.connection,
            world.books,
            participant_id="TZ-B01",
            currency="KES",
            cover=Cover(minor),
            reason="changed",
        )

    cap(0)
    assert world.accept(obligation(3, "TZ-B01", "UG-B01", 30)) == ["accepted"]
    one = by_participant(world.instruct(1))["TZ-B01"]
    assert (one.state, one.code) == ("rejected", "exceeds_cover")
    confirm_all(world, 1)
    assert world.window(1).state == "partly_settled"
    cap(30)
    assert one.retry_at is not None
    (again,) = retry_due(world.connection, world.books, at=one.retry_at)
    assert again.state == "instructed"
    confirm_all(world, 1)
    assert world.window(1).state == "settled"
    assert not world.differences()


def excluded(*numbers: int, reason: str = "debtor_defaulted") -> pl.DataFrame:
    rows = [(payment_id(number), reason) for number in numbers]
    return pl.DataFrame(rows, schema=EXCLUDED_SCHEMA, orient="row")


def test_a_recast_gives_obligations_back_and_settles_the_rest(world: World) -> None:
    world.instruct(1)
    for _ in range(2):
        found = recast(world.connection, world.books, number=1, excluded=excluded(1), at=EVENING)
        assert (found.state, found.run) == ("recast", 2)
    kept = exclusions(world.connection, world.books, number=1)
    assert kept.select("payment_id", "run", "reason").rows() == [(payment_id(1), 2, "debtor_defaulted")]
    assert world.pair("KE-B01", "UG-B01") == 0
    second = world.instruct(1)
    assert [(one.participant_id, one.direction, one.amount_minor) for one in second] == [
        ("UG-B01", "pay_in", 30),
        ("TZ-B01", "pay_out", 30),
    ]
    confirm_all(world, 1)
    assert world.window(1).state == "settled"
    assert {world.balance(name) for name in ("KE-B01", "TZ-B01", "UG-B01")} == {0}
    assert world.agent() == 0
    with pytest.raises(WindowInState):
        recast(world.connection, world.books, number=1, excluded=excluded(2), at=EVENING)
    assert not world.differences()


def test_a_recast_leaves_what_is_final_and_instructs_the_difference(world: World) -> None:
    one = by_participant(world.instruct(1))["UG-B01"]
    confirm(
        world.connection,
        world.books,
        instruction_id=one.instruction_id,
        reference="paid",
        at=EVENING,
    )
    recast(world.connection, world.books, number=1, excluded=excluded(1), at=EVENING)
    second = world.instruct(1)
    assert [(one.participant_id, one.direction, one.amount_minor) for one in second] == [
        ("UG-B01", "pay_in", 100),
        ("TZ-B01", "pay_out", 30),
    ]
    confirm_all(world, 1)
    assert world.window(1).state == "settled"
    assert {world.balance(name) for name in ("KE-B01", "TZ-B01", "UG-B01")} == {0}


def test_a_recast_that_cannot_give_back_changes_nothing(world: World) -> None:
    with pytest.raises(ObligationNotInWindow):
        recast(world.connection, world.books, number=1, excluded=excluded(1, 9), at=EVENING)
    set_cover(
        world.connection,
        world.books,
        participant_id="UG-B01",
        currency="KES",
        cover=Cover(0),
        reason="cut",
    )
    first = world.instruct(1)
    with pytest.raises(RecastRefused) as refused:
        recast(world.connection, world.books, number=1, excluded=excluded(1), at=EVENING)
    assert refused.value.refused == {payment_id(1): "exceeds_credits"}
    assert instructions(world.connection, world.books) == first
    assert world.window(1).state == "instructed"
    found = recast(world.connection, world.books, number=1, excluded=excluded(1, 2), at=EVENING)
    assert found.run == 2
    assert world.balance("UG-B01") == 0


def test_a_repair_needs_two_people(world: World) -> None:
    one = rejected(world, "KE-B01")
    named = {"instruction_id": one.instruction_id, "reason": "account reopened", "at": EVENING}
    repair_id = propose(world.connection, world.books, action=RepairAction.RETRY, actor="asha", **named)
    for same in ("asha", "ASHA"):
        with pytest.raises(MakerIsChecker):
            decide(
                world.connection,
                world.books,
                repair_id=repair_id,
                approved=True,
                actor=same,
                at=EVENING,
            )
    assert repairs(world.connection, world.books)[0].decision is None
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        world.connection.execute(
            """INSERT INTO payments.settlement_repair_decision
            VALUES (%s, %s, 'somebody', 'approved', 'asha', now())""",
            [world.books.book_id, repair_id],
        )
    given = {"repair_id": repair_id, "actor": "baraka", "at": EVENING}
    for _ in range(2):
        decided = decide(world.connection, world.books, approved=True, **given)
        assert (decided.decision, decided.decided_by) == ("approved", "baraka")
    with pytest.raises(RepairDecided):
        decide(world.connection, world.books, approved=False, **given)
    found = by_participant(instructions(world.connection, world.books))["KE-B01"]
    assert (found.state, found.attempt) == ("instructed", 2)
    with pytest.raises(RepairLapsed):
        propose(world.connection, world.books, action=RepairAction.RETRY, actor="asha", **named)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        world.connection.execute("DELETE FROM payments.settlement_repair")


@pytest.mark.parametrize("action", [RepairAction.CONFIRM, RepairAction.CANCEL])
def test_a_repair_ends_an_instruction(world: World, action: RepairAction) -> None:
    one = rejected(world, "KE-B01")
    repair_id = propose(
        world.connection,
        world.books,
        instruction_id=one.instruction_id,
        action=action,
        actor="asha",
        reason="the agent's statement",
        evidence="statement 17" if action == RepairAction.CONFIRM else None,
        at=EVENING,
    )
    decide(
        world.connection,
        world.books,
        repair_id=repair_id,
        approved=True,
        actor="baraka",
        at=EVENING,
    )
    assert repair_queue(world.connection, world.books) == []
    if action == RepairAction.CANCEL:
        assert world.window(1).state == "recast"
        assert world.instruct(1)
    confirm_all(world, 1)
    assert world.window(1).state == "settled"
    assert {world.balance(name) for name in ("KE-B01", "TZ-B01", "UG-B01")} == {0}
    assert not world.differences()


def test_a_settled_window_frees_its_pairs_as_far_as_later_ones_leave(world: World) -> None:
    set_bilateral_limit(
        world.connection,
        world.books,
        creditor_id="KE-B01",
        debtor_id="UG-B01",
        currency="KES",
        limit_minor=50,
        opened_on=DAY,
        reason="set",
    )
    assert world.accept(obligation(3, "UG-B01", "KE-B01", 90), at=MORNING) == ["accepted"]
    world.instruct(1)
    confirm_all(world, 1)
    assert world.window(1).state == "settled"
    assert world.pair("KE-B01", "UG-B01") == -50
    assert not world.differences()
