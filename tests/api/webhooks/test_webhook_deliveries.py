"""Deliveries to endpoints that take them, and to those that misbehave."""

import asyncio
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from api.webhooks import subscriptions
from api.webhooks.attempts import Outcome, next_attempt_at, retry_after
from api.webhooks.deliveries import BUSY
from api.webhooks.events import EventType, Ordering
from tests.api.webhooks.receiver import Received, Receiver, answering, take
from tests.api.webhooks.webhook_ledger import KEYRING, NOON, SETTINGS, Desk, post

POSTED = EventType.TRANSFER_POSTED


def test_a_delivery_is_verified_by_the_library_of_the_specification(
    desk: Desk, receiver: Receiver
) -> None:
    desk.now = datetime.now(UTC)
    endpoint_id = desk.subscribe(receiver.url)
    transfer_id = post(desk.connection, desk.book_id, 1, 2, 125_50)
    desk.run()
    (got,) = receiver.received
    event = Webhook(desk.secrets(endpoint_id)[0]).verify(got.body, got.headers)
    assert event["type"] == "transfer.posted"
    assert (event["data"]["id"], event["data"]["amount"]) == (transfer_id, "125.50")
    assert got.headers["content-type"] == "application/json"
    assert desk.deliveries() == [("transfer.posted", "succeeded", 1)]


def test_after_a_rotation_both_secrets_verify_until_the_overlap_is_over(
    desk: Desk, receiver: Receiver
) -> None:
    desk.now = datetime.now(UTC)
    endpoint_id = desk.subscribe(receiver.url)
    hour = timedelta(hours=1)
    subscriptions.rotate_secret(desk.connection, KEYRING, endpoint_id, overlap=hour, now=desk.now)
    old, new = desk.secrets(endpoint_id)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    (got,) = receiver.received
    assert len(got.headers["webhook-signature"].split()) == 2
    for secret in (old, new):
        Webhook(secret).verify(got.body, got.headers)
    desk.later(hours=1)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    assert len(receiver.received[1].headers["webhook-signature"].split()) == 1


def test_no_secret_lies_in_the_database_in_clear(desk: Desk) -> None:
    endpoint_id = desk.subscribe("https://fintech.example/")
    (secret,) = desk.secrets(endpoint_id)
    ((sealed,),) = desk.rows("SELECT sealed FROM gateway.webhook_secret")
    assert secret.removeprefix("whsec_").encode() not in sealed


def test_what_fails_is_tried_again_with_the_same_id_after_each_delay(
    desk: Desk, receiver: Receiver
) -> None:
    receiver.behaviour = answering(500, "out of order")
    desk.subscribe(receiver.url)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    for number, delay_s in enumerate(SETTINGS.delays_s, start=1):
        assert len(receiver.received) == number
        desk.later(seconds=delay_s - 1)
        desk.run()
        assert len(receiver.received) == number
        desk.later(seconds=1)
        desk.run()
    assert desk.deliveries() == [("transfer.posted", "failed", len(SETTINGS.delays_s) + 1)]
    assert len({got.event_id for got in receiver.received}) == 1
    assert len({got.body for got in receiver.received}) == 1
    assert desk.now - NOON > timedelta(days=3)
    assert desk.rows("SELECT DISTINCT status_code, excerpt FROM gateway.webhook_attempt") == [
        (500, "out of order")
    ]


def test_after_a_failed_delivery_those_behind_it_follow(desk: Desk, receiver: Receiver) -> None:
    desk.settings = SETTINGS.model_copy(update={"delays_s": (1.0,)})
    receiver.behaviour = answering(500)
    desk.subscribe(receiver.url)
    for _ in range(2):
        post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    desk.later(seconds=1)
    receiver.behaviour = take_all_but_the_first(receiver)
    desk.run()
    assert desk.deliveries() == [("transfer.posted", "failed", 2), ("transfer.posted", "succeeded", 1)]


