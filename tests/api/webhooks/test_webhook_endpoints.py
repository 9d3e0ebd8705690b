"""Webhooks over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from standardwebhooks import Webhook

from api.app import create_app
from api.identity.caller import EVERY_PARTICIPANT, LIVE, Caller, Unauthenticated
from api.webhooks.service import Webhooks
from ledger_service.runtime.audit import verify_audit
from tests.api.webhooks.receiver import Receiver, answering
from tests.api.webhooks.webhook_ledger import KEYRING, SETTINGS, Desk, open_book, post

SCOPES = frozenset({"webhooks:read", "webhooks:write"})
CALLERS = {
    name: Caller(name, name, "partner", LIVE, scopes, frozenset(participants))
    for name, scopes, participants in (
        ("first", SCOPES, ["KE-B01"]),
        ("second", SCOPES, ["KE-B02"]),
        ("staff", SCOPES, [EVERY_PARTICIPANT]),
        ("reader", frozenset({"webhooks:read"}), ["KE-B01"]),
        ("powerless", frozenset(), ["KE-B01"]),
    )
}
BODY = {"url": "https://fintech.example/hook", "event_types": ["transfer.posted"]}
SOME_ID = "019ab0c1-7d6e-7c11-9a52-3c0f2f1b8d10"
SOME_EVENT = "evt_" + 32 * "0"


async def authenticate(token: str) -> Caller:
    if token not in CALLERS:
        raise Unauthenticated
    return CALLERS[token]


@pytest.fixture
def http(desk: Desk) -> Iterator[TestClient]:
    """The application on the desk's ledger and clock; KE-B02 has a book too."""
    open_book(desk.connection, "KE-B02")
    app = create_app(server=desk.server, authenticate=authenticate, now=lambda: desk.now)
    with TestClient(app, headers={"Authorization": "Bearer first"}) as client:
        app.state.webhooks = Webhooks(KEYRING, SETTINGS, now=lambda: desk.now)
        yield client


def call(
    http: TestClient, method: str, path: str, body: object = None, *, as_: str = "first", key: str = ""
) -> Any:
    """The answer to a request, with a new key where none is given."""
    headers = {"Authorization": f"Bearer {as_}", "Idempotency-Key": key or str(uuid4())}
    return http.request(method, f"/v1/webhook-endpoints{path}", json=body, headers=headers)


def created(http: TestClient, **changed: object) -> dict[str, Any]:
    """A new endpoint with its secret."""
    answer = call(http, "POST", "", BODY | changed)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_endpoint_set_up_over_http_gets_what_its_secret_verifies(
    http: TestClient, desk: Desk, receiver: Receiver
) -> None:
    desk.now = datetime.now(UTC)
    made = created(http, url=receiver.url)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    (got,) = receiver.received
    assert Webhook(made["secret"]).verify(got.body, got.headers)["data"]["amount"] == "1.00"


def test_the_secret_is_shown_once_and_is_nowhere_in_clear(http: TestClient, desk: Desk) -> None:
    made = created(http)
    assert made["secret"].startswith("whsec_")
    shown = call(http, "GET", f"/{made['id']}").json()
    assert shown == {name: value for name, value in made.items() if not name.startswith("secret")}
    ((body,),) = desk.rows("SELECT body FROM gateway.idempotency_record")
    assert made["secret"].encode() not in body


def test_an_answer_that_was_lost_is_given_again_with_its_secret(http: TestClient) -> None:
    first, again = (call(http, "POST", "", BODY, key="lost") for _ in range(2))
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.content == first.content
    assert len(call(http, "GET", "").json()["data"]) == 1
    path = f"/{first.json()['id']}/rotate-secret"
    rotated, again = (call(http, "POST", path, key="rotated") for _ in range(2))
    assert again.content == rotated.content
    assert rotated.json()["secret"] != first.json()["secret"]


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"url": "https://10.0.0.1/"}, 422, "webhook_target_refused"),
        ({"url": "http://fintech.example/"}, 422, "webhook_target_refused"),
        ({"event_types": []}, 422, "invalid_request"),
        ({"event_types": ["webhook.test"]}, 422, "invalid_request"),
        ({"participants": ["KE-B02"]}, 403, "participant_not_allowed"),
        ({"ordering": "none"}, 422, "invalid_request"),
        ({"secret": "whsec_mine"}, 422, "invalid_request"),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused(
    http: TestClient, changed: dict[str, object], status: int, code: str
) -> None:
    answer = call(http, "POST", "", BODY | changed)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_staff_says_whose_books_it_means(http: TestClient) -> None:
    answer = call(http, "POST", "", BODY, as_="staff")
    assert answer.json()["code"] == "webhook_participants_missing"
    answer = call(http, "POST", "", BODY | {"participants": ["KE-B99"]}, as_="staff")
    assert answer.json()["code"] == "participant_unknown"
    answer = call(http, "POST", "", BODY | {"participants": ["KE-B01", "KE-B02"]}, as_="staff")
    assert answer.json()["participants"] == ["KE-B01", "KE-B02"]


