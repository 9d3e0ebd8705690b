"""Transfers over HTTP, on a real ledger."""

from datetime import datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from ledger_service.ledger.books import close_business_date
from ledger_service.runtime.database import Database, Role, Server
from tests.api.gateway import DAY, NOON, balance, keyed, transfer_body


def test_a_transfer_moves_money_and_is_found_as_it_was_answered(
    gateway_client: TestClient, two_banks: Server
) -> None:
    body = transfer_body(amount="125.5", reference="invoice 2041")
    made = gateway_client.post("/v1/transfers", json=body, headers=keyed())
    assert made.status_code == 201, made.text
    assert made.json()["amount"] == "125.50"
    assert made.json()["reference"] == "invoice 2041"
    assert made.json()["business_date"] == "2026-03-02"
    assert (balance(two_banks, "A-1"), balance(two_banks, "A-2")) == (87_450, 12_550)
    found = gateway_client.get(made.headers["Location"])
    assert found.json() == made.json()


def test_accounts_may_be_named_by_number(gateway_client: TestClient) -> None:
    body = transfer_body(debit_account="11", credit_account="12")
    made = gateway_client.post("/v1/transfers", json=body, headers=keyed()).json()
    assert (made["debit_account"], made["credit_account"]) == ("A-1", "A-2")


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"amount": "1000.01"}, 422, "insufficient_funds"),
        ({"amount": "0.00"}, 422, "amount_must_be_positive"),
        ({"amount": "0.001"}, 422, "amount_too_precise"),
        ({"amount": "99999999999999999999"}, 422, "amount_too_large"),
        ({"amount": "-1"}, 422, "invalid_request"),
        ({"amount": 1.5}, 422, "invalid_request"),
        ({"amount": "1e3"}, 422, "invalid_request"),
        ({"currency": "XQQ"}, 422, "currency_unknown"),
        ({"currency": "USD"}, 422, "currency_mismatch"),
        ({"credit_account": "A-3"}, 422, "currency_mismatch"),
        ({"debit_account": "none"}, 422, "debit_account_not_found"),
        ({"credit_account": "none"}, 422, "credit_account_not_found"),
        ({"credit_account": "A-1"}, 422, "accounts_must_be_different"),
        ({"credit_account": "clearing:KE-B02:KES"}, 422, "account_reserved"),
        ({"participant_id": "KE-B02"}, 403, "participant_not_allowed"),
        ({"unknown": 1}, 422, "invalid_request"),
        ({"reference": "a\x00b"}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_booked_is_refused_with_its_code(
    gateway_client: TestClient, two_banks: Server, changed: dict[str, object], status: int, code: str
) -> None:
    refused = gateway_client.post("/v1/transfers", json=transfer_body(**changed), headers=keyed())
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["request_id"] == refused.headers["x-request-id"]
    assert balance(two_banks, "A-1") == 100_000


def test_staff_is_told_that_a_participant_keeps_no_book(gateway_client: TestClient) -> None:
    body = transfer_body(participant_id="KE-B99")
    refused = gateway_client.post("/v1/transfers", json=body, headers=keyed(caller="staff"))
    assert (refused.status_code, refused.json()["code"]) == (422, "participant_unknown")


def test_a_transfer_is_hidden_from_who_does_not_reach_its_book(gateway_client: TestClient) -> None:
    made = gateway_client.post("/v1/transfers", json=transfer_body(), headers=keyed())
    for token, status in (("second", 404), ("staff", 200), ("powerless", 403), ("nobody", 401)):
        headers = {"Authorization": f"Bearer {token}"}
        assert gateway_client.get(made.headers["Location"], headers=headers).status_code == status


def test_money_is_returned_in_parts_and_never_more_than_was_moved(
    gateway_client: TestClient, two_banks: Server
) -> None:
    made = gateway_client.post("/v1/transfers", json=transfer_body(), headers=keyed()).json()
    reversals = f"/v1/transfers/{made['id']}/reversals"
    part = gateway_client.post(reversals, json={"amount": "4.00"}, headers=keyed())
    assert part.status_code == 201, part.text
    assert (part.json()["debit_account"], part.json()["credit_account"]) == ("A-2", "A-1")
    assert part.json()["reverses"] == made["id"]
    beyond = gateway_client.post(reversals, json={"amount": "6.01"}, headers=keyed())
    assert (beyond.status_code, beyond.json()["code"]) == (422, "exceeds_transfer")
    rest = gateway_client.post(reversals, headers=keyed())
    assert (rest.status_code, rest.json()["amount"]) == (201, "6.00")
    again = gateway_client.post(reversals, headers=keyed())
    assert (again.status_code, again.json()["code"]) == (409, "transfer_already_reversed")
    found = gateway_client.get(f"/v1/transfers/{made['id']}").json()
    assert found["reversed_amount"] == "10.00"
    assert balance(two_banks, "A-1") == 100_000


def test_a_reversal_is_not_reversed(gateway_client: TestClient) -> None:
    made = gateway_client.post("/v1/transfers", json=transfer_body(), headers=keyed()).json()
    reversal = gateway_client.post(f"/v1/transfers/{made['id']}/reversals", headers=keyed()).json()
    refused = gateway_client.post(f"/v1/transfers/{reversal['id']}/reversals", headers=keyed())
    assert (refused.status_code, refused.json()["code"]) == (409, "transfer_is_a_reversal")


def test_a_date_closed_meanwhile_books_to_the_next(
    gateway_client: TestClient, two_banks: Server
) -> None:
    first = gateway_client.post("/v1/transfers", json=transfer_body(), headers=keyed()).json()
    with two_banks.connect(Database.LEDGER, Role.CLOSE) as connection:
        close_business_date(connection, book_id=1, business_date=DAY, closed_at=NOON)
    second = gateway_client.post("/v1/transfers", json=transfer_body(), headers=keyed()).json()
    assert first["business_date"] == DAY.isoformat()
    assert second["business_date"] == (DAY + timedelta(days=1)).isoformat()
    assert datetime.fromisoformat(second["created_at"]) == NOON
