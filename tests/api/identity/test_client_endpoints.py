"""Clients over HTTP: administrators register those that sign with their own keys, and disable them."""

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from httpx import Response
from joserfc.jwk import OKPKey, RSAKey

from api.identity.tokens import Granted
from ledger_service.ledger.books import register_participants
from ledger_service.runtime.audit import audit_events
from ledger_service.runtime.database import Server
from tests.api.identity.desk_app import Desk, open_desk

KEY = dict(OKPKey.generate_key("Ed25519", {"kid": "k1"}).as_dict(private=False))
BODY: dict[str, Any] = {
    "name": "Soko Pay",
    "participants": ["KE-F01"],
    "scopes": ["accounts:read"],
    "public_keys": [KEY],
}


@pytest.fixture
def desk(ledger_database: Server) -> Iterator[Desk]:
    with open_desk(ledger_database) as desk, desk.connect() as connection:
        fintechs = [
            {"participant_id": name, "name": name, "kind": "fintech", "country": "KE"}
            for name in ("KE-F01", "KE-F02")
        ]
        frame = pl.DataFrame(fintechs).with_columns(
            home_currency=pl.lit("KES"), bic=pl.lit(None, pl.String), has_book=True
        )
        register_participants(connection, frame)
        yield desk


def headers(desk: Desk, *, reaches: str = "*", tenant: str = "live", key: str = "k") -> dict[str, str]:
    granted = Granted(
        client_id="client_desk",
        subject="person-1",
        kind="person",
        tenant=tenant,
        scopes=frozenset({"clients:read", "clients:write"}),
        participants=frozenset({reaches}),
    )
    token, _ = desk.identity.desk.issuer.issue(granted, at=desk.now)
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": key}


def registered(desk: Desk, body: dict[str, Any] = BODY, **who: str) -> Response:
    answer: Response = desk.http.post("/v1/clients", json=body, headers=headers(desk, **who))
    return answer


def test_a_client_is_registered_once_under_its_key(desk: Desk) -> None:
    first, again = registered(desk), registered(desk)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert first.json()["authentication"] == "private_key_jwt"
    assert first.json()["created_by"] == "person-1"
    listed = desk.http.get("/v1/clients", headers=headers(desk)).json()["data"]
    assert listed == [first.json()]
    one = desk.http.get(f"/v1/clients/{first.json()['id']}", headers=headers(desk))
    assert one.json() == first.json()


def test_no_answer_has_a_secret(desk: Desk) -> None:
    client, _ = desk.new_client()
    shown = desk.http.get(f"/v1/clients/{client.client_id}", headers=headers(desk)).text
    assert "argon2" not in shown
    assert "secret" not in shown.replace('"authentication":"secret"', "")


def test_a_disabled_client_s_tokens_end_at_once(desk: Desk) -> None:
    client, secret = desk.new_client()
    token = desk.own_token(client, secret)
    path = f"/v1/clients/{client.client_id}/disable"
    answer = desk.http.post(path, headers=headers(desk))
    assert (answer.status_code, answer.json()["disabled_at"]) == (200, "2025-06-30T12:00:00Z")
    assert desk.status(token) == 401
    with desk.connect() as connection:
        acts = audit_events(connection, subject=client.client_id)
    assert (acts[-1].act, acts[-1].actor, acts[-1].client) == (
        "client.disabled",
        "person-1",
        "client_desk",
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"scopes": ["money:print"]},
        {"scopes": []},
        {"role": "auditor"},
        {"scopes": ["limits:approve"]},
        {"participants": ["KE-F99"]},
        {"participants": ["*"]},
        {"participants": ["\x00"]},
        {"name": "\x00"},
        {"redirect_uris": ["http://shop.example/"]},
        {"redirect_uris": ["https://["]},
        {"redirect_uris": ["https://shop.example/\x00"]},
        {"public_keys": [{}]},
        {"public_keys": [{"kty": "OKP", "kid": "a"}]},
        {"public_keys": [KEY | {"x": "short"}]},
        {"public_keys": [KEY | {"kid": "\x00"}]},
        {"public_keys": [KEY | {"kid": 7}]},
        {"public_keys": [{"kty": "oct", "kid": "a", "k": "AAAA"}]},
        {"public_keys": [OKPKey.generate_key("Ed25519", {"kid": "k1"}).as_dict(private=True)]},
        {"public_keys": [RSAKey.generate_key(1024, {"kid": "k1"}).as_dict(private=False)]},
    ],
)
def test_what_cannot_be_a_client_is_refused(desk: Desk, changed: dict[str, Any]) -> None:
    answer = registered(desk, BODY | changed)
    assert (answer.status_code, answer.json()["code"]) == (422, "client_refused")
    assert desk.http.get("/v1/clients", headers=headers(desk)).json() == {"data": []}


def test_who_reaches_one_participant_reaches_its_clients_alone(desk: Desk) -> None:
    made = registered(desk).json()
    mine, theirs = headers(desk, reaches="KE-F01"), headers(desk, reaches="KE-F02", key="other")
    assert desk.http.get(f"/v1/clients/{made['id']}", headers=mine).status_code == 200
    for answer in (
        desk.http.get(f"/v1/clients/{made['id']}", headers=theirs),
        desk.http.post(f"/v1/clients/{made['id']}/disable", headers=theirs),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert desk.http.get("/v1/clients", headers=theirs).json() == {"data": []}
    refused = registered(desk, reaches="KE-F02", key="third")
    assert (refused.status_code, refused.json()["code"]) == (403, "participant_not_allowed")


def test_nothing_in_a_sandbox_changes_who_may_call(desk: Desk) -> None:
    client, _ = desk.new_client()
    path = f"/v1/clients/{client.client_id}/disable"
    for answer in (
        registered(desk, tenant="sandbox-soko"),
        desk.http.post(path, headers=headers(desk, tenant="sandbox-soko")),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "tenant_not_available")


def test_a_client_that_is_not_there_is_not_found(desk: Desk) -> None:
    for name in ("client_nobody", "%00"):
        answer = desk.http.get(f"/v1/clients/{name}", headers=headers(desk))
        assert answer.status_code in {404, 422}