def test_a_client_has_so_many_endpoints_and_no_more(http: TestClient) -> None:
    few = SETTINGS.model_copy(update={"endpoints_per_client": 2})
    http.app.state.webhooks = Webhooks(KEYRING, few)  # type: ignore[attr-defined]  # the application
    created(http)
    created(http)
    answer = call(http, "POST", "", BODY)
    assert (answer.status_code, answer.json()["code"]) == (409, "webhook_endpoints_too_many")


ROUTES = [
    ("POST", "", BODY, "webhooks:write"),
    ("GET", "", None, "webhooks:read"),
    ("GET", f"/{SOME_ID}", None, "webhooks:read"),
    ("PATCH", f"/{SOME_ID}", {}, "webhooks:write"),
    ("DELETE", f"/{SOME_ID}", None, "webhooks:write"),
    ("POST", f"/{SOME_ID}/rotate-secret", None, "webhooks:write"),
    ("POST", f"/{SOME_ID}/test", None, "webhooks:write"),
    ("POST", f"/{SOME_ID}/replay", {"event_id": SOME_EVENT}, "webhooks:write"),
    ("POST", f"/{SOME_ID}/enable", None, "webhooks:write"),
    ("GET", f"/{SOME_ID}/deliveries", None, "webhooks:read"),
]


