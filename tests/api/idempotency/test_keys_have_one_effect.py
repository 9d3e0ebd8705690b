"""Keys: one effect and one answer each, whoever asks how often."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import httpx
import psycopg
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient

from api.app import create_app
from api.errors import Refusal
from api.idempotency.execution import once
from api.idempotency.records import Answer
from api.identity.caller import Caller, require
from ledger_service.runtime.database import Database, Role, Server
from tests.api.gateway import NOON, authenticate, balance, gateway, keyed, transfer_body

PATHS = ("/v1/transfers", "/v1/holds")


def count(server: Server, table: str) -> int:
    with server.connect(Database.LEDGER, Role.APP) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("path", PATHS)
def test_the_same_request_is_answered_as_the_first_time(
    gateway_client: TestClient, two_banks: Server, path: str
) -> None:
    headers, before = keyed(), count(two_banks, "ledger.transfer")
    first = gateway_client.post(path, json=transfer_body(reference="x"), headers=headers)
    other_order = dict(reversed(transfer_body(reference="x").items()))
    again = gateway_client.post(path, json=other_order, headers=headers)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first.headers["Location"] == again.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert count(two_banks, "ledger.transfer") == before + 1


def test_a_refusal_is_answered_again_too(gateway_client: TestClient) -> None:
    headers, body = keyed(), transfer_body(amount="1000.01")
    first = gateway_client.post("/v1/transfers", json=body, headers=headers)
    again = gateway_client.post("/v1/transfers", json=body, headers=headers)
    assert first.json()["code"] == again.json()["code"] == "insufficient_funds"
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_key_stands_for_one_request(gateway_client: TestClient, two_banks: Server) -> None:
    headers = keyed()
    gateway_client.post("/v1/transfers", json=transfer_body(), headers=headers)
    refused = gateway_client.post("/v1/transfers", json=transfer_body(amount="11.00"), headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert balance(two_banks, "A-2") == 1_000


def test_a_key_belongs_to_its_client_and_route(gateway_client: TestClient, two_banks: Server) -> None:
    first = gateway_client.post("/v1/transfers", json=transfer_body(), headers=keyed("k"))
    staff = gateway_client.post("/v1/transfers", json=transfer_body(), headers=keyed("k", "staff"))
    held = gateway_client.post("/v1/holds", json=transfer_body(), headers=keyed("k"))
    assert [first.status_code, staff.status_code, held.status_code] == [201] * 3
    assert len({answer.json()["id"] for answer in (first, staff, held)}) == 3


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency_key_missing"),
        ("", "idempotency_key_malformed"),
        ("a b", "idempotency_key_malformed"),
        ("x" * 256, "idempotency_key_malformed"),
    ],
)
def test_a_route_needs_a_key(gateway_client: TestClient, key: str | None, code: str) -> None:
    headers = {} if key is None else {"Idempotency-Key": key}
    refused = gateway_client.post("/v1/transfers", json=transfer_body(), headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (400, code)


def test_keys_outlive_the_application(two_banks: Server) -> None:
    headers = keyed()
    with gateway(two_banks) as client:
        first = client.post("/v1/transfers", json=transfer_body(), headers=headers)
    with gateway(two_banks) as client:
        again = client.post("/v1/transfers", json=transfer_body(), headers=headers)
    assert (first.content, again.headers["Idempotent-Replayed"]) == (again.content, "true")
    assert balance(two_banks, "A-2") == 1_000


def test_of_concurrent_requests_with_a_key_one_has_the_effect(two_banks: Server) -> None:
    """In two applications, as two processes are: the database alone tells them apart."""
    headers, bodies = keyed(), transfer_body()

    def post(client: TestClient) -> httpx.Response:
        return client.post("/v1/transfers", json=bodies, headers=headers)

    with gateway(two_banks) as one, gateway(two_banks) as other, ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(post, [one, other] * 16))
    statuses = {answer.status_code for answer in answers}
    made = {answer.content for answer in answers if answer.status_code == 201}
    assert statuses <= {201, 409}
    assert {a.json()["code"] for a in answers if a.status_code == 409} <= {"idempotency_key_in_use"}
    assert len(made) == 1
    assert balance(two_banks, "A-2") == 1_000


def test_many_keys_at_once_have_an_effect_each(two_banks: Server) -> None:
    app = create_app(server=two_banks, authenticate=authenticate, now=lambda: NOON)

    async def all_of_them() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://gateway") as client,
        ):
            bodies = [transfer_body(amount="0.10", reference=str(n)) for n in range(100)]
            posts = (client.post("/v1/transfers", json=body, headers=keyed()) for body in bodies)
            return await asyncio.gather(*posts)

    answers = asyncio.run(all_of_them())
    assert {answer.status_code for answer in answers} == {201}
    assert [answer.json()["reference"] for answer in answers] == [str(n) for n in range(100)]
    assert balance(two_banks, "A-2") == 1_000


def recorded(app: FastAPI, work: Callable[[psycopg.Connection], Answer]) -> None:
    """A route of the application that does `work` once."""

    @app.post("/v1/work")
    async def route(request: Request, caller: Annotated[Caller, require("transfers:write")]) -> Response:
        return await once(request, caller, work)


def test_work_commits_with_its_record_or_not_at_all(two_banks: Server) -> None:
    done: list[str] = []

    def work(connection: psycopg.Connection) -> Answer:
        connection.execute("SELECT ledger.register_participant('KE-X', 'X', 'bank', 'KE', NULL, 'KES')")
        done.append("work")
        if len(done) == 1:
            raise Refusal("not yet", code="not_yet", status=409)
        return Answer(201, b'{"made":true}')

    app = create_app(server=two_banks, authenticate=authenticate, now=lambda: NOON)
    recorded(app, work)
    headers = keyed()
    with TestClient(app) as client:
        refused = client.post("/v1/work", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_yet")
        assert count(two_banks, "ledger.participant") == 2
        assert count(two_banks, "gateway.idempotency_record") == 0
        assert client.post("/v1/work", headers=headers).content == b'{"made":true}'
        assert client.post("/v1/work", headers=headers).headers["Idempotent-Replayed"] == "true"
        reused = client.post("/v1/work?x=1", headers=headers)
        assert reused.json()["code"] == "idempotency_key_reused"
    assert len(done) == 2
    assert count(two_banks, "ledger.participant") == 3


def test_a_key_at_work_is_refused_until_it_is_answered(two_banks: Server) -> None:
    begun, ends = threading.Event(), threading.Event()

    def work(_: psycopg.Connection) -> Answer:
        begun.set()
        assert ends.wait(20)
        return Answer(200, b"{}")

    app = create_app(server=two_banks, authenticate=authenticate, now=lambda: NOON)
    recorded(app, work)
    headers = keyed()
    with TestClient(app) as client, ThreadPoolExecutor(1) as thread:
        first = thread.submit(client.post, "/v1/work", headers=headers)
        assert begun.wait(20)
        second = client.post("/v1/work", headers=headers)
        ends.set()
        assert first.result().status_code == 200
    assert (second.status_code, second.json()["code"]) == (409, "idempotency_key_in_use")
    assert second.headers["Retry-After"] == "1"
