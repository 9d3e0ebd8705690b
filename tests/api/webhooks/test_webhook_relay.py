"""From the ledger's outbox to deliveries."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
import pytest

from api.webhooks import relay as relay_module
from api.webhooks.events import EventType, Ordering, notifications
from api.webhooks.relay import relay
from api.webhooks.subscriptions import replay_since
from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.events import end, read_events
from ledger_service.runtime.database import Database, Role
from tests.api.webhooks.webhook_ledger import DAY, Desk, open_book, post

URL = "https://fintech.example/hook"


def bodies(desk: Desk) -> list[dict[str, Any]]:
    """In the order of the book."""
    found = desk.rows("SELECT body FROM gateway.webhook_delivery ORDER BY position, delivery_id")
    return [json.loads(body) for (body,) in found]


def test_each_kind_of_event_has_its_type_and_says_what_happened(desk: Desk) -> None:
    desk.subscribe(URL)
    posted = post(desk.connection, desk.book_id, 1, 2, 125_50)
    back = post(desk.connection, desk.book_id, None, None, 25_50, reverses_id=posted)
    held = post(desk.connection, desk.book_id, 2, 3, 60_00, phase="pending")
    captured = post(desk.connection, desk.book_id, None, None, 45_00, phase="post", pending_id=held)
    other = post(desk.connection, desk.book_id, 2, 3, 1, phase="pending")
    post(desk.connection, desk.book_id, None, None, 1, phase="void", pending_id=other)
    account = (9, "A-9", 2010, "KES", None, None, None, None, DAY, 0, None)
    accounts = pl.DataFrame([account], schema=ACCOUNT_COLUMNS, orient="row")
    create_accounts(desk.connection, book_id=desk.book_id, accounts=accounts)
    desk.relay()
    found = bodies(desk)
    assert [each["type"] for each in found] == [
        "transfer.posted",
        "transfer.reversed",
        "hold.created",
        "hold.captured",
        "hold.created",
        "hold.voided",
        "account.opened",
    ]
    data = [each["data"] for each in found]
    assert [each.get("id") for each in data] == [posted, back, held, held, other, other, None]
    assert [each.get("amount") for each in data] == [
        "125.50", "25.50", "60.00", "45.00", "0.01", "0.01", None
    ]  # fmt: skip
    assert (data[0]["debit_account"], data[0]["credit_account"]) == ("cash", "A-2")
    assert (data[1]["debit_account"], data[1]["reverses"]) == ("A-2", posted)
    assert data[3]["transfer_id"] == captured
    assert data[6]["account"] == "A-9"
    assert {each["participant_id"] for each in data} == {"KE-B01"}
    numbers = [each["sequence"] for each in data]
    assert numbers == list(range(numbers[0], numbers[0] + 7))
    assert all(datetime.fromisoformat(each["timestamp"]).tzinfo for each in found)


def test_an_expired_hold_is_told(desk: Desk) -> None:
    start = end(desk.connection, book_id=desk.book_id)
    held = post(desk.connection, desk.book_id, 1, 2, 100, phase="pending")
    post(desk.connection, desk.book_id, None, None, 100, phase="void", pending_id=held)
    events, _ = read_events(desk.connection, book_id=desk.book_id, after=start)
    events = events.with_columns(pl.col("phase").str.replace("void", "expire"))
    found = notifications(
        desk.connection, events, book_id=desk.book_id, participant_id="KE-B01", types=["hold.expired"]
    )
    assert [(each.event_type, json.loads(each.body)["data"]["id"]) for each in found] == [
        ("hold.expired", held)
    ]


def test_an_endpoint_is_told_what_it_asked_for_and_nothing_from_before(desk: Desk) -> None:
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.subscribe(URL, EventType.HOLD_CREATED)
    post(desk.connection, desk.book_id, 1, 2, 200)
    held = post(desk.connection, desk.book_id, 1, 2, 300, phase="pending")
    desk.relay()
    assert [each["data"]["id"] for each in bodies(desk)] == [held]


def test_an_endpoint_is_told_about_its_participants_alone(desk: Desk) -> None:
    other = open_book(desk.connection, "KE-B02")
    desk.subscribe(URL, EventType.TRANSFER_POSTED, participants=("KE-B02",))
    post(desk.connection, desk.book_id, 1, 2, 100)
    mine = post(desk.connection, other, 1, 2, 100)
    desk.relay()
    assert [each["data"]["id"] for each in bodies(desk)] == [mine]


def test_two_endpoints_get_the_same_id_for_the_same_event(desk: Desk) -> None:
    desk.subscribe(URL)
    desk.subscribe(URL)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.relay()
    found = desk.rows("SELECT event_id, body FROM gateway.webhook_delivery")
    assert len(found) == 2
    assert len(set(found)) == 1


def test_a_crash_between_events_and_cursor_leaves_neither(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint_id = desk.subscribe(URL)
    for _ in range(3):
        post(desk.connection, desk.book_id, 1, 2, 100)
    monkeypatch.setattr(relay_module, "_MOVE", b"SELECT 1 / 0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        relay(desk.connection, endpoint_id, desk.book_id, now=desk.now)
    assert desk.deliveries() == []
    monkeypatch.undo()
    desk.relay()
    desk.relay()
    assert desk.deliveries() == [("transfer.posted", "pending", 0)] * 3


def test_one_relay_at_a_time_moves_a_cursor(desk: Desk) -> None:
    endpoint_id = desk.subscribe(URL)
    post(desk.connection, desk.book_id, 1, 2, 100)
    with desk.server.connect(Database.LEDGER, Role.APP) as other:
        other.execute(
            "SELECT FROM gateway.webhook_subscription WHERE endpoint_id = %s FOR UPDATE", [endpoint_id]
        )
        assert relay(desk.connection, endpoint_id, desk.book_id, now=desk.now) == 0
    assert relay(desk.connection, endpoint_id, desk.book_id, now=desk.now) == 1


@pytest.mark.parametrize(
    ("ordering", "lanes"),
    [(Ordering.ACCOUNT, ["account:1:1", "account:1:2", "account:1:1"]), (Ordering.BOOK, ["book:1"] * 3)],
)
def test_the_ordering_key_is_the_payer_or_the_book(
    desk: Desk, ordering: Ordering, lanes: list[str]
) -> None:
    desk.subscribe(URL, ordering=ordering)
    posted = post(desk.connection, desk.book_id, 1, 2, 100)
    post(desk.connection, desk.book_id, 2, 3, 100)
    post(desk.connection, desk.book_id, None, None, 100, reverses_id=posted)
    desk.relay()
    found = desk.rows("SELECT lane FROM gateway.webhook_delivery ORDER BY position")
    assert [lane for (lane,) in found] == lanes


def test_a_lane_has_one_job_however_many_deliveries_it_has(desk: Desk) -> None:
    desk.subscribe(URL)
    for _ in range(5):
        post(desk.connection, desk.book_id, 1, 2, 100)
        desk.relay()
    assert desk.rows("SELECT count(*) FROM jobs.procrastinate_jobs") == [(1,)]


def test_a_disabled_endpoint_goes_on_from_where_it_stopped(desk: Desk) -> None:
    endpoint_id = desk.subscribe(URL)
    desk.connection.execute(
        "UPDATE gateway.webhook_endpoint SET disabled_at = now(), disabled_reason = 'a test'"
    )
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.relay()
    assert desk.deliveries() == []
    desk.connection.execute(
        "UPDATE gateway.webhook_endpoint SET disabled_at = NULL, disabled_reason = NULL "
        "WHERE endpoint_id = %s",
        [endpoint_id],
    )
    desk.relay()
    assert len(desk.deliveries()) == 1


def test_a_replay_turns_the_cursor_back_to_the_first_event_since_then(desk: Desk) -> None:
    transfers = [post(desk.connection, desk.book_id, 1, 2, 100 + n) for n in range(9)]
    endpoint_id = desk.subscribe(URL, EventType.TRANSFER_POSTED)
    known = desk.rows(
        "SELECT transfer_id::text, booked_at FROM ledger.transfer WHERE book_id = %s ORDER BY sequence",
        desk.book_id,
    )
    for index in (0, 4, 8):
        desk.connection.execute("DELETE FROM jobs.procrastinate_jobs")
        with desk.connection.transaction():
            replay_since(desk.connection, endpoint_id, since=known[index][1])
        desk.relay()
        found = desk.rows("SELECT body FROM gateway.webhook_delivery WHERE status = 'pending'")
        assert {json.loads(body)["data"]["id"] for (body,) in found} >= set(transfers[index:])
        if index == 0:
            assert len(found) == 9
    with desk.connection.transaction():
        replay_since(desk.connection, endpoint_id, since=datetime.now(UTC) + timedelta(days=1))
    assert desk.rows(
        "SELECT s.sequence = b.sequence FROM gateway.webhook_subscription s "
        "JOIN ledger.book_state b USING (book_id)"
    ) == [(True,)]


def test_after_a_move_of_the_book_the_cursor_stands_where_it_stood(desk: Desk) -> None:
    desk.subscribe(URL)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.relay()
    desk.connection.execute("UPDATE gateway.webhook_subscription SET epoch = epoch - 1")
    post(desk.connection, desk.book_id, 1, 2, 200)
    desk.relay()
    assert [each["data"]["amount"] for each in bodies(desk)] == ["1.00", "2.00"]


def test_a_cursor_beyond_the_book_disables_the_endpoint_with_the_reason(desk: Desk) -> None:
    endpoint_id = desk.subscribe(URL)
    desk.connection.execute("UPDATE gateway.webhook_subscription SET sequence = sequence + 100")
    desk.relay()
    assert "begin anew" in (desk.endpoint(endpoint_id).disabled_reason or "")


def test_an_amount_of_an_unknown_currency_holds_up_nothing(desk: Desk) -> None:
    start = end(desk.connection, book_id=desk.book_id)
    post(desk.connection, desk.book_id, 1, 2, 5)
    post(desk.connection, desk.book_id, 1, 2, 5)
    events, _ = read_events(desk.connection, book_id=desk.book_id, after=start)
    first = pl.int_range(pl.len()) == 0
    events = events.with_columns(currency=pl.when(first).then(pl.lit("QQQ")).otherwise("currency"))
    found = notifications(
        desk.connection, events, book_id=desk.book_id, participant_id="KE-B01", types=[*EventType]
    )
    assert [json.loads(each.body)["data"]["amount"] for each in found] == [None, "0.05"]