def take_all_but_the_first(receiver: Receiver):  # type: ignore[no-untyped-def]  # a Behaviour
    first = receiver.received[0].event_id

    async def answer(got: Received, request: web.Request) -> web.StreamResponse:
        return await (answering(500) if got.event_id == first else take)(got, request)

    return answer


def test_a_failing_delivery_holds_up_its_key_in_order_and_no_other(
    desk: Desk, receiver: Receiver
) -> None:
    broken = True

    async def behave(got: Received, request: web.Request) -> web.StreamResponse:
        fails = broken and got.event["data"]["debit_account"] == "A-2"
        return await (answering(503) if fails else take)(got, request)

    receiver.behaviour = behave
    desk.subscribe(receiver.url, POSTED)
    post(desk.connection, desk.book_id, 1, 2, 900_00)
    post(desk.connection, desk.book_id, 1, 3, 900_00)
    sent = defaultdict(list)
    for n in range(6):
        debit = 2 + n % 2
        sent[debit].append(post(desk.connection, desk.book_id, debit, 4, 100 + n))
    desk.run()

    def taken(account: str) -> list[str]:
        return [
            got.event["data"]["id"]
            for got in receiver.received
            if got.event["data"]["debit_account"] == account
        ]

    assert taken("A-3") == sent[3]
    assert taken("A-2") == sent[2][:1]
    broken = False
    desk.later(seconds=5)
    desk.run()
    assert taken("A-2") == sent[2][:1] + sent[2]


def test_by_book_a_failing_delivery_holds_up_all(desk: Desk, receiver: Receiver) -> None:
    receiver.behaviour = answering(500)
    desk.subscribe(receiver.url, POSTED, ordering=Ordering.BOOK)
    for account in (2, 3, 4):
        post(desk.connection, desk.book_id, 1, account, 100)
        post(desk.connection, desk.book_id, account, 1, 100)
    desk.run()
    assert len(receiver.received) == 1
    receiver.behaviour = take
    desk.later(seconds=5)
    desk.run()
    numbers = [got.event["data"]["sequence"] for got in receiver.received]
    assert numbers == [numbers[0], *range(numbers[0], numbers[0] + 6)]


def test_gone_disables_the_endpoint_at_once(desk: Desk, receiver: Receiver) -> None:
    receiver.behaviour = answering(410)
    endpoint_id = desk.subscribe(receiver.url, POSTED)
    for account in (2, 3):
        post(desk.connection, desk.book_id, 1, account, 100)
        post(desk.connection, desk.book_id, account, 1, 100)
    desk.run()
    found = desk.endpoint(endpoint_id)
    assert found.disabled_at == desk.now
    assert "410" in (found.disabled_reason or "")
    count = len(receiver.received)
    desk.later(days=1)
    desk.run()
    assert len(receiver.received) == count


def test_an_endpoint_that_fails_for_days_is_disabled_and_says_why(
    desk: Desk, receiver: Receiver
) -> None:
    receiver.behaviour = answering(500)
    endpoint_id = desk.subscribe(receiver.url, POSTED)
    while desk.endpoint(endpoint_id).disabled_at is None:
        assert desk.now < NOON + timedelta(days=7)
        post(desk.connection, desk.book_id, 1, 2, 100)
        desk.run()
        desk.later(hours=6)
    found = desk.endpoint(endpoint_id)
    assert found.failing_since == NOON
    assert "2026-03-02 12:00 UTC" in (found.disabled_reason or "")
    assert "500" in (found.disabled_reason or "")
    receiver.behaviour = take
    with desk.connection.transaction():
        subscriptions.enable(desk.connection, endpoint_id, skip=False, now=desk.now)
    desk.run()
    assert {status for _, status, _ in desk.deliveries()} <= {"succeeded", "failed"}
    assert desk.endpoint(endpoint_id).failing_since is None


