"""Payments: instructions and their outcome, stated balances, quarantine, files, a bank's own data."""

from ledger_service.runtime.migrations import run_sql_file

revision = "0002_payments"
down_revision = "0001_ledger"


def upgrade() -> None:
    """Create schema `payments`."""
    run_sql_file(revision)


def downgrade() -> None:
    """What was received is evidence: there is no way back that keeps it."""
    raise RuntimeError("the payments are not taken back; restore a backup instead")
