"""What stands before the routes: ids, limits of size, depth, time and number, and headers."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import ClassVar

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from limits.aio.storage import MemoryStorage
from pydantic import SecretStr

from api.app import create_app
from api.identity.caller import Authenticate
from api.requests.bodies import depth_beyond
from api.requests.security_headers import SECURITY_HEADERS
from api.requests.stack import RateStorageUnusable
from api.settings import GatewaySettings
from ledger_service.runtime.database import Server
from tests.api.gateway import CALLERS, NOON, authenticate, gateway, keyed, transfer_body

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def answered(app: FastAPI, *paths: str) -> list[httpx.Response]:
    """Answers to requests that are made at once, to an application without its ledger."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": "Bearer first"}
    async with httpx.AsyncClient(transport=transport, base_url="http://g", headers=headers) as client:
        return await asyncio.gather(*(client.get(path) for path in paths))


def application(who: Authenticate = authenticate, **limits: object) -> FastAPI:
    return create_app(GatewaySettings(**limits), authenticate=who, now=lambda: NOON)


def slow(work: Callable[[Request], Awaitable[object]], **limits: object) -> FastAPI:
    app = application(**limits)
    app.get("/slow")(work)
    return app


def test_a_request_has_an_id_of_its_own_or_the_client_s() -> None:
    own, other = asyncio.run(answered(application(), "/v1/ping", "/v1/ping"))
    assert own.headers["X-Request-ID"] != other.headers["X-Request-ID"]
    with TestClient(application(), headers={"Authorization": "Bearer first"}) as client:
        given = {"X-Request-ID": "mine-1", "traceparent": TRACE}
        answer = client.get("/v1/ping", headers=given)
        assert (answer.headers["X-Request-ID"], answer.headers["traceparent"]) == ("mine-1", TRACE)
        insane = {"X-Request-ID": "x" * 129, "traceparent": "00-zz"}
        answer = client.get("/v1/ping", headers=insane)
        assert len(answer.headers["X-Request-ID"]) == 36
        assert "traceparent" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/ping", "/v1/nothing", "/broken"])
def test_every_answer_has_the_security_headers_and_an_id(path: str) -> None:
    app = application()

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError

    (answer,) = asyncio.run(answered(app, path))
    assert answer.headers["X-Request-ID"]
    for name, value in SECURITY_HEADERS:
        assert answer.headers[name.decode()] == value.decode()
    if path == "/broken":
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_a_body_is_as_long_as_is_taken_and_no_longer(two_banks: Server) -> None:
    with gateway(two_banks, GatewaySettings(body_bytes=300)) as client:
        body = json.dumps(transfer_body()).encode()
        headers = keyed() | {"Content-Type": "application/json"}
        whole = client.post("/v1/transfers", content=body.ljust(300), headers=headers)
        assert whole.status_code == 201
        for content in (body.ljust(301), iter([body.ljust(200), b" " * 101])):
            long = client.post("/v1/transfers", content=content, headers=headers)
            assert (long.status_code, long.json()["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    ("body", "beyond"),
    [
        (b"[[[]]]", False),
        (b"[[[[]]]]", True),
        (b"[],[],[],[],[]", False),
        (b'"[[[[[[[["', False),
        (b'["\\"[[[[", [[{}]]]', True),
        (b'{"a": {"b": {"c": {}}}}', True),
        (b'{"a": {"b": {}}, "c": {"d": []}}', False),
    ],
)
def test_depth_counts_what_is_open_at_a_time_outside_strings(body: bytes, beyond: bool) -> None:
    assert depth_beyond(body, 3) is beyond


def test_a_body_nested_too_deep_is_not_read(gateway_client: TestClient) -> None:
    body = b"[" * 100_000
    headers = keyed() | {"Content-Type": "application/json"}
    refused = gateway_client.post("/v1/transfers", content=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "json_too_deep")


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"amount": NaN}', b'"\\ud800"'])
def test_what_is_no_json_is_refused(gateway_client: TestClient, body: bytes) -> None:
    headers = keyed() | {"Content-Type": "application/json"}
    refused = gateway_client.post("/v1/transfers", content=body, headers=headers)
    assert refused.status_code in {400, 422}
    bodiless = gateway_client.post("/v1/holds/x/void", content=body, headers=headers)
    assert bodiless.status_code in {400, 422}