@pytest.mark.parametrize(("method", "path", "body", "scope"), ROUTES)
def test_every_route_asks_for_its_scope(
    http: TestClient, method: str, path: str, body: object, scope: str
) -> None:
    for caller in {"powerless", "reader"} if scope == "webhooks:write" else {"powerless"}:
        answer = call(http, method, path, body, as_=caller)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
        assert scope in answer.json()["detail"]
    if path:
        answer = call(http, method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(("method", "path", "body", "scope"), ROUTES[2:])
def test_what_another_client_cannot_reach_is_not_there_for_it(
    http: TestClient, method: str, path: str, body: object, scope: str
) -> None:
    made = created(http)
    answer = call(http, method, path.replace(SOME_ID, made["id"]), body, as_="second")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert scope in SCOPES
    assert call(http, "GET", f"/{made['id']}").json()["status"] == "enabled"
    assert call(http, "GET", "", as_="second").json()["data"] == []


def test_endpoints_are_listed_page_by_page(http: TestClient) -> None:
    made = [created(http, description=f"number {n}")["id"] for n in range(5)]
    seen, cursor = [], ""
    while True:
        page = call(http, "GET", f"?limit=2{cursor}").json()
        seen += [each["id"] for each in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == made
    answer = call(http, "GET", "?cursor=nonsense")
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")


def test_a_change_counts_for_what_comes(http: TestClient, desk: Desk, receiver: Receiver) -> None:
    made = created(http)
    post(desk.connection, desk.book_id, 1, 2, 100)
    change = {"url": receiver.url, "event_types": ["hold.created"], "description": "moved"}
    changed = call(http, "PATCH", f"/{made['id']}", change).json()
    assert (changed["url"], changed["event_types"], changed["description"]) == tuple(change.values())
    post(desk.connection, desk.book_id, 1, 2, 100, phase="pending")
    desk.run()
    assert [got.event["type"] for got in receiver.received] == ["hold.created"]
    answer = call(http, "PATCH", f"/{made['id']}", {"url": "https://192.168.0.1/"})
    assert answer.json()["code"] == "webhook_target_refused"


def test_participants_can_be_added_and_left_out(
    http: TestClient, desk: Desk, receiver: Receiver
) -> None:
    body = BODY | {"url": receiver.url, "participants": ["KE-B01"]}
    made = call(http, "POST", "", body, as_="staff").json()
    other = desk.rows("SELECT book_id FROM ledger.book WHERE participant_id = 'KE-B02'")[0][0]
    change = {"participants": ["KE-B02"]}
    call(http, "PATCH", f"/{made['id']}", change, as_="staff")
    post(desk.connection, desk.book_id, 1, 2, 100)
    post(desk.connection, other, 1, 2, 200)
    desk.run()
    assert [got.event["data"]["amount"] for got in receiver.received] == ["2.00"]


def test_a_deleted_endpoint_is_not_there(http: TestClient) -> None:
    made = created(http)
    assert call(http, "DELETE", f"/{made['id']}").status_code == 204
    assert call(http, "GET", f"/{made['id']}").status_code == 404
    assert call(http, "DELETE", f"/{made['id']}").status_code == 404


def test_a_test_is_sent_and_stands_in_the_log(http: TestClient, desk: Desk, receiver: Receiver) -> None:
    desk.now = datetime.now(UTC)
    made = created(http, url=receiver.url)
    receiver.behaviour = answering(500, "no\x00t yet")
    queued = call(http, "POST", f"/{made['id']}/test").json()
    desk.run()
    (got,) = receiver.received
    assert Webhook(made["secret"]).verify(got.body, got.headers)["type"] == "webhook.test"
    assert got.event_id == queued["event_id"]
    receiver.behaviour = answering(200, "welcome")
    desk.later(seconds=5)
    desk.run()
    (logged,) = call(http, "GET", f"/{made['id']}/deliveries").json()["data"]
    assert (logged["event_id"], logged["status"]) == (queued["event_id"], "succeeded")
    assert [(each["status_code"], each["response_excerpt"]) for each in logged["attempts"]] == [
        (500, "not yet"),
        (200, "welcome"),
    ]


def test_the_log_is_listed_page_by_page_newest_first(
    http: TestClient, desk: Desk, receiver: Receiver
) -> None:
    made = created(http, url=receiver.url)
    sent = [post(desk.connection, desk.book_id, 1, 2, 100 + n) for n in range(5)]
    desk.run()
    path = f"/{made['id']}/deliveries"
    first = call(http, "GET", f"{path}?limit=3&status=succeeded").json()
    second = call(http, "GET", f"{path}?limit=3&cursor={first['next_cursor']}").json()
    assert second["next_cursor"] is None
    by_event = {got.event_id: got.event["data"]["id"] for got in receiver.received}
    shown = [by_event[each["event_id"]] for each in first["data"] + second["data"]]
    assert shown == sent[::-1]
    assert call(http, "GET", f"{path}?status=failed").json()["data"] == []
    assert call(http, "GET", f"{path}?cursor={first['next_cursor'][:-3]}").status_code == 422


def test_a_disabled_endpoint_says_why_and_can_be_enabled(
    http: TestClient, desk: Desk, receiver: Receiver
) -> None:
    receiver.behaviour = answering(410)
    made = created(http, url=receiver.url)
    post(desk.connection, desk.book_id, 1, 2, 100)
    desk.run()
    shown = call(http, "GET", f"/{made['id']}").json()
    assert shown["status"] == "disabled"
    assert "410" in shown["disabled_reason"]
    answer = call(http, "POST", f"/{made['id']}/test")
    assert (answer.status_code, answer.json()["code"]) == (409, "webhook_endpoint_disabled")
    receiver.behaviour = answering(200)
    post(desk.connection, desk.book_id, 1, 2, 200)
    assert call(http, "POST", f"/{made['id']}/enable").json()["status"] == "enabled"
    desk.run()
    assert [got.event["data"]["amount"] for got in receiver.received] == ["1.00", "2.00"]


def test_replays_over_http(http: TestClient, desk: Desk, receiver: Receiver) -> None:
    made = created(http, url=receiver.url)
    post(desk.connection, desk.book_id, 1, 2, 100)
    post(desk.connection, desk.book_id, 1, 2, 200)
    desk.run()
    ids = [got.event_id for got in receiver.received]
    path = f"/{made['id']}/replay"
    assert call(http, "POST", path, {"event_id": ids[0]}).status_code == 202
    desk.run()
    assert call(http, "POST", path, {"since": "2020-01-01T00:00:00Z"}).status_code == 202
    desk.run()
    assert [got.event_id for got in receiver.received] == [*ids, ids[0], *ids]
    for body in (
        {},
        {"event_id": ids[0], "since": "2020-01-01T00:00:00Z"},
        {"since": "2020-01-01T00:00"},
    ):
        assert call(http, "POST", path, body).json()["code"] == "invalid_request"
    assert call(http, "POST", path, {"event_id": SOME_EVENT}).status_code == 404


def test_so_many_secrets_sign_and_no_more(http: TestClient, desk: Desk) -> None:
    made = created(http)
    path = f"/{made['id']}/rotate-secret"
    for _ in range(3):
        assert call(http, "POST", path).status_code == 200
    assert call(http, "POST", path).json()["code"] == "webhook_secrets_too_many"
    desk.later(hours=25)
    assert call(http, "POST", path, {"overlap_hours": 0}).status_code == 200
    assert len(desk.secrets(made["id"])) == 1


def test_acts_on_endpoints_are_audited(http: TestClient, desk: Desk) -> None:
    made = created(http)
    call(http, "POST", f"/{made['id']}/rotate-secret")
    call(http, "DELETE", f"/{made['id']}")
    acts = desk.rows("SELECT act, actor, subject FROM gateway.audit_event ORDER BY number")
    assert acts == [
        (f"webhook_endpoint.{act}", "first", made["id"])
        for act in ("created", "secret_rotated", "deleted")
    ]
    assert verify_audit(desk.connection).events == 3


def test_every_post_needs_a_key(http: TestClient) -> None:
    answer = http.post("/v1/webhook-endpoints", json=BODY)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
