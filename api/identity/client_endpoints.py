"""Clients over HTTP: register those that sign with their own keys, see them, disable them.

Who acts reaches only the clients whose participants they reach, and no program reaches other tenants.
"""

import json
from typing import Annotated, Any, Final

import psycopg
from fastapi import APIRouter, Path, Request, Response
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from api.errors import NotFound, Refusal, request_id
from api.idempotency.execution import once
from api.idempotency.keys import KeyHeader
from api.idempotency.records import Answer
from api.identity.caller import EVERY_PARTICIPANT, LIVE, Caller, ParticipantNotAllowed, require
from api.identity.endpoints import identity_of
from api.identity.schemas import ClientAnswer, ClientList, ClientRequest
from api.problem_catalog import responses
from ledger_service.parties.access import UnknownRole, UnknownScope
from ledger_service.parties.clients import (
    Actor,
    Client,
    ClientRefused,
    NewClient,
    UnknownClient,
    client,
    clients,
    create_client,
    disable_client,
)

router: Final = APIRouter(tags=["clients"])

ClientId = Annotated[str, Path(pattern=r"^[!-~]{1,64}$", examples=["client_5f0c2a9be1d34c77a1f0b2c3"])]

_NOT_FOUND: Final = ("not_found", 404, "There is no such client.")
_NOT_LIVE: Final = ("tenant_not_available", 403, "The token is of a sandbox.")
_REFUSED: Final = ("client_refused", 422, "The client cannot be as it was described.")


@router.get(
    "/clients",
    operation_id="list_clients",
    summary="List clients",
    responses=responses(),
)
async def list_clients(
    request: Request, caller: Annotated[Caller, require("clients:read")]
) -> ClientList:
    """List the clients that you reach, in the order of their registration, disabled ones too."""
    found = await identity_of(request).read(clients)
    return ClientList(data=[ClientAnswer.of(each) for each in found if _reaches(caller, each)])


@router.get(
    "/clients/{client_id}",
    operation_id="get_client",
    summary="See a client",
    responses=responses(_NOT_FOUND),
)
async def get_client(
    request: Request, client_id: ClientId, caller: Annotated[Caller, require("clients:read")]
) -> ClientAnswer:
    """See one client, without any secret."""
    return ClientAnswer.of(
        await identity_of(request).read(lambda connection: _reached(connection, caller, client_id))
    )


@router.post(
    "/clients",
    operation_id="create_client",
    summary="Register a client",
    status_code=201,
    response_model=ClientAnswer,
    responses=responses(_REFUSED, _NOT_LIVE, keyed=True),
)
async def register_client(
    request: Request,
    body: ClientRequest,
    caller: Annotated[Caller, require("clients:write")],
    _: KeyHeader = None,
) -> Response:
    """Register a partner's client, which signs its requests for tokens (`private_key_jwt`)."""
    _must_be_live(caller)
    for participant in body.participants:
        if not caller.reaches(participant):
            raise ParticipantNotAllowed(participant)
    _check_keys(body.public_keys)
    new = NewClient(
        name=body.name,
        participants=body.participants,
        scopes=body.scopes,
        role=body.role,
        tenant=body.tenant,
        redirect_uris=body.redirect_uris,
        public_keys={"keys": body.public_keys},
    )
    identity = identity_of(request)

    def work(connection: psycopg.Connection) -> Answer:
        try:
            made, _ = create_client(connection, new, by=_actor(request, caller), at=identity.now())
        except (ClientRefused, UnknownScope, UnknownRole) as error:
            raise Refusal(str(error), code="client_refused") from error
        return _answer(201, made)

    return await once(request, caller, work)


@router.post(
    "/clients/{client_id}/disable",
    operation_id="disable_client",
    summary="Disable a client",
    response_model=ClientAnswer,
    responses=responses(_NOT_FOUND, _NOT_LIVE, keyed=True),
)
async def disable(
    request: Request,
    client_id: ClientId,
    caller: Annotated[Caller, require("clients:write")],
    _: KeyHeader = None,
) -> Response:
    """Disable a client for good: it gets no token, and none that it has counts a second later."""
    _must_be_live(caller)
    identity = identity_of(request)

    def work(connection: psycopg.Connection) -> Answer:
        found = _reached(connection, caller, client_id)
        actor = _actor(request, caller)
        return _answer(200, disable_client(connection, found.client_id, by=actor, at=identity.now()))

    answer = await once(request, caller, work)
    if answer.status_code == 200:
        identity.note_disabled(client_id)
    return answer


def _must_be_live(caller: Caller) -> None:
    """The registry is in the live database: nothing in a sandbox reaches it."""
    if caller.tenant != LIVE:
        raise Refusal("a sandbox has no clients of its own", status=403, code=_NOT_LIVE[0])


def _check_keys(keys: list[dict[str, Any]]) -> None:
    """Whether assertions can be verified with them; raises `Refusal`."""
    try:
        imported = KeySet.import_key_set({"keys": keys}).keys
        short = [key for key in imported if isinstance(key, RSAKey) and key.raw_value.key_size < 2048]
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        message = "a key cannot be read as a JWK"
        raise Refusal(message, code="client_refused", pointer="/body/public_keys") from error
    if short:
        message = "an RSA key has 2048 bits at least"
        raise Refusal(message, code="client_refused", pointer="/body/public_keys")


def _answer(status: int, made: Client) -> Answer:
    body = json.dumps(ClientAnswer.of(made).model_dump(mode="json")).encode()
    return Answer(status, body)


def _reached(connection: psycopg.Connection, caller: Caller, client_id: str) -> Client:
    """A client that the caller reaches; for others there is none. Raises `NotFound`."""
    try:
        found = client(connection, client_id)
    except UnknownClient as error:
        raise NotFound("client", client_id) from error
    if not _reaches(caller, found):
        raise NotFound("client", client_id)
    return found


def _reaches(caller: Caller, found: Client) -> bool:
    if EVERY_PARTICIPANT in caller.participants:
        return True
    return found.tenant == caller.tenant and all(map(caller.reaches, found.participants))


def _actor(request: Request, caller: Caller) -> Actor:
    return Actor(caller.subject, caller.client_id, request_id(request) or "")
