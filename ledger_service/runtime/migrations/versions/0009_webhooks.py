"""Webhooks: endpoints, what is delivered to them, and the queue of jobs."""

from ledger_service.runtime.migrations import run_sql_file

revision = "0009_webhooks"
down_revision = "0008_identity"


def upgrade() -> None:
    """Create the tables of webhooks."""
    run_sql_file(revision)


def downgrade() -> None:
    """What was promised to be delivered would be forgotten."""
    raise RuntimeError("promised deliveries are not taken back; restore a backup instead")
