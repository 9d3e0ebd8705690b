"""Keys: what identifies a request that must have its effect once, and which of them are at work."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Header, Request
from pydantic import BaseModel

from api.errors import Refusal, request_id
from api.identity.caller import Caller

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Chosen by the client, 1 to 255 visible ASCII characters, new for each new effect: "
        "a UUID is good. The same key with the same request is answered as the first time, with "
        "`Idempotent-Replayed: true`; with another request it is refused. Required.",
        examples=["7c9a4d0e-5d0c-4c53-a6b6-2ff5a3f5a1de"],
    ),
]
"""The header as routes declare it; its absence is answered by `key_of`."""

_VISIBLE: Final = re.compile(r"[\x21-\x7e]{1,255}")


class KeyMissing(Refusal):
    """The route needs a key."""

    status = 400
    code = "idempotency_key_missing"

    def __init__(self) -> None:
        super().__init__("this route needs an Idempotency-Key header, new for each new effect")


class KeyMalformed(Refusal):
    """The key is empty, too long, or has characters that cannot be seen."""

    status = 400
    code = "idempotency_key_malformed"

    def __init__(self) -> None:
        super().__init__("an idempotency key has 1 to 255 visible ASCII characters")


class KeyInUse(Refusal):
    """A request with this key is at work."""

    status = 409
    code = "idempotency_key_in_use"

    def __init__(self) -> None:
        super().__init__(
            "a request with this idempotency key is at work: try again shortly",
            headers={"Retry-After": "1"},
        )


class KeyReused(Refusal):
    """The key was used for another request; nothing was done."""

    status = 422
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("this idempotency key was used for another request: choose a new one")


@dataclass(frozen=True, slots=True)
class Key:
    """A key within its client and route, and what it stands for."""

    client: str
    route: str
    value: str
    fingerprint: bytes
    """SHA-256 over path, query and body."""
    request_id: str

    @property
    def identity(self) -> tuple[str, str, str]:
        """Client, route, value."""
        return self.client, self.route, self.value


class KeysAtWork:
    """The keys of requests that this process is at work on.

    Another process is not asked: there the second of two requests waits for the record of the first, in
    the database.
    """

    def __init__(self) -> None:
        self._identities: set[tuple[str, str, str]] = set()

    @contextmanager
    def held(self, key: Key) -> Iterator[None]:
        """For the length of a request; raises `KeyInUse` where another one has it."""
        if key.identity in self._identities:
            raise KeyInUse
        self._identities.add(key.identity)
        try:
            yield
        finally:
            self._identities.discard(key.identity)


async def key_of(request: Request, caller: Caller, given: BaseModel | None = None) -> Key:
    """The key of a request; raises `KeyMissing` and `KeyMalformed`.

    A body of JSON counts as such, so that white space and the order of members do not matter. `given` is
    what it was read as, where the route has read it.
    """
    value = request.headers.get("idempotency-key")
    if value is None:
        raise KeyMissing
    if not _VISIBLE.fullmatch(value):
        raise KeyMalformed
    body = await request.body() if given is None else given.model_dump_json().encode()
    if body and given is None:
        with suppress(ValueError):
            body = json.dumps(await request.json(), sort_keys=True, separators=(",", ":")).encode()
    url = request.scope["path"].encode() + b"?" + request.scope["query_string"]
    client = caller.client_id
    if caller.subject != client:
        client = f"{client} {caller.subject}"
    if caller.tenant != "live":
        client = f"{caller.tenant}/{client}"
    route = f"{request.method} {request.scope['route'].path}"
    fingerprint = hashlib.sha256(url + b"\n" + body).digest()
    return Key(client, route, value, fingerprint, request_id(request) or "")