def test_enabled_from_now_on_it_gets_nothing_that_it_missed(desk: Desk, receiver: Receiver) -> None:
    receiver.behaviour = answering(410)
    endpoint_id = desk.subscribe(receiver.url, POSTED)
    for _ in range(3):
        post(desk.connection, desk.book_id, 1, 2, 100)
        desk.run()
    receiver.behaviour, receiver.received = take, []
    with desk.connection.transaction():
        subscriptions.enable(desk.connection, endpoint_id, skip=True, now=desk.now)
    mine = post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    assert [got.event["data"]["id"] for got in receiver.received] == [mine]


def test_a_success_in_between_ends_the_failing(desk: Desk, receiver: Receiver) -> None:
    receiver.behaviour = answering(500)
    endpoint_id = desk.subscribe(receiver.url, POSTED)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    assert desk.endpoint(endpoint_id).failing_since == desk.now
    receiver.behaviour = take
    desk.later(seconds=5)
    desk.run()
    assert desk.endpoint(endpoint_id).failing_since is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(desk: Desk, receiver: Receiver, status: int) -> None:
    receiver.behaviour = answering(status, Location="http://169.254.169.254/latest/meta-data/")
    desk.subscribe(receiver.url, POSTED)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    assert desk.deliveries() == [("transfer.posted", "pending", 1)]
    assert desk.rows("SELECT status_code, error FROM gateway.webhook_attempt") == [(status, None)]


def test_an_endpoint_on_the_metadata_address_is_not_connected_to(desk: Desk) -> None:
    for url in ("https://169.254.169.254/", "http://10.0.0.1/", "https://[fd00:ec2::254]/"):
        desk.subscribe(url, POSTED)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    errors = [error for (error,) in desk.rows("SELECT error FROM gateway.webhook_attempt")]
    assert len(errors) == 3
    assert all("is not an address of the public internet" in error for error in errors)


def test_a_huge_body_is_read_to_its_bound_and_no_further(desk: Desk, receiver: Receiver) -> None:
    written = 0

    async def flood(_: Received, request: web.Request) -> web.StreamResponse:
        nonlocal written
        answer = web.StreamResponse(status=500)
        await answer.prepare(request)
        try:
            while written < 1 << 30:
                await answer.write(b"\x00\x1b" + b"x" * 65_534)
                written += 65_536
        except ConnectionError:
            pass
        return answer

    receiver.behaviour = flood
    desk.subscribe(receiver.url, POSTED)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    assert written < 1 << 28
    ((excerpt,),) = desk.rows("SELECT excerpt FROM gateway.webhook_attempt")
    assert set(excerpt) == {"x"}
    assert len(excerpt) <= 500


