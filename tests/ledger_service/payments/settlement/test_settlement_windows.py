"""Windows are ranges of the book's events: each obligation is in exactly one, however it raced."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ledger_service.payments.settlement.acceptance import OBLIGATION_SCHEMA, accept
from ledger_service.payments.settlement.participants import Cover, set_bilateral_limit, set_cover
from ledger_service.payments.settlement.recast import recast
from ledger_service.payments.settlement.scheme_book import scheme_accounts
from ledger_service.payments.settlement.window_obligations import (
    FLOW_COLUMNS,
    OBLIGATION_COLUMNS,
    flows_of,
    obligations_of,
)
from ledger_service.payments.settlement.windows import (
    WindowNotDue,
    close,
    current,
    open_first,
    windows,
)
from ledger_service.reference.schemes import Scheme
from ledger_service.runtime.database import Database, Role, Server
from pipelines.netting.positions import gross_flows
from pipelines.netting.tables import OBLIGATIONS
from tests.ledger_service.payments.settlement.settlement_world import (
    DAY,
    EVENING,
    MORNING,
    PARTICIPANTS,
    World,
    by_amount,
    obligation,
    scheme,
)

Operated = Callable[[Scheme], World]

CLOSES = 200
CLIENTS = 2
CAP = 500


def test_windows_follow_each_other_by_the_clock(operated: Operated) -> None:
    world = operated(scheme())
    with pytest.raises(WindowNotDue):
        world.close(1, at=datetime(2026, 3, 2, 11, 59, tzinfo=UTC))
    for number in (1, 2, 1):
        world.close(number)
    found = windows(world.connection, world.books)
    assert [(one.number, one.business_date, one.window_id, str(one.state)) for one in found] == [
        (1, DAY, "small-1", "closed"),
        (2, DAY, "small-2", "closed"),
        (3, DAY + timedelta(days=1), "small-1", "open"),
    ]
    assert [one.event_from for one in found][1:] == [one.event_to for one in found][:-1]
    opened = open_first(world.connection, world.books, business_date=DAY, at=EVENING)
    assert opened == current(world.connection, world.books) == found[-1]


def test_an_empty_window_closes_and_settles(operated: Operated) -> None:
    world = operated(scheme())
    world.close(1)
    assert obligations_of(world.connection, world.books, world.window(1)).is_empty()
    assert world.instruct(1) == []
    assert world.window(1).state == "settled"


def test_obligations_are_rows_of_the_netting_with_their_entries(operated: Operated) -> None:
    world = operated(scheme())
    rows = [
        obligation(1, "KE-B01", "UG-B01", 10),
        obligation(2, "UG-B01", "TZ-B01", 20, currency="UGX"),
    ]
    world.accept(*rows)
    world.close(1)
    world.accept(obligation(3, "KE-B01", "UG-B01", 10))
    found = obligations_of(world.connection, world.books, world.window(1))
    assert found.schema == OBLIGATIONS.schema == OBLIGATION_COLUMNS
    accounts = scheme_accounts(world.connection, world.books)
    debtors = [
        accounts[world.books.reference("position", row["currency"], row["debtor_id"])] for row in rows
    ]
    assert found.rows() == [
        (
            DAY,
            "small-1",
            row["currency"],
            row["debtor_id"],
            row["creditor_id"],
            row["amount_minor"],
            row["payment_id"],
            world.books.book_id,
            account_id,
            1,
        )
        for row, account_id in zip(rows, debtors, strict=True)
    ]


def test_what_is_summed_in_the_ledger_is_what_its_rows_sum_to(operated: Operated) -> None:
    world = operated(scheme())
    parties = (("KE-B01", "UG-B01"), ("UG-B01", "KE-B01"), ("KE-B01", "TZ-B01"))
    rows = [
        obligation(number, *parties[number % 3], number, currency=("KES", "UGX")[number % 2])
        for number in range(1, 13)
    ]
    world.accept(*rows)
    world.close(1)
    given_back = pl.DataFrame({"payment_id": [rows[4]["payment_id"]], "reason": ["defaulted"]})
    recast(world.connection, world.books, number=1, excluded=given_back, at=EVENING)
    found = world.window(1)
    flows = flows_of(world.connection, world.books, found)
    assert flows.schema == FLOW_COLUMNS
    expected = gross_flows(obligations_of(world.connection, world.books, found))
    assert_frame_equal(flows, expected, check_row_order=False)
    assert flows["obligations"].sum() == len(rows) - 1


def test_two_hundred_closes_under_traffic_put_each_transfer_in_one_window(
    operated: Operated, settlement_ledger: Server
) -> None:
    world = operated(by_amount(10**15))
    for participant_id in PARTICIPANTS:
        set_cover(
            world.connection,
            world.books,
            participant_id=participant_id,
            currency="KES",
            cover=Cover(CAP),
            reason="tight",
        )
    set_bilateral_limit(
        world.connection,
        world.books,
        creditor_id="UG-B01",
        debtor_id="KE-B01",
        currency="KES",
        limit_minor=CAP // 2,
        opened_on=DAY,
        reason="tight",
    )
    stopped, accepted, faults = threading.Event(), list[str](), list[BaseException]()

    def send(client: int) -> None:
        rng, number = Random(client), client * 10**6
        try:
            with settlement_ledger.connect(Database.LEDGER, Role.APP, autocommit=True) as own:
                while not stopped.is_set():
                    rows = []
                    for _ in range(20):
                        debtor, creditor = rng.sample(PARTICIPANTS, 2)
                        number += 1
                        rows.append(obligation(number, debtor, creditor, rng.randint(1, 100)))
                    frame = pl.DataFrame(rows, schema=dict(OBLIGATION_SCHEMA))
                    results = accept(own, world.books, frame, at=MORNING)
                    accepted.extend(results.filter(result="accepted")["payment_id"])
                    stopped.wait(0.01)
        except BaseException as fault:  # told by the test's own thread
            faults.append(fault)

    clients = [threading.Thread(target=send, args=(client,)) for client in range(1, CLIENTS + 1)]
    for client in clients:
        client.start()
    for number in range(1, CLOSES + 1):
        close(world.connection, world.books, number=number, at=MORNING)
    stopped.set()
    for client in clients:
        client.join()
    assert not faults
    found = windows(world.connection, world.books)
    assert len(found) == CLOSES + 1
    parts = [obligations_of(world.connection, world.books, one) for one in found]
    assert sum(part.height > 0 for part in parts) > CLIENTS
    of_windows = pl.concat(parts)
    assert sorted(of_windows["payment_id"]) == sorted(accepted)
    owed = of_windows.group_by("debtor_id").agg(pl.col("amount_minor").sum()).rows()
    due = dict(of_windows.group_by("creditor_id").agg(pl.col("amount_minor").sum()).rows())
    for participant_id, amount in owed:
        assert world.balance(participant_id) == due.get(participant_id, 0) - amount >= -CAP
    assert world.pair("KE-B01", "UG-B01") <= CAP // 2
    assert not world.differences()


def test_caps_and_bilateral_limits_hold_after_every_transfer(operated: Operated) -> None:
    world = operated(scheme())
    set_cover(
        world.connection,
        world.books,
        participant_id="KE-B01",
        currency="KES",
        cover=Cover(CAP),
        reason="tight",
    )
    rng = Random(7)
    rows = []
    for number in range(1, 400):
        debtor, creditor = rng.sample(PARTICIPANTS, 2)
        rows.append(obligation(number, debtor, creditor, rng.randint(1, 300)))
    results = world.accept(*rows)
    assert set(results) == {"accepted", "exceeds_cover"}
    balance = 0
    for row, result in zip(rows, results, strict=True):
        change = {row["debtor_id"]: -row["amount_minor"], row["creditor_id"]: row["amount_minor"]}
        fits = row["debtor_id"] != "KE-B01" or balance - row["amount_minor"] >= -CAP
        assert (result == "accepted") == fits
        balance += change.get("KE-B01", 0) if fits else 0
    assert world.balance("KE-B01") == balance
