"""Bank files: what goes to which bank, what became of it, and what banks answered."""

from ledger_service.runtime.migrations import run_sql_file

revision = "0003_bank_files"
down_revision = "0002_payments"


def upgrade() -> None:
    """Create the tables of bank files in schema `payments`."""
    run_sql_file(revision)


def downgrade() -> None:
    """What was sent is evidence: there is no way back that keeps it."""
    raise RuntimeError("the log of bank files is not taken back; restore a backup instead")
