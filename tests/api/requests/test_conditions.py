"""What is read carries an entity tag, and is not sent again to who has it."""

import pytest
from fastapi.testclient import TestClient

from tests.api.gateway import keyed, transfer_body

HOLDS, TRANSFERS = "/v1/holds", "/v1/transfers"


def made(client: TestClient, url: str) -> str:
    answer = client.post(url, json=transfer_body(amount="5.00"), headers=keyed())
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


@pytest.mark.parametrize("url", [HOLDS, TRANSFERS])
def test_what_is_as_it_was_is_not_sent_again(gateway_client: TestClient, url: str) -> None:
    place = made(gateway_client, url)
    first = gateway_client.get(place)
    tag = first.headers["ETag"]
    again = gateway_client.get(place, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert not {"content-type", "content-length"} & set(again.headers)
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert gateway_client.get(place, headers={"If-None-Match": '"other"'}).json() == first.json()


def test_what_has_changed_is_sent_under_another_tag(gateway_client: TestClient) -> None:
    place = made(gateway_client, HOLDS)
    held = gateway_client.get(place)
    assert gateway_client.post(f"{place}/void", headers=keyed()).status_code == 200
    known = {"If-None-Match": held.headers["ETag"]}
    void = gateway_client.get(place, headers=known)
    assert (void.status_code, void.json()["status"]) == (200, "voided")
    assert void.headers["ETag"] != held.headers["ETag"]


def test_a_page_of_a_list_has_a_tag_too(gateway_client: TestClient) -> None:
    asked = {"participant_id": "KE-B01"}
    known = {"If-None-Match": gateway_client.get(TRANSFERS, params=asked).headers["ETag"]}
    assert gateway_client.get(TRANSFERS, params=asked, headers=known).status_code == 304
    made(gateway_client, TRANSFERS)
    assert gateway_client.get(TRANSFERS, params=asked, headers=known).status_code == 200


def test_a_refusal_is_sent_whatever_the_caller_has(gateway_client: TestClient) -> None:
    refused = gateway_client.get("/v1/accounts/KE-B01/none", headers={"If-None-Match": "*"})
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert "ETag" not in refused.headers


def test_what_only_says_that_the_service_answers_has_no_tag(gateway_client: TestClient) -> None:
    for url in ("/v1/ping", "/v1/health"):
        answer = gateway_client.get(url, headers={"If-None-Match": "*"})
        assert (answer.status_code, answer.headers.get("ETag")) == (200, None)


def test_what_is_made_is_answered_under_no_condition(gateway_client: TestClient) -> None:
    headers = keyed() | {"If-None-Match": "*"}
    assert gateway_client.post(TRANSFERS, json=transfer_body(), headers=headers).status_code == 201
