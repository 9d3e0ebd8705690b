"""Accounts over HTTP: opened once, listed whole, looked at as they are, frozen and closed."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient

from ledger_service.runtime.audit import audit_events
from ledger_service.runtime.database import Database, Role, Server
from tests.api.gateway import keyed, transfer_body

A1 = "/v1/accounts/KE-B01/A-1"


def opened(client: TestClient, reference: str, **changed: Any) -> dict[str, Any]:
    body = {
        "participant_id": "KE-B01",
        "reference": reference,
        "line": "customer_wallets",
        "currency": "KES",
    } | changed
    answer = client.post("/v1/accounts", json=body, headers=keyed())
    assert answer.status_code == 201, answer.text
    content: dict[str, Any] = answer.json()
    assert client.get(answer.headers["Location"]).json() == content
    return content


def walked(client: TestClient, path: str, **parameters: Any) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        page = client.get(path, params=parameters).json()
        found += page["data"]
        if page["next_cursor"] is None:
            return found
        parameters["cursor"] = page["next_cursor"]


def test_a_customers_account_is_opened_without_an_overdraft(gateway_client: TestClient) -> None:
    made = opened(gateway_client, "wallet-1")
    assert (made["status"], made["debit_limit"], made["credit_limit"]) == ("open", "0.00", None)
    assert made["revision"] == 1
    body = transfer_body(debit_account="wallet-1", credit_account="A-1", amount="0.01")
    answer = gateway_client.post("/v1/transfers", json=body, headers=keyed())
    assert answer.json()["code"] == "insufficient_funds"


def test_an_account_is_opened_once_under_a_key(gateway_client: TestClient) -> None:
    headers = keyed()
    body = {
        "participant_id": "KE-B01",
        "reference": "wallet-1",
        "line": "customer_wallets",
        "currency": "KES",
    }
    first, again = (gateway_client.post("/v1/accounts", json=body, headers=headers) for _ in range(2))
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    other = gateway_client.post("/v1/accounts", json=body, headers=keyed())
    assert (other.status_code, other.json()["code"]) == (409, "account_exists")


def test_a_balance_rolls_up_into_the_parent(gateway_client: TestClient) -> None:
    assert opened(gateway_client, "sub", parent="A-1")["parent"] == "A-1"


REFUSED: Final = (
    ({"line": "clearing"}, 422, "line_not_allowed", "line"),
    ({"line": "nothing"}, 422, "line_not_allowed", "line"),
    ({"currency": "XXZ"}, 422, "currency_unknown", "currency"),
    ({"parent": "nobody"}, 422, "parent_account_not_found", "parent"),
    ({"parent": "A-3"}, 422, "parent_account_has_different_currency", "parent"),
    ({"reference": "A-1"}, 409, "account_exists", "reference"),
    ({"reference": "a/b"}, 422, "invalid_request", "reference"),
    ({"reference": " a"}, 422, "invalid_request", "reference"),
    ({"debit_limit": "5.00"}, 422, "invalid_request", "debit_limit"),
    ({"participant_id": "ke"}, 422, "invalid_request", "participant_id"),
    ({"participant_id": "KE-B02"}, 403, "participant_not_allowed", None),
)


def test_what_cannot_be_opened_is_refused_with_its_field(gateway_client: TestClient) -> None:
    for changed, status, code, field in REFUSED:
        body = {
            "participant_id": "KE-B01",
            "reference": "wallet-1",
            "line": "customer_wallets",
            "currency": "KES",
        } | changed
        answer = gateway_client.post("/v1/accounts", json=body, headers=keyed())
        content = answer.json()
        assert (answer.status_code, content["code"]) == (status, code), changed
        assert [one["pointer"] for one in content.get("errors", [])] == (
            [f"/body/{field}"] if field else []
        ), changed
    listed = walked(gateway_client, "/v1/accounts", participant_id="KE-B01")
    assert "wallet-1" not in {one["reference"] for one in listed}


def test_pages_together_are_all_accounts_in_order(gateway_client: TestClient) -> None:
    for reference in ("w-b", "w-a", "w-c"):
        opened(gateway_client, reference)
    created = ["cash:KES", "clearing:KE-B02:KES", "A-1", "A-2", "A-3", "w-b", "w-a", "w-c"]
    for limit in (1, 2, 7, 8, 200):
        found = {
            sort: [
                one["reference"]
                for one in walked(
                    gateway_client, "/v1/accounts", participant_id="KE-B01", sort=sort, limit=limit
                )
            ]
            for sort in ("created", "-created", "reference", "-reference")
        }
        assert found["created"] == created
        assert found["-created"] == created[::-1]
        assert sorted(found["reference"]) == sorted(created)
        assert [one for one in found["reference"] if one.startswith("w-")] == ["w-a", "w-b", "w-c"]
        assert found["-reference"] == found["reference"][::-1]


def test_accounts_are_found_by_what_they_are(gateway_client: TestClient) -> None:
    def found(**parameters: str) -> list[str]:
        rows = walked(gateway_client, "/v1/accounts", participant_id="KE-B01", **parameters)
        return [one["reference"] for one in rows]

    assert found(currency="USD") == ["A-3"]
    assert found(line="cash") == ["cash:KES"]
    assert found(reference="A-2") == ["A-2"]
    assert found(line="nothing") == []
    gateway_client.post(f"{A1}/freeze", json={"reason": "a court order"}, headers=keyed())
    assert found(status="frozen") == ["A-1"]
    assert "A-1" not in found(status="open")


def test_what_an_account_holds_is_told_when_asked_for(gateway_client: TestClient) -> None:
    assert "balance" not in gateway_client.get(A1).json()
    balance = gateway_client.get(A1, params={"expand": "balance"}).json()["balance"]
    assert balance == {
        "posted": "1000.00",
        "pending_in": "0.00",
        "pending_out": "0.00",
        "available": "1000.00",
        "entries": 1,
    }


def test_an_account_that_is_known_is_not_sent_again(gateway_client: TestClient) -> None:
    etag = gateway_client.get(A1).headers["ETag"]
    again = gateway_client.get(A1, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    gateway_client.post(f"{A1}/freeze", json={"reason": "a court order"}, headers=keyed())
    assert gateway_client.get(A1, headers={"If-None-Match": etag}).status_code == 200
    expanded = gateway_client.get(A1, params={"expand": "balance"}).headers["ETag"]
    gateway_client.post(f"{A1}/unfreeze", json={"reason": "lifted"}, headers=keyed())
    gateway_client.post("/v1/transfers", json=transfer_body(), headers=keyed())
    changed = gateway_client.get(A1, params={"expand": "balance"}, headers={"If-None-Match": expanded})
    assert changed.status_code == 200, "money moved"


@pytest.mark.parametrize(
    ("side", "frozen"),
    [("debits", (True, False)), ("credits", (False, True)), ("both", (True, True))],
)
def test_a_side_is_frozen_and_let_pass_again(
    gateway_client: TestClient, side: str, frozen: tuple[bool, bool]
) -> None:
    body = {"side": side, "reason": "a court order"}
    now = gateway_client.post(f"{A1}/freeze", json=body, headers=keyed()).json()
    assert (now["debits_frozen"], now["credits_frozen"]) == frozen
    assert now["debit_limit"] == "0.00", "its other terms stay"
    answer = gateway_client.post("/v1/transfers", json=transfer_body(), headers=keyed())
    assert answer.status_code == (409 if frozen[0] else 201)
    then = gateway_client.post(f"{A1}/unfreeze", json=body, headers=keyed()).json()
    assert then["status"] == "open"


def test_an_account_with_money_is_not_closed(gateway_client: TestClient) -> None:
    answer = gateway_client.post(f"{A1}/close", json={"reason": "left"}, headers=keyed())
    assert (answer.status_code, answer.json()["code"]) == (409, "account_has_balance")
    empty = "/v1/accounts/KE-B01/A-2"
    closed = gateway_client.post(f"{empty}/close", json={"reason": "left"}, headers=keyed())
    assert closed.json()["status"] == "closed"
    reopened = gateway_client.post(f"{empty}/reopen", json={"reason": "back"}, headers=keyed())
    assert reopened.json()["status"] == "open"


def test_a_change_of_what_was_seen_otherwise_is_refused(gateway_client: TestClient) -> None:
    etag = gateway_client.get(A1).headers["ETag"]
    body = {"reason": "a court order"}
    first = gateway_client.post(f"{A1}/freeze", json=body, headers=keyed() | {"If-Match": etag})
    assert first.status_code == 200
    second = gateway_client.post(f"{A1}/unfreeze", json=body, headers=keyed() | {"If-Match": etag})
    assert (second.status_code, second.json()["code"]) == (412, "precondition_failed")
    fresh = keyed() | {"If-Match": first.headers["ETag"]}
    assert gateway_client.post(f"{A1}/unfreeze", json=body, headers=fresh).status_code == 200


def test_freezing_is_audited(gateway_client: TestClient, two_banks: Server) -> None:
    gateway_client.post(f"{A1}/freeze", json={"reason": "a court order"}, headers=keyed())
    with two_banks.connect(Database.LEDGER, Role.APP) as connection:
        events = audit_events(connection)
    assert [(event.act, event.subject) for event in events] == [("account.freeze", "KE-B01/A-1")]


def test_what_is_out_of_reach_is_refused_and_what_is_not_there_not_found(
    gateway_client: TestClient,
) -> None:
    times = {"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}
    cases = (
        ("KE-B02/A-1", 403, "participant_not_allowed"),
        ("KE-B02/nobody", 403, "participant_not_allowed"),
        ("KE-B01/nobody", 404, "not_found"),
        ("KE-B01/99", 404, "not_found"),
        ("KE-B0/A-1", 404, "not_found"),
    )
    for account, status, code in cases:
        for path in ("", "/balance", "/entries", "/statement"):
            answer = gateway_client.get(f"/v1/accounts/{account}{path}", params=times)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        for verb in ("freeze", "unfreeze", "close", "reopen"):
            answer = gateway_client.post(
                f"/v1/accounts/{account}/{verb}", json={"reason": "a court order"}, headers=keyed()
            )
            assert (answer.status_code, answer.json()["code"]) == (status, code)
    for participant_id, status in (("KE-B02", 403), ("KE-B0", 404)):
        answer = gateway_client.get("/v1/accounts", params={"participant_id": participant_id})
        assert answer.status_code == status
    assert gateway_client.get("/v1/accounts").status_code == 422


def test_no_answer_carries_the_holder(gateway_client: TestClient) -> None:
    listed = gateway_client.get("/v1/accounts", params={"participant_id": "KE-B01"}).text
    assert "P-1" not in listed
    assert "person" not in listed


def test_entries_are_walked_both_ways(gateway_client: TestClient) -> None:
    for amount in ("1.00", "2.00", "3.00"):
        gateway_client.post("/v1/transfers", json=transfer_body(amount=amount), headers=keyed())
    entries = walked(gateway_client, f"{A1}/entries", limit=2)
    assert [one["number"] for one in entries] == [1, 2, 3, 4]
    assert [one["balance_after"] for one in entries] == ["1000.00", "999.00", "997.00", "994.00"]
    backwards = walked(gateway_client, f"{A1}/entries", limit=3, sort="-booked_at")
    assert backwards == entries[::-1]
    debits = walked(gateway_client, f"{A1}/entries", side="debit")
    assert [one["amount"] for one in debits] == ["1.00", "2.00", "3.00"]
    assert walked(gateway_client, f"{A1}/entries", kind="nothing") == []


def test_balances_are_told_as_they_were(gateway_client: TestClient) -> None:
    before = datetime.now(UTC).isoformat()
    gateway_client.post("/v1/transfers", json=transfer_body(), headers=keyed())
    then = gateway_client.get(f"{A1}/balance", params={"at": before}).json()
    assert (then["posted"], then["available"]) == ("1000.00", None)
    assert gateway_client.get(f"{A1}/balance").json()["posted"] == "990.00"
    valued = gateway_client.get(f"{A1}/balance", params={"value_date": "2026-03-01"}).json()
    assert valued["posted"] == "0.00"


def test_a_hold_is_not_available(gateway_client: TestClient) -> None:
    gateway_client.post("/v1/holds", json=transfer_body(amount="250.00"), headers=keyed())
    found = gateway_client.get(f"{A1}/balance").json()
    assert (found["posted"], found["pending_out"], found["available"]) == (
        "1000.00",
        "250.00",
        "750.00",
    )


def test_a_parameter_that_means_nothing_is_refused_where_it_stands(
    gateway_client: TestClient,
) -> None:
    of_entries = (
        {"cursor": "x"},
        {"cursor": "WzFd"},
        {"cursor": "W10"},
        {"limit": "0"},
        {"limit": "201"},
        {"sort": "amount"},
        {"side": "both"},
    )
    of_accounts = ({"status": "lost"}, {"currency": "kes"}, {"sort": "name"}, {"expand": "holder"})
    for path, all_parameters in ((f"{A1}/entries", of_entries), ("/v1/accounts", of_accounts)):
        for parameters in all_parameters:
            asked = {"participant_id": "KE-B01"} | parameters
            answer = gateway_client.get(path, params=asked)
            assert answer.status_code == 422, parameters
            assert answer.json()["code"] in {"invalid_request", "cursor_invalid"}
            (name,) = parameters
            assert answer.json()["errors"][0]["pointer"] == f"/query/{name}"
