"""The life of reconciliation breaks: who has them, what is said, what is written off."""

from ledger_service.runtime.migrations import run_sql_file

revision = "0006_break_cases"
down_revision = "0005_operators"


def upgrade() -> None:
    """Create the tables of break cases in schema `payments`."""
    run_sql_file(revision)


def downgrade() -> None:
    """What people decided is evidence: there is no way back that keeps it."""
    raise RuntimeError("the records of breaks are not taken back; restore a backup instead")
