"""The API on a real ledger."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from fastapi.testclient import TestClient

from ledger_service.ledger.accounts import (
    ACCOUNT_COLUMNS,
    AccountTerms,
    change_account,
    create_accounts,
)
from ledger_service.ledger.books import register_participants
from ledger_service.ledger.transfers import TRANSFER_COLUMNS, create_transfers
from ledger_service.runtime.database import Database, Role, Server
from tests.api.gateway import authenticate

DAY = date(2025, 6, 30)
TRANSFER = "0197bd2a-0000-7000-8000-000000000001"


@pytest.fixture
def client(
    ledger_database: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[TestClient]:
    """The application on a book with one deposit of 2^53 + 1 minor units, which no float can hold."""
    with ledger_database.connect(Database.LEDGER, Role.APP) as connection:
        register_participants(
            connection,
            pl.DataFrame(
                [("UG-B01", "Kampala Test Bank", "bank", "UG", None, "UGX", True)],
                schema={
                    **dict.fromkeys(
                        ("participant_id", "name", "kind", "country", "bic", "home_currency"), pl.String
                    ),
                    "has_book": pl.Boolean,
                },
                orient="row",
            ),
        )
        accounts = [
            (1, "cash:UGX", 1010, "UGX", None, None, None, None, DAY, None, None),
            (2, "A-1", 2010, "UGX", None, "P-1", "person", "Holder 1", DAY, 0, None),
            (3, "A-2", 2010, "UGX", None, None, None, None, DAY, 0, None),
        ]
        create_accounts(
            connection,
            book_id=1,
            accounts=pl.DataFrame(accounts, schema=ACCOUNT_COLUMNS, orient="row"),
        )
        noon = datetime(2025, 6, 30, 12, tzinfo=UTC)
        item = (TRANSFER, 1, 2, 2**53 + 1, "single", None, False, "cash_deposit", None, noon, noon, DAY)
        create_transfers(
            connection,
            book_id=1,
            business_date=DAY,
            transfers=pl.DataFrame([item], schema=TRANSFER_COLUMNS, orient="row"),
        )
    monkeypatch.setenv("WGI_DATABASE_URL", ledger_database.conninfo)
    monkeypatch.setenv("WGI_DATABASE_PREFIX", ledger_database.prefix)
    monkeypatch.setenv("WGI_HOME", str(tmp_path))
    from api.app import app

    monkeypatch.setattr(app.state, "authenticate", authenticate)
    with TestClient(app, headers={"Authorization": "Bearer staff"}) as client:
        yield client


def test_a_balance_keeps_every_minor_unit_on_the_wire(client: TestClient) -> None:
    answer = client.get("/v1/participants/UG-B01/accounts/A-1")
    assert answer.status_code == 200
    assert answer.json()["balance_minor"] == "9007199254740993"
    assert answer.json()["entries"] == 1


@pytest.mark.parametrize(
    ("terms", "state"),
    [
        (AccountTerms(debit_limit=0, debits_frozen=True), "frozen"),
        (AccountTerms(debit_limit=0, credits_frozen=True), "frozen"),
        (AccountTerms(debit_limit=7), "open"),
        (AccountTerms(debit_limit=0, closed=True), "closed"),
    ],
)
def test_an_account_says_whether_it_is_open(
    client: TestClient, ledger_database: Server, terms: AccountTerms, state: str
) -> None:
    with ledger_database.connect(Database.LEDGER, Role.APP) as connection:
        changed = change_account(
            connection, book_id=1, account_id=3, revision=1, terms=terms, reason="a test"
        )
    assert changed == "changed"
    assert client.get("/v1/participants/UG-B01/accounts/A-2").json()["state"] == state


def test_no_answer_carries_the_holder_s_name(client: TestClient) -> None:
    assert "Holder" not in client.get("/v1/participants/UG-B01/accounts/A-1").text


def test_a_transfer_is_found_by_its_id(client: TestClient) -> None:
    answer = client.get(f"/v1/participants/UG-B01/transfers/{TRANSFER}").json()
    assert (answer["debit_account"], answer["credit_account"]) == ("cash:UGX", "A-1")
    assert answer["amount_minor"] == "9007199254740993"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/participants/UG-B01/accounts/none", 404, "not_found"),
        ("/v1/participants/UG-B01/transfers/not-a-uuid", 422, "invalid_request"),
        ("/v1/nothing", 404, "not_found"),
        ("/v1/participants/UG-B01/accounts/'; DROP TABLE ledger.entry; --", 404, "not_found"),
    ],
)
def test_a_failure_is_a_problem_document(client: TestClient, path: str, status: int, code: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_nothing_can_be_written(client: TestClient) -> None:
    assert client.post("/v1/participants", json={}).status_code == 405


@pytest.mark.parametrize("path", ["/v1/participants", "/v1/participants/UG-B01/accounts/A-1"])
def test_nothing_is_read_without_a_token_and_its_scope(client: TestClient, path: str) -> None:
    assert client.get(path, headers={"Authorization": ""}).status_code == 401
    assert client.get(path, headers={"Authorization": "Bearer powerless"}).status_code == 403


def test_the_books_of_another_participant_are_not_read(client: TestClient) -> None:
    headers = {"Authorization": "Bearer first"}
    answer = client.get("/v1/participants/UG-B01/accounts/A-1", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "participant_not_allowed")


def test_health_answers_when_the_books_can_be_read(client: TestClient) -> None:
    assert client.get("/v1/health").json() == {"status": "ok"}
