"""The gateway: answers given under idempotency keys, committed with their effects."""

from ledger_service.runtime.migrations import run_sql_file

revision = "0007_gateway"
down_revision = "0006_break_cases"


def upgrade() -> None:
    """Create schema `gateway` with the records of idempotency keys."""
    run_sql_file(revision)


def downgrade() -> None:
    """A key whose answer is forgotten would pay again: there is no way back that keeps it."""
    raise RuntimeError("answers under idempotency keys are not taken back; restore a backup instead")
