"""Payments over HTTP, within a book and between two."""

import pytest
from fastapi.testclient import TestClient

from ledger_service.ledger.books import close_business_date
from ledger_service.runtime.database import Database, Role, Server
from tests.api.gateway import DAY, NOON, balance, keyed


def body(
    debtor: str = "KE-B01/A-1", creditor: str = "KE-B01/A-2", **changed: object
) -> dict[str, object]:
    parties = {
        side: dict(zip(("participant_id", "account"), name.split("/"), strict=True))
        for side, name in (("debtor", debtor), ("creditor", creditor))
    }
    return {**parties, "amount": "10.00", "currency": "KES"} | changed


def test_a_payment_within_a_book_is_one_transfer(gateway_client: TestClient, two_banks: Server) -> None:
    made = gateway_client.post("/v1/payments", json=body(reference="rent"), headers=keyed())
    assert made.status_code == 201, made.text
    assert len(made.json()["transfers"]) == 1
    assert gateway_client.get(made.headers["Location"]).json() == made.json()
    transfer = gateway_client.get(f"/v1/transfers/{made.json()['transfers'][0]}").json()
    assert (transfer["payment_id"], transfer["reference"]) == (made.json()["id"], "rent")
    assert balance(two_banks, "A-2") == 1_000


def test_a_payment_between_books_is_booked_in_both(
    gateway_client: TestClient, two_banks: Server
) -> None:
    given = body(creditor="KE-B02/A-2", reference="rent")
    made = gateway_client.post("/v1/payments", json=given, headers=keyed())
    assert made.status_code == 201, made.text
    assert balance(two_banks, "A-1") == 99_000
    assert balance(two_banks, "clearing:KE-B02:KES") == 1_000
    assert balance(two_banks, "clearing:KE-B01:KES", "KE-B02") == -1_000
    assert balance(two_banks, "A-2", "KE-B02") == 1_000
    for token in ("first", "second", "staff"):
        headers = {"Authorization": f"Bearer {token}"}
        assert gateway_client.get(made.headers["Location"], headers=headers).json() == made.json()


def test_each_book_books_to_its_own_open_date(gateway_client: TestClient, two_banks: Server) -> None:
    with two_banks.connect(Database.LEDGER, Role.CLOSE) as connection:
        close_business_date(connection, book_id=2, business_date=DAY, closed_at=NOON)
    made = gateway_client.post("/v1/payments", json=body(creditor="KE-B02/A-2"), headers=keyed())
    assert made.json()["business_date"] == DAY.isoformat()
    with two_banks.connect(Database.LEDGER, Role.APP) as connection:
        statement = (
            "SELECT business_date::text FROM ledger.transfer WHERE payment_id = %s ORDER BY book_id"
        )
        dates = connection.execute(statement, [made.json()["id"]]).fetchall()
    assert dates == [("2026-03-02",), ("2026-03-03",)]


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        (body(amount="1000.01"), 422, "insufficient_funds"),
        (body(creditor="KE-B02/A-2", amount="1000.01"), 422, "insufficient_funds"),
        (body(creditor="KE-B02/none"), 422, "credit_account_not_found"),
        (body(debtor="KE-B01/cash:KES"), 422, "debit_account_not_found"),
        (body(debtor="KE-B02/A-1"), 403, "participant_not_allowed"),
        (body(debtor="KE-B02/A-1", creditor="KE-B02/A-2"), 403, "participant_not_allowed"),
        (body(creditor="KE-B77/A-2"), 422, "no_clearing_between_participants"),
        (
            body(debtor="KE-B01/A-3", creditor="KE-B02/A-3", currency="USD"),
            422,
            "no_clearing_between_participants",
        ),
    ],
)
def test_what_cannot_be_paid_is_refused_and_booked_nowhere(
    gateway_client: TestClient, two_banks: Server, changed: dict[str, object], status: int, code: str
) -> None:
    refused = gateway_client.post("/v1/payments", json=changed, headers=keyed())
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
    assert balance(two_banks, "A-2") == balance(two_banks, "A-2", "KE-B02") == 0
    assert balance(two_banks, "clearing:KE-B02:KES") == 0


def test_a_leg_between_books_is_not_reversed_alone(gateway_client: TestClient) -> None:
    made = gateway_client.post("/v1/payments", json=body(creditor="KE-B02/A-2"), headers=keyed()).json()
    path = f"/v1/transfers/{made['transfers'][0]}/reversals"
    refused = gateway_client.post(path, headers=keyed())
    assert (refused.status_code, refused.json()["code"]) == (422, "account_reserved")
