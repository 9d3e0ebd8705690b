"""Transfers as a list: all of a book, once each, in the order in which they were booked."""

import pytest
from fastapi.testclient import TestClient

from tests.api.gateway import keyed, transfer_body

URL = "/v1/transfers"


def made(client: TestClient, amount: str, reference: str | None = None) -> dict[str, object]:
    body = transfer_body(amount=amount, reference=reference)
    answer = client.post(URL, json=body, headers=keyed())
    assert answer.status_code == 201, answer.text
    content: dict[str, object] = answer.json()
    return content


def pages(client: TestClient, **asked: object) -> list[list[dict[str, object]]]:
    found, following = [], {}
    while True:
        parameters = {"participant_id": "KE-B01", **asked, **following}
        answer = client.get(URL, params=parameters)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["data"])
        if answer.json()["next_cursor"] is None:
            return found
        following = {"cursor": answer.json()["next_cursor"]}


@pytest.mark.parametrize("sort", ["booked_at", "-booked_at"])
def test_pages_have_every_transfer_once_in_their_order(gateway_client: TestClient, sort: str) -> None:
    before = [row["id"] for page in pages(gateway_client, sort="booked_at") for row in page]
    new = [made(gateway_client, f"{n}.00") for n in range(1, 6)]
    expected = [*before, *(row["id"] for row in new)]
    found = pages(gateway_client, sort=sort, limit=2)
    assert {len(page) for page in found[:-1]} == {2}
    ids = [row["id"] for page in found for row in page]
    assert ids == (expected if sort == "booked_at" else expected[::-1])
    assert next(row for page in found for row in page if row["id"] == new[0]["id"]) == new[0]


def test_what_is_booked_meanwhile_shifts_no_page(gateway_client: TestClient) -> None:
    made(gateway_client, "1.00")
    last = made(gateway_client, "2.00")
    first = gateway_client.get(URL, params={"participant_id": "KE-B01", "limit": 1}).json()
    made(gateway_client, "3.00")
    asked = {"participant_id": "KE-B01", "limit": 1, "cursor": first["next_cursor"]}
    second = gateway_client.get(URL, params=asked).json()
    assert first["data"] == [last]
    assert second["data"][0]["amount"] == "1.00"


def test_a_reference_finds_what_the_client_called_so(gateway_client: TestClient) -> None:
    wanted = [made(gateway_client, "1.00", "invoice 1"), made(gateway_client, "2.00", "invoice 1")]
    made(gateway_client, "3.00", "invoice 2")
    assert pages(gateway_client, reference="invoice 1", limit=1) == [[wanted[1]], [wanted[0]]]
    assert pages(gateway_client, reference="invoice 3") == [[]]


def test_a_hold_is_no_transfer_until_it_is_captured(gateway_client: TestClient) -> None:
    before = pages(gateway_client)
    hold = gateway_client.post("/v1/holds", json=transfer_body(amount="5.00"), headers=keyed())
    assert pages(gateway_client) == before
    captured = gateway_client.post(f"{hold.headers['Location']}/capture", headers=keyed())
    assert captured.status_code == 200, captured.text
    assert pages(gateway_client)[0][0]["id"] == captured.json()["transfer_id"]


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"participant_id": "KE-B02"}, 403, "participant_not_allowed"),
        ({"cursor": "none"}, 422, "cursor_invalid"),
        ({"limit": 201}, 422, "invalid_request"),
        ({"sort": "amount"}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    gateway_client: TestClient, asked: dict[str, object], status: int, code: str
) -> None:
    answer = gateway_client.get(URL, params={"participant_id": "KE-B01"} | asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
