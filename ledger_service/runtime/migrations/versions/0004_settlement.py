"""Settlement: windows of schemes, net positions, instructions to the agent, repairs."""

from ledger_service.runtime.migrations import run_sql_file

revision = "0004_settlement"
down_revision = "0003_bank_files"


def upgrade() -> None:
    """Create the tables of settlement in schema `payments`."""
    run_sql_file(revision)


def downgrade() -> None:
    """What was settled is evidence: there is no way back that keeps it."""
    raise RuntimeError("the settlement records are not taken back; restore a backup instead")