def test_a_request_that_takes_too_long_is_answered() -> None:
    async def endless(_: Request) -> None:
        await asyncio.sleep(60)

    (answer,) = asyncio.run(answered(slow(endless, request_s=0.05), "/slow"))
    assert (answer.status_code, answer.json()["code"]) == (504, "timed_out")


def test_beyond_what_can_be_at_work_requests_are_turned_away_and_later_let_in() -> None:
    async def brief(_: Request) -> None:
        await asyncio.sleep(0.1)

    app = slow(brief, requests_in_flight=2)
    answers = asyncio.run(answered(app, *["/slow"] * 5))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503, 503, 503]
    turned_away = next(answer for answer in answers if answer.status_code == 503)
    assert turned_away.json()["code"] == "overloaded"
    assert turned_away.headers["Retry-After"] == "1"
    assert asyncio.run(answered(app, "/slow"))[0].status_code == 200


def test_transfers_beyond_what_may_wait_are_turned_away(two_banks: Server) -> None:
    app = create_app(
        GatewaySettings(transfers_waiting=1),
        server=two_banks,
        authenticate=authenticate,
        now=lambda: NOON,
    )

    async def at_once() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://g") as client,
        ):
            body = transfer_body(amount="0.01")
            posts = (client.post("/v1/transfers", json=body, headers=keyed()) for _ in range(50))
            return await asyncio.gather(*posts)

    answers = asyncio.run(at_once())
    assert {answer.status_code for answer in answers} == {201, 503}
    assert all(a.headers["Retry-After"] for a in answers if a.status_code == 503)


def test_a_client_has_so_many_requests_to_a_route() -> None:
    app = application(rate="3/hour")
    client = TestClient(app)

    def ping(token: str, path: str = "/v1/ping") -> httpx.Response:
        return client.get(path, headers={"Authorization": f"Bearer {token}"})

    ping("first")  # counted by address: whose the token is, is not known yet
    first = [ping("first") for _ in range(4)]
    assert [answer.status_code for answer in first] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in first] == ["2", "1", "0", "0"]
    assert {answer.headers["RateLimit-Limit"] for answer in first} == {"3"}
    assert 3_500 < int(first[-1].headers["Retry-After"]) <= 3_600
    assert first[-1].json()["code"] == "rate_limited"
    assert ping("first", "/v1/nothing").status_code == 404
    assert ping("second").status_code == 200


def test_tokens_of_one_client_are_counted_together() -> None:
    async def any_token(token: str) -> object:
        return CALLERS["first"]

    client = TestClient(application(any_token, rate="3/hour"))
    statuses = [
        client.get("/v1/ping", headers={"Authorization": f"Bearer {token}"}).status_code
        for token in "abababab"
    ]
    assert statuses == [200, 200, 200, 200, 200, 429, 429, 429]


def test_who_guesses_tokens_is_slowed_down() -> None:
    client = TestClient(application(rate="3/hour"))
    statuses = [
        client.get("/v1/ping", headers={"Authorization": f"Bearer guess {n}"}).status_code
        for n in range(4)
    ]
    assert statuses == [401, 401, 401, 429]


class Away(MemoryStorage):
    """A storage whose server does not answer."""

    STORAGE_SCHEME: ClassVar[list[str]] = ["async+away"]

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        raise ConnectionError("refused")


def test_requests_are_let_in_while_they_cannot_be_counted() -> None:
    app = application(rate_storage=SecretStr("async+away://"), rate="1/hour")
    answers = asyncio.run(answered(app, "/v1/ping", "/v1/ping"))
    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize("uri", ["memory://", "async+nowhere://"])
def test_a_storage_that_cannot_be_used_is_refused(uri: str) -> None:
    with pytest.raises(RateStorageUnusable, match="WGI_API_RATE_STORAGE"):
        application(rate_storage=SecretStr(uri))
