"""Records: what was answered under a key, written in the transaction of its effect.

A transaction first looks which keys have a record (`find`), has the effects of the others, and
writes theirs (`keep`). Where another was faster with one of them, it is rolled back and tried again:
then it finds the record. So no effect is ever without its record, nor a record without its effect, and
no key has two effects, whichever process is killed when.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from fastapi import Response

from api.idempotency.arrays import integers, octets, texts
from api.idempotency.keys import Key, KeyReused
from ledger_service.ledger.arrays import BinaryArray, array_cursor

_FOLDER = Path(__file__).parent
_JSON = json.JSONEncoder()
_FIND, _KEEP = ((_FOLDER / f"{name}.sql").read_bytes() for name in ("find", "keep"))


@dataclass(slots=True)
class Answer:
    """An answer as the client gets it."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    replayed: bool = False

    def response(self) -> Response:
        """For the wire."""
        headers = dict(self.headers)
        if self.replayed:
            headers["Idempotent-Replayed"] = "true"
        return Response(self.body, self.status, headers, self.media_type)


class OvertakenByAnother(RuntimeError):
    """Another transaction wrote a record of the same key first; this one must be rolled back."""


def find(connection: psycopg.Connection, keys: Sequence[Key]) -> dict[int, Answer | KeyReused]:
    """By position, what is answered to keys that have a record; `keys` is not empty."""
    named = {
        "clients": texts([key.client for key in keys]),
        "routes": texts([key.route for key in keys]),
        "keys": texts([key.value for key in keys]),
    }
    found: dict[int, Answer | KeyReused] = {}
    with array_cursor(connection) as cursor:
        rows = cursor.execute(_FIND, named, prepare=True).fetchall()
    for number, fingerprint, status, headers, body in rows:
        if fingerprint != keys[number - 1].fingerprint:
            found[number - 1] = KeyReused()
            continue
        media_type = headers.pop("Content-Type")
        found[number - 1] = Answer(status, body, media_type, headers, replayed=True)
    return found


def keep(connection: psycopg.Connection, answered: Sequence[tuple[Key, Answer]]) -> None:
    """Write the records of answers; raises `OvertakenByAnother`. There is at least one."""
    with array_cursor(connection) as cursor:
        kept = cursor.execute(_KEEP, record_columns(answered), prepare=True).rowcount
    if kept != len(answered):
        raise OvertakenByAnother


def record_columns(answered: Sequence[tuple[Key, Answer]]) -> dict[str, BinaryArray]:
    """The columns of records, by name."""
    return {
        "clients": texts([key.client for key, _ in answered]),
        "routes": texts([key.route for key, _ in answered]),
        "keys": texts([key.value for key, _ in answered]),
        "fingerprints": octets([key.fingerprint for key, _ in answered]),
        "request_ids": texts([key.request_id for key, _ in answered]),
        "statuses": integers([answer.status for _, answer in answered]),
        "headers": texts([_headers(answer) for _, answer in answered]),
        "bodies": octets([answer.body for _, answer in answered]),
    }


def _headers(answer: Answer) -> str:
    """Those that belong to the content, as JSON."""
    return _JSON.encode({"Content-Type": answer.media_type, **answer.headers})
