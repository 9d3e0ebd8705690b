"""The audit log is read by page and filter, and proven, by those who may."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.identity.caller import EVERY_PARTICIPANT, LIVE, Caller
from ledger_service.runtime.audit import record_act
from ledger_service.runtime.database import Database, Role, Server
from tests.api.gateway import NOON

AUDITOR = Caller(
    "console", "auditor", "person", LIVE, frozenset({"audit:read"}), frozenset({EVERY_PARTICIPANT})
)


async def authenticate(token: str) -> Caller:
    return AUDITOR


@pytest.fixture
def client(ledger_database: Server) -> Iterator[TestClient]:
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        for number in range(5):
            act = "client.created" if number % 2 else "client.disabled"
            record_act(connection, act=act, actor=f"person-{number}", subject=f"c-{number}",
                       details={"n": number}, request_id="r")  # fmt: skip
    app = create_app(server=ledger_database, authenticate=authenticate, now=lambda: NOON)
    with TestClient(app, headers={"Authorization": "Bearer auditor"}) as opened:
        yield opened


def test_all_events_are_read_page_by_page(client: TestClient) -> None:
    seen: list[int] = []
    cursor = "0"
    while True:
        page = client.get("/v1/audit-events", params={"limit": 2, "cursor": cursor}).json()
        seen += [event["number"] for event in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    assert seen == [1, 2, 3, 4, 5]


def test_events_say_who_did_what_to_what(client: TestClient) -> None:
    event = client.get("/v1/audit-events", params={"actor": "person-3"}).json()["data"][0]
    assert (event["act"], event["subject"], event["details"]) == ("client.created", "c-3", {"n": 3})
    assert event["request_id"] == "r"
    acts = client.get("/v1/audit-events", params={"act": "client.disabled"}).json()["data"]
    assert [one["number"] for one in acts] == [1, 3, 5]


def test_the_chain_is_proven(client: TestClient) -> None:
    proof = client.get("/v1/audit-events/proof").json()
    last = client.get("/v1/audit-events", params={"cursor": 4}).json()["data"][-1]
    assert proof == {"events": 5, "hash": last["hash"]}


def test_a_broken_chain_is_told(client: TestClient, ledger_database: Server) -> None:
    with ledger_database.connect(Database.LEDGER, Role.OWNER, autocommit=True) as owner:
        owner.execute("ALTER TABLE gateway.audit_event DISABLE TRIGGER immutable")
        owner.execute("UPDATE gateway.audit_event SET actor = 'mallory' WHERE number = 3")
        owner.execute("ALTER TABLE gateway.audit_event ENABLE TRIGGER immutable")
    answer = client.get("/v1/audit-events/proof")
    assert (answer.status_code, answer.json()["code"]) == (409, "audit_log_broken")
    assert "event 3" in answer.json()["detail"]


@pytest.mark.parametrize(
    "parameters", [{"limit": 0}, {"limit": 201}, {"cursor": -1}, {"act": "x"}, {"cursor": "x"}]
)
def test_a_filter_that_means_nothing_is_refused(client: TestClient, parameters: dict[str, str]) -> None:
    answer = client.get("/v1/audit-events", params=parameters)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
