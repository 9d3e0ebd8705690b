"""Execution: what is written in a transaction of its own has its effect once, under a key.

For all that is not posted in batches: opening an account, registering an endpoint, a payment over two
books. How transfers of one book have theirs is `posting`.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import psycopg
from fastapi import Request, Response
from psycopg_pool import ConnectionPool

from api.books import books_of
from api.errors import Overloaded
from api.idempotency.keys import Key, KeyReused, KeysAtWork, key_of
from api.idempotency.records import Answer, OvertakenByAnother, find, keep
from api.identity.caller import Caller

TRIES: Final = 5
"""Of a transaction that others overtake; the second finds the record of who did."""


async def once(
    request: Request, caller: Caller, work: Callable[[psycopg.Connection], Answer]
) -> Response:
    """Answer a request by `work`, under its idempotency key: one effect, however often it comes.

    `work` runs in a thread, on a connection in a transaction that commits together with the record
    of its answer. A `Refusal` that it raises rolls back; it is answered and not recorded, so that the
    same request may succeed later. It may be called again after a rollback. Raises `KeyMissing`,
    `KeyMalformed`, `KeyInUse` and `KeyReused`.
    """
    key = await key_of(request, caller)
    at_work: KeysAtWork = request.app.state.keys_at_work
    with at_work.held(key):
        answer = await asyncio.to_thread(_executed, books_of(request, caller).writers, key, work)
    return answer.response()


def _executed(writers: ConnectionPool, key: Key, work: Callable[[psycopg.Connection], Answer]) -> Answer:
    """The answer after the commit."""
    for _ in range(TRIES):
        try:
            with writers.connection() as connection:
                found = find(connection, [key]).get(0)
                if isinstance(found, KeyReused):
                    raise found
                if found is not None:
                    return found
                answer = work(connection)
                keep(connection, [(key, answer)])
            return answer
        except (OvertakenByAnother, psycopg.errors.DeadlockDetected):
            continue
    raise Overloaded("others write the same all the time", retry_after_s=1)
