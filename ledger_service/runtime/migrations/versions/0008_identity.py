"""Identity: clients, people, what proves them, and the keys that sign tokens."""

from ledger_service.runtime.migrations import run_sql_file

revision = "0008_identity"
down_revision = "0007_gateway"


def upgrade() -> None:
    """Create the tables of identity."""
    run_sql_file(revision)


def downgrade() -> None:
    """Without them nobody could be told from anybody."""
    raise RuntimeError("identities are not taken back; restore a backup instead")
