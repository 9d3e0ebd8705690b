"""The worker as a process: told to stop, and killed between its steps."""

import json
import os
import signal
import subprocess
import sys
from base64 import b64encode
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

from api.webhooks.events import EventType
from api.webhooks.relay import wake
from api.webhooks.worker import queue_conninfo, relay_all, repair
from ledger_service.runtime.database import Database, Role
from tests.api.webhooks.receiver import Received, Receiver
from tests.api.webhooks.webhook_ledger import Desk, post

ROOT = Path(__file__).resolve().parents[3]
STALLED = timedelta(seconds=30)


def start_worker(desk: Desk, home: Path) -> subprocess.Popen[bytes]:
    """On the desk's databases, in the world's time."""
    keys = {"first": b64encode(bytes(range(32))).decode()}
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "WGI_HOME": str(home),
        "WGI_DATABASE_URL": desk.server.conninfo,
        "WGI_DATABASE_PREFIX": desk.server.prefix,
        "WGI_ENCRYPTION_KEYS": json.dumps(keys),
        "WGI_WEBHOOKS_LOOPBACK": "true",
    }
    return subprocess.Popen([sys.executable, "-m", "api.webhooks"], cwd=ROOT, env=environment)


def test_killed_between_its_steps_it_delivers_at_least_once_and_in_order(
    desk: Desk, receiver: Receiver, tmp_path: Path
) -> None:
    desk.now = datetime.now(UTC)
    workers: list[subprocess.Popen[bytes]] = []

    def replace_worker() -> None:
        if workers:
            workers[-1].kill()
            workers[-1].wait()
            # As if time had passed: who is dead is known to be.
            desk.connection.execute("DELETE FROM jobs.procrastinate_workers")
        workers.append(start_worker(desk, tmp_path))

    async def behave(got: Received, request: web.Request) -> web.StreamResponse:
        count = len(receiver.received)
        if count == 7:  # the request is there, its answer is not
            replace_worker()
        answer = web.Response(status=204)
        await answer.prepare(request)
        await answer.write_eof()
        if count == 19:  # the answer is there, what follows from it may not be written down
            replace_worker()
        return answer

    receiver.behaviour = behave
    desk.subscribe(receiver.url, EventType.TRANSFER_POSTED)
    for account in (2, 3, 4):
        post(desk.connection, desk.book_id, 1, account, 900_00)
    sent = [post(desk.connection, desk.book_id, 2 + n % 3, 1, 100 + n) for n in range(12)]
    replace_worker()
    try:
        receiver.wait_until(lambda received: len(received) > 8)
        sent += [post(desk.connection, desk.book_id, 2 + n % 3, 1, 100 + n) for n in range(18)]

        def ids(received: list[Received]) -> set[str]:
            return {got.event["data"]["id"] for got in received}

        receiver.wait_until(lambda received: ids(received) >= set(sent))
    finally:
        workers[-1].send_signal(signal.SIGINT)
        assert workers[-1].wait(30) == 0
    assert len(workers) == 3
    assert len(ids(receiver.received)) == len(sent) + 3
    lanes = defaultdict(list)
    for got in receiver.received:
        lanes[got.event["data"]["debit_account"]].append(got.event["data"]["sequence"])
    assert len(lanes) == 4
    for numbers in lanes.values():
        assert numbers == sorted(numbers)
    assert desk.rows("SELECT count(*) FROM jobs.procrastinate_jobs WHERE status = 'doing'") == [(0,)]


def test_lanes_of_dead_workers_are_given_to_others(desk: Desk, receiver: Receiver) -> None:
    desk.subscribe(receiver.url)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.relay()
    worker_id = desk.rows("SELECT * FROM jobs.procrastinate_register_worker_v1()")[0][0]
    desk.connection.execute(
        "SELECT * FROM jobs.procrastinate_fetch_job_v2(ARRAY['webhooks'], %s)", [worker_id]
    )
    desk.deliver()
    assert receiver.received == []
    assert repair(desk.connection, stalled=STALLED, now=desk.now) == 0
    # Events that came meanwhile have a job that waits for the one at work.
    post(desk.connection, desk.book_id, 1, 2, 200)
    desk.relay()
    desk.connection.execute(
        "UPDATE jobs.procrastinate_workers SET last_heartbeat = last_heartbeat - interval '31 s'"
    )
    assert repair(desk.connection, stalled=STALLED, now=desk.now) == 1
    desk.deliver()
    assert len(receiver.received) == 2


def test_a_lane_whose_job_broke_gets_a_new_one(desk: Desk, receiver: Receiver) -> None:
    desk.subscribe(receiver.url)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.relay()
    desk.connection.execute("DELETE FROM jobs.procrastinate_jobs")
    assert repair(desk.connection, stalled=STALLED, now=desk.now) == 0
    desk.later(seconds=61)
    assert repair(desk.connection, stalled=STALLED, now=desk.now) == 1
    assert repair(desk.connection, stalled=STALLED, now=desk.now) == 0
    desk.deliver()
    assert len(receiver.received) == 1


def test_a_wake_up_that_is_being_taken_is_not_lost(desk: Desk) -> None:
    """Between a worker that takes a lane's job and a relay that has not committed, one of them waits."""
    desk.subscribe("https://fintech.example/")
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.relay()
    ((lane, endpoint_id),) = desk.rows("SELECT lane, endpoint_id::text FROM gateway.webhook_delivery")
    take_job = "SELECT id FROM jobs.procrastinate_fetch_job_v2(ARRAY['webhooks'], NULL)"
    with desk.server.connect(Database.LEDGER, Role.APP) as other:
        wake(other, [(endpoint_id, lane)], now=desk.now)
        assert desk.rows(take_job) == [(None,)]
        other.commit()
    assert desk.rows(take_job) != [(None,)]


def test_one_book_that_cannot_be_read_holds_up_no_other(desk: Desk) -> None:
    first, second = desk.subscribe("https://a.example/"), desk.subscribe("https://b.example/")
    desk.connection.execute(
        "UPDATE gateway.webhook_subscription SET sequence = sequence + 9 WHERE endpoint_id = %s", [first]
    )
    post(desk.connection, desk.book_id, 1, 2, 100)
    relay_all(desk.connection, now=lambda: desk.now)
    assert desk.rows("SELECT endpoint_id::text FROM gateway.webhook_delivery") == [(second,)]


def test_the_queue_is_found_without_owning_it(desk: Desk) -> None:
    conninfo = queue_conninfo(desk.server)
    assert "role=wgi_app" in conninfo
    assert "search_path=jobs" in conninfo
