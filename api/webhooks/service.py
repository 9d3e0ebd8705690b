"""What the endpoints of webhooks work with in one process, and who reaches what."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import psycopg
from fastapi import Request, Response

from api.books import books_of
from api.errors import Refusal, request_id
from api.identity.caller import EVERY_PARTICIPANT, Caller, ParticipantNotAllowed
from api.identity.signing_keys import Sealer
from api.transfers.rows import reach
from api.webhooks import subscriptions
from api.webhooks.secrets import opened
from api.webhooks.settings import WebhookSettings
from api.webhooks.subscriptions import Reach
from api.webhooks.targets import Policy, check_url
from ledger_service.runtime.audit import record_act

T = TypeVar("T")


def utc_now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """What `app.state.webhooks` holds.

    The clock is the world's, also for sandboxes: their endpoints are in the world.
    """

    keyring: Sealer
    settings: WebhookSettings
    now: Callable[[], datetime] = utc_now

    def check(self, url: str) -> None:
        """Whether deliveries may go there; raises `TargetRefused`."""
        check_url(url, Policy.of(self.settings))


class ParticipantsMissing(Refusal):
    """A token that reaches all participants says whose books it means."""

    code = "webhook_participants_missing"

    def __init__(self) -> None:
        super().__init__("the token reaches all participants: name some", pointer="/body/participants")


def webhooks_of(request: Request) -> Webhooks:
    """Of the application."""
    found: Webhooks = request.app.state.webhooks
    return found


def reach_of(caller: Caller) -> Reach:
    """Which endpoints a caller has."""
    return Reach(caller.tenant, reach(caller))


def participants_of(caller: Caller, given: list[str] | None) -> list[str]:
    """Whose books are meant; raises `ParticipantsMissing` and `ParticipantNotAllowed`."""
    if given is None:
        if EVERY_PARTICIPANT in caller.participants or not caller.participants:
            raise ParticipantsMissing
        return sorted(caller.participants)
    for participant in given:
        if not caller.reaches(participant):
            raise ParticipantNotAllowed(participant)
    return sorted(set(given))


async def in_transaction(request: Request, caller: Caller, work: Callable[[psycopg.Connection], T]) -> T:
    """Run `work` in a thread, in a transaction on the caller's books."""
    writers = books_of(request, caller).writers

    def run() -> T:
        with writers.connection() as connection:
            return work(connection)

    return await asyncio.to_thread(run)


def audited(
    request: Request, caller: Caller, connection: psycopg.Connection, act: str, endpoint_id: str
) -> None:
    """Write an act on an endpoint into the audit log; the last thing in its transaction."""
    record_act(
        connection,
        act=f"webhook_endpoint.{act}",
        actor=caller.subject,
        subject=endpoint_id,
        client=caller.client_id,
        request_id=request_id(request) or "",
    )


async def with_secret(request: Request, caller: Caller, answer: Response, endpoint_id: str) -> Response:
    """An answer with the secret that it names put in.

    The record of the answer under its idempotency key must not have it in clear, and a client that
    asks again because the answer was lost has to get it: so it is read from where it is encrypted.
    """
    if not 200 <= answer.status_code < 300:
        return answer
    content = json.loads(bytes(answer.body))
    named, secret_id = content.get("id", endpoint_id), content["secret_id"]
    found = await in_transaction(
        request, caller, lambda connection: subscriptions.sealed(connection, named, secret_id)
    )
    if found is not None:
        content["secret"] = opened(webhooks_of(request).keyring, named, secret_id, found)
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in {"content-length", "content-type"}
    }
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    headers["Cache-Control"] = "no-store"
    return Response(body, answer.status_code, headers, "application/json")
