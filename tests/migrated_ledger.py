"""A migrated ledger that tests use one after the other: emptied between them, not made again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from ledger_service.runtime.database import Server

_FOLDER: Final = Path(__file__).parent
_STRUCTURE, _ROWS = ((_FOLDER / f"ledger_{name}.sql").read_bytes() for name in ("structure", "rows"))
_MOST_BYTES: Final = 4_000_000
"""What is worth deleting; making the schema again takes a second."""


@dataclass
class MigratedLedger:
    """The worker's ledger as migrations left it."""

    superuser: str
    server: Server
    structure: str | None = None
    """Of the catalog after the last migration."""

    def emptied(self) -> bool:
        """Delete every row; False where a test changed more than rows, or left very many."""
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            if self.structure is None or _structure(connection) != self.structure:
                return False
            filled = connection.execute(_ROWS).fetchall()
            if sum(size for _, size in filled) > _MOST_BYTES:
                return False
            if filled:
                # As a replica, so that neither triggers nor foreign keys stand in the way.
                connection.execute("SET session_replication_role = replica")
                deletions = "; ".join(f"DELETE FROM {name}" for name, _ in filled)
                connection.execute(deletions.encode())
                names = ", ".join(name for name, _ in filled)
                connection.execute(f"VACUUM (SKIP_DATABASE_STATS) {names}".encode())
        return True

    def migrated(self) -> None:
        """Remember how the catalog is now."""
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            self.structure = _structure(connection)


def _structure(connection: psycopg.Connection) -> str:
    row = connection.execute(_STRUCTURE).fetchone()
    return str(row[0]) if row else ""
