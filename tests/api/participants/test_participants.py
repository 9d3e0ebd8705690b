"""Participants are told to those whose tokens reach them."""

from fastapi.testclient import TestClient

from tests.api.gateway import keyed


def test_a_partner_sees_its_own(gateway_client: TestClient) -> None:
    page = gateway_client.get("/v1/participants").json()
    assert [one["participant_id"] for one in page["data"]] == ["KE-B01"]
    assert page["data"][0]["open_business_date"] == "2026-03-02"
    one = gateway_client.get("/v1/participants/KE-B01")
    assert one.json() == page["data"][0]
    assert gateway_client.get("/v1/participants/KE-B02").status_code == 403


def test_staff_sees_all_page_by_page(gateway_client: TestClient) -> None:
    headers = keyed(caller="staff")
    first = gateway_client.get("/v1/participants", params={"limit": 1}, headers=headers).json()
    assert [one["participant_id"] for one in first["data"]] == ["KE-B01"]
    parameters = {"limit": 1, "cursor": first["next_cursor"]}
    second = gateway_client.get("/v1/participants", params=parameters, headers=headers).json()
    assert [one["participant_id"] for one in second["data"]] == ["KE-B02"]
    assert second["next_cursor"] is None


def test_what_is_not_there_is_not_found(gateway_client: TestClient) -> None:
    answer = gateway_client.get("/v1/participants/ZZ-B99", headers=keyed(caller="staff"))
    assert answer.status_code == 404
    answer = gateway_client.get("/v1/participants", params={"cursor": "WyJcdTAwMDAiXQ"})
    assert answer.json()["code"] == "cursor_invalid"
