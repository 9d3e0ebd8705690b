"""Accounts at the edges: times, tags, currencies that are no more, pages of a long history."""

import base64
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import polars as pl
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.transfers import TRANSFER_COLUMNS, create_transfers
from ledger_service.runtime.database import Database, Role, Server
from tests.api.gateway import DAY, NOON, gateway, keyed

A1: Final = "/v1/accounts/KE-B01/A-1"
WHOLE: Final = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
LISTS: Final = (
    ("/v1/accounts", {"participant_id": "KE-B01"}),
    ("/v1/accounts", {"participant_id": "KE-B01", "sort": "-reference"}),
    (f"{A1}/entries", {}),
    (f"{A1}/entries", {"sort": "-booked_at"}),
    ("/v1/participants", {}),
)


def book_of_first_bank(server: Server) -> int:
    with server.connect(Database.LEDGER, Role.APP) as connection:
        row = connection.execute(
            "SELECT book_id FROM ledger.book WHERE participant_id = 'KE-B01'"
        ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def long_history(two_banks: Server) -> Iterator[TestClient]:
    """A-1 has thirty entries more; ten at a time were booked in the same microsecond."""
    book_id = book_of_first_bank(two_banks)
    with two_banks.connect(Database.LEDGER, Role.APP) as connection:
        for batch in range(3):
            rows = [
                {
                    "transfer_id": str(uuid4()),
                    "debit_account_id": 11 if n % 3 else 12,
                    "credit_account_id": 12 if n % 3 else 11,
                    "amount_minor": 100 * (n + 1),
                    "phase": "single",
                    "linked": False,
                    "kind": "fee" if n % 2 else "credit_transfer",
                    "event_at": NOON,
                    "value_date": DAY,
                }
                for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
            ]
            results = create_transfers(
                connection,
                book_id=book_id,
                business_date=DAY + timedelta(days=batch),
                transfers=pl.DataFrame(rows, schema=TRANSFER_COLUMNS),
            )
            assert set(results.to_list()) == {"created"}
    with gateway(two_banks) as client:
        yield client


def entries(client: TestClient, **parameters: Any) -> list[dict[str, Any]]:
    """All pages of the entries of A-1."""
    found: list[dict[str, Any]] = []
    while True:
        page = client.get(f"{A1}/entries", params=parameters).json()
        assert len(page["data"]) <= parameters["limit"]
        found += page["data"]
        if page["next_cursor"] is None:
            return found
        parameters["cursor"] = page["next_cursor"]


def test_pages_of_entries_are_what_a_filter_by_hand_leaves(long_history: TestClient) -> None:
    everything = entries(long_history, limit=200)
    assert [one["number"] for one in everything] == list(range(1, 32))
    times = sorted({one["booked_at"] for one in everything})
    assert len(times) < len(everything), "some share their time"
    for side in (None, "debit", "credit"):
        for kind in (None, "fee"):
            for since, until in ((None, None), (times[1], None), (times[1], times[-1])):
                expected = [
                    one
                    for one in everything
                    if side in {None, one["side"]}
                    and kind in {None, one["kind"]}
                    and (since is None or one["booked_at"] >= since)
                    and (until is None or one["booked_at"] < until)
                ]
                asked = {"side": side, "kind": kind, "since": since, "until": until}
                asked = {name: value for name, value in asked.items() if value is not None}
                assert entries(long_history, limit=4, **asked) == expected
                assert entries(long_history, limit=7, sort="-booked_at", **asked) == expected[::-1]


def test_entries_that_come_meanwhile_do_not_shift_the_pages(long_history: TestClient) -> None:
    before = entries(long_history, limit=200, sort="-booked_at")
    first = long_history.get(f"{A1}/entries", params={"limit": 10, "sort": "-booked_at"}).json()
    body = {
        "participant_id": "KE-B01",
        "debit_account": "A-1",
        "credit_account": "A-2",
        "amount": "1.00",
        "currency": "KES",
    }
    assert long_history.post("/v1/transfers", json=body, headers=keyed()).status_code == 201
    rest = entries(long_history, limit=10, sort="-booked_at", cursor=first["next_cursor"])
    assert first["data"] + rest == before


def test_the_balance_at_every_entry_is_the_one_after_it(long_history: TestClient) -> None:
    everything = entries(long_history, limit=200)
    last_of_moment = {one["booked_at"]: one["balance_after"] for one in everything}
    for moment, after in last_of_moment.items():
        balance = long_history.get(f"{A1}/balance", params={"at": moment}).json()
        assert balance["posted"] == after


def test_a_statement_goes_on_where_the_one_before_ends(long_history: TestClient) -> None:
    everything = entries(long_history, limit=200)
    for moment in sorted({one["booked_at"] for one in everything}):
        early = long_history.get(f"{A1}/statement", params=WHOLE | {"until": moment}).json()
        late = long_history.get(f"{A1}/statement", params=WHOLE | {"since": moment}).json()
        assert early["closing_balance"] == late["opening_balance"]
        assert early["entries"] + late["entries"] == everything


NO_INSTANTS: Final = (
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "1",
    "-1",
    "1772452800",
    "2026-01-01",
    "2026-01-01T00:00:00",
    "2026-01-01T00:00:00 03:00",
    "2026-13-01T00:00:00Z",
    "",
)


def test_a_time_that_is_no_instant_is_refused_where_it_stands(gateway_client: TestClient) -> None:
    for moment in NO_INSTANTS:
        for path, name in (("balance", "at"), ("entries", "since"), ("entries", "until")):
            answer = gateway_client.get(f"{A1}/{path}", params={name: moment})
            assert answer.status_code == 422, answer.text
            assert answer.json()["errors"][0]["pointer"] == f"/query/{name}"
        answer = gateway_client.get(f"{A1}/statement", params=WHOLE | {"until": moment})
        assert answer.status_code == 422


def test_the_first_and_the_last_instant_are_answered(gateway_client: TestClient) -> None:
    for moment, held in (("0001-01-01T00:00:00Z", "0.00"), ("9999-12-31T23:59:59.999999Z", "1000.00")):
        balance = gateway_client.get(f"{A1}/balance", params={"at": moment})
        assert balance.json()["posted"] == held
        valued = {"at": moment, "value_date": moment[:10]}
        assert gateway_client.get(f"{A1}/balance", params=valued).json()["posted"] == held
        assert gateway_client.get(f"{A1}/entries", params={"since": moment}).status_code == 200
    times = {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59.999999Z"}
    assert gateway_client.get(f"{A1}/statement", params=times).json()["closing_balance"] == "1000.00"


def test_an_offset_is_another_name_of_the_same_instant(gateway_client: TestClient) -> None:
    answers = [
        gateway_client.get(f"{A1}/balance", params={"at": moment}).json()
        for moment in ("2100-01-01T00:00:00Z", "2100-01-01T03:00:00+03:00")
    ]
    assert answers[0] == answers[1]


def test_an_account_outlives_its_currency(two_banks: Server) -> None:
    row = (21, "old", 2010, "HRK", None, "P-9", "person", "Nine", date(2022, 5, 2), 1_000, None)
    with two_banks.connect(Database.LEDGER, Role.APP) as connection:
        made = create_accounts(
            connection,
            book_id=book_of_first_bank(two_banks),
            accounts=pl.DataFrame([row], schema=ACCOUNT_COLUMNS, orient="row"),
        )
    assert made.to_list() == ["created"]
    with gateway(two_banks) as client:
        found = client.get("/v1/accounts/KE-B01/old", params={"expand": "balance"}).json()
        assert (found["debit_limit"], found["balance"]["available"]) == ("10.00", "10.00")
        listed = client.get("/v1/accounts", params={"participant_id": "KE-B01", "currency": "HRK"})
        assert [one["reference"] for one in listed.json()["data"]] == ["old"]
        assert client.get("/v1/accounts/KE-B01/old/statement", params=WHOLE).status_code == 200
        closed = client.post("/v1/accounts/KE-B01/old/close", json={"reason": "gone"}, headers=keyed())
        assert closed.json()["status"] == "closed"


def test_a_known_tag_is_recognised_in_every_form(gateway_client: TestClient) -> None:
    etag = gateway_client.get(A1).headers["ETag"]
    for named in (etag, f"W/{etag}", f'"0", {etag}', f'"0",W/{etag}', "*"):
        assert gateway_client.get(A1, headers={"If-None-Match": named}).status_code == 304
    for named in ('"0"', etag.strip('"'), ""):
        assert gateway_client.get(A1, headers={"If-None-Match": named}).status_code == 200


def test_a_change_takes_the_tags_that_prove_the_same_terms(gateway_client: TestClient) -> None:
    def frozen(named: str) -> int:
        headers = keyed() | {"If-Match": named}
        body = {"reason": "a court order"}
        return gateway_client.post(f"{A1}/freeze", json=body, headers=headers).status_code

    etag = gateway_client.get(A1).headers["ETag"]
    for named in ('"0"', f"W/{etag}", etag.strip('"'), ""):
        assert frozen(named) == 412
    assert gateway_client.get(A1).json()["status"] == "open"
    assert frozen(f'"0", {etag}') == 200
    assert frozen("*") == 200


@given(given_bytes=st.one_of(st.binary(max_size=40), st.text(max_size=20).map(str.encode)))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_cursor_breaks_a_list(gateway_client: TestClient, given_bytes: bytes) -> None:
    made = base64.urlsafe_b64encode(given_bytes).decode().rstrip("=")
    for path, parameters in LISTS:
        answer = gateway_client.get(path, params=parameters | {"cursor": made})
        assert answer.status_code in {200, 422}


CURSORS_BY_HAND: Final = (
    '["\\ud800"]',
    '["\\u0000"]',
    "[9223372036854775808]",
    "[-1]",
    "[1e400]",
    "[NaN]",
    "[" * 600,
    '["0001-01-01T00:00:00+14:00",0]',
    '["9999-12-31T23:59:59-14:00",0]',
    '["2026-01-01T00:00:00Z",9223372036854775807]',
    "[1,1]",
    "null",
    "{}",
)


def test_a_cursor_made_by_hand_is_refused(gateway_client: TestClient) -> None:
    for content in CURSORS_BY_HAND:
        made = base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")
        for path, parameters in LISTS:
            answer = gateway_client.get(path, params=parameters | {"cursor": made})
            assert (answer.status_code, answer.json().get("code")) == (422, "cursor_invalid"), content
            assert answer.json()["errors"][0]["pointer"] == "/query/cursor"


def test_the_time_of_an_entry_is_in_utc(gateway_client: TestClient) -> None:
    (entry,) = gateway_client.get(f"{A1}/entries").json()["data"]
    assert entry["booked_at"].endswith("Z")
    assert datetime.fromisoformat(entry["booked_at"]).astimezone(UTC) <= datetime.now(UTC)
