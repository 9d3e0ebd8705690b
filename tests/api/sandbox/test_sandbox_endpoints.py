"""A developer rehearses every outcome with play money, sets the clock forward, and begins again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from api.app import create_app
from api.identity.caller import LIVE, Caller
from ledger_service.parties.sandbox_terms import participant_ids, sandbox_terms
from ledger_service.parties.sandboxes import make_sandbox, sandboxes
from ledger_service.runtime.database import Database, Role, Server
from ledger_service.runtime.migrations import migrate
from tests.api.gateway import SCOPES

WALLETS, BANK = participant_ids("acme")[:2]


def _partner(name: str, tenant: str, *participants: str) -> Caller:
    scopes = SCOPES | {"sandbox:write"}
    return Caller(name, name, "partner", tenant, scopes, frozenset(participants))


CALLERS = {
    "acme": _partner("acme", "acme", *participant_ids("acme")),
    "other": _partner("other", "other", *participant_ids("other")),
    "live": _partner("live", LIVE, "KE-B01", *participant_ids("acme")),
    "fresh": _partner("fresh", "fresh", *participant_ids("fresh")),
    "gone": _partner("gone", "gone", WALLETS),
}


async def authenticate(token: str) -> Caller:
    return CALLERS[token]


@pytest.fixture
def client(two_banks: Server) -> Iterator[TestClient]:
    migrate(two_banks.sandbox)
    with two_banks.sandbox.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        for tenant in ("acme", "other"):
            make_sandbox(connection, tenant, at=datetime.now(UTC))
        app = create_app(server=two_banks, authenticate=authenticate, sandboxes=True)
        with TestClient(app, headers={"Authorization": "Bearer acme"}) as opened:
            yield opened
        for one in sandboxes(connection):
            connection.execute("SELECT sandbox.empty_tenant(%s)", [one.tenant])


def by(caller: str = "acme", key: str | None = None) -> dict[str, str]:
    return {"Authorization": f"Bearer {caller}", "Idempotency-Key": key or str(uuid4())}


def paid(
    client: TestClient, amount: str, *, to: str = "wallet:bob:KES", at: str = WALLETS, **headers: str
) -> Response:
    body = {
        "debtor": {"participant_id": WALLETS, "account": "wallet:alice:KES"},
        "creditor": {"participant_id": at, "account": to},
        "amount": amount,
        "currency": "KES",
    }
    return client.post("/v1/payments", json=body, headers=by() | headers)


def moved(client: TestClient, amount: str, caller: str = "acme") -> Response:
    body = {
        "participant_id": WALLETS,
        "debit_account": "wallet:alice:KES",
        "credit_account": "wallet:bob:KES",
        "amount": amount,
        "currency": "KES",
    }
    return client.post("/v1/transfers", json=body, headers=by(caller))


def advanced(client: TestClient, **by_how_much: int) -> dict[str, Any]:
    seconds = int(timedelta(**by_how_much).total_seconds())
    answer = client.post("/v1/sandbox/clock", json={"seconds": seconds}, headers=by())
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json()
    return content


def test_the_sandbox_says_what_it_has_and_what_can_be_rehearsed(client: TestClient) -> None:
    found = client.get("/v1/sandbox").json()
    assert found["participants"] == list(participant_ids("acme"))
    assert {one["outcome"] for one in found["outcomes"]} == set(sandbox_terms().outcomes)


@pytest.mark.parametrize(
    ("amount", "account", "status", "code"),
    [
        ("4001.00", "wallet:bob:KES", 422, "insufficient_funds"),
        ("1.00", "magic:insufficient-funds:KES", 422, "insufficient_funds"),
        ("4002.00", "wallet:bob:KES", 422, "screening_hit"),
        ("1.00", "magic:screening-hit:KES", 422, "screening_hit"),
        ("4003", "wallet:bob:KES", 504, "timed_out"),
        ("1.00", "magic:timeout:KES", 504, "timed_out"),
        ("4005.00", "wallet:bob:KES", 503, "overloaded"),
        ("1.00", "magic:frozen:KES", 409, "credit_account_frozen"),
        ("1.00", "magic:closed:KES", 409, "credit_account_closed"),
        ("1000001.00", "wallet:bob:KES", 422, "insufficient_funds"),
    ],
)
def test_amounts_and_accounts_produce_their_outcomes(
    client: TestClient, amount: str, account: str, status: int, code: str
) -> None:
    answer = paid(client, amount, to=account)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if status == 503:
        assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("at", [WALLETS, BANK])
def test_after_a_lost_answer_the_same_key_tells_what_happened(client: TestClient, at: str) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    to = "wallet:bob:KES" if at == WALLETS else "account:payee:KES"
    assert paid(client, "4003.00", to=to, at=at, **key).status_code == 504
    again = paid(client, "4003.00", to=to, at=at, **key)
    assert again.status_code == 201
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_late_return_comes_back_when_the_clock_has_come_to_it(client: TestClient) -> None:
    payment = paid(client, "4004.00", to="account:payee:KES", at=BANK).json()
    assert advanced(client, days=1)["returned"] == 0
    assert advanced(client, days=1, hours=1)["returned"] == 2, "a leg in each book"
    for transfer_id in payment["transfers"]:
        transfer = client.get(f"/v1/transfers/{transfer_id}").json()
        assert transfer["reversed_amount"] == "4004.00"


def test_a_hold_ends_by_the_clock_of_the_sandbox(client: TestClient) -> None:
    body = {
        "participant_id": WALLETS,
        "debit_account": "wallet:alice:KES",
        "credit_account": "wallet:bob:KES",
        "amount": "25.00",
        "currency": "KES",
        "timeout_s": 3_600,
    }
    hold = client.post("/v1/holds", json=body, headers=by())
    assert hold.status_code == 201, hold.text
    assert advanced(client, hours=2)["holds_released"] == 1
    assert client.get(f"/v1/holds/{hold.json()['id']}").json()["status"] == "expired"


def test_what_is_booked_after_the_clock_was_set_has_its_date(client: TestClient) -> None:
    today = datetime.now(UTC).date()
    advanced(client, days=30)
    assert moved(client, "1.00").json()["business_date"] == str(today + timedelta(days=30))


def test_a_reset_begins_again(client: TestClient) -> None:
    payment_id = paid(client, "10.00").json()["id"]
    advanced(client, days=3)
    answer = client.post("/v1/sandbox/reset", json={}, headers=by())
    assert answer.status_code == 200, answer.text
    assert answer.json()["clock_ahead_seconds"] == 0
    assert client.get(f"/v1/payments/{payment_id}").status_code == 404
    assert paid(client, "1000000.00").status_code == 201, "the play money is there again"


def test_a_live_token_has_no_sandbox_and_reaches_no_play_money(client: TestClient) -> None:
    for answer in (
        client.get("/v1/sandbox", headers=by("live")),
        client.post("/v1/sandbox/reset", json={}, headers=by("live")),
        client.post("/v1/sandbox/clock", json={"seconds": 1}, headers=by("live")),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "not_a_sandbox")
    answer = moved(client, "1.00", "live")
    assert (answer.status_code, answer.json()["code"]) == (422, "participant_unknown")


def test_a_sandbox_reaches_neither_live_books_nor_another_sandbox(client: TestClient) -> None:
    live_id = client.post(
        "/v1/transfers",
        json={
            "participant_id": "KE-B01",
            "debit_account": "A-1",
            "credit_account": "A-2",
            "amount": "10.00",
            "currency": "KES",
        },
        headers=by("live"),
    ).json()["id"]
    assert client.get(f"/v1/transfers/{live_id}").status_code == 404
    mine = moved(client, "1.00").json()["id"]
    assert client.get(f"/v1/transfers/{mine}", headers=by("other")).status_code == 404
    assert moved(client, "1.00", "other").status_code == 403


def test_magic_is_nothing_in_live_books(client: TestClient) -> None:
    body = {
        "participant_id": "KE-B01",
        "debit_account": "A-1",
        "credit_account": "A-2",
        "amount": "4002.00",
        "currency": "KES",
    }
    answer = client.post("/v1/transfers", json=body, headers=by("live"))
    assert answer.json()["code"] == "insufficient_funds", "and not a screening hit"


def test_a_sandbox_that_is_not_there_is_refused(client: TestClient) -> None:
    answer = client.get("/v1/sandbox", headers=by("gone"))
    assert (answer.status_code, answer.json()["code"]) == (403, "tenant_not_available")


def test_a_sandbox_that_was_just_made_is_there(client: TestClient, two_banks: Server) -> None:
    with two_banks.sandbox.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        make_sandbox(connection, "fresh", at=datetime.now(UTC))
    answer = client.get("/v1/sandbox", headers=by("fresh"))
    assert (answer.status_code, answer.json()["tenant"]) == (200, "fresh")


@pytest.mark.parametrize("seconds", [0, -1, 366 * 86_400 + 1, "soon", 1.5])
def test_a_clock_that_cannot_be_is_refused(client: TestClient, seconds: object) -> None:
    answer = client.post("/v1/sandbox/clock", json={"seconds": seconds}, headers=by())
    assert answer.status_code == 422