def test_an_answer_that_does_not_come_is_a_failure(desk: Desk, receiver: Receiver) -> None:
    async def sleep(_: Received, __: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    receiver.behaviour = sleep
    desk.settings = SETTINGS.model_copy(update={"attempt_s": 0.2})
    desk.subscribe(receiver.url, POSTED)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    assert desk.rows("SELECT status_code, error FROM gateway.webhook_attempt") == [
        (None, "it did not answer in time")
    ]


def test_a_port_where_nobody_listens_is_a_failure(desk: Desk, receiver: Receiver) -> None:
    desk.subscribe(f"http://127.0.0.1:{receiver.port}/", POSTED)
    receiver.__exit__()
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    receiver.__enter__()
    assert desk.deliveries() == [("transfer.posted", "pending", 1)]


def test_retry_after_is_honoured(desk: Desk, receiver: Receiver) -> None:
    receiver.behaviour = answering(429, Retry_After="3600")
    desk.subscribe(receiver.url, POSTED)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    desk.later(seconds=3_599)
    desk.run()
    assert len(receiver.received) == 1
    desk.later(seconds=1)
    desk.run()
    assert len(receiver.received) == 2


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        (None, None),
        ("120", timedelta(seconds=120)),
        ("0", timedelta(0)),
        ("Mon, 02 Mar 2026 13:00:00 GMT", timedelta(hours=1)),
        ("Mon, 02 Mar 2026 11:00:00 GMT", timedelta(0)),
        ("99999999999999999999", timedelta(days=1)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", timedelta(days=1)),
        ("-5", None),
        ("soon", None),
        ("١٢٠", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(value: str | None, asked: timedelta | None) -> None:
    assert retry_after(value, now=NOON) == asked


def test_the_jitter_makes_a_retry_later_never_sooner() -> None:
    outcome = Outcome(1, 500)
    for jitter, seconds in ((0.0, 300.0), (0.5, 330.0), (0.999, 359.94)):
        due = next_attempt_at(outcome, tries=2, delays_s=(5, 300), jitter=jitter, now=NOON)
        assert due == NOON + timedelta(seconds=seconds)
    assert next_attempt_at(outcome, tries=3, delays_s=(5, 300), jitter=0, now=NOON) is None


def test_a_slow_endpoint_has_so_many_deliveries_at_work_and_no_more(
    desk: Desk, receiver: Receiver
) -> None:
    at_once, most = 0, 0

    async def slow(_: Received, __: web.Request) -> web.StreamResponse:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.05)
        at_once -= 1
        return web.Response()

    receiver.behaviour = slow
    desk.settings = SETTINGS.model_copy(update={"at_a_time_of_endpoint": 2})
    desk.subscribe(receiver.url, POSTED)
    for account in (2, 3, 4):
        post(desk.connection, desk.book_id, 1, account, 100)
        post(desk.connection, desk.book_id, account, 1, 100)
    desk.run()
    assert most == 2
    desk.now += BUSY
    desk.deliver()
    desk.now += BUSY
    desk.deliver()
    assert {status for _, status, _ in desk.deliveries()} == {"succeeded"}


def test_a_replayed_event_is_sent_again_with_its_id(desk: Desk, receiver: Receiver) -> None:
    endpoint_id = desk.subscribe(receiver.url, POSTED)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    event_id = receiver.received[0].event_id
    with desk.connection.transaction():
        subscriptions.replay_event(desk.connection, endpoint_id, event_id, now=desk.now)
    desk.run()
    first, second = receiver.received
    assert (first.event_id, first.body) == (second.event_id, second.body)
    assert desk.deliveries() == [("transfer.posted", "succeeded", 2)]


def test_a_replay_since_a_time_sends_in_order_what_was_taken_before(
    desk: Desk, receiver: Receiver
) -> None:
    endpoint_id = desk.subscribe(receiver.url, POSTED, ordering=Ordering.BOOK)
    for _ in range(5):
        post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    with desk.connection.transaction():
        subscriptions.replay_since(desk.connection, endpoint_id, since=NOON - timedelta(days=1000))
    desk.run()
    ids = [got.event_id for got in receiver.received]
    assert ids[:5] == ids[5:]
    assert len(set(ids)) == 5


def test_a_deleted_endpoint_gets_nothing(desk: Desk, receiver: Receiver) -> None:
    endpoint_id = desk.subscribe(receiver.url, POSTED)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.relay()
    with desk.connection.transaction():
        subscriptions.delete(desk.connection, endpoint_id, now=desk.now)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    assert receiver.received == []
    assert desk.deliveries() == [("transfer.posted", "cancelled", 0)]
    assert desk.rows("SELECT count(*) FROM gateway.webhook_secret") == [(0,)]


def test_old_deliveries_are_swept_and_young_ones_are_not(desk: Desk, receiver: Receiver) -> None:
    desk.subscribe(receiver.url, POSTED)
    for now in (datetime.now(UTC) - timedelta(days=31), datetime.now(UTC)):
        desk.now = now
        post(desk.connection, desk.book_id, 1, 2, 100)
        desk.run()
    swept = desk.rows("SELECT gateway.sweep_webhook_deliveries('30 days', 100)")
    assert swept == [(1,)]
    assert desk.rows("SELECT count(*) FROM gateway.webhook_attempt") == [(1,)]


def test_a_body_is_compact_json(desk: Desk, receiver: Receiver) -> None:
    desk.subscribe(receiver.url, POSTED)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    body = receiver.received[0].body
    assert body == json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert list(json.loads(body)) == ["type", "timestamp", "data"]
