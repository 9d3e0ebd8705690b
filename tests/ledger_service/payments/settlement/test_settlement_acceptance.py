"""An obligation is accepted when cover and limits allow it, once, and tied ones both or neither."""

from collections.abc import Callable

import psycopg
import pytest

from ledger_service.ledger.lookups import account_revisions
from ledger_service.payments.settlement.participants import (
    Cover,
    Movement,
    TermsRefused,
    prefund,
    release,
    reserve,
    set_bilateral_limit,
    set_cover,
    withdraw,
)
from ledger_service.payments.settlement.scheme_book import position_account, resume, suspend
from ledger_service.payments.settlement.transfers import TransferRefused
from ledger_service.payments.settlement.windows import windows
from ledger_service.reference.schemes import Scheme
from tests.ledger_service.payments.settlement.settlement_world import (
    DAY,
    MORNING,
    World,
    by_amount,
    obligation,
    payment_id,
    scheme,
)

Operated = Callable[[Scheme], World]


def cover(world: World, participant_id: str, given: Cover) -> None:
    set_cover(
        world.connection,
        world.books,
        participant_id=participant_id,
        currency="KES",
        cover=given,
        reason="changed",
    )


def limit(world: World, creditor: str, debtor: str, minor: int | None) -> None:
    set_bilateral_limit(
        world.connection,
        world.books,
        creditor_id=creditor,
        debtor_id=debtor,
        currency="KES",
        limit_minor=minor,
        opened_on=DAY,
        reason="set by the creditor",
    )


def movement(number: int, amount: int) -> Movement:
    return Movement(payment_id(number), "KE-B01", "KES", amount, MORNING)


def test_an_obligation_moves_the_positions_once(operated: Operated) -> None:
    world = operated(scheme())
    row = obligation(1, "KE-B01", "UG-B01", 100)
    assert world.accept(row) == ["accepted"]
    assert world.accept(row) == ["exists"]
    assert world.accept(row | {"amount_minor": 99}) == ["exists_different"]
    assert (world.balance("KE-B01"), world.balance("UG-B01")) == (-100, 100)
    assert not world.differences()


def test_cover_is_cap_plus_collateral_after_haircut_plus_prefunding(operated: Operated) -> None:
    world = operated(scheme())
    cover(world, "KE-B01", Cover(100, collateral_minor=101, haircut_basis_points=5_000))
    prefund(world.connection, world.books, movement(900, 30))
    prefund(world.connection, world.books, movement(900, 30))
    results = world.accept(
        obligation(1, "KE-B01", "UG-B01", 180),
        obligation(2, "KE-B01", "UG-B01", 1),
        obligation(3, "UG-B01", "KE-B01", 1),
        obligation(4, "KE-B01", "UG-B01", 1),
    )
    assert results == ["accepted", "exceeds_cover", "accepted", "accepted"]
    assert world.balance("KE-B01") == -150
    with pytest.raises(TermsRefused, match="exceeds_debit_limit"):
        cover(world, "KE-B01", Cover(149))
    account_id = position_account(world.connection, world.books, participant_id="KE-B01", currency="KES")
    history = account_revisions(world.connection, book_id=world.books.book_id, account_id=account_id)
    assert history["debit_limit"].to_list()[-1] == 150
    assert '"haircut_basis_points": 5000' in history["reason"][-1]


def test_liquidity_set_aside_is_not_spent_until_it_is_released(operated: Operated) -> None:
    world = operated(scheme())
    cover(world, "KE-B01", Cover(0))
    prefund(world.connection, world.books, movement(900, 100))
    reserve(world.connection, world.books, movement(901, 60))
    assert world.accept(obligation(1, "KE-B01", "UG-B01", 50)) == ["exceeds_cover"]
    with pytest.raises(TransferRefused, match="exceeds_credits"):
        withdraw(world.connection, world.books, movement(902, 50))
    for _ in range(2):
        release(world.connection, world.books, reservation_id=payment_id(901), at=MORNING)
    assert world.accept(obligation(1, "KE-B01", "UG-B01", 50)) == ["accepted"]
    withdraw(world.connection, world.books, movement(902, 50))
    assert world.balance("KE-B01") == 0
    assert not world.differences()


def test_a_bilateral_limit_counts_what_the_pair_owes_net(operated: Operated) -> None:
    world = operated(scheme())
    limit(world, "UG-B01", "KE-B01", 100)
    limit(world, "KE-B01", "UG-B01", 10)
    results = world.accept(
        obligation(1, "KE-B01", "UG-B01", 100),
        obligation(2, "KE-B01", "UG-B01", 1),
        obligation(3, "KE-B01", "TZ-B01", 500),
        obligation(4, "UG-B01", "KE-B01", 110),
        obligation(5, "UG-B01", "KE-B01", 1),
    )
    assert results == [
        "accepted",
        "exceeds_bilateral_limit",
        "accepted",
        "accepted",
        "exceeds_bilateral_limit",
    ]
    assert world.pair("KE-B01", "UG-B01") == -10
    limit(world, "KE-B01", "UG-B01", None)
    assert world.accept(obligation(5, "UG-B01", "KE-B01", 1)) == ["accepted"]
    assert world.accept(obligation(1, "KE-B01", "UG-B01", 100)) == ["exists"]
    assert not world.differences()


