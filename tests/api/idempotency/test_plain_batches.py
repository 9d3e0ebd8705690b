"""Live transfers and payments of one book go by one statement, which has all its effects or none."""

from datetime import date
from uuid import uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient

from api.idempotency.posting import PlainBatch
from ledger_service.runtime.database import Database, Role, Server
from tests.api.gateway import balance, keyed, transfer_body


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What plain batches are answered, told beside posting them."""
    told: list[list[str]] = []
    post = PlainBatch.posted

    def telling(
        batch: PlainBatch, connection: psycopg.Connection, book_id: int, business_date: date
    ) -> list[str]:
        codes = post(batch, connection, book_id, business_date)
        told.append(codes)
        return codes

    monkeypatch.setattr(PlainBatch, "posted", telling)
    return told


def records(server: Server) -> list[tuple[str, int]]:
    statement = "SELECT idempotency_key, status FROM gateway.idempotency_record ORDER BY created_at"
    with server.connect(Database.LEDGER, Role.APP) as connection:
        return connection.execute(statement.encode()).fetchall()


def payment_body() -> dict[str, object]:
    parties = {
        side: {"participant_id": "KE-B01", "account": account}
        for side, account in (("debtor", "A-1"), ("creditor", "A-2"))
    }
    return {**parties, "amount": "10.00", "currency": "KES"}


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/transfers", transfer_body()), ("/v1/payments", payment_body())]
)
def test_a_live_transfer_is_posted_and_recorded_by_one_statement(
    posted: list[list[str]],
    gateway_client: TestClient,
    two_banks: Server,
    path: str,
    body: dict[str, object],
) -> None:
    key = str(uuid4())
    made = gateway_client.post(path, json=body | {"reference": "r"}, headers=keyed(key))
    assert made.status_code == 201
    assert posted == [["created"]]
    assert records(two_banks) == [(key, 201)]
    assert gateway_client.get(made.headers["Location"]).json()["reference"] == "r"


def test_a_key_that_has_a_record_undoes_all_of_the_statement(
    posted: list[list[str]], gateway_client: TestClient, two_banks: Server
) -> None:
    headers = keyed()
    for _ in range(2):
        gateway_client.post("/v1/transfers", json=transfer_body(), headers=headers)
    assert posted == [["created"]]  # the second raised, and was answered from the record
    assert balance(two_banks, "A-2") == 1_000


def test_a_refusal_in_a_plain_batch_is_recorded_with_its_answer(
    posted: list[list[str]], gateway_client: TestClient, two_banks: Server
) -> None:
    key = str(uuid4())
    body = transfer_body(amount="1000.01")
    refused = gateway_client.post("/v1/transfers", json=body, headers=keyed(key))
    assert refused.json()["code"] == "insufficient_funds"
    assert posted == [["exceeds_credits"]]
    assert records(two_banks) == [(key, 422)]
