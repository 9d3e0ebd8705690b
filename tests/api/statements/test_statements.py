"""Statements add up, as JSON and as CSV."""

import csv
import io

import pytest
from fastapi.testclient import TestClient

from tests.api.gateway import keyed, transfer_body

PATH = "/v1/accounts/KE-B01/A-1/statement"
ALL = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}


@pytest.fixture
def client(gateway_client: TestClient) -> TestClient:
    for amount in ("1.00", "2.50"):
        gateway_client.post("/v1/transfers", json=transfer_body(amount=amount), headers=keyed())
    return gateway_client


def test_opening_and_entries_make_the_closing_balance(client: TestClient) -> None:
    found = client.get(PATH, params=ALL).json()
    assert (found["opening_balance"], found["closing_balance"]) == ("0.00", "996.50")
    assert [one["amount"] for one in found["entries"]] == ["1000.00", "1.00", "2.50"]
    since = found["entries"][1]["booked_at"]
    later = client.get(PATH, params=ALL | {"since": since}).json()
    assert (later["opening_balance"], len(later["entries"])) == ("1000.00", 2)


def test_the_same_entries_are_told_as_csv(client: TestClient) -> None:
    entries = client.get(PATH, params=ALL).json()["entries"]
    answer = client.get(PATH, params=ALL, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["transfer_id"] for row in rows] == [one["transfer_id"] for one in entries]
    assert [row["balance_after"] for row in rows] == ["1000.00", "999.00", "996.50"]


def test_no_cell_is_a_formula_to_a_spreadsheet(client: TestClient) -> None:
    for reference in ("=1+1", "-1+1", "@a"):
        account = {
            "participant_id": "KE-B01",
            "reference": reference,
            "line": "customer_wallets",
            "currency": "KES",
        }
        assert client.post("/v1/accounts", json=account, headers=keyed()).status_code == 201
        body = transfer_body(credit_account=reference, amount="1.00")
        assert client.post("/v1/transfers", json=body, headers=keyed()).status_code == 201
    client.post("/v1/transfers", json=transfer_body(), headers=keyed())
    text = client.get(PATH, params=ALL, headers={"Accept": "text/csv"}).text
    others = [row["other_account"] for row in csv.DictReader(io.StringIO(text))]
    assert others[-4:] == ["'=1+1", "'-1+1", "'@a", "A-2"]


def test_caches_keep_both_forms_apart(client: TestClient) -> None:
    for accept in ("application/json", "text/csv"):
        answer = client.get(PATH, params=ALL, headers={"Accept": accept})
        assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize(
    ("times", "code"),
    [
        ({"since": ALL["until"], "until": ALL["since"]}, "times_reversed"),
        ({"since": ALL["since"], "until": ALL["since"]}, "times_reversed"),
        ({"since": ALL["since"]}, "invalid_request"),
        ({"since": "2020-01-01", "until": ALL["until"]}, "invalid_request"),
    ],
)
def test_times_that_are_none_are_refused(client: TestClient, times: dict[str, str], code: str) -> None:
    answer = client.get(PATH, params=times)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
