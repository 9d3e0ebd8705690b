"""Operators of settlement schemes are participants with a book."""

from ledger_service.runtime.migrations import run_sql_file

revision = "0005_operators"
down_revision = "0004_settlement"


def upgrade() -> None:
    """Take scheme operators among the kinds of participants."""
    run_sql_file(revision)


def downgrade() -> None:
    """Books of operators cannot be without their participants: there is no way back."""
    raise RuntimeError("operators of schemes are not taken back; restore a backup instead")
