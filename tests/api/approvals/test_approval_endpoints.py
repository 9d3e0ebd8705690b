"""Limits, fees, rates and postings by hand over HTTP: proposed by one person, decided by another."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.identity.caller import EVERY_PARTICIPANT, LIVE, Caller
from ledger_service.runtime.audit import audit_events
from ledger_service.runtime.database import Database, Role, Server
from tests.api.gateway import NOON, balance

SCOPES = frozenset(
    {
        "limits:propose",
        "limits:approve",
        "postings:propose",
        "postings:approve",
        "accounts:read",
        "transfers:read",
    }
)


def person(name: str, *participants: str, scopes: frozenset[str] = SCOPES) -> Caller:
    return Caller("console", name, "person", LIVE, scopes, frozenset(participants))


PEOPLE = {
    "maker": person("maker", EVERY_PARTICIPANT),
    "checker": person("checker", EVERY_PARTICIPANT),
    "other-bank": person("other-bank", "KE-B02"),
    "reader": person("reader", "KE-B01", scopes=frozenset({"accounts:read", "transfers:read"})),
}


async def authenticate(token: str) -> Caller:
    return PEOPLE[token]


@pytest.fixture
def client(two_banks: Server) -> Iterator[TestClient]:
    app = create_app(server=two_banks, authenticate=authenticate, now=lambda: NOON)
    with TestClient(app, headers={"Authorization": "Bearer maker"}) as opened:
        yield opened


def by(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}", "Idempotency-Key": str(uuid4())}


LIMITS = {"kind": "account_limits", "account": "A-1", "debit_limit": "50.00", "credit_limit": None}
FEE = {
    "kind": "fee",
    "code": "payout",
    "currency": "KES",
    "amount": "10.00",
    "basis_points": 25,
    "valid_from": "2026-03-02",
}
RATE = {"kind": "rate", "base": "USD", "quote": "KES", "rate": "129.25", "valid_from": "2026-03-02"}
POSTING = {
    "kind": "manual_posting",
    "debit_account": "A-1",
    "credit_account": "A-2",
    "amount": "12.50",
    "currency": "KES",
    "value_date": None,
}
PATHS = {"account_limits": "limit", "fee": "limit", "rate": "limit", "manual_posting": "posting"}


def path(content: dict[str, Any]) -> str:
    return f"/v1/{PATHS[content['kind']]}-proposals"


def proposed(client: TestClient, content: dict[str, Any], participant: str = "KE-B01") -> str:
    body = {"participant_id": participant, "content": content, "reason": "as agreed"}
    answer = client.post(path(content), json=body, headers=by("maker"))
    assert answer.status_code == 201, answer.text
    assert answer.json()["content"] == content
    location = str(answer.headers["Location"])
    assert client.get(location).json() == answer.json()
    return location


@pytest.mark.parametrize("content", [LIMITS, FEE, RATE, POSTING])
def test_a_proposal_is_carried_out_when_another_person_approves(
    client: TestClient, content: dict[str, Any]
) -> None:
    location = proposed(client, content)
    answer = client.post(f"{location}/approve", json={"reason": "seen"}, headers=by("checker"))
    assert answer.status_code == 200, answer.text
    ended = answer.json()
    assert (ended["state"], ended["decided_by"], ended["decision_reason"]) == (
        "approved",
        "checker",
        "seen",
    )
    assert (ended["transfer_id"] is not None) == (content is POSTING)


def test_a_posting_moves_money_after_the_approval_only(client: TestClient, two_banks: Server) -> None:
    location = proposed(client, POSTING)
    assert balance(two_banks, "A-2") == 0
    client.post(f"{location}/approve", json={}, headers=by("checker"))
    assert balance(two_banks, "A-2") == 1_250


def test_fees_and_rates_are_listed_once_they_are_in_force(client: TestClient) -> None:
    for content in (FEE, RATE):
        client.post(f"{proposed(client, content)}/approve", json={}, headers=by("checker"))
    tariffs = client.get("/v1/tariffs", params={"participant_id": "KE-B01", "on": "2026-03-02"})
    assert tariffs.json() == {"data": [FEE, RATE]}
    before = client.get("/v1/tariffs", params={"participant_id": "KE-B01", "on": "2026-03-01"})
    assert before.json() == {"data": []}


@pytest.mark.parametrize("content", [LIMITS, POSTING])
def test_the_proposer_does_not_decide(client: TestClient, content: dict[str, Any]) -> None:
    location = proposed(client, content)
    for verb in ("approve", "refuse"):
        answer = client.post(f"{location}/{verb}", json={}, headers=by("maker"))
        assert (answer.status_code, answer.json()["code"]) == (403, "maker_is_checker")
    assert client.get(location).json()["state"] == "open"


def test_the_proposer_alone_takes_it_back(client: TestClient) -> None:
    location = proposed(client, LIMITS)
    answer = client.post(f"{location}/withdraw", json={}, headers=by("checker"))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_the_maker")
    assert client.post(f"{location}/withdraw", json={}, headers=by("maker")).status_code == 200
    late = client.post(f"{location}/approve", json={}, headers=by("checker"))
    assert (late.status_code, late.json()["code"]) == (409, "proposal_decided")


def test_what_the_ledger_refuses_stays_open(client: TestClient) -> None:
    location = proposed(client, POSTING | {"amount": "1000000.00"})
    answer = client.post(f"{location}/approve", json={}, headers=by("checker"))
    assert (answer.status_code, answer.json()["code"]) == (422, "ledger_refused")
    assert client.get(location).json()["state"] == "open"


@pytest.mark.parametrize(
    ("content", "code", "pointer"),
    [
        (LIMITS | {"account": "nobody"}, "account_not_found", "/body/content/account"),
        (LIMITS | {"debit_limit": "1.005"}, "amount_too_precise", "/body/content/debit_limit"),
        (POSTING | {"credit_account": "A-3"}, "proposal_invalid", "/body/content/credit_account_id"),
        (RATE | {"quote": "USD"}, "proposal_invalid", "/body/content/quote"),
        (RATE | {"rate": "0.0"}, "proposal_invalid", "/body/content/rate"),
        (FEE | {"currency": "XXY"}, "currency_unknown", "/body/content/currency"),
    ],
)
def test_what_could_never_be_done_is_refused_at_once(
    client: TestClient, content: dict[str, Any], code: str, pointer: str
) -> None:
    body = {"participant_id": "KE-B01", "content": content, "reason": "as agreed"}
    answer = client.post(path(content), json=body, headers=by("maker"))
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == code
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_other_participants_are_out_of_reach(client: TestClient) -> None:
    location = proposed(client, LIMITS)
    body = {"participant_id": "KE-B01", "content": LIMITS, "reason": "as agreed"}
    assert client.post(path(LIMITS), json=body, headers=by("other-bank")).status_code == 403
    assert client.get(location, headers=by("other-bank")).status_code == 404
    answer = client.post(f"{location}/approve", json={}, headers=by("other-bank"))
    assert answer.status_code == 404
    listed = client.get("/v1/limit-proposals", headers=by("other-bank"))
    assert listed.json()["data"] == []


def test_without_the_scope_nothing_is_proposed_or_decided(client: TestClient) -> None:
    location = proposed(client, POSTING)
    for act in (location + "/approve", location + "/refuse", location + "/withdraw"):
        answer = client.post(act, json={}, headers=by("reader"))
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert client.get(location, headers=by("reader")).status_code == 200


def test_proposals_are_paged_the_newest_first(client: TestClient) -> None:
    locations = [proposed(client, content) for content in (LIMITS, FEE, RATE)]
    proposed(client, POSTING)
    seen: list[str] = []
    parameters: dict[str, Any] = {"limit": 2}
    while True:
        page = client.get("/v1/limit-proposals", params=parameters).json()
        seen += [one["id"] for one in page["data"]]
        if page["next_cursor"] is None:
            break
        parameters["cursor"] = page["next_cursor"]
    assert seen == [location.rpartition("/")[2] for location in locations[::-1]]
    none = client.get("/v1/limit-proposals", params={"state": "approved"})
    assert none.json() == {"data": [], "next_cursor": None}


def test_a_retry_decides_once_and_every_act_is_audited(client: TestClient, two_banks: Server) -> None:
    location = proposed(client, POSTING)
    headers = by("checker")
    first, again = (client.post(f"{location}/approve", json={}, headers=headers) for _ in range(2))
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    with two_banks.connect(Database.LEDGER, Role.APP) as connection:
        acts = [(event.act, event.actor, event.client) for event in audit_events(connection)]
    assert acts == [
        ("proposal.proposed", "maker", "console"),
        ("proposal.approved", "checker", "console"),
    ]
