"""Rotation by hand of the keys that sign tokens: the next key, published already, signs from now on.

Keys are made and used by `api/identity/signing_keys.py`, which notices within seconds and publishes
another next one.
"""

from datetime import datetime
from pathlib import Path
from typing import Final

import psycopg

from ledger_service.parties.clients import Actor

_FOLDER: Final = Path(__file__).parent
_DISTRUST, _ADVANCE = (
    (_FOLDER / f"{name}.sql").read_bytes() for name in ("distrust_signing_keys", "advance_signing_key")
)


def rotate_signing_keys(
    connection: psycopg.Connection, *, by: Actor, at: datetime, compromised: bool = False
) -> bool:
    """Let the next key sign; False where there is none, because no gateway has run yet.

    With `compromised`, no token that was signed until now counts any more: everybody asks anew.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('gateway.signing_key', 8))")
        if compromised:
            connection.execute(_DISTRUST, {"at": at})
        rotated = connection.execute(_ADVANCE, {"at": at}).rowcount == 1
        by.record(connection, "signing_key.rotated", "next", {"compromised": compromised})
    return rotated
