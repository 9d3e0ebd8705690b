"""The audit log, chained by hashes, and approvals of two people."""

from ledger_service.runtime.migrations import run_sql_file

revision = "0010_audit"
down_revision = "0009_webhooks"


def upgrade() -> None:
    """Create the audit log and the approvals."""
    run_sql_file(revision)


def downgrade() -> None:
    """An audit log that can be taken back is none."""
    raise RuntimeError("the audit log is not taken back; restore a backup instead")
