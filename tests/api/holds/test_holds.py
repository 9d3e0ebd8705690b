"""Holds over HTTP, on a real ledger."""

import time
from typing import Any

import pytest
from fastapi.testclient import TestClient

from ledger_service.runtime.database import Server
from tests.api.gateway import balance, keyed, transfer_body


def held(client: TestClient, **changed: object) -> dict[str, Any]:
    made = client.post("/v1/holds", json=transfer_body(**changed), headers=keyed())
    assert made.status_code == 201, made.text
    content: dict[str, Any] = made.json()
    assert client.get(made.headers["Location"]).json() == content
    return content


def test_money_held_cannot_be_spent_and_has_not_moved(
    gateway_client: TestClient, two_banks: Server
) -> None:
    hold = held(gateway_client, amount="1000.00", timeout_s=60, reference="hotel")
    assert (hold["status"], hold["captured_amount"], hold["reference"]) == ("held", "0.00", "hotel")
    assert hold["expires_at"] is not None
    assert balance(two_banks, "A-1") == 100_000
    refused = gateway_client.post("/v1/transfers", json=transfer_body(amount="0.01"), headers=keyed())
    assert refused.json()["code"] == "insufficient_funds"


@pytest.mark.parametrize(("body", "moved"), [(None, 1_000), ({}, 1_000), ({"amount": "4.00"}, 400)])
def test_a_hold_is_captured_whole_or_in_part_and_the_rest_given_back(
    gateway_client: TestClient, two_banks: Server, body: dict[str, str] | None, moved: int
) -> None:
    hold = held(gateway_client)
    path = f"/v1/holds/{hold['id']}/capture"
    captured = gateway_client.post(path, json=body, headers=keyed())
    assert captured.status_code == 200, captured.text
    assert captured.json()["status"] == "captured"
    assert captured.json()["captured_amount"] == f"{moved / 100:.2f}"
    assert balance(two_banks, "A-2") == moved
    transfer = gateway_client.get(f"/v1/transfers/{captured.json()['transfer_id']}")
    assert transfer.json()["amount"] == f"{moved / 100:.2f}"
    again = gateway_client.post(path, headers=keyed())
    assert (again.status_code, again.json()["code"]) == (409, "hold_already_captured")


def test_a_hold_is_given_back_once(gateway_client: TestClient, two_banks: Server) -> None:
    hold = held(gateway_client)
    voided = gateway_client.post(f"/v1/holds/{hold['id']}/void", headers=keyed())
    assert (voided.status_code, voided.json()["status"]) == (200, "voided")
    refused = gateway_client.post(f"/v1/holds/{hold['id']}/capture", headers=keyed())
    assert (refused.status_code, refused.json()["code"]) == (409, "hold_already_voided")
    assert balance(two_banks, "A-1") == 100_000


def test_no_more_is_captured_than_was_held(gateway_client: TestClient) -> None:
    hold = held(gateway_client)
    path = f"/v1/holds/{hold['id']}/capture"
    refused = gateway_client.post(path, json={"amount": "10.01"}, headers=keyed())
    assert (refused.status_code, refused.json()["code"]) == (422, "exceeds_hold")


def test_after_its_time_a_hold_cannot_be_captured(gateway_client: TestClient) -> None:
    hold = held(gateway_client, timeout_s=1)
    time.sleep(1.1)
    assert gateway_client.get(f"/v1/holds/{hold['id']}").json()["status"] == "expired"
    refused = gateway_client.post(f"/v1/holds/{hold['id']}/capture", headers=keyed())
    assert (refused.status_code, refused.json()["code"]) == (409, "hold_expired")


def test_a_transfer_is_no_hold(gateway_client: TestClient) -> None:
    made = gateway_client.post("/v1/transfers", json=transfer_body(), headers=keyed()).json()
    refused = gateway_client.post(f"/v1/holds/{made['id']}/void", headers=keyed())
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