def test_what_was_accepted_before_a_limit_exists_under_it(operated: Operated) -> None:
    world = operated(scheme())
    assert world.accept(obligation(1, "KE-B01", "UG-B01", 100)) == ["accepted"]
    limit(world, "UG-B01", "KE-B01", 10)
    assert world.accept(obligation(1, "KE-B01", "UG-B01", 100)) == ["exists"]
    assert world.pair("KE-B01", "UG-B01") == 0


def test_payment_versus_payment_is_both_or_neither(operated: Operated) -> None:
    world = operated(scheme())
    cover(world, "KE-B01", Cover(100))
    both = (
        obligation(1, "KE-B01", "UG-B01", 60, partner=2),
        obligation(2, "UG-B01", "KE-B01", 900, currency="UGX", partner=1),
    )
    over = (
        obligation(3, "KE-B01", "UG-B01", 60, partner=4),
        obligation(4, "UG-B01", "KE-B01", 900, currency="UGX", partner=3),
    )
    assert world.accept(both[0]) == ["pvp_partner_missing"]
    assert world.accept(both[1], over[0], both[0], over[1]) == [
        "accepted",
        "exceeds_cover",
        "accepted",
        "pvp_partner_refused",
    ]
    assert world.accept(*both) == ["exists", "exists"]
    assert (world.balance("UG-B01"), world.balance("KE-B01", "UGX")) == (60, 900)
    same = (
        obligation(5, "KE-B01", "UG-B01", 1, partner=6),
        obligation(6, "UG-B01", "KE-B01", 1, partner=5),
    )
    assert world.accept(*same) == ["pvp_pair_unknown"] * 2
    stranger = (
        obligation(7, "KE-B01", "UG-B01", 1, partner=8),
        obligation(8, "XX-B01", "KE-B01", 1, currency="UGX", partner=7),
    )
    assert world.accept(*stranger) == ["pvp_partner_refused", "unknown_participant"]
    assert not world.differences()


def test_tied_obligations_keep_bilateral_limits(operated: Operated) -> None:
    world = operated(scheme())
    limit(world, "UG-B01", "KE-B01", 50)
    both = (
        obligation(1, "KE-B01", "UG-B01", 60, partner=2),
        obligation(2, "UG-B01", "KE-B01", 900, currency="UGX", partner=1),
    )
    assert world.accept(*both) == ["exceeds_bilateral_limit", "pvp_partner_refused"]
    assert world.balance("UG-B01") == 0


def test_bad_rows_are_answered_each(operated: Operated) -> None:
    world = operated(scheme())
    results = world.accept(
        obligation(1, "KE-B01", "KE-B01", 1),
        obligation(2, "KE-B01", "UG-B01", 0),
        obligation(3, "KE-B01", "UG-B01", 1, currency="USD"),
        obligation(4, "KE-B01", "UG-B01", 1),
        obligation(4, "KE-B01", "UG-B01", 1),
        obligation(5, "KE-B01", "UG-B01", 1) | {"payment_id": None},
    )
    expected = ["invalid", "invalid", "unknown_participant", "accepted", "repeated_in_batch", "invalid"]
    assert results == expected
    assert world.accept() == []


def test_a_suspended_scheme_accepts_nothing_until_it_is_resumed(operated: Operated) -> None:
    world = operated(scheme())
    row = obligation(1, "KE-B01", "UG-B01", 1)
    for _ in range(2):
        suspend(world.connection, world.books, actor="ops", reason="outage", at=MORNING)
    assert world.accept(row) == ["scheme_suspended"]
    resume(world.connection, world.books, actor="ops", reason="back", at=MORNING)
    assert world.accept(row) == ["accepted"]


def test_gross_settlement_spends_only_what_was_prefunded(operated: Operated) -> None:
    world = operated(scheme(model="real_time_gross", netting=None, windows=[]))
    cover(world, "KE-B01", Cover(0))
    prefund(world.connection, world.books, movement(900, 100))
    rows = (obligation(1, "KE-B01", "UG-B01", 100), obligation(2, "KE-B01", "UG-B01", 1))
    assert world.accept(*rows) == ["accepted", "exceeds_cover"]
    assert world.balance("UG-B01") == 100
    assert windows(world.connection, world.books) == []


def test_a_scheme_without_a_window_answers_so(
    operated: Operated, connection: psycopg.Connection
) -> None:
    world = operated(scheme(model="real_time_gross", netting=None, windows=[]))
    closed = World(connection, type(world.books)(scheme(), world.books.book_id))
    assert closed.accept(obligation(1, "KE-B01", "UG-B01", 1)) == ["window_not_open"]


def test_a_window_by_amount_closes_when_it_is_reached(operated: Operated) -> None:
    world = operated(by_amount(100))
    world.accept(obligation(1, "KE-B01", "UG-B01", 60))
    world.accept(obligation(1, "KE-B01", "UG-B01", 60))
    assert [one.state for one in windows(world.connection, world.books)] == ["open"]
    world.accept(obligation(2, "UG-B01", "KE-B01", 40))
    world.accept(obligation(3, "UG-B01", "KE-B01", 99))
    found = windows(world.connection, world.books)
    assert [(one.window_id, str(one.state)) for one in found] == [
        ("flow-1", "closed"),
        ("flow-2", "open"),
    ]
    assert [position.net_minor for position in world.nets(1)] == [-20, 20]
